// Runs one instance of a service on an actor's thread: puts the real things into its fields, starts it, lets callers
// find it, and ends it when the supervisor says so.

import { Actor } from "../actor/actor.ts";
import type { ActorScope } from "../actor/actor-host.ts";
import type { ActorId } from "../actor/actor-id.ts";
import type { StopOrder } from "../actor/child-spec.ts";
import { ControlPort } from "../actor/control-port.ts";
import { NoSuchEndpointError } from "../actor/error.ts";
import type { Dialer } from "../actor/link.ts";
import type { Handler } from "../actor/running-call.ts";
import type { SpawnSideThread } from "../actor/side-thread.ts";
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { createLogger, type LogLevel } from "../base/log.ts";
import { QueueClient } from "../queue/queue-client.ts";
import type { InstanceId } from "../registry/instance-id.ts";
import { RegistryClient } from "../registry/registry-client.ts";
import type { Client, Ref } from "./client.ts";
import { ClientCall } from "./client-call.ts";
import type { ServiceContext } from "./context.ts";
import { describeService, instantiate } from "./describe.ts";
import type { Door } from "./door.ts";
import { Follower } from "./follow.ts";
import { InstanceCaller } from "./instance-caller.ts";
import {
  ANNOUNCE,
  DRAIN,
  type InstanceInit,
  LEAVE,
  LOCATE,
  METRICS,
  READY,
  type Ready,
  SCRAPE,
} from "./instance-control.ts";
import { InstanceList } from "./instance-list.ts";
import { LiveConfig, LOG_LEVEL, liveSettings } from "./live-settings.ts";
import { clusterText, InstanceMetrics } from "./metrics.ts";
import { needOf } from "./need.ts";
import { bindService } from "./service.ts";
import type { AnyService, ServiceClass } from "./service-class.ts";
import { createClient, createRef } from "./service-client.ts";

/** Part of a stop's time that running calls do not get: it is for `stop()` and the end. */
const STOP_RESERVE = { share: 0.3, maxMs: 1000 };
/** Part that `stop()` does not get either. */
const END_RESERVE = { share: 0.1, maxMs: 200 };

function reserveOf(ms: number, { share, maxMs }: typeof STOP_RESERVE): number {
  return Math.min(maxMs, share * ms);
}

export interface InstanceOptions {
  readonly scope: ActorScope;
  readonly service: ServiceClass;
  readonly init: InstanceInit;
  readonly clock: Clock;
  /** 0 to 1, as `Math.random`: which instance a call goes to. */
  readonly random: () => number;
  readonly sideThread: SpawnSideThread;
  /** Makes the instance's links to others. */
  readonly dialer: (control: ControlPort) => Dialer;
  /** The service's address, if it does not say so itself. */
  readonly findDoor?: () => Door | undefined;
}

export class Instance {
  readonly #options: InstanceOptions;
  readonly #service: AnyService;
  readonly #endpoints: ReadonlyMap<string, Endpoint>;
  readonly #control: ControlPort;
  readonly #registry: RegistryClient;
  readonly #actor: Actor;
  readonly #caller: InstanceCaller;
  readonly #follower: Follower;
  readonly #metrics = new InstanceMetrics();
  readonly #lists: InstanceList[] = [];
  /** Clients of services to which it has no link. */
  readonly #clients = new Map<string, Promise<object>>();
  readonly #config: LiveConfig;
  /** Promise of the service's own `start()`; undefined until it is called. */
  #started: Promise<void> | undefined;
  #isStopping = false;
  #door: Door | Promise<Door> | undefined;

