// Which tokens a sequence may have next, where something beside the model decides it: a grammar, or a list.

/** Work that may be done on masks now. Goes down as it is done. */
export interface MaskEffort {
  units: number;
}

/** One sequence's, asked once for each token that is sampled. An error of any call ends the sequence, and no other. */
export interface TokenMask {
  /** Works on the next mask as far as `effort` goes. True if `fillMask` takes no time now. */
  prepare(effort: MaskEffort): boolean;
  /** Sets a bit for each token that may come next, the first in the lowest, and clears all others: [vocabulary / 32, rounded up]. */
  fillMask(words: Uint32Array): void;
  /** The token comes next. False, and nothing changes, if it may not. */
  accept(tokenId: number): boolean;
  /** Takes back the last `numTokens` that were accepted. */
  rollback(numTokens: number): void;
  /** The output is whole, and no token can follow. */
  readonly isOver: boolean;
}

export const MASK_BITS = 32;

/** The same tokens, always. */
export class AllowedTokens {
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

  /** Takes what it does not allow out of another mask. */
  narrow(words: Uint32Array): void {
    for (let i = 0; i < words.length; i++) words[i] = (words[i] ?? 0) & (this.#words[i] ?? 0);
  }
}
