// The mask of one sequence, with the place for its faults: what goes wrong with a grammar ends its own sequence only.

import { BrokenGrammarError, DeadEndError } from "./engine-error.ts";
import type { AllowedTokens, MaskEffort, TokenMask } from "./token-mask.ts";

export class SequenceMask {
  /** Why the sequence cannot go on. Its next step ends it with this. */
  fault: Error | undefined;
  readonly #mask: TokenMask;
  #numAccepted = 0;

  constructor(mask: TokenMask) {
    this.#mask = mask;
  }

  /** The output is whole, and no token can follow. */
  get isOver(): boolean {
    return this.#mask.isOver;
  }

  /** True if the sequence can run: its mask is ready, or there will be none. */
  prepare(effort: MaskEffort): boolean {
    return this.#try(() => this.#mask.prepare(effort)) ?? true;
  }

  /** Writes the mask of the next token; false, and nothing is held to it, where the sequence cannot go on. */
  fill(words: Uint32Array, allowed: AllowedTokens | undefined): boolean {
    this.#try(() => this.#mask.fillMask(words));
    if (this.fault !== undefined) return false;
    allowed?.narrow(words);
    if (isEmpty(words)) this.fault = new DeadEndError(this.#numAccepted);
    return this.fault === undefined;
  }

  /** Takes the next token. False if it may not come: then the sequence cannot go on. */
  accept(tokenId: number): boolean {
    const isAccepted = this.#try(() => this.#mask.accept(tokenId)) ?? false;
    if (isAccepted) this.#numAccepted++;
    else this.fault ??= new BrokenGrammarError(tokenId, this.#numAccepted);
    return isAccepted;
  }

  /** Takes a guess, whose mask is ready. False, and nothing changes, if it may not come or the next mask is not. */
  tryDraft(tokenId: number, effort: MaskEffort): boolean {
    if (this.#try(() => this.#mask.accept(tokenId)) !== true) return false;
    if (!this.#mask.isOver && this.prepare(effort) && this.fault === undefined) return true;
    this.#mask.rollback(1);
    return false;
  }

  /** Takes guesses back. */
  rollback(numTokens: number): void {
    if (this.fault === undefined) this.#mask.rollback(numTokens);
  }

  /** Goes over guesses that were tried before. */
  redoDraft(tokenId: number): void {
    this.#try(() => this.#mask.accept(tokenId));
  }

  #try<T>(work: () => T): T | undefined {
    if (this.fault !== undefined) return undefined;
    try {
      return work();
    } catch (error) {
      this.fault = error instanceof Error ? error : new Error(String(error));
      return undefined;
    }
  }
}

function isEmpty(words: Uint32Array): boolean {
  for (let i = 0; i < words.length; i++) if (words[i] !== 0) return false;
  return true;
}
