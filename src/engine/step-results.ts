// Results of a step, row by row: a part of its batch.

/** Most likeliest tokens that one row names. */
export const MAX_LOGPROBS = 20;

export interface StepResults {
  readonly sampledIds: Int32Array;
  readonly logprobs: Float32Array;
  readonly ranks: Int32Array;
  readonly topIds: Int32Array;
  readonly topLogprobs: Float32Array;
  /** As many elements for each row as the model's hidden size. */
  readonly hiddenStates: Float32Array;
}
