// A limit for the silence of another, counted in this process's own time. A process that was stopped and continued, or
// a machine that slept, finds every timer due at once, while those it waits for have had no chance to be heard; a limit
// that is cut into slices, one timer after the other, then loses one slice.

import type { Clock, Timer } from "./clock.ts";

const SLICES = 16;

/** Calls `fire` once, after `delayMs` in which this process ran. */
export function afterAwake(clock: Clock, delayMs: number, fire: () => void): Timer {
  let slicesLeft = SLICES;
  let timer: Timer;
  const next = () => {
    timer = clock.after(delayMs / SLICES, () => {
      if (--slicesLeft === 0) fire();
      else next();
    });
  };
  next();
  return { cancel: () => timer.cancel() };
}