  constructor(options: InstanceOptions) {
    const { scope, service, init, clock } = options;
    const level = { level: init.logLevel };
    const setLevel = service.live.includes(LOG_LEVEL)
      ? undefined
      : (changed: LogLevel) => {
          level.level = changed;
        };
    const log = createLogger(scope.init.tag, level, undefined, init.logStyle);
    const leases = new Set(service.leases);
    this.#options = options;
    this.#service = instantiate(service);
    this.#endpoints = endpointsOf(service, this.#service);
    this.#control = new ControlPort(scope.channel);
    this.#registry = new RegistryClient(this.#control);
    this.#config = new LiveConfig(this.#registry, init, setLevel);
    this.#actor = new Actor({
      id: scope.init.id,
      tag: scope.init.tag,
      control: this.#control,
      dialer: options.dialer(this.#control),
      handler: this.#handle,
      maxCalls: init.maxCalls,
      windowOf: (endpoint) => (leases.has(endpoint) ? 1 : undefined),
      clock,
      log,
      pulse: scope.init.pulse,
    });
    this.#caller = new InstanceCaller({
      actor: this.#actor,
      locate: (instance) => this.#control.request<ActorId>(LOCATE, instance),
      revive: (reference) => createRef(this.#caller, reference),
    });
    this.#follower = new Follower({
      detach: (task) => this.#actor.detach(task),
      fail: (error) => scope.fail(error),
    });
    bindService(this.#service, {
      context: this.#context(),
      log,
      follow: this.#follower.follow,
    });
    this.#control.onRequest(METRICS, () => this.#metrics.report(this.#actor.stats()));
    this.#control.onPush<StopOrder>("stop", (order) => {
      this.#stop(order).catch((error) => scope.fail(error));
    });
  }

  /** Resolves when callers can find the instance, or it has been stopped before that. */
  async start(): Promise<void> {
    await this.#bindFields();
    if (this.#isStopping) return;
    this.#started = (async () => this.#service.start?.())();
    await this.#started;
    if (this.#isStopping) return;
    const door = this.#door ?? this.#options.findDoor?.();
    const ready: Ready = { endpoints: [...this.#endpoints.keys()], announces: door !== undefined };
    await this.#control.request(READY, ready);
    if (door) this.#follower.follow(this.#announce(door));
  }

  async #announce(door: Door | Promise<Door>): Promise<void> {
    await this.#control.request(ANNOUNCE, await door);
  }

  /** At once and without asking the service; for hosts that run many actors on one thread. */
  close(): void {
    this.#follower.leave();
    for (const list of this.#lists) list.close();
    this.#config.close();
    this.#actor.close();
  }

  async #stop({ deadlineMs }: StopOrder): Promise<void> {
    const { clock, scope } = this.#options;
    const begin = clock.now();
    this.#isStopping = true;
    await this.#control.request(LEAVE, undefined);
    const drainMs = deadlineMs - reserveOf(deadlineMs, STOP_RESERVE);
    await this.#actor.drain(drainMs);
    if (await this.#hasStarted(begin + drainMs - clock.now())) {
      const remainingMs = begin + deadlineMs - reserveOf(deadlineMs, END_RESERVE) - clock.now();
      await this.#service.stop?.(Math.max(0, remainingMs));
    }
    this.close();
    scope.exit();
  }

  /** True if `start()` has ended, or does so in time: what is half made cannot be asked to end. */
  async #hasStarted(withinMs: number): Promise<boolean> {
    if (this.#started === undefined) return false;
    const { promise: timeout, resolve } = Promise.withResolvers<boolean>();
    const timer = this.#options.clock.after(Math.max(0, withinMs), () => resolve(false));
    const started = this.#started.then(
      () => true,
      () => false, // the caller of start() has the error
    );
    const hasStarted = await Promise.race([started, timeout]);
    timer.cancel();
    return hasStarted;
  }

  async #bindFields(): Promise<void> {
    const { init, service } = this.#options;
    await this.#config.open();
    this.#follower.follow(this.#config.run());
    for (const [field, value] of Object.entries(this.#service)) {
      const need = needOf(value);
      if (need?.type === "configuration") setField(this.#service, field, this.#config.config);
    }
    const edges = init.graph.find(({ name }) => name === init.service)?.edges ?? new Map();
    for (const { field, links } of describeService(service).dependencies) {
      const clients = new Map<string, object>();
      for (const name of edges.get(field) ?? []) clients.set(name, await this.#clientOf(name));
      const [first] = clients.values();
      if (first) setField(this.#service, field, links === "several" ? clients : first);
    }
  }

  /** One client for all who ask: each follows the registry for as long as the instance runs. */
  #lookedUp(name: string): Promise<object> {
    const known = this.#clients.get(name) ?? this.#clientOf(name);
    this.#clients.set(name, known);
    return known;
  }

  async #clientOf(name: string): Promise<object> {
    const { init, random } = this.#options;
    const node = init.graph.find((one) => one.name === name);
    assert(node, `${name} is a service of this graph`);
    const instances = new InstanceList(this.#registry, node);
    this.#lists.push(instances);
    await instances.open();
    this.#follower.follow(instances.run());
    return createClient({ caller: this.#caller, instances, random });
  }

  #context(): ServiceContext {
    const { init, clock } = this.#options;
    return {
      service: init.service,
      workerId: init.workerId,
      numWorkers: init.numWorkers,
      namespace: init.namespace,
      graph: init.graph,
      instanceId: init.instanceId,
      owner: init.owner,
      prepared: init.prepared,
      registry: this.#registry,
      settings: liveSettings(this.#control),
      drain: (instance) => this.#control.request(DRAIN, instance),
      queue: (name) => new QueueClient(this.#control, name),
      // Which service it is, the caller knows.
      clientOf: async <S extends AnyService>(name: string) =>
        (await this.#lookedUp(name)) as Client<S>,
      refOf: <S extends AnyService>(instance: InstanceId) =>
        createRef(this.#caller, { instance, actor: undefined, service: "" }) as Ref<S>,
      sideThread: this.#options.sideThread,
      announce: (door) => {
        this.#door ??= door;
      },
      clock,
      metrics: () => this.#metrics.metrics(),
      scrape: async () => clusterText(await this.#control.request(SCRAPE, undefined)),
    };
  }

  // per call
  readonly #handle: Handler = (name, args) => {
    const endpoint = this.#endpoints.get(name);
    if (!endpoint) {
      const known = [...this.#endpoints.keys()].join(", ") || "none";
      throw new NoSuchEndpointError(
        `${this.#options.init.service} has no endpoint ${JSON.stringify(name)}; it has: ${known}`,
        { service: this.#options.init.service, endpoint: name },
      );
    }
    const result = endpoint(...args.map(this.#caller.receive));
    return result instanceof ClientCall ? result.answer() : result;
  };
}

type Endpoint = (...args: unknown[]) => unknown;

function endpointsOf(service: ServiceClass, instance: AnyService): ReadonlyMap<string, Endpoint> {
  const endpoints = new Map<string, Endpoint>();
  for (const name of describeService(service).endpoints) {
    const method: unknown = Reflect.get(instance, name);
    assert(typeof method === "function", `${service.name}.${name} is a method`);
    endpoints.set(name, method.bind(instance));
  }
  return endpoints;
}

/** The field is typed as what is put here; `depends()` and `configured()` promised it. */
function setField(service: AnyService, field: string, value: unknown): void {
  Reflect.set(service, field, value);
}
