// Runs a plan: its supervisor in this thread, every instance of every service on its own.
// Dependencies start first and the entry last, so what accepts requests can also answer them; stop goes the
// other way round.

import type { ActorHost } from "../actor/actor-host.ts";
import type { ActorId } from "../actor/actor-id.ts";
import type { Child, ChildSpec, ServiceSpec } from "../actor/child-spec.ts";
import { ActorDownError } from "../actor/error.ts";
import { ChildStartError, Supervisor } from "../actor/supervisor.ts";
import type { SupervisorEvent } from "../actor/supervisor-event.ts";
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { type Logger, type LogLevel, type LogStyle, PLAIN_STYLE } from "../base/log.ts";
import type { WorkQueues } from "../queue/work-queue.ts";
import type { InstanceId, InstanceIds } from "../registry/instance-id.ts";
import type { Registry } from "../registry/registry.ts";
import type { Door } from "../sdk/door.ts";
import type { ClusterReport, InstanceInit } from "../sdk/instance-control.ts";
import type { Environment } from "../sdk/service-class.ts";
import { graphViewOf, nodeOf } from "./graph-view.ts";
import { DeployedSettings } from "./live-settings.ts";
import { logEvent } from "./log-event.ts";
import type { DeploymentPlan, GraphSource, ServicePlan } from "./plan.ts";
import { scrape } from "./scrape.ts";
import { type Cluster, type Identity, ServedInstance } from "./served-instance.ts";

export interface DeployOptions {
  readonly host: ActorHost;
  /** The deployment closes it when it has ended. */
  readonly registry: Registry;
  readonly queues: WorkQueues;
  readonly instanceIds: InstanceIds;
  readonly clock: Clock;
  readonly log: Logger;
  /** Of services that have none of their own. */
  readonly logLevel?: LogLevel;
  readonly logStyle?: LogStyle;
  /** For the services' `prepare`. */
  readonly environment?: Environment;
  /** Upper bound for `stop()`, all instances together. */
  readonly stopMs?: number;
  /** 0 to 1, as `Math.random`: spreads the restarts of instances that fail again and again. */
  readonly random?: () => number;
}

/** What `actor.worker.ts` finds in `ActorInit.data`. */
export interface ThreadData {
  readonly source: GraphSource;
  readonly init: InstanceInit;
}

/** A plan that runs. */
export interface Deployment {
  readonly registry: Registry;
  /** Resolves when every instance can be called; rejects, with all stopped again, when one cannot start. */
  readonly ready: Promise<void>;
  /** Resolves when every instance has ended, after `stop()` or a start that failed. Nothing else ends it. */
  readonly ended: Promise<void>;
  /** Where people reach the entry's first instance, once it knows; undefined if it does not say. */
  readonly entryDoor: Promise<Door | undefined>;
  /** Instances that hang and cannot be started again in this process, as `VllmWorker:1`. */
  stuck(): readonly string[];
  /** Ends in-flight work and then every instance, entry first. May be called before `ready`. */
  stop(): Promise<void>;
}

export function deploy(plan: DeploymentPlan, options: DeployOptions): Deployment {
  return new RunningDeployment(plan, options);
}

const DEFAULT_STOP_MS = 4500;
/** The entry's share of the time for a stop: its clients wait for their answers. */
const ENTRY_STOP_SHARE = 0.6;

class RunningDeployment implements Deployment {
  readonly registry: Registry;
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
  readonly #door = Promise.withResolvers<Door | undefined>();
  readonly #plan: DeploymentPlan;
  readonly #options: DeployOptions;
  readonly #supervisor: Supervisor;
  readonly #cluster: Cluster;
  readonly #identities = new Map<ActorId, Identity>();
  readonly #instances = new Map<ActorId, ServedInstance>();
  #lastOwner = 0;
  /** Children that have started at least once. */
  readonly #started = new Set<string>();
  readonly #failures: SupervisorEvent[] = [];

