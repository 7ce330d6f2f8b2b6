// Responses that are being made, so that another request can end one.

import type { Logger } from "../base/log.ts";
import type { TextOutput } from "../protocol/llm.ts";

export class RunningResponses {
  readonly #runs = new Map<string, Run>();
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  begin(owner: number): Run {
    return new Run(owner, this.#runs, this.#log);
  }

  /** One that is being made for this owner. */
  find(owner: number, id: string): Run | undefined {
    const run = this.#runs.get(id);
    return run?.owner === owner ? run : undefined;
  }
}

/** One response on its way. */
export class Run {
  readonly owner: number;
  isCancelled = false;
  /** The whole response; undefined if its client left before, or it failed. */
  readonly response: Promise<object | undefined>;
  readonly #runs: Map<string, Run>;
  readonly #log: Logger;
  readonly #resolve: (response: object | undefined) => void;
  #id = "";
  #outputs: AsyncIterator<TextOutput> | undefined;
  #latest: TextOutput = NOTHING;
  /** The output that ends a cancelled choice was given. */
  #isOver = false;

  constructor(owner: number, runs: Map<string, Run>, log: Logger) {
    const { promise, resolve } = Promise.withResolvers<object | undefined>();
    this.owner = owner;
    this.response = promise;
    this.#runs = runs;
    this.#log = log;
    this.#resolve = resolve;
  }

  /** The same outputs; after `cancel`, one more that ends the choice. */
  watch(id: string, outputs: AsyncIterable<TextOutput>): AsyncIterableIterator<TextOutput> {
    this.#id = id;
    this.#outputs = outputs[Symbol.asyncIterator]();
    this.#runs.set(id, this);
    const iterator: AsyncIterableIterator<TextOutput> = {
      [Symbol.asyncIterator]: () => iterator,
      next: () => this.#next(),
      return: async () => {
        this.end(undefined);
        await this.#outputs?.return?.();
        return { done: true, value: undefined };
      },
    };
    return iterator;
  }

  cancel(): void {
    this.isCancelled = true;
    this.#outputs?.return?.().catch((error: unknown) => {
      const fields = { request: this.#id, error: String(error) };
      this.#log.warn("a cancelled request did not end well", fields);
    });
  }

  end(response: object | undefined): void {
    if (this.#runs.get(this.#id) === this) this.#runs.delete(this.#id);
    this.#resolve(response);
  }

  // per output: no allocation but the promise
  async #next(): Promise<IteratorResult<TextOutput>> {
    if (this.#isOver) return { done: true, value: undefined };
    try {
      const result = await this.#outputs?.next();
      if (result && !result.done && !this.isCancelled) {
        this.#latest = result.value;
        return result;
      }
    } catch (error) {
      this.end(undefined);
      if (!this.isCancelled) throw error;
    }
    if (!this.isCancelled) return { done: true, value: undefined };
    const { index, numPromptTokens, numCachedTokens } = this.#latest;
    const counts = { index, numPromptTokens, numCachedTokens, numTokens: 0 };
    this.#isOver = true;
    return { done: false, value: { ...counts, text: "", finishReason: "stop" } };
  }
}

const NOTHING: TextOutput = {
  ...{ index: 0, text: "", numTokens: 0, numPromptTokens: 0, numCachedTokens: 0 },
};
