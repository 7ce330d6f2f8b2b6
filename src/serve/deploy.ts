// Runs a plan: the registry and the supervisor in this thread, every instance of every service on its own.
// Dependencies start first and the entry last, so what accepts requests can also answer them; stop goes the
// other way round.

import type { ActorHost } from "../actor/actor-host.ts";
import type { ActorId } from "../actor/actor-id.ts";
import type { Child, ChildSpec, ServiceSpec } from "../actor/child-spec.ts";
import { ChildStartError, Supervisor } from "../actor/supervisor.ts";
import type { SupervisorEvent } from "../actor/supervisor-event.ts";
import type { Clock } from "../base/clock.ts";
import { type Logger, type LogLevel, type LogStyle, PLAIN_STYLE } from "../base/log.ts";
import { EmbeddedQueues } from "../queue/embedded-queue.ts";
import { type QueueServer, serveQueues } from "../queue/queue-server.ts";
import { EmbeddedRegistry } from "../registry/embedded-registry.ts";
import { instanceKey, instanceValue } from "../registry/instance-key.ts";
import type { Registry } from "../registry/registry.ts";
import { type RegistryServer, serveRegistry } from "../registry/registry-server.ts";
import { describeService } from "../sdk/describe.ts";
import type { Door } from "../sdk/door.ts";
import {
  ANNOUNCE,
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
import type { Environment, ServiceNode } from "../sdk/service.ts";
import { DeployedSettings } from "./live-settings.ts";
import { logEvent } from "./log-event.ts";
import { type DeploymentPlan, type GraphSource, graphViewOf, type ServicePlan } from "./plan.ts";

export interface DeployOptions {
  readonly host: ActorHost;
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
const SCRAPE_TIMEOUT_MS = 1000;

interface RunningInstance {
  readonly service: ServicePlan;
  readonly workerId: number;
  readonly child: Child;
  readonly registryServer: RegistryServer;
  readonly queueServer: QueueServer;
  inRegistry: boolean;
}

/** What threads are told of each service. */
function nodeOf({ name, namespace, service, edges }: ServicePlan): ServiceNode {
  return { name, namespace, endpoints: describeService(service).endpoints, edges };
}

class RunningDeployment implements Deployment {
  readonly registry: Registry;
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
  readonly #door = Promise.withResolvers<Door | undefined>();
  readonly #plan: DeploymentPlan;
  readonly #options: DeployOptions;
  readonly #supervisor: Supervisor;
  readonly #settings: DeployedSettings;
  readonly #queues = new EmbeddedQueues();
  readonly #instances = new Map<ActorId, RunningInstance>();
  /** Children that have started at least once. */
  readonly #started = new Set<string>();
  readonly #failures: SupervisorEvent[] = [];

  constructor(plan: DeploymentPlan, options: DeployOptions) {
    const { host, clock, random = Math.random, stopMs = DEFAULT_STOP_MS } = options;
    this.#plan = plan;
    this.#options = options;
    this.registry = new EmbeddedRegistry({ clock });
    this.#settings = new DeployedSettings(
      plan,
      this.registry,
      options.environment ?? {},
      options.logLevel ?? "info",
    );
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
  #log(event: SupervisorEvent): void {
    if (event.type === "started") this.#started.add(event.child);
    const isFirstFailure = event.type === "ended" && event.exit.type === "failed";
    if (isFirstFailure && !this.#started.has(event.child)) this.#failures.push(event);
    else logEvent(this.#options.log, event);
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
      awaits: startsEarly ? "nobody" : "those before",
      data: this.#threadData(service, workerId, prepared),
      env: service.env,
      start: (child) => this.#instanceStarts(service, workerId, child),
      progress: (child) => service.service.progress?.(prepared, { instanceId: child.id }),
      hung: (child) => this.#instanceHangs(child),
      ended: (child) => this.#instanceEnded(service, prepared, child),
    };
  }

  #threadData(service: ServicePlan, workerId: number, prepared: unknown): ThreadData {
    return {
      source: this.#plan.source,
      init: {
        service: service.name,
        namespace: service.namespace,
        workerId,
        numWorkers: service.numWorkers,
        config: service.config,
        maxCalls: service.maxCalls,
        graph: this.#plan.services.map(nodeOf),
        prepared,
        logLevel: service.logLevel ?? this.#options.logLevel ?? "info",
        logStyle: this.#options.logStyle ?? PLAIN_STYLE,
      },
    };
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
    const isEntry = service.name === this.#plan.entry;
    control.onRequest<Door>(ANNOUNCE, (door) => {
      if (isEntry) this.#door.resolve(door);
    });
    control.onRequest<Ready>(READY, async (body) => {
      if (isEntry && !body.announces) this.#door.resolve(undefined);
      await this.#enterRegistry(instance, body);
      resolve();
    });
    await this.registry.grant({ id });
    await ready;
  }

  /** It cannot answer, so it is no longer found: what watches it for health is told. */
  #instanceHangs(child: Child): void {
    const instance = this.#instances.get(child.id);
    const { log } = this.#options;
    if (!instance) return;
    this.#leaveRegistry(instance).catch((error: unknown) => {
      log.error(`${child.tag} hangs and could not be taken out of the registry: ${error}`);
    });
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
    const parked: Record<string, number> = {};
    for (const child of this.#supervisor.children()) {
      restarts[child.service] = (restarts[child.service] ?? 0) + child.restarts;
      parked[child.service] = (parked[child.service] ?? 0) + (child.isParked ? 1 : 0);
    }
    return { instances: reports.flat(), restarts, parked, queues: this.#queues.numPending() };
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
