// Gives each actor a Bun worker thread.
//
// A thread's end, as Bun 1.4.5 does it: an uncaught throw closes it with code 1 and an unhandled rejection with
// code 0, so a code tells nothing. The thread itself says how it ended (actor-thread.ts) and is then
// terminated; one that ends without a word has failed. A thread is not terminated while it still loads, since that
// is where Bun has crashed before.

import { Worker } from "node:worker_threads";
import type { ActorExit, ActorHost, ActorInit, ActorThread } from "../../actor/actor-host.ts";
import type { ControlMessage } from "../../actor/control-port.ts";
import type { Roster } from "../../actor/roster.ts";
import { unreachable } from "../../base/assert.ts";
import type { Clock } from "../../base/clock.ts";
import { toWireError } from "../../base/error.ts";
import { Switchboard } from "../switchboard.ts";
import type { ThreadMessage } from "./actor-thread.ts";
import { offerLanes } from "./offer-lanes.ts";

export interface WorkerHostOptions {
  /** The environment that all threads see. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Entry that a thread runs first; it calls `enterActorThread`. */
  readonly entry: URL;
  readonly numCores?: number;
}

/** How long a thread may take to load before a kill does not wait for it any more. */
const LOAD_MS = 2000;

export class WorkerHost implements ActorHost {
  readonly roster: Roster;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #clock: Clock;
  readonly #entry: URL;

  constructor(options: WorkerHostOptions) {
    this.#env = options.env;
    this.#clock = options.clock;
    this.#entry = options.entry;
    this.roster = new Switchboard(offerLanes(options.numCores));
  }

  spawn(init: ActorInit): ActorThread {
    const worker = new Worker(this.#entry, {
      workerData: init,
      env: { ...definedOnly(this.#env), ...init.env },
    });
    const exited = Promise.withResolvers<ActorExit>();
    let exit: ActorExit | undefined; // the first reason is the true one
    let hasLoaded = false;
    let receive: (message: ControlMessage) => void = () => {};

    const end = (how: ActorExit) => {
      exit ??= how;
      void worker.terminate();
    };
    worker.on("message", (message: ThreadMessage) => {
      switch (message.type) {
        case "hello":
          hasLoaded = true;
          if (exit !== undefined) end(exit);
          return;
        case "control":
          if (exit === undefined) receive(message.message);
          return;
        case "normal":
        case "error":
          return end(message);
        default:
          unreachable(message);
      }
    });
    worker.on("error", (error) => {
      exit ??= failed(error);
    });
    worker.on("exit", (code) => {
      exit ??= failed(new Error(`its thread ended with code ${code} and without a word`));
      exited.resolve(exit);
    });

    return {
      id: init.id,
      post: (message, transfer = []) => worker.postMessage(message, [...transfer]),
      onMessage: (handler) => {
        receive = handler;
      },
      onExit: (handler) => void exited.promise.then(handler),
      terminate: () => {
        exit ??= { type: "killed" };
        if (hasLoaded) end(exit);
        else this.#clock.after(LOAD_MS, () => end({ type: "killed" })); // or at its hello
      },
    };
  }
}

function failed(error: unknown): ActorExit {
  return { type: "error", error: toWireError(error) };
}

function definedOnly(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const defined: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) if (value !== undefined) defined[name] = value;
  return defined;
}
