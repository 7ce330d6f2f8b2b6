// A model runner turns a batch of tokens into next tokens. It knows tokens and blocks, no requests:
//
//     scheduler --fills--> batch --submit--> runner --wait--> sampledIds --read by--> engine
//
// Letters: S sequences and T tokens in a step, R rows of logits, M blocks per sequence, P penalised
// tokens, B banned tokens. All are bounded by RunnerLimits. Names follow vLLM's attention metadata.

export interface RunnerLimits {
  /** Most sequences in a step (S). */
  readonly maxNumSeqs: number;
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
}

/** The form that the scheduler fills in. The runner owns the arrays and lends them until it closes. */
export interface StepBatch {
  readonly tokenIds: Int32Array; // [T]     tokens of all sequences, end to end
  readonly positions: Int32Array; // [T]     index of each token in its own sequence
  readonly slotMapping: Int32Array; // [T]     where K and V go: blockId * blockSize + offset
  readonly queryStartLoc: Int32Array; // [S + 1] sequence s owns tokens [start[s], start[s + 1])
  readonly seqLens: Int32Array; // [S]     tokens to attend to, those of this step included
  readonly blockTables: Int32Array; // [S, M]  KV block ids in sequence order; unused tail: any value
  readonly logitsRows: Int32Array; // [R]     rows of T to sample; R <= S
  readonly temperature: Float32Array; // [R]     0 is greedy
  readonly topP: Float32Array; // [R]     1 is off
  readonly minP: Float32Array; // [R]     0 is off
  readonly topK: Int32Array; // [R]     0 is off
  readonly seed: BigUint64Array; // [R]     random numbers are f(seed, position) and nothing else
  readonly presencePenalty: Float32Array; // [R]     0 is off
  readonly frequencyPenalty: Float32Array; // [R]     0 is off
  readonly repetitionPenalty: Float32Array; // [R]     1 is off
  readonly penaltyStartLoc: Int32Array; // [R + 1] row r owns penalised tokens [start[r], start[r + 1])
  readonly penaltyTokenIds: Int32Array; // [P]     distinct tokens of prompt and output; P <= S * maxModelLen
  readonly penaltyCounts: Int32Array; // [P]     times in the output; 0 for a token of the prompt only
  readonly bannedStartLoc: Int32Array; // [R + 1] row r may not sample tokens [start[r], start[r + 1])
  readonly bannedTokenIds: Int32Array; // [B]     B <= S * MAX_BANNED_TOKENS
  readonly sampledIds: Int32Array; // [R]     out
  readonly logprobs: Float32Array; // [R]     out: log-probability of each sampled id, before temperature
}

/** Most tokens that one row may forbid (stop ids before `min_tokens`). */
export const MAX_BANNED_TOKENS = 16;

export interface StepShape {
  readonly numSeqs: number;
  readonly numTokens: number;
  readonly numRows: number;
}

export interface ModelRunner {
  readonly limits: RunnerLimits;
  readonly batch: StepBatch;
  /** Starts one step over what the batch holds. The batch must not be touched until `wait` is done. */
  submit(shape: StepShape): void;
  /** Resolves when the step's outputs are in the batch. May block the thread while it computes. */
  wait(): Promise<void>;
  close(): void;
}
