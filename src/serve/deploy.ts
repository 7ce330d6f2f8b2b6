// Runs a plan: the registry and the supervisor in this thread, every instance of every service on its own.
// Dependencies start first and the entry last, so what accepts requests can also answer them; stop goes the
// other way round.

import type { ActorHost } from "../actor/actor-host.ts";
import type { ActorId } from "../actor/actor-id.ts";
import {
  type Child,
  type ChildSpec,
  Supervisor,
  type SupervisorEvent,
} from "../actor/supervisor.ts";
import { Switchboard } from "../actor/switchboard.ts";
import { unreachable } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { type DynamoError, toWireError } from "../base/error.ts";
import type { Logger, LogLevel } from "../base/log.ts";
import { EmbeddedQueues } from "../queue/embedded-queue.ts";
import { type QueueServer, serveQueues } from "../queue/queue-server.ts";
import { EmbeddedRegistry } from "../registry/embedded-registry.ts";
import { instanceKey, instanceValue } from "../registry/instance-key.ts";
import type { Registry } from "../registry/registry.ts";
import { type RegistryServer, serveRegistry } from "../registry/registry-server.ts";
import {
  type ClusterReport,
  type InstanceInit,
  LEAVE,
  METRICS,
  type MetricsReport,
  READY,
  type Ready,
  SCRAPE,
} from "../sdk/instance-control.ts";
import { LIST_SETTINGS, type LiveSetting, SET_SETTING } from "../sdk/live-settings.ts";
import type { Environment } from "../sdk/service.ts";
import { DeployedSettings } from "./live-settings.ts";
import type { DeploymentPlan, GraphSource, ServicePlan } from "./plan.ts";

export interface DeployOptions {
  readonly host: ActorHost;
  readonly clock: Clock;
  readonly log: Logger;
  readonly logLevel?: LogLevel;
  /** For the services' `prepare`. */
  readonly environment?: Environment;
  /** Upper bound for `stop()`, all instances together. */
  readonly stopMs?: number;
  /** More than this many restarts within `restartPeriodMs`, and the deployment ends with an error. */
  readonly maxRestarts?: number;
  readonly restartPeriodMs?: number;
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
  /** Resolves when every instance has ended: with undefined after `stop()`, else with what went wrong. */
  readonly ended: Promise<DynamoError | undefined>;
  /** Ends in-flight work and then every instance, entry first. May be called before `ready`. */
  stop(): Promise<void>;
}

export function deploy(plan: DeploymentPlan, options: DeployOptions): Deployment {
  return new RunningDeployment(plan, options);
}

const DEFAULT_STOP_MS = 4500;
/** Of the time for a stop: the entry's, whose clients wait for their answers. The others share what is left. */
const ENTRY_STOP_SHARE = 0.6;
const SCRAPE_TIMEOUT_MS = 1000;

interface RunningInstance {
  readonly service: ServicePlan;
  readonly workerId: number;
  readonly child: Child;
  readonly registryServer: RegistryServer;
  readonly queueServer: QueueServer;
  inRegistry: boolean;
}

class RunningDeployment implements Deployment {
  readonly registry: Registry;
  readonly ready: Promise<void>;
  readonly ended: Promise<DynamoError | undefined>;
  readonly #plan: DeploymentPlan;
  readonly #options: DeployOptions;
  readonly #supervisor: Supervisor;
  readonly #settings: DeployedSettings;
  readonly #queues = new EmbeddedQueues();
  readonly #instances = new Map<ActorId, RunningInstance>();
  /** Child of the supervisor to its service. */
  readonly #serviceOf = new Map<string, string>();

