// Log-probabilities of tokens of one sequence, as steps say them: of each token, and of the likeliest in its place.

import type { TokenLogprobs } from "../protocol/llm.ts";
import { MAX_LOGPROBS, type StepResults } from "./step-results.ts";

const FIRST_CAPACITY = 16;

export class LogprobLog {
  /** Likeliest tokens for each. */
  readonly numTop: number;
  #length = 0;
  #logprobs = new Float32Array(FIRST_CAPACITY);
  #ranks = new Int32Array(FIRST_CAPACITY);
  #topIds: Int32Array;
  #topLogprobs: Float32Array;

  constructor(numTop: number) {
    this.numTop = numTop;
    this.#topIds = new Int32Array(FIRST_CAPACITY * numTop);
    this.#topLogprobs = new Float32Array(FIRST_CAPACITY * numTop);
  }

  /** Tokens so far. */
  get length(): number {
    return this.#length;
  }

  /** Takes in what the step says in row `row`. */
  add({ logprobs, ranks, topIds, topLogprobs }: StepResults, row: number): void {
    if (this.#length === this.#logprobs.length) this.#grow();
    const index = this.#length++;
    this.#logprobs[index] = logprobs[row] ?? 0;
    this.#ranks[index] = ranks[row] ?? 0;
    const from = row * MAX_LOGPROBS;
    const to = from + this.numTop;
    this.#topIds.set(topIds.subarray(from, to), index * this.numTop);
    this.#topLogprobs.set(topLogprobs.subarray(from, to), index * this.numTop);
  }

  /** A copy of those of tokens [start, end). */
  slice(start: number, end: number): TokenLogprobs {
    return {
      logprobs: this.#logprobs.slice(start, end),
      ranks: this.#ranks.slice(start, end),
      topIds: this.#topIds.slice(start * this.numTop, end * this.numTop),
      topLogprobs: this.#topLogprobs.slice(start * this.numTop, end * this.numTop),
    };
  }

  #grow(): void {
    this.#logprobs = doubled(this.#logprobs, Float32Array);
    this.#ranks = doubled(this.#ranks, Int32Array);
    this.#topIds = doubled(this.#topIds, Int32Array);
    this.#topLogprobs = doubled(this.#topLogprobs, Float32Array);
  }
}

function doubled<A extends Float32Array | Int32Array>(
  array: A,
  Type: new (length: number) => A,
): A {
  const grown = new Type(2 * array.length);
  grown.set(array);
  return grown;
}
