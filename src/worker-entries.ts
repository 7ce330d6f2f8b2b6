// Entries of threads. They stand beside main.ts, since only there an entry's URL means the same in the compiled
// executable.

import type { SpawnSideThread } from "./actor/side-thread.ts";
import { WorkerSideThread } from "./transport/thread/side-thread.ts";

export const actorEntry = new URL("./actor.worker.ts", import.meta.url);

export const spawnSideThread: SpawnSideThread = (entry, data) =>
  new WorkerSideThread(new URL(`./${entry}.worker.ts`, import.meta.url), data);
