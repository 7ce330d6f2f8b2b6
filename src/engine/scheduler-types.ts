// A scheduler's borders: its options, the work of a step, and its numbers. Types only.

import type { DraftCounts } from "./drafts.ts";
import type { NgramDrafter } from "./ngram-drafter.ts";
import type { PrefillPacer } from "./prefill-pacer.ts";
import type { RemotePrefill } from "./remote-prefill.ts";
import type { Sequence } from "./sequence.ts";

/** One step's work, valid until the next is scheduled. Each sequence knows its share of it. */
export interface SchedulerOutput {
  /** Decodes first. Those sampled in this step get the rows of logits in this order. */
  readonly sequences: readonly Sequence[];
  readonly numTokens: number;
  readonly numDecodes: number;
  /** Their tokens, drafts included. */
  readonly numDecodeTokens: number;
}

/** Its state now, and its counters since the start. */
export interface SchedulerStats extends DraftCounts {
  readonly numRunning: number;
  readonly numWaiting: number;
  /** Sequences that no client reads. */
  readonly numStalled: number;
  /** Sequences whose blocks are lent, those included that have ended meanwhile. */
  readonly numLent: number;
  readonly numPreemptions: number;
  /** Prompts that were computed elsewhere. */
  readonly numRemotePrefills: number;
  /** Prompt tokens that were looked up in the prefix cache. */
  readonly numQueriedTokens: number;
  /** Prompt tokens that were found there. */
  readonly numHitTokens: number;
}

/** Says how many prompt tokens a step may compute, and is told what steps took. */
export type Pacer = Pick<PrefillPacer, "maxPrefillTokens" | "observe" | "decodeMs">;

export interface SchedulerOptions {
  readonly pacer?: Pacer;
  /** Most tokens of one prompt in a step. */
  readonly longPrefillTokenThreshold?: number | undefined;
  /** Drafter that guesses tokens for decodes to verify; undefined if there is none. */
  readonly drafter?: NgramDrafter | undefined;
  /** Prefill workers that compute prompts in this engine's place; undefined if there are none. */
  readonly remote?: RemotePrefill | undefined;
  /** Milliseconds that a sequence may wait for its first step; Infinity: no bound. */
  readonly maxQueueMs?: number | undefined;
  /** A sequence can get on whose prompt was computed elsewhere, or blocks are free again. */
  readonly onReturn?: () => void;
}
