// The engine's benchmark asks this of an engine, ours or the peer's. All rates are tokens a second.

import type { BenchModel } from "./bench-model.ts";

/** Tokens of each sequence's prompt before its decoding is measured. */
export const CONTEXT = 128;

export interface BenchEngine {
  /** `batch` sequences of CONTEXT tokens each, decoding together for `numSteps` steps. */
  decode(batch: number, numSteps: number): Promise<number>;
  /** A prompt of `numTokens`, up to its first sampled token. */
  prefill(numTokens: number): Promise<number>;
  close(): Promise<void>;
}

export interface Peer {
  /** Name for the table's head. */
  readonly name: string;
  open(model: BenchModel, threads: number): Promise<BenchEngine>;
  /** The command of a server with `numSlots`, where there is one. */
  serve?(
    model: BenchModel,
    options: { threads: number; numSlots: number; port: number },
  ): readonly string[];
}
