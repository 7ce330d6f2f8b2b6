import type { Clock, Timer } from "../base/clock.ts";

/** How often clients that may be late are looked for. */
const TICK_MS = 1000;

/**
 * Time as the door has lived it, in ticks of a second. A process that was stopped and continued has not been waiting
 * for its clients, so no tick counts for more than two.
 */
export class DoorTime {
  #now = 0;
  #timer: Timer;

  constructor(clock: Clock, onTick: () => void) {
    let last = clock.now();
    const tick = () => {
      const now = clock.now();
      this.#now += Math.min(now - last, 2 * TICK_MS);
      last = now;
      this.#timer = clock.after(TICK_MS, tick);
      onTick();
    };
    this.#timer = clock.after(TICK_MS, tick);
  }

  /** The moment `ms` from now, and not before: the running tick is not counted. */
  in(ms: number): number {
    return this.#now + TICK_MS + ms;
  }

  hasCome(moment: number): boolean {
    return this.#now >= moment;
  }

  stop(): void {
    this.#timer.cancel();
  }
}
