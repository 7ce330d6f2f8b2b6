// Side threads of actors, as Bun's workers inside a worker: they end when the actor's thread does, spinning or not.

import { Worker } from "node:worker_threads";

import { systemClock } from "./base/clock.ts";
import type { SideThread } from "./sdk/side-thread.ts";

/** What the thread says first. Bun has crashed where a thread was ended that still loaded. */
export const HELLO = "hello";
/** How long it may take to load before its end does not wait for it any more. */
const LOAD_MS = 2000;

export function spawnSideThread(entry: string, data: unknown): SideThread {
  // Beside main.ts, written so that it means the same in the compiled executable.
  const worker = new Worker(new URL(`./${entry}.worker.ts`, import.meta.url), { workerData: data });
  let receive = (_: unknown): void => {};
  let exited = (_: string): void => {};
  let why: string | undefined;
  let hasLoaded = false;
  let isTerminated = false;
  worker.on("message", (message: unknown) => {
    if (message !== HELLO) {
      if (!isTerminated) receive(message);
      return;
    }
    hasLoaded = true;
    if (isTerminated) void worker.terminate();
  });
  worker.on("error", (error) => {
    why ??= error instanceof Error ? error.message : String(error);
  });
  worker.on("exit", (code) => {
    if (!isTerminated) exited(why ?? `it ended with code ${code}`);
  });
  return {
    post(message, transfer = []) {
      if (!isTerminated) worker.postMessage(message, [...transfer]);
    },
    onMessage: (handler) => {
      receive = handler;
    },
    onExit: (handler) => {
      exited = handler;
    },
    terminate() {
      if (isTerminated) return;
      isTerminated = true;
      if (hasLoaded) void worker.terminate();
      else systemClock.after(LOAD_MS, () => void worker.terminate());
    },
  };
}
