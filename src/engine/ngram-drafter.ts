// Guesses what a sequence will say next by what it has said: where its last few tokens stood before, the tokens that
// followed them there (prompt lookup; vLLM v1/spec_decode/ngram_proposer.py). A step verifies the guesses by sampling
// each position with its own seed and penalties, and keeps them as far as they are what it samples. So the output is
// that of decoding token by token, bit by bit.

import type { Sequence } from "./sequence.ts";

export interface NgramOptions {
  /** Most tokens guessed at once. */
  readonly numSpeculativeTokens: number;
  /** Most and fewest last tokens that must have stood there before. */
  readonly promptLookupMax: number;
  readonly promptLookupMin: number;
  /** With more sequences than this in a step none is guessed for: verifying costs more than it saves. */
  readonly disableByBatchSize: number;
}

/** Most guesses in one step, over all its sequences: a step of 32 rows takes about three times as long as one of 1. */
export const MAX_DRAFT_TOKENS = 24;

/** Tokens looked back over, so that a step of a long context keeps its budget: some 20 µs. */
const MAX_LOOKBACK = 1 << 14;

export class NgramDrafter {
  readonly options: NgramOptions;

  constructor(options: NgramOptions) {
    this.options = options;
  }

  /** Appends up to `maxTokens` guesses to the sequence, as drafts. */
  draft(sequence: Sequence, maxTokens: number): void {
    const wanted = Math.min(maxTokens, sequence.draftLength, this.options.numSpeculativeTokens);
    if (wanted <= 0) return;
    const from = this.#afterMatch(sequence);
    // A match that overlaps the end repeats itself: the guesses are read as they are appended.
    for (let i = 0; from !== undefined && i < wanted; i++) {
      sequence.appendDraft(sequence.tokenIds[from + i] as number);
    }
  }

  /** Index after the longest match of the last tokens; of equally long ones, the latest. */
  #afterMatch({ tokenIds, numTokens }: Sequence): number | undefined {
    const { promptLookupMax, promptLookupMin } = this.options;
    const last = numTokens - 1;
    const first = Math.max(0, numTokens - MAX_LOOKBACK);
    let bestLength = promptLookupMin - 1;
    let best: number | undefined;
    for (let end = last - 1; end >= first && bestLength < promptLookupMax; end--) {
      let length = 0;
      while (
        length < promptLookupMax &&
        end - length >= first &&
        tokenIds[end - length] === tokenIds[last - length]
      ) {
        length += 1;
      }
      if (length <= bestLength) continue;
      bestLength = length;
      best = end + 1;
    }
    return best;
  }
}
