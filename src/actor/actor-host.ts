// What an actor runs on. `src/transport/thread` gives each actor a Bun worker thread; `test/actor/in-process-host.ts`
// runs all of them on one thread with a manual clock. A later host may use child processes.

import type { WireError } from "../base/error.ts";
import type { ActorId } from "./actor-id.ts";
import type { ControlChannel } from "./control-port.ts";
import type { Roster } from "./roster.ts";

/** What a new thread is given. `data` is whatever the entry of the thread understands. */
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

/** How a thread ended: by its own wish, by a failure, or because it was terminated; `hung` if it did not answer before. */
export type ActorExit =
  | { readonly type: "bye" }
  | { readonly type: "failed"; readonly error: WireError }
  | { readonly type: "killed" }
  | { readonly type: "hung"; readonly forMs: number };

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
  /** Ends the thread by its own wish. Nothing after it is delivered. */
  bye(): void;
  /** Ends the thread as failed; uncaught throws and unhandled rejections come here by themselves. */
  fail(error: unknown): void;
}
