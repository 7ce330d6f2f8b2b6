// A backend's stream that a test moves by hand, and that tells when it was left.

import type { TextOutput } from "../../src/protocol/llm.ts";

export class ManualStream implements AsyncIterableIterator<TextOutput> {
  /** Resolves when the reader has left by `return()`. */
  readonly left: Promise<void>;
  numPulled = 0;
  hasLeft = false;
  readonly #leave: () => void;
  readonly #items: (TextOutput | Error | "end")[] = [];
  #waiting: PromiseWithResolvers<IteratorResult<TextOutput>> | undefined;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.left = promise;
    this.#leave = resolve;
  }

  push(output: Partial<TextOutput> = {}): void {
    const whole = { index: 0, text: " word", numTokens: 1, numPromptTokens: 3, numCachedTokens: 0 };
    this.#items.push({ ...whole, ...output });
    this.#settle();
  }

  end(): void {
    this.#items.push("end");
    this.#settle();
  }

  fail(error: Error): void {
    this.#items.push(error);
    this.#settle();
  }

  next(): Promise<IteratorResult<TextOutput>> {
    this.numPulled++;
    this.#waiting = Promise.withResolvers();
    const { promise } = this.#waiting;
    this.#settle();
    return promise;
  }

  async return(): Promise<IteratorResult<TextOutput>> {
    this.hasLeft = true;
    this.#leave();
    this.#waiting?.resolve({ done: true, value: undefined });
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  #settle(): void {
    const waiting = this.#waiting;
    const item = waiting && this.#items.shift();
    if (!waiting || !item) return;
    this.#waiting = undefined;
    if (item === "end") waiting.resolve({ done: true, value: undefined });
    else if (item instanceof Error) waiting.reject(item);
    else waiting.resolve({ done: false, value: item });
  }
}
