// Messages between an instance and the main thread on the control port, beside the actor's own words and
// the registry's.

import type { ActorStats } from "../actor/actor.ts";
import type { LogLevel, LogStyle } from "../base/log.ts";
import type { InstanceId } from "../registry/instance-id.ts";
import type { ServiceNode } from "./service-class.ts";

/** All that a thread is told about the instance that it runs. Structured-cloneable. */
export interface InstanceInit {
  readonly service: string;
  readonly namespace: string;
  readonly workerId: number;
  readonly numWorkers: number;
  readonly instanceId: InstanceId;
  readonly owner: number;
  readonly config: Readonly<Record<string, unknown>>;
  readonly maxCalls: number;
  /** All services that run. */
  readonly graph: readonly ServiceNode[];
  readonly prepared: unknown;
  readonly logLevel: LogLevel;
  readonly logStyle: LogStyle;
}

/** Request to the main thread: `start()` has ended, so callers may find the instance. Body: `Ready`. */
export const READY = "instance.ready";
export interface Ready {
  readonly endpoints: readonly string[];
  /** True if `ANNOUNCE` follows. */
  readonly announces: boolean;
}

/** Request to the main thread: where people reach the instance. Body: `Door`. */
export const ANNOUNCE = "instance.announce";

/** Request to the main thread: the instance drains, so clients shall find it no more. No body. */
export const LEAVE = "instance.leave";

/**
 * Request to the main thread: takes an instance out of service. Body: its name, as `VllmWorker:1`; the answer is a
 * `Drain`.
 */
export const DRAIN = "instance.drain";
export interface Drain {
  /** `draining`: it has left the registry or is about to. `drained`: it has ended. */
  readonly state: "draining" | "drained";
  /** Time for its running calls, from the beginning of the drain. */
  readonly timeoutMs: number;
}

/** Request to the main thread: which actor runs an instance. Body: its id; the answer is an `ActorId`. */
export const LOCATE = "instance.locate";

/** Request from the main thread: what the instance counts. No body; the answer is a `MetricsReport`. */
export const METRICS = "instance.metrics";
export interface MetricsReport {
  readonly stats: ActorStats;
  /** Families of the instance's registry, as prom-client's `getMetricsAsJSON` gives them; empty if it has none. */
  readonly families: readonly object[];
}

/** Request to the main thread: all reports, and what it counts itself. The answer is a `ClusterReport`. */
export const SCRAPE = "instance.scrape";
export interface ClusterReport {
  readonly instances: readonly (MetricsReport & {
    readonly service: string;
    readonly workerId: number;
  })[];
  /** By service. */
  readonly restarts: Readonly<Record<string, number>>;
  /** By service: instances that have failed too often and wait for their next start. */
  readonly parked: Readonly<Record<string, number>>;
  /** Items that no consumer has taken yet, by work queue. */
  readonly queues: Readonly<Record<string, number>>;
}
