// Events of children, as values. Their receiver decides which to print.

import type { ActorExit } from "./actor-host.ts";
import type { ActorId } from "./actor-id.ts";
import type { RestartLimits } from "./restart-budget.ts";

/** `attempt`: which start of a parked child this is about, from 1; 0 where it is not parked. */
export type SupervisorEvent =
  | {
      readonly type: "started";
      readonly child: string;
      readonly id: ActorId;
      readonly ms: number;
      readonly attempt: number;
    }
  | {
      readonly type: "ended";
      readonly child: string;
      readonly id: ActorId;
      readonly exit: ActorExit;
      /** Callers could find it. False for a start that failed. */
      readonly wasReady: boolean;
      readonly attempt: number;
    }
  /** The spec's `ended` threw. */
  | { readonly type: "cleanup_failed"; readonly child: string; readonly error: unknown }
  | {
      readonly type: "restarting";
      readonly child: string;
      readonly restarts: number;
      readonly attempt: number;
    }
  /** Its service's budget is spent, or it has failed again since: it is started again after `delayMs`. */
  | {
      readonly type: "parked";
      readonly child: string;
      readonly service: string;
      readonly limits: RestartLimits;
      readonly attempt: number;
      readonly delayMs: number;
      readonly cause: Error;
    }
  /** A child that was parked has lived for a period. */
  | { readonly type: "recovered"; readonly child: string; readonly attempt: number }
  /** It has not answered for the heartbeat timeout, and is killed. */
  | {
      readonly type: "hung";
      readonly child: string;
      readonly id: ActorId;
      readonly forMs: number;
      /** That its thread last began or resumed; undefined if it has had no call. */
      readonly endpoint: string | undefined;
    }
  /** It did not end within its part of a stop. */
  | {
      readonly type: "killed";
      readonly child: string;
      readonly id: ActorId;
      readonly afterMs: number;
    }
  /** An operator takes it out of service. */
  | { readonly type: "draining"; readonly child: string; readonly limitMs: number }
  /** It has ended, and is not started again. */
  | { readonly type: "drained"; readonly child: string }
  /** It has not even ended after the kill: native code that does not return. Its thread is left alone. */
  | { readonly type: "stuck"; readonly child: string; readonly id: ActorId };
