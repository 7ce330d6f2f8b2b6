// Which tokens a sequence may have next, where something beside the model decides it: a grammar, or a list.

/** One sequence's, asked once for each token that is sampled. Errors of either call end the sequence. */
export interface TokenMask {
  /** Sets a bit for each token that may come next, the first in the lowest, and clears all others: [vocabulary / 32, rounded up]. */
  fillMask(words: Uint32Array): void;
  /** The token was sampled. */
  accept(tokenId: number): void;
}

export const MASK_BITS = 32;

/** The same tokens, always. */
export class AllowedTokens implements TokenMask {
  readonly #words: Uint32Array;

  constructor(tokenIds: Iterable<number>, vocabSize: number) {
    this.#words = new Uint32Array(Math.ceil(vocabSize / MASK_BITS));
    for (const tokenId of tokenIds) {
      const word = Math.floor(tokenId / MASK_BITS);
      this.#words[word] = (this.#words[word] ?? 0) | (1 << (tokenId % MASK_BITS));
    }
  }

  fillMask(words: Uint32Array): void {
    words.set(this.#words);
  }

  accept(): void {}

  /** Takes what it does not allow out of another mask. */
  narrow(words: Uint32Array): void {
    for (let i = 0; i < words.length; i++) words[i] = (words[i] ?? 0) & (this.#words[i] ?? 0);
  }
}
