// Garbage of a thread's start: parsed sources, configuration, schemas. A thread that rests afterwards allocates
// nothing, so nothing makes it collect that.

import type { Clock } from "./clock.ts";

/** After the first requests, which come as soon as a server is ready. */
const SETTLED_MS = 2000;

/** Collects it once: 0.5 to 1 MB a thread, in some milliseconds. */
export function collectStartGarbage(clock: Clock): void {
  clock.after(SETTLED_MS, () => Bun.gc(true));
}
