// Writes what the scheduler chose into the runner's arrays.
//
// Per step, 256 sequences: with scheduling and results < 200 µs (test/bench/step-overhead.ts). So index
// loops, and no object per token.

import {
  MAX_BANNED_TOKENS,
  type RunnerLimits,
  type StepBatch,
  type StepShape,
} from "./model-runner.ts";
import type { SchedulerOutput } from "./scheduler.ts";
import type { Sequence } from "./sequence.ts";
import { maxBlocksPerSeq } from "./step-batch.ts";

/** A smaller one is 0 in F32 sooner or later, and logits are divided by it. */
const MIN_REPETITION_PENALTY = 1e-20;

export function fillBatch(
  batch: StepBatch,
  limits: RunnerLimits,
  { sequences }: Pick<SchedulerOutput, "sequences">,
): StepShape {
  const tableWidth = maxBlocksPerSeq(limits);
  let numTokens = 0;
  let numRows = 0;
  batch.queryStartLoc[0] = 0;
  for (let s = 0; s < sequences.length; s++) {
    const sequence = sequences[s] as Sequence;
    fillTokens(batch, sequence, numTokens);
    fillTable(batch, sequence, s * tableWidth);
    numTokens += sequence.numScheduledTokens;
    batch.queryStartLoc[s + 1] = numTokens;
    batch.seqLens[s] = sequence.numComputedTokens + sequence.numScheduledTokens;
    numRows = fillRows(batch, limits.vocabSize, sequence, { numTokens, numRows });
  }
  return { numSeqs: sequences.length, numTokens, numRows };
}

/** One row for the next token, and one behind each draft, as if the drafts before it were output. */
function fillRows(
  batch: StepBatch,
  vocabSize: number,
  sequence: Sequence,
  at: Pick<StepShape, "numTokens" | "numRows">,
): number {
  const { numSampledRows, numTokens, numOutputTokens, tokenIds, tokenCounts } = sequence;
  let row = at.numRows;
  for (let i = 0; i < numSampledRows; i++, row++) {
    if (i > 0) tokenCounts?.addOutputToken(tokenIds[numTokens + i - 1] as number);
    batch.rows.token.set(row, at.numTokens - numSampledRows + i);
    fillSampling(batch, vocabSize, sequence, row);
    fillPenalties(batch, sequence, row);
    fillBanned(batch, vocabSize, sequence.stop, { row, numOutputTokens: numOutputTokens + i });
  }
  for (let i = numSampledRows - 2; i >= 0; i--) {
    tokenCounts?.removeOutputToken(tokenIds[numTokens + i] as number);
  }
  return row;
}

function fillTokens(batch: StepBatch, sequence: Sequence, start: number): void {
  const { tokenIds, numComputedTokens, numScheduledTokens } = sequence;
  for (let i = 0; i < numScheduledTokens; i++) {
    batch.tokenIds[start + i] = tokenIds[numComputedTokens + i] as number;
  }
}

function fillTable(batch: StepBatch, { table }: Sequence, start: number): void {
  const { blockIds, numBlocks } = table;
  for (let i = 0; i < numBlocks; i++) batch.blockTables[start + i] = blockIds[i] as number;
}

/** Clients may ask for more than 32 bits hold: a bound that changes no choice keeps it within them. */
export function fillSampling(
  { rows }: StepBatch,
  vocabSize: number,
  { sampling }: Pick<Sequence, "sampling">,
  row: number,
): void {
  rows.temperature.set(row, sampling.temperature);
  rows.topP.set(row, sampling.topP);
  rows.minP.set(row, sampling.minP);
  rows.topK.set(row, Math.min(sampling.topK, vocabSize));
  rows.seed.set(row, sampling.seed);
  rows.presencePenalty.set(row, sampling.presencePenalty);
  rows.frequencyPenalty.set(row, sampling.frequencyPenalty);
  rows.repetitionPenalty.set(row, Math.max(sampling.repetitionPenalty, MIN_REPETITION_PENALTY));
}

/** Behind the list of the row before. */
function fillPenalties(batch: StepBatch, { tokenCounts }: Sequence, row: number): void {
  const { rows, penaltyTokenIds, penaltyCounts } = batch;
  const start = row === 0 ? 0 : rows.penaltyStart.at(row - 1) + rows.numPenalties.at(row - 1);
  rows.penaltyStart.set(row, start);
  rows.numPenalties.set(row, tokenCounts?.numDistinct ?? 0);
  if (tokenCounts === undefined) return;
  const { tokenIds, counts, numDistinct } = tokenCounts;
  // Thousands a row: two block copies are quicker than a loop, though each makes a view.
  penaltyTokenIds.set(tokenIds.subarray(0, numDistinct), start);
  penaltyCounts.set(counts.subarray(0, numDistinct), start);
}

/** Stop tokens that would come too early. */
function fillBanned(
  { rows, bannedTokenIds }: StepBatch,
  vocabSize: number,
  { minTokens, stopTokenIds }: Sequence["stop"],
  { row, numOutputTokens }: { readonly row: number; readonly numOutputTokens: number },
): void {
  const start = row * MAX_BANNED_TOKENS;
  let end = start;
  if (numOutputTokens < minTokens) {
    for (const tokenId of stopTokenIds) {
      // Some models name an end token that their head has no row for.
      if (tokenId < vocabSize) bannedTokenIds[end++] = tokenId;
    }
  }
  rows.bannedStart.set(row, start);
  rows.numBanned.set(row, end - start);
}
