// How a processor tells frontends what it serves: a key under `models/` for as long as it can route to a worker.

export const MODELS_PREFIX = "models/";

export interface PublishedModel {
  /** The last part of the model's path. */
  readonly name: string;
  /** Other names that it always answers to. */
  readonly aliases: readonly string[];
  /** Seconds since the Unix epoch. */
  readonly created: number;
  /** Tokens that prompt and output may have together. */
  readonly maxModelLen: number;
}
