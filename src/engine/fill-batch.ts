// Writes what the scheduler chose into the runner's arrays.
//
// Per step, 256 sequences: with scheduling and results < 200 µs (test/bench/step-overhead.ts). So index
// loops, and no object per token.

import {
  MAX_BANNED_TOKENS,
  MAX_BIASES,
  type RunnerLimits,
  type StepBatch,
  type StepShape,
} from "./model-runner.ts";
import type { SchedulerOutput } from "./scheduler-types.ts";
import type { Sequence } from "./sequence.ts";
import { maskWords, maxBlocksPerSeq } from "./step-batch.ts";
import { type RowColumn, RowKind } from "./step-rows.ts";

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
    numRows = fillScores(batch, sequence, { numTokens, numRows });
    numRows = fillRows(batch, limits.vocabSize, sequence, { numTokens, numRows });
  }
  return { numSeqs: sequences.length, numTokens, numRows };
}

/** One row for each token of the prompt whose log-probability this step tells. */
function fillScores(
  batch: StepBatch,
  sequence: Sequence,
  { numTokens, numRows }: Pick<StepShape, "numTokens" | "numRows">,
): number {
  const { numScoredRows, promptLogprobs, numComputedTokens, numScheduledTokens } = sequence;
  if (promptLogprobs === undefined || numScoredRows === 0) return numRows;
  const { rows } = batch;
  const firstTarget = sequence.firstScored;
  const start = numTokens - numScheduledTokens - numComputedTokens;
  for (let i = 0; i < numScoredRows; i++) {
    const row = numRows + i;
    clearRow(batch, row);
    rows.kind.set(row, RowKind.SCORE);
    rows.token.set(row, start + firstTarget + i - 1);
    rows.target.set(row, sequence.tokenIds[firstTarget + i] as number);
    rows.numLogprobs.set(row, promptLogprobs.numTop);
  }
  return numRows + numScoredRows;
}

/** A greedy row with empty lists, which begin where those of the row before end. */
function clearRow({ rows }: StepBatch, row: number): void {
  rows.temperature.set(row, 0);
  rows.topP.set(row, 1);
  rows.minP.set(row, 0);
  rows.topK.set(row, 0);
  rows.presencePenalty.set(row, 0);
  rows.frequencyPenalty.set(row, 0);
  rows.repetitionPenalty.set(row, 1);
  rows.penaltyStart.set(row, endOf(rows.penaltyStart, rows.numPenalties, row));
  rows.numPenalties.set(row, 0);
  rows.bannedStart.set(row, 0);
  rows.numBanned.set(row, 0);
  rows.biasStart.set(row, 0);
  rows.numBiases.set(row, 0);
  rows.mask.set(row, 0);
}

/** Gives the end of the list of the row before. */
function endOf(start: RowColumn<number>, count: RowColumn<number>, row: number): number {
  return row === 0 ? 0 : start.at(row - 1) + count.at(row - 1);
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
    fillBiases(batch, sequence, { row, end: numTokens + i });
    if (i > 0) sequence.mask?.redoDraft(tokenIds[numTokens + i - 1] as number);
    fillMask(batch, vocabSize, sequence, row);
    batch.rows.kind.set(row, sequence.isPooled ? RowKind.POOL : RowKind.SAMPLE);
    batch.rows.numLogprobs.set(row, sequence.outputLogprobs?.numTop ?? 0);
  }
  if (numSampledRows > 1) sequence.mask?.rollback(numSampledRows - 1);
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
  const start = endOf(rows.penaltyStart, rows.numPenalties, row);
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

/** Writes biases of the client, and tokens that would complete a forbidden word behind tokens [0, end). */
function fillBiases(
  { rows, biasTokenIds, biases }: StepBatch,
  { sampling, tokenIds, numPromptTokens }: Sequence,
  { row, end }: { readonly row: number; readonly end: number },
): void {
  const { logitBias, badWords } = sampling;
  const start = row * MAX_BIASES;
  let at = start;
  if (logitBias !== undefined) {
    for (let i = 0; i < logitBias.tokenIds.length; i++) {
      biasTokenIds[at] = logitBias.tokenIds[i] as number;
      biases[at++] = logitBias.biases[i] as number;
    }
  }
  for (const word of badWords ?? []) {
    if (!endsWith(tokenIds.subarray(numPromptTokens, end), word, word.length - 1)) continue;
    biasTokenIds[at] = word[word.length - 1] as number;
    biases[at++] = Number.NEGATIVE_INFINITY;
  }
  rows.biasStart.set(row, start);
  rows.numBiases.set(row, at - start);
}

/** True if `tokenIds` end with the first `length` of `word`. */
function endsWith(tokenIds: Int32Array, word: readonly number[], length: number): boolean {
  const first = tokenIds.length - length;
  if (first < 0) return false;
  for (let i = 0; i < length; i++) if (tokenIds[first + i] !== word[i]) return false;
  return true;
}

function fillMask(
  { rows, masks }: StepBatch,
  vocabSize: number,
  { mask, allowedTokens }: Sequence,
  row: number,
): void {
  if (mask === undefined && allowedTokens === undefined) {
    rows.mask.set(row, 0);
    return;
  }
  const numWords = maskWords({ vocabSize });
  const words = masks.subarray(row * numWords, (row + 1) * numWords);
  allowedTokens?.fillMask(words);
  const isHeld = mask === undefined || mask.fill(words, allowedTokens);
  rows.mask.set(row, isHeld ? row + 1 : 0);
}
