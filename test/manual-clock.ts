// A clock that stands still until a test moves it.

import type { Clock, Timer } from "../src/base/clock.ts";

export class ManualClock implements Clock {
  #now = 0;
  #timers: { readonly at: number; readonly order: number; readonly fire: () => void }[] = [];
  #order = 0;

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return 1_700_000_000_000 + this.#now;
  }

  after(delayMs: number, fire: () => void): Timer {
    const entry = { at: this.#now + delayMs, order: this.#order++, fire };
    this.#timers.push(entry);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((timer) => timer !== entry);
      },
    };
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve));
  }

  /** A real turn of the event loop: manual time does not stop messages. */
  turn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** How many timers wait. */
  get numTimers(): number {
    return this.#timers.length;
  }

  /** Moves time on; timers that fall due fire in order, each followed by a turn, so that what they start can run. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.turn();
    for (let due = this.#nextDue(end); due !== undefined; due = this.#nextDue(end)) {
      this.#now = Math.max(this.#now, due.at);
      this.#timers = this.#timers.filter((timer) => timer !== due);
      due.fire();
      await this.turn();
    }
    this.#now = end;
  }

  /** Moves time on while nothing runs, as for a process that was stopped: what fell due fires once, late. */
  jump(ms: number): void {
    this.#now += ms;
  }

  #nextDue(end: number) {
    const due = this.#timers.filter((timer) => timer.at <= end);
    return due.sort((a, b) => a.at - b.at || a.order - b.order)[0];
  }
}
