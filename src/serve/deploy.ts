// Runs a plan: its supervisor in this thread, every instance of every service on its own.
// Dependencies start first and the entry last, so what accepts requests can also answer them; stop goes the
// other way round.

import type { ActorHost } from "../actor/actor-host.ts";
import { Supervisor } from "../actor/supervisor.ts";
import type { SupervisorEvent } from "../actor/supervisor-event.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger, LogLevel, LogStyle } from "../base/log.ts";
import type { WorkQueues } from "../queue/work-queue.ts";
import type { InstanceIds } from "../registry/instance-id.ts";
import type { Registry } from "../registry/registry.ts";
import type { Door } from "../sdk/door.ts";
import type { ClusterReport } from "../sdk/instance-control.ts";
import type { Environment } from "../sdk/service-class.ts";
import { DeployedInstances } from "./deployed-instances.ts";
import { DeployedSettings } from "./live-settings.ts";
import type { DeploymentPlan } from "./plan.ts";
import { scrape } from "./scrape.ts";
import { REST_STOP_MS, serviceSpecs } from "./service-specs.ts";
import { StartLog } from "./start-log.ts";

export interface DeployOptions {
  readonly host: ActorHost;
  /** The deployment closes it when it has ended. */
  readonly registry: Registry;
  readonly queues: WorkQueues;
  readonly instanceIds: InstanceIds;
  readonly clock: Clock;
  readonly log: Logger;
  /** Log level of services that have none of their own. */
  readonly logLevel?: LogLevel;
  readonly logStyle?: LogStyle;
  /** For the services' `prepare`. */
  readonly environment?: Environment;
  /** Time for running answers to end at `stop()`; the rest of a stop takes `REST_STOP_MS` at most. */
  readonly drainMs?: number;
  /** 0 to 1, as `Math.random`: spreads the restarts of instances that fail again and again. */
  readonly random?: () => number;
}

/** A plan that runs. */
export interface Deployment {
  readonly registry: Registry;
  /** Resolves when every instance can be called; rejects, with all stopped again, when one cannot start. */
  readonly ready: Promise<void>;
  /** Resolves when every instance has ended, after `stop()` or a start that failed. Nothing else ends it. */
  readonly ended: Promise<void>;
  /** The address of the entry's first instance, once it knows; undefined if it does not say. */
  readonly entryDoor: Promise<Door | undefined>;
  /** Instances that hang and cannot be started again in this process, as `VllmWorker:1`. */
  stuck(): readonly string[];
  /** Ends in-flight work and then every instance, entry first. May be called before `ready`. */
  stop(): Promise<void>;
}

export function deploy(plan: DeploymentPlan, options: DeployOptions): Deployment {
  return new RunningDeployment(plan, options);
}

const DEFAULT_DRAIN_MS = 1000;
/** Time of an instance that is drained alone, behind that of its calls. */
const DRAIN_REST_MS = 1200;

class RunningDeployment implements Deployment {
  readonly registry: Registry;
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
  readonly #door = Promise.withResolvers<Door | undefined>();
  readonly #supervisor: Supervisor;
  readonly #instances: DeployedInstances;
  readonly #settings: DeployedSettings;
  readonly #log: StartLog;

  constructor(plan: DeploymentPlan, options: DeployOptions) {
    const { host, clock, log, registry, queues, environment = {}, logLevel = "info" } = options;
    const { random = Math.random, drainMs = DEFAULT_DRAIN_MS } = options;
    this.registry = registry;
    this.#log = new StartLog(log);
    this.#supervisor = new Supervisor({
      host,
      ...{ clock, random, stopMs: drainMs + REST_STOP_MS },
      onEvent: (event) => this.#log.write(this.#ofInstance(event)),
    });
    this.#settings = new DeployedSettings(plan, registry, environment, logLevel);
    const cluster = {
      registry,
      queues,
      settings: this.#settings,
      scrape: () => this.#scrape(options),
      drain: (child: string) => ({
        state: this.#supervisor.drain(child, drainMs + DRAIN_REST_MS),
        timeoutMs: drainMs,
      }),
      announced: (service: string, door: Door | undefined) => {
        if (service === plan.entry) this.#door.resolve(door);
      },
    };
    this.#instances = new DeployedInstances({ ids: options.instanceIds, cluster, log });
    this.ended = this.#supervisor.ended.finally(() => registry.close());
    this.ready = this.#start(plan, options);
  }

  get entryDoor(): Promise<Door | undefined> {
    return this.#door.promise;
  }

  stuck(): readonly string[] {
    const children = this.#supervisor.children();
    return children.filter(({ isStuck }) => isStuck).map(({ id }) => id);
  }

  async stop(): Promise<void> {
    await this.#supervisor.stop();
    await this.ended;
  }

  async #start(plan: DeploymentPlan, options: DeployOptions): Promise<void> {
    const { environment = {}, logLevel, logStyle, drainMs = DEFAULT_DRAIN_MS } = options;
    const instances = this.#instances;
    try {
      await this.#settings.restore(options.log);
      const specs = await serviceSpecs(plan, {
        instances,
        environment,
        logLevel,
        logStyle,
        drainMs,
      });
      await this.#supervisor.start(specs);
      this.#log.end();
    } catch (error) {
      this.#log.end(error);
      await this.#supervisor.stop();
      throw error;
    }
  }

  /** People and callers know an incarnation by its instance id. */
  #ofInstance(event: SupervisorEvent): SupervisorEvent {
    if (!("id" in event)) return event;
    return { ...event, id: this.#instances.identityOf(event.id).instanceId };
  }

  #scrape({ clock, queues }: DeployOptions): Promise<ClusterReport> {
    const { running: instances } = this.#instances;
    return scrape({ instances, children: this.#supervisor.children(), queues, clock });
  }
}
