// How long outputs get, by what they may at most: a chat may fill the context, and ends after a page. Learned from the
// sequences that ended by themselves.

/** Weight of the newest of a kind. */
const NEWEST = 1 / 16;
/** For a kind of which none has ended yet. */
const FIRST_GUESS = 256;

export class OutputLengths {
  /** Means, by the logarithm of the most tokens that such an output may have. */
  readonly #means: (number | undefined)[] = [];

  /** Tokens that an output of at most `maxTokens` will have. */
  expect(maxTokens: number): number {
    return Math.min(maxTokens, Math.ceil(this.#means[kindOf(maxTokens)] ?? FIRST_GUESS));
  }

  /** An output of at most `maxTokens` has ended with `numTokens`. */
  note(maxTokens: number, numTokens: number): void {
    const kind = kindOf(maxTokens);
    const mean = this.#means[kind];
    this.#means[kind] = mean === undefined ? numTokens : mean + NEWEST * (numTokens - mean);
  }
}

function kindOf(maxTokens: number): number {
  return Math.floor(Math.log2(Math.max(1, maxTokens)));
}
