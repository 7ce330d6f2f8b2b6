// A clock that jumps from one timer to the next as soon as all that the last one has set off is done, so that
// minutes of a simulation take seconds and the same everywhere.

import type { Clock, Timer } from "../../../src/base/clock.ts";

/** Turns of the event loop within which a message has gone through three actors and back. */
const QUIET_TURNS = 12;

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
}

export class VirtualClock implements Clock {
  #now = 0;
  #order = 0;
  readonly #timers = new Set<Entry>();

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return this.#now;
  }

  after(delayMs: number, fire: () => void): Timer {
    const entry = { at: this.#now + delayMs, order: this.#order++, fire };
    this.#timers.add(entry);
    return { cancel: () => void this.#timers.delete(entry) };
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve));
  }

  turn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** Lets time pass until then. */
  async run(until: number): Promise<void> {
    for (;;) {
      for (let turn = 0; turn < QUIET_TURNS; turn++) await this.turn();
      const next = this.#earliest();
      if (next === undefined || next.at > until) break;
      this.#now = next.at;
      this.#timers.delete(next);
      next.fire();
    }
    this.#now = until;
  }

  #earliest(): Entry | undefined {
    let earliest: Entry | undefined;
    for (const entry of this.#timers) {
      const { at, order } = earliest ?? { at: Infinity, order: 0 };
      if (entry.at < at || (entry.at === at && entry.order < order)) earliest = entry;
    }
    return earliest;
  }
}
