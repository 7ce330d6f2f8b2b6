import type { SideThread } from "../actor/side-thread.ts";
import type { Clock } from "../base/clock.ts";
import type { WorkQueue } from "../queue/work-queue.ts";
import type { InstanceId } from "../registry/instance-id.ts";
import type { RegistryView } from "../registry/registry-view.ts";
import type { Client, Ref } from "./client.ts";
import type { Door } from "./door.ts";
import type { Drain } from "./instance-control.ts";
import type { LiveSettings } from "./live-settings.ts";
import type { Metrics } from "./metrics.ts";
import type { AnyService, ServiceNode } from "./service-class.ts";

/** An instance's place, and what the process lends it. */
export interface ServiceContext<Prepared = unknown> {
  /** Name of the service: its class. */
  readonly service: string;
  /** 1 to `numWorkers`; a restart keeps it. */
  readonly workerId: number;
  readonly numWorkers: number;
  readonly namespace: string;
  /** All services that run, and who is linked to whom. */
  readonly graph: readonly ServiceNode[];
  /** This incarnation, as callers know it in the whole cluster. */
  readonly instanceId: InstanceId;
  /** This incarnation, for what it owns in the process beside its thread: below 2^32, and never used again there. */
  readonly owner: number;
  /** Result of the class's static `prepare`. */
  readonly prepared: Prepared;
  /** The cluster's registry. A key put here vanishes with this instance. */
  readonly registry: RegistryView;
  /** Settings that may change while the deployment runs: the keys that its services name in their static `live`. */
  readonly settings: LiveSettings;
  /**
   * The cluster's work queue of that name. Another instance gets what this one has pulled when it ends. A queue that is full
   * is a value, not an error.
   */
  queue(name: string): WorkQueue;
  /**
   * An instance of which a message has told the id, and the caller knows the service. An id that no instance has gives
   * `actor_down` when it is called.
   */
  refOf<S extends AnyService>(instance: InstanceId): Ref<S>;
  /** A thread of this instance's own, that runs `src/ENTRY.worker.ts` and may be ended at any time. How it fails is told to `onExit`. */
  sideThread(entry: string, data: unknown): SideThread;
  /** A service of `graph` to which this one has no link, and which the caller knows. Fails an assertion for any other name. */
  clientOf<S extends AnyService>(service: string): Promise<Client<S>>;
  /**
   * Takes an instance, as `VllmWorker:1`, out of service: it leaves the registry, its running calls may end, and it is not
   * started again. Tells how far it is; asked again, only that.
   *
   * @throws {RemoteError} `no_such_instance`, `instance_not_ready`
   */
  drain(instance: string): Promise<Drain>;
  /**
   * Tells this instance's address for clients outside. That of the entry's first instance is the last line of a start,
   * printed when everything can be called and the promise has resolved. Call it in `start()`.
   */
  announce(door: Door | Promise<Door>): void;
  readonly clock: Clock;
  /** For metrics of one's own: what is registered in its registry shows in `scrape()`. Names are unique there: prom-client throws for a second one. */
  metrics(): Promise<Metrics>;
  /** Prometheus text of all instances and of the runtime. An instance that does not answer within a second is left out. Gives no error. */
  scrape(): Promise<string>;
}
