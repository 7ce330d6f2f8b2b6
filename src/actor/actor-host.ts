// Hosts of actors. `src/transport/thread` gives each actor a Bun worker thread; `test/actor/in-process-host.ts`
// runs all of them on one thread with a manual clock. A later host may use child processes.

import type { WireError } from "../base/error.ts";
import type { ActorId } from "./actor-id.ts";
import type { ControlChannel } from "./control-port.ts";
import type { Roster } from "./roster.ts";

/** Data for a new thread. `data` is whatever the entry of the thread understands. */
export interface ActorInit {
  readonly id: ActorId;
  /** Names the actor in logs, such as `Worker:2`. */
  readonly tag: string;
  /** Structured-cloneable. */
  readonly data: unknown;
  /** Added to the environment that the thread sees. */
  readonly env: Readonly<Record<string, string>>;
  /** The thread shows here that it lives; see pulse.ts. */
  readonly pulse: SharedArrayBuffer;
}

/** Exit reasons, in OTP's words. */
export type ActorExit =
  /** By its own wish, as after a stop. */
  | { readonly type: "normal" }
  /** By what it threw and did not catch, or without a word. */
  | { readonly type: "error"; readonly error: WireError }
  /** Terminated from outside. */
  | { readonly type: "killed" }
  /** It did not answer its heartbeat, and was killed. */
  | { readonly type: "timeout"; readonly afterMs: number };

/** The main thread's end of one actor's thread. */
export interface ActorThread extends ControlChannel {
  readonly id: ActorId;
  /** Called once, after the thread has really ended and runs no more code. */
  onExit(receive: (exit: ActorExit) => void): void;
  /** Ends the thread without asking it. Native code that it is in returns first. */
  terminate(): void;
}

export interface ActorHost {
  /** Links the actors that this host runs. */
  readonly roster: Roster;
  spawn(init: ActorInit): ActorThread;
}

/** The thread's own end, given to the function that runs in it. */
export interface ActorScope {
  readonly init: ActorInit;
  readonly channel: ControlChannel;
  /** Ends the thread by its own wish (`normal`). Nothing after it is delivered. */
  exit(): void;
  /** Ends the thread with an `error`; uncaught throws and unhandled rejections come here by themselves. */
  fail(error: unknown): void;
}