  constructor(plan: DeploymentPlan, options: DeployOptions) {
    const { host, clock, maxRestarts = 10, restartPeriodMs = 60_000 } = options;
    this.#plan = plan;
    this.#options = options;
    this.registry = new EmbeddedRegistry({ clock });
    this.#settings = new DeployedSettings(plan, this.registry);
    this.#supervisor = new Supervisor({
      host,
      switchboard: new Switchboard(),
      clock,
      intensity: maxRestarts,
      periodMs: restartPeriodMs,
      onEvent: (event) => logEvent(options.log, event),
    });
    this.ended = this.#supervisor.ended.finally(() => this.registry.close());
    this.ready = this.#start();
  }

  async stop(): Promise<void> {
    await this.#supervisor.stop();
    await this.ended;
  }

  async #start(): Promise<void> {
    try {
      await this.#supervisor.start(await this.#prepareAll());
    } catch (error) {
      await this.#supervisor.stop();
      throw error;
    }
  }

  async #prepareAll(): Promise<readonly ChildSpec[]> {
    const specs: ChildSpec[] = [];
    for (const service of this.#plan.services) {
      const prepared = await service.service.prepare?.(
        service.config,
        this.#options.environment ?? {},
      );
      for (let workerId = 1; workerId <= service.numWorkers; workerId++) {
        specs.push(this.#childSpec(service, workerId, prepared));
      }
    }
    return specs;
  }

  #childSpec(service: ServicePlan, workerId: number, prepared: unknown): ChildSpec {
    const id = `${service.name}:${workerId}`;
    this.#serviceOf.set(id, service.name);
    return {
      id,
      tag: id,
      restart: "permanent",
      awaits: service.service.startsEarly ? "nobody" : "those before",
      shutdownMs: this.#shutdownMs(service),
      data: this.#threadData(service, workerId, prepared),
      env: service.env,
      start: (child) => this.#instanceStarts(service, workerId, child),
      ended: (child) => this.#instanceEnded(service, prepared, child),
    };
  }

  #threadData(service: ServicePlan, workerId: number, prepared: unknown): ThreadData {
    const namespaces = new Map(this.#plan.services.map(({ name, namespace }) => [name, namespace]));
    const edges = [...service.edges].map(([field, target]) => ({
      field,
      service: target,
      namespace: namespaces.get(target) ?? service.namespace,
    }));
    return {
      source: this.#plan.source,
      init: {
        service: service.name,
        namespace: service.namespace,
        workerId,
        numWorkers: service.numWorkers,
        config: service.config,
        maxCalls: service.maxCalls,
        edges,
        prepared,
        logLevel: this.#options.logLevel ?? "info",
      },
    };
  }

  /** The part of `stopMs` that one instance of the service may take. */
  #shutdownMs(service: ServicePlan): number {
    const { stopMs = DEFAULT_STOP_MS } = this.#options;
    const { services, entry } = this.#plan;
    const isEntry = service.name === entry;
    const group = services.filter(({ name }) => (name === entry) === isEntry);
    const numInGroup = group.reduce((sum, { numWorkers }) => sum + numWorkers, 0);
    const share = isEntry ? ENTRY_STOP_SHARE : 1 - ENTRY_STOP_SHARE;
    return (stopMs * share) / numInGroup;
  }

  /** Resolves once the instance is in the registry. Its lease bears its own id and lives as long as it does. */
  async #instanceStarts(service: ServicePlan, workerId: number, child: Child): Promise<void> {
    const { control, id } = child;
    const { promise: ready, resolve } = Promise.withResolvers<void>();
    const registryServer = serveRegistry({ control, registry: this.registry, lease: id });
    const queueServer = serveQueues({ control, queues: this.#queues, consumer: id });
    const instance = { service, workerId, child, registryServer, queueServer, inRegistry: true };
    this.#instances.set(id, instance);
    control.onRequest(LEAVE, () => this.#leaveRegistry(instance));
    control.onRequest(SCRAPE, () => this.#scrape());
    control.onRequest(LIST_SETTINGS, () => this.#settings.list());
    control.onRequest<LiveSetting>(SET_SETTING, (setting) => this.#settings.set(setting));
    control.onRequest<Ready>(READY, async (body) => {
      await this.#enterRegistry(instance, body);
      resolve();
    });
    await this.registry.grant({ id });
    await ready;
  }

  /** First what it may still be writing to, then what tells others to go on without it. */
  async #instanceEnded(service: ServicePlan, prepared: unknown, child: Child): Promise<void> {
    const instance = this.#instances.get(child.id);
    this.#instances.delete(child.id);
    instance?.registryServer.close();
    try {
      await service.service.release?.(prepared, { instanceId: child.id });
    } finally {
      if (instance) await this.#leaveRegistry(instance);
      instance?.queueServer.end();
    }
  }

  /** All endpoints in one revision: an instance is found whole or not at all. */
  async #enterRegistry({ service, child }: RunningInstance, { endpoints }: Ready): Promise<void> {
    const addresses = endpoints.map((endpoint) => ({
      namespace: service.namespace,
      component: service.name,
      endpoint,
      instanceId: child.id,
    }));
    await this.registry.txn({
      compare: [],
      success: addresses.map((address) => ({
        type: "put",
        key: instanceKey(address),
        value: instanceValue(address),
        lease: child.id,
      })),
    });
  }

  async #leaveRegistry(instance: RunningInstance): Promise<void> {
    if (!instance.inRegistry) return;
    instance.inRegistry = false;
    instance.queueServer.leave();
    await this.registry.revoke(instance.child.id);
  }

  async #scrape(): Promise<ClusterReport> {
    const reports = await Promise.all(
      [...this.#instances.values()].map((instance) => this.#report(instance)),
    );
    const restarts: Record<string, number> = {};
    for (const [child, count] of this.#supervisor.restarts()) {
      const service = this.#serviceOf.get(child) ?? child;
      restarts[service] = (restarts[service] ?? 0) + count;
    }
    return { instances: reports.flat(), restarts, queues: this.#queues.numPending() };
  }

  /** None of an instance that does not answer: it starts, ends, or is busy for longer than a scrape may take. */
  async #report(instance: RunningInstance): Promise<ClusterReport["instances"]> {
    const { promise: timeout, resolve } = Promise.withResolvers<undefined>();
    const timer = this.#options.clock.after(SCRAPE_TIMEOUT_MS, () => resolve(undefined));
    const answer = instance.child.control.request<MetricsReport>(METRICS, undefined);
    const report = await Promise.race([answer.catch(() => undefined), timeout]);
    timer.cancel();
    if (!report) return [];
    return [{ ...report, service: instance.service.name, workerId: instance.workerId }];
  }
}

function logEvent(log: Logger, event: SupervisorEvent): void {
  switch (event.type) {
    case "started":
      log.info(`${event.child} started`, { ms: Math.round(event.ms) });
      break;
    case "ended":
      if (event.exit.type === "failed") {
        // What failed in an expected way is told in its message; the stack of a bug is worth more.
        const { code, message, stack } = event.exit.error;
        log.error(`${event.child} failed: ${code === "internal" ? (stack ?? message) : message}`);
      } else log.debug(`${event.child} ended`, { how: event.exit.type });
      break;
    case "restarting":
      log.warn(`${event.child} restarts`, { restarts: event.restarts });
      break;
    case "killed":
      log.warn(`${event.child} did not stop in time and was killed`, { afterMs: event.afterMs });
      break;
    case "cleanup_failed":
      log.error(`cleaning up after ${event.child} failed: ${toWireError(event.error).stack}`);
      break;
    case "stuck":
      log.error(`${event.child} does not end: it is inside native code`);
      break;
    case "gave_up":
      log.error(`${event.child} failed too often: ${event.error.message}`);
      break;
    default:
      unreachable(event);
  }
}
