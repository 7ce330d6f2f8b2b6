// How long an answer took, in nanoseconds, as ollama tells it.

import type { Clock } from "../base/clock.ts";
import type { TextOutput } from "../protocol/llm.ts";

const NS_PER_MS = 1e6;

export class Stopwatch {
  readonly #clock: Clock;
  readonly #startedAt: number;
  #firstAt: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAt = clock.now();
  }

  /** ISO 8601. */
  get date(): string {
    return new Date(this.#clock.wallTime()).toISOString();
  }

  /** The same outputs; notes when the first comes. */
  watch(outputs: AsyncIterable<TextOutput>): AsyncIterableIterator<TextOutput> {
    const inner = outputs[Symbol.asyncIterator]();
    const iterator: AsyncIterableIterator<TextOutput> = {
      [Symbol.asyncIterator]: () => iterator,
      next: async () => {
        const result = await inner.next();
        this.#firstAt ??= this.#clock.now();
        return result;
      },
      return: async () => (await inner.return?.()) ?? { done: true, value: undefined },
    };
    return iterator;
  }

  /** Up to now. The first output ends the prompt's part. */
  durations(): object {
    const now = this.#clock.now();
    const first = this.#firstAt ?? now;
    return {
      total_duration: Math.round((now - this.#startedAt) * NS_PER_MS),
      load_duration: 0,
      prompt_eval_duration: Math.round((first - this.#startedAt) * NS_PER_MS),
      eval_duration: Math.round((now - first) * NS_PER_MS),
    };
  }
}
