// The guesses of running sequences: how many tokens of which are drafted for a step to verify, and what became of them.

import type { BlockManager } from "./block-manager.ts";
import type { RunnerLimits } from "./model-runner.ts";
import type { NgramDrafter } from "./ngram-drafter.ts";
import type { Sequence } from "./sequence.ts";
import type { SequenceMask } from "./sequence-mask.ts";
import { maxRows } from "./step-batch.ts";
import type { MaskEffort } from "./token-mask.ts";

/** Steps of a sequence that verified drafts, tokens drafted, and those of them that were right. */
export interface DraftCounts {
  readonly draftsTotal: number;
  readonly draftTokensTotal: number;
  readonly acceptedTokensTotal: number;
}

/** Counts of the step so far, and how many sequences run in all. */
interface StepSoFar {
  readonly numSequences: number;
  readonly numTokens: number;
  readonly numRunning: number;
}

export class Drafts {
  readonly #limits: RunnerLimits;
  readonly #blocks: BlockManager;
  readonly #drafter: NgramDrafter | undefined;
  /** Rows of a step beyond one for each sequence. */
  readonly #maxDraftTokens: number;
  #numDrafts = 0;
  #numDraftTokens = 0;
  #numAcceptedTokens = 0;

  constructor(limits: RunnerLimits, blocks: BlockManager, drafter: NgramDrafter | undefined) {
    this.#limits = limits;
    this.#blocks = blocks;
    this.#drafter = drafter;
    this.#maxDraftTokens = maxRows(limits) - limits.maxNumSeqs;
  }

  get areMade(): boolean {
    return this.#drafter !== undefined;
  }

  get counts(): DraftCounts {
    return {
      draftsTotal: this.#numDrafts,
      draftTokensTotal: this.#numDraftTokens,
      acceptedTokensTotal: this.#numAcceptedTokens,
    };
  }

  /** Guesses tokens for the step to verify, where there is room for them that no other sequence needs. */
  draft(sequence: Sequence, step: StepSoFar, effort: MaskEffort): void {
    if (this.#drafter === undefined) return;
    const { numSpeculativeTokens, disableByBatchSize } = this.#drafter.options;
    const { numRunning } = step;
    if (sequence.isPooled) return; // No token is sampled behind its prompt.
    if (numRunning > disableByBatchSize) return;
    const { table, numTokens } = sequence;
    // The last token of an output is sampled, not drafted.
    const numLeft = sequence.stop.maxTokens - sequence.numOutputTokens - 1;
    const numTokensLeft = this.#limits.maxNumBatchedTokens - step.numTokens - numRunning;
    const numRowsLeft = this.#maxDraftTokens - (step.numTokens - step.numSequences);
    const most = Math.min(numSpeculativeTokens, numLeft, numTokensLeft, numRowsLeft);
    if (most <= 0) return;
    const numToTake = this.#blocks.numBlocksToTake(table, numTokens + most);
    if (numToTake > 0 && numToTake + numRunning > this.#blocks.numFreeBlocks) return;
    this.#drafter.draft(sequence, most);
    if (sequence.mask !== undefined) keepAllowed(sequence, sequence.mask, effort);
    this.#blocks.allocate(table, numTokens + sequence.numDraftTokens);
  }

  /** Twice as many guesses after right ones only; after a wrong one, one more than were right. */
  note(sequence: Sequence, numAccepted: number): void {
    const { numDraftTokens } = sequence;
    if (numDraftTokens === 0) return;
    this.#numDrafts += 1;
    this.#numDraftTokens += numDraftTokens;
    this.#numAcceptedTokens += numAccepted;
    sequence.draftLength = numAccepted === numDraftTokens ? 2 * numDraftTokens : numAccepted + 1;
  }
}

/** Cuts the drafts at the first that may not come, or whose row would have to wait for its mask. */
function keepAllowed(sequence: Sequence, mask: SequenceMask, effort: MaskEffort): void {
  const { numTokens, numDraftTokens, tokenIds } = sequence;
  let numKept = 0;
  while (numKept < numDraftTokens) {
    if (!mask.tryDraft(tokenIds[numTokens + numKept] as number, effort)) break;
    numKept++;
  }
  mask.rollback(numKept);
  sequence.cutDrafts(numKept);
}