  constructor(plan: DeploymentPlan, options: DeployOptions) {
    const { host, clock, random = Math.random, stopMs = DEFAULT_STOP_MS } = options;
    this.#plan = plan;
    this.#options = options;
    this.registry = options.registry;
    const settings = new DeployedSettings(
      plan,
      this.registry,
      options.environment ?? {},
      options.logLevel ?? "info",
    );
    this.#cluster = {
      registry: options.registry,
      queues: options.queues,
      settings,
      scrape: () => this.#scrape(),
      locate: (instance) => this.#locate(instance),
      announced: (service, door) => {
        if (service === plan.entry) this.#door.resolve(door);
      },
    };
    this.#supervisor = new Supervisor({
      host,
      ...{ clock, random, stopMs },
      onEvent: (event) => this.#log(event),
    });
    this.ended = this.#supervisor.ended.finally(() => this.registry.close());
    this.ready = this.#start();
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

  async #start(): Promise<void> {
    try {
      await this.#supervisor.start(await this.#prepareAll());
      this.#tellFailures(undefined);
    } catch (error) {
      this.#tellFailures(error);
      await this.#supervisor.stop();
      throw error;
    }
  }

  /** A failure to start ends the deployment, and is then told with its error; so it is kept until that is known. */
  #log(ofActor: SupervisorEvent): void {
    const event = this.#ofInstance(ofActor);
    if (event.type === "started") this.#started.add(event.child);
    const isFirstFailure = event.type === "ended" && event.exit.type === "error";
    if (isFirstFailure && !this.#started.has(event.child)) this.#failures.push(event);
    else logEvent(this.#options.log, event);
  }

  /** People and callers know an incarnation by its instance id. */
  #ofInstance(event: SupervisorEvent): SupervisorEvent {
    if (!("id" in event)) return event;
    return { ...event, id: this.#identityOf(event.id).instanceId };
  }

  /** `error` is told by others. */
  #tellFailures(error: unknown): void {
    const told = error instanceof ChildStartError ? error.child : undefined;
    for (const event of this.#failures.splice(0)) {
      if (!("child" in event) || event.child !== told) logEvent(this.#options.log, event);
    }
  }

  async #prepareAll(): Promise<readonly ServiceSpec[]> {
    const specs: ServiceSpec[] = [];
    for (const [index, service] of this.#plan.services.entries()) {
      const environment = this.#options.environment ?? {};
      const graph = graphViewOf(this.#plan, service.name, environment);
      const prepared = await service.service.prepare?.(service.config, environment, graph);
      const isEntry = service.name === this.#plan.entry;
      specs.push({
        name: service.name,
        intensity: service.restarts.intensity,
        periodMs: service.restarts.periodMs,
        heartbeatTimeoutMs: service.heartbeatTimeoutMs,
        // As many as were started before it stop after it; the last may take all that is left.
        stopShare: isEntry && index > 0 ? ENTRY_STOP_SHARE : 1 / (index + 1),
        children: Array.from({ length: service.numWorkers }, (_, worker) =>
          this.#childSpec(service, worker + 1, prepared),
        ),
      });
    }
    return specs;
  }

  #childSpec(service: ServicePlan, workerId: number, prepared: unknown): ChildSpec {
    const id = `${service.name}:${workerId}`;
    const { startsEarly } = service.service;
    return {
      id,
      tag: id,
      restart: "permanent",
      awaits: startsEarly ? "none" : "previous",
      data: (actor) => this.#threadData(service, workerId, prepared, this.#identify(actor)),
      env: service.env,
      start: (child) => this.#instanceStarts(service, workerId, child),
      progress: ({ id: actor }) => service.service.progress?.(prepared, this.#identityOf(actor)),
      hung: (child) => this.#instanceHangs(child),
      ended: (child) => this.#instanceEnded(service, prepared, child),
    };
  }

  #identify(actor: ActorId): Identity {
    const instanceId = this.#options.instanceIds.next();
    const identity = { instanceId, owner: ++this.#lastOwner };
    this.#identities.set(actor, identity);
    return identity;
  }

  /** Of an incarnation that has not been cleaned up after. */
  #identityOf(actor: ActorId): Identity {
    const identity = this.#identities.get(actor);
    assert(identity, `actor ${actor} was given an identity with its data`);
    return identity;
  }

  #threadData(
    service: ServicePlan,
    workerId: number,
    prepared: unknown,
    identity: Identity,
  ): ThreadData {
    return {
      source: this.#plan.source,
      init: {
        service: service.name,
        namespace: service.namespace,
        workerId,
        numWorkers: service.numWorkers,
        ...identity,
        config: service.config,
        maxCalls: service.maxCalls,
        graph: this.#plan.services.map(nodeOf),
        prepared,
        logLevel: service.logLevel ?? this.#options.logLevel ?? "info",
        logStyle: this.#options.logStyle ?? PLAIN_STYLE,
      },
    };
  }

  /** Resolves once the instance is in the registry. */
  async #instanceStarts(service: ServicePlan, workerId: number, child: Child): Promise<void> {
    const identity = this.#identityOf(child.id);
    const cluster = this.#cluster;
    const instance = new ServedInstance({ service, workerId, child, identity, cluster });
    this.#instances.set(child.id, instance);
    await instance.ready;
  }

  /** It cannot answer, so it is no longer found: what watches it for health is told. */
  #instanceHangs(child: Child): void {
    const { log } = this.#options;
    this.#instances
      .get(child.id)
      ?.leave()
      .catch((error: unknown) => {
        log.error(`${child.tag} hangs and could not be taken out of the registry: ${error}`);
      });
  }

  /** First what it may still be writing to, then what tells others to go on without it. */
  async #instanceEnded(service: ServicePlan, prepared: unknown, child: Child): Promise<void> {
    const identity = this.#identityOf(child.id);
    const instance = this.#instances.get(child.id);
    this.#instances.delete(child.id);
    instance?.closeWatches();
    try {
      await service.service.release?.(prepared, identity);
    } finally {
      await instance?.leave();
      instance?.returnWork();
      this.#identities.delete(child.id);
    }
  }

  #locate(instanceId: InstanceId): ActorId {
    for (const { identity, child } of this.#instances.values()) {
      if (identity.instanceId === instanceId) return child.id;
    }
    throw new ActorDownError(`instance ${instanceId} is not running: it has ended, or never was`);
  }

  #scrape(): Promise<ClusterReport> {
    const { clock, queues } = this.#options;
    const instances = [...this.#instances.values()];
    return scrape({ instances, children: this.#supervisor.children(), queues, clock });
  }
}
