// A model runner turns a batch of tokens into next tokens. It knows tokens and blocks, no requests; one that plays a
// script (scripted-runner.ts) is no model, and looks at the sequences.
//
//     scheduler --fills--> batch --submit--> runner --wait--> sampledIds --read by--> engine
//
// Letters: S sequences and T tokens in a step, R rows of logits, M blocks per sequence, P penalised
// tokens, B banned tokens, A biases, L likeliest tokens, W words of a mask, H elements of a hidden state. All are bounded by RunnerLimits. Names follow vLLM's attention metadata.

import type { Sequence } from "./sequence.ts";
import type { StepRows } from "./step-rows.ts";

export interface RunnerLimits {
  /** Most sequences in a step (S). */
  readonly maxNumSeqs: number;
  /** Most rows of logits in a step (R); one for each sequence where it is not given. */
  readonly maxNumRows?: number;
  /** Most tokens in a step (T). */
  readonly maxNumBatchedTokens: number;
  /** Longest sequence in tokens, prompt and output. */
  readonly maxModelLen: number;
  /** Tokens per KV block. */
  readonly blockSize: number;
  /** The block ids that this runner may use: [firstBlock, firstBlock + numBlocks). */
  readonly firstBlock: number;
  readonly numBlocks: number;
  readonly vocabSize: number;
  /** Elements of a hidden state (H); undefined where the runner has none to tell. */
  readonly hiddenSize?: number;
  /** Tokens that each token attends to at most, its own included, in every layer; undefined is all. */
  readonly slidingWindow?: number;
}

/** Positions that attention reads together: from multiples of it on. */
export const ATTENTION_TILE = 64;

/**
 * The form that the scheduler fills in, array by array: what its elements are, and how many. The order
 * is that of `dyn_batch` in dynamo_engine.h, which calls them the same in snake_case. A token's place in its
 * sequence, and that of its K and V, follow from the first four.
 */
export const BATCH_ARRAYS = {
  tokenIds: [Int32Array, "T"], // tokens of all sequences, end to end
  queryStartLoc: [Int32Array, "S + 1"], // sequence s owns tokens [start[s], start[s + 1])
  seqLens: [Int32Array, "S"], // tokens to attend to: the last of them are this step's
  blockTables: [Int32Array, "S, M"], // KV block ids in sequence order; unused tail: any value
  rows: [Uint8Array, "R rows"], // as StepRows
  penaltyTokenIds: [Int32Array, "P"], // distinct tokens of prompt and output
  penaltyCounts: [Int32Array, "P"], // times in the output; 0 for a token of the prompt only
  bannedTokenIds: [Int32Array, "B"],
  biasTokenIds: [Int32Array, "A"],
  biases: [Float32Array, "A"], // minus infinity forbids
  masks: [Uint32Array, "R, W"], // a bit a token, the first in the lowest
  sampledIds: [Int32Array, "R"], // out; NO_SAMPLE where the logits were no distribution (NaN)
  logprobs: [Float32Array, "R"], // out: log-probability of each sampled id, before temperature
  ranks: [Int32Array, "R"], // out, where likeliest tokens are asked for or one is scored: its rank, from 1 on
  topIds: [Int32Array, "L"], // out: the likeliest of row r from r * MAX_LOGPROBS on
  topLogprobs: [Float32Array, "L"], // out, likewise
  hiddenStates: [Float32Array, "R, H"], // out, of rows that are pooled: behind the final norm
} as const;

type BatchArrays = {
  readonly [Name in keyof typeof BATCH_ARRAYS]: InstanceType<(typeof BATCH_ARRAYS)[Name][0]>;
};

/** The runner owns the arrays and lends them until it closes. */
export type StepBatch = Omit<BatchArrays, "rows"> & { readonly rows: StepRows };

/** Value of `sampledIds` for a row without a sample. The scheduler reads it once and knows it nowhere else. */
export const NO_SAMPLE = -1;

/** Most tokens that one row may forbid (stop ids before `min_tokens`). */
export const MAX_BANNED_TOKENS = 64;

/** Most biases of one row, forbidden words included. */
export const MAX_BIASES = 1024;

export interface StepShape {
  readonly numSeqs: number;
  readonly numTokens: number;
  readonly numRows: number;
}

export interface ModelRunner {
  readonly limits: RunnerLimits;
  readonly batch: StepBatch;
  /** Cost in ms of the smallest piece of a prompt: less time is never asked of one. */
  readonly minPrefillMs?: number;
  /** Starts one step over what the batch holds. The batch must not be touched until `wait` is done. */
  submit(shape: StepShape, sequences?: readonly Sequence[]): void;
  /** Resolves when the step's outputs are in the batch. May block the thread while it computes. */
  wait(): Promise<void>;
  /** Gives back the memory of blocks that no sequence holds, between steps. */
  discard?(runs: readonly BlockRun[]): void;
  close(): void;
}

/** The block ids [firstBlock, firstBlock + numBlocks). */
export interface BlockRun {
  readonly firstBlock: number;
  readonly numBlocks: number;
}
