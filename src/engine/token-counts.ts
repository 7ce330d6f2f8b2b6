// The distinct tokens of one sequence that a penalty concerns, and how often its output has each.
// Kept as the sequence grows, so that a step copies it and counts nothing.

import { withCapacity } from "./int-array.ts";

export class TokenCounts {
  /** Distinct tokens of the output and, if they count, the prompt; valid up to `numDistinct`. */
  tokenIds = new Int32Array(64);
  /** Times in the output, 0 for a token of the prompt only; valid up to `numDistinct`. */
  counts = new Int32Array(64);
  numDistinct = 0;
  readonly #indexOf = new Map<number, number>();

  addPromptToken(tokenId: number): void {
    this.#indexFor(tokenId);
  }

  addOutputToken(tokenId: number): void {
    const index = this.#indexFor(tokenId);
    this.counts[index] = (this.counts[index] as number) + 1;
  }

  #indexFor(tokenId: number): number {
    const known = this.#indexOf.get(tokenId);
    if (known !== undefined) return known;
    const index = this.numDistinct++;
    this.tokenIds = withCapacity(this.tokenIds, this.numDistinct);
    this.counts = withCapacity(this.counts, this.numDistinct);
    this.tokenIds[index] = tokenId;
    this.#indexOf.set(tokenId, index);
    return index;
  }
}
