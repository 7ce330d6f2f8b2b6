// A supervisor's orders: services, and the children of each.

import type { ActorExit } from "./actor-host.ts";
import type { ActorId } from "./actor-id.ts";
import type { ControlPort } from "./control-port.ts";
import type { RestartLimits } from "./restart-budget.ts";

/** Children of one kind. They share a restart budget, and stop together. */
export interface ServiceSpec extends RestartLimits {
  readonly name: string;
  /** A ready child that does not answer for so long is killed and restarted; undefined: never. */
  readonly heartbeatTimeoutMs: number | undefined;
  /** Its share, 0 to 1, of the time that is left for a stop when its turn comes. */
  readonly stopShare: number;
  readonly children: readonly ChildSpec[];
}

export interface ChildSpec {
  /** Unique under its supervisor and the same after a restart. */
  readonly id: string;
  readonly tag: string;
  /** permanent: always restarted; transient: when it failed; temporary: never. */
  readonly restart: "permanent" | "transient" | "temporary";
  /** The children that its first start waits for: those before it in their order, or none. `none`: its thread is spawned at once. */
  readonly awaits: "previous" | "none";
  /** Data for an incarnation's thread. */
  readonly data: (id: ActorId) => unknown;
  readonly env: Readonly<Record<string, string>>;
  /** Resolves when the child may be called. Runs for each incarnation, right after its thread was spawned. */
  readonly start: (child: Child) => Promise<void>;
  /** See `WatchOptions.progress` in heartbeat.ts. */
  readonly progress?: (child: Child) => number | undefined;
  /** It was found hung, and is about to be killed: new callers shall not find it. */
  readonly hung?: (child: Child) => void;
  /** Runs after the thread of an incarnation has ended, before others are told and the next one is spawned. */
  readonly ended?: (child: Child, exit: ActorExit) => void | Promise<void>;
}

/** One running incarnation of a child, as its spec's functions see it. */
export interface Child {
  readonly id: ActorId;
  readonly tag: string;
  readonly control: ControlPort;
}

/** Body of the "stop" push: end what runs, then exit; after `deadlineMs` there is no more time for either. */
export interface StopOrder {
  readonly deadlineMs: number;
}
