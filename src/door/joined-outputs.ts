// Outputs of a stream joined, so that its client gets fewer events: one for every so many tokens of a choice.

import type { TextOutput } from "../protocol/llm.ts";

/**
 * The first output of each choice comes at once, later ones when they stand for `interval` tokens or more, and the last
 * with all that was held. Pieces stay in order: text behind a call does not come before it.
 */
export class JoinedOutputs implements AsyncIterableIterator<TextOutput> {
  readonly #source: AsyncIterator<TextOutput>;
  readonly #interval: number;
  readonly #begun = new Set<number>();
  readonly #held = new Map<number, TextOutput>();
  readonly #ready: TextOutput[] = [];

  constructor(source: AsyncIterable<TextOutput>, interval: number) {
    this.#source = source[Symbol.asyncIterator]();
    this.#interval = interval;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<TextOutput>> {
    for (;;) {
      const ready = this.#ready.shift();
      if (ready !== undefined) return { done: false, value: ready };
      const result = await this.#source.next();
      if (result.done) return result;
      this.#take(result.value);
    }
  }

  /** At once, also while `next` waits. */
  async return(): Promise<IteratorResult<TextOutput>> {
    await this.#source.return?.();
    return { done: true, value: undefined };
  }

  #take(output: TextOutput): void {
    const { index, finishReason, restarts } = output;
    if (restarts) this.#held.delete(index); // it is void
    const held = this.#held.get(index);
    const isApart = held !== undefined && !follows(held, output);
    if (isApart) this.#ready.push(held);
    const joined = held === undefined || isApart ? output : join(held, output);
    const isFirst = !this.#begun.has(index);
    this.#begun.add(index);
    if (isFirst || finishReason !== undefined || joined.numTokens >= this.#interval) {
      this.#held.delete(index);
      this.#ready.push(joined);
    } else this.#held.set(index, joined);
  }
}

/** True if both can be told as one: a piece tells its thoughts first, then its text, then its calls. */
function follows(held: TextOutput, output: TextOutput): boolean {
  const isTextBehindCall = held.toolCalls !== undefined && output.text !== "";
  const isThoughtBehind = held.toolCalls !== undefined || held.text !== "";
  return !isTextBehindCall && !(output.reasoning !== undefined && isThoughtBehind);
}

function join(first: TextOutput, next: TextOutput): TextOutput {
  return {
    ...first,
    ...next,
    text: first.text + next.text,
    numTokens: first.numTokens + next.numTokens,
    ...both(first.reasoning, next.reasoning, (a, b) => ({ reasoning: a + b })),
    ...both(first.toolCalls, next.toolCalls, (a, b) => ({ toolCalls: [...a, ...b] })),
    ...both(first.logprobs, next.logprobs, (a, b) => ({ logprobs: [...a, ...b] })),
    ...both(first.tokenIds, next.tokenIds, (a, b) => ({ tokenIds: [...a, ...b] })),
    ...both(first.numReasoningTokens, next.numReasoningTokens, (a, b) => ({
      numReasoningTokens: a + b,
    })),
  };
}

/** Joins a field that both have. The spread has one that only one has. */
function both<T>(a: T, b: T, join: (a: NonNullable<T>, b: NonNullable<T>) => Partial<TextOutput>) {
  return a === undefined || a === null || b === undefined || b === null ? {} : join(a, b);
}
