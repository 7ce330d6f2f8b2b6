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
  /** Those of the prompt come first. */
  #numPromptDistinct = 0;

  addPromptToken(tokenId: number): void {
    this.#indexFor(tokenId);
    this.#numPromptDistinct = this.numDistinct;
  }

  addOutputToken(tokenId: number): void {
    const index = this.#indexFor(tokenId);
    this.counts[index] = (this.counts[index] as number) + 1;
  }

  /** Takes back the last `addOutputToken` that was not taken back. */
  removeOutputToken(tokenId: number): void {
    const index = this.#indexFor(tokenId);
    const count = (this.counts[index] as number) - 1;
    this.counts[index] = count;
    if (count > 0 || index < this.#numPromptDistinct) return;
    this.numDistinct -= 1; // It was new, so it is the last.
    this.#indexOf.delete(tokenId);
  }

  #indexFor(tokenId: number): number {
    const known = this.#indexOf.get(tokenId);
    if (known !== undefined) return known;
    const index = this.numDistinct++;
    this.tokenIds = withCapacity(this.tokenIds, this.numDistinct);
    this.counts = withCapacity(this.counts, this.numDistinct);
    this.tokenIds[index] = tokenId;
    this.counts[index] = 0;
    this.#indexOf.set(tokenId, index);
    return index;
  }
}
