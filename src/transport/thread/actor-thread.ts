// The first thing that runs in an actor's worker thread. It speaks with `host.ts`:
//
//   thread ──> host   "hello" (loaded), then control messages, then how it exits
//   host ──> thread   control messages; and the end: a thread that has said how it ended is terminated

import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import type { ActorExit, ActorInit, ActorScope } from "../../actor/actor-host.ts";
import type { ControlMessage } from "../../actor/control-port.ts";
import { assert } from "../../base/assert.ts";
import { toWireError } from "../../base/error.ts";

/** Messages from a thread to its host. */
export type ThreadMessage =
  | { readonly type: "hello" }
  | { readonly type: "control"; readonly message: ControlMessage }
  | Extract<ActorExit, { readonly type: "normal" | "error" }>;

/** Turns this worker thread into an actor's: runs `main`, and ends the thread when anything is thrown and not caught. */
export function enterActorThread(main: (scope: ActorScope) => void | Promise<void>): void {
  const port = parentPort;
  assert(port !== null, "enterActorThread runs in a worker thread, not in the main thread");
  const scope = createScope(port);
  process.on("uncaughtException", scope.fail);
  process.on("unhandledRejection", scope.fail);
  post(port, { type: "hello" });
  void (async () => main(scope))().catch(scope.fail);
}

function createScope(port: MessagePort): ActorScope {
  let hasEnded = false;
  const end = (message: ThreadMessage) => {
    if (hasEnded) return;
    hasEnded = true;
    post(port, message);
  };
  // Messages that come while the actor still loads wait here: the port itself would drop them.
  let early: ControlMessage[] | undefined = [];
  let receive = (_: ControlMessage): void => {};
  port.on("message", (message: ControlMessage) => {
    if (hasEnded) return;
    if (early !== undefined) early.push(message);
    else receive(message);
  });
  return {
    init: workerData as ActorInit, // given by host.ts
    channel: {
      post(message, transfer = []) {
        if (!hasEnded) post(port, { type: "control", message }, transfer);
      },
      onMessage(handler) {
        receive = handler;
        // In a microtask: the actor names the channel's handlers next.
        queueMicrotask(() => {
          const waiting = early ?? [];
          early = undefined;
          for (const message of waiting) receive(message);
        });
      },
    },
    exit: () => end({ type: "normal" }),
    fail: (error) => end({ type: "error", error: toWireError(error) }),
  };
}

function post(
  port: MessagePort,
  message: ThreadMessage,
  transfer: readonly MessagePort[] = [],
): void {
  port.postMessage(message, [...transfer]);
}
