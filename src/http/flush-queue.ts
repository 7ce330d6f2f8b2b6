import type { Clock } from "../base/clock.ts";

/** Flushes, at the end of a turn of the event loop, the streams that were written to in it. One timer for all. */
export class FlushQueue {
  readonly #clock: Clock;
  #waiting: { flush(): void }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(stream: { flush(): void }): void {
    if (this.#waiting.length === 0) void this.#clock.turn().then(() => this.#flush());
    this.#waiting.push(stream);
  }

  #flush(): void {
    const streams = this.#waiting;
    this.#waiting = [];
    for (const stream of streams) stream.flush();
  }
}
