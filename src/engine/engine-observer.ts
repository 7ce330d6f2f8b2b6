// An engine's word of itself: counters to be read at any time, and durations as they are measured.

import type { EndReason } from "./sequence.ts";

/** Told of each measurement, in milliseconds, on the engine's thread. Must be quick and must not throw. */
export interface EngineObserver {
  /** From arrival to the first step. */
  queueTime(ms: number): void;
  /** From arrival to the first token. */
  timeToFirstToken(ms: number): void;
  /** From one token of a sequence to its next. */
  interTokenLatency(ms: number): void;
  sequenceFinished(sequence: FinishedSequence): void;
}

export interface FinishedSequence {
  readonly endReason: EndReason;
  readonly numPromptTokens: number;
  readonly numOutputTokens: number;
  /** From arrival to the end. */
  readonly totalMs: number;
}

/** Numbers since the start (`total`) and of this moment. */
export interface EngineStats {
  readonly numRunning: number;
  readonly numWaiting: number;
  /** Sequences that no client reads. */
  readonly numStalled: number;
  /** Sequences whose blocks are lent to prefill workers. */
  readonly numLent: number;
  readonly numBlocksUsed: number;
  readonly numBlocks: number;
  readonly stepsTotal: number;
  readonly preemptionsTotal: number;
  /** Prompts that were computed elsewhere. */
  readonly remotePrefillsTotal: number;
  /** Tokens of prompts whose first token has been generated. */
  readonly promptTokensTotal: number;
  readonly generationTokensTotal: number;
  /** Prompt tokens that were looked up in the prefix cache, and those found. */
  readonly prefixCacheQueriesTotal: number;
  readonly prefixCacheHitsTotal: number;
  /** Steps of a sequence that verified drafts, tokens drafted, and those of them that were right. */
  readonly draftsTotal: number;
  readonly draftTokensTotal: number;
  readonly acceptedTokensTotal: number;
}
