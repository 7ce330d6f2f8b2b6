// Counts and measures of an engine: for metrics, and for routers that watch its load.

import type { ForwardPassMetrics } from "../protocol/metrics.ts";
import type { BlockManager } from "./block-manager.ts";
import type { EngineObserver, EngineStats } from "./engine-observer.ts";
import { PulledStream } from "./pulled-stream.ts";
import type { Scheduler } from "./scheduler.ts";
import type { EndReason, Sequence } from "./sequence.ts";

export interface EngineTelemetryOptions {
  readonly scheduler: Pick<Scheduler, "stats">;
  readonly blocks: Pick<BlockManager, "numUsedBlocks" | "numBlocks">;
  /** Sequences that may run at a time. */
  readonly numSeats: number;
  readonly observer: EngineObserver | undefined;
}

/** When the tokens of one sequence came. */
export interface TokenTimes {
  /** Output tokens that were measured, or that the sequence came with. */
  numDelivered: number;
  /** Or when the sequence arrived, before its first token. */
  lastTokenAt: number;
}

export class EngineTelemetry {
  readonly #options: EngineTelemetryOptions;
  readonly #streams = new Set<PulledStream<ForwardPassMetrics>>();
  #stepsTotal = 0;
  #promptTokensTotal = 0;
  #generationTokensTotal = 0;

  constructor(options: EngineTelemetryOptions) {
    this.#options = options;
  }

  step(): void {
    this.#stepsTotal += 1;
  }

  /** Measures the tokens of a sequence that are new since the last call. */
  tokens(sequence: Sequence, times: TokenTimes, now: number): void {
    if (sequence.numOutputTokens <= times.numDelivered) return;
    const { observer } = this.#options;
    const isFirst = times.numDelivered === sequence.numGivenTokens;
    const sinceLastMs = now - times.lastTokenAt;
    this.#generationTokensTotal += sequence.numOutputTokens - times.numDelivered;
    times.numDelivered = sequence.numOutputTokens;
    times.lastTokenAt = now;
    if (isFirst) {
      this.#promptTokensTotal += sequence.numPromptTokens;
      observer?.queueTime((sequence.admittedAt ?? sequence.arrivedAt) - sequence.arrivedAt);
    }
    // The client of a migrated sequence has had its first token.
    if (isFirst && sequence.numGivenTokens === 0) observer?.timeToFirstToken(sinceLastMs);
    else observer?.interTokenLatency(sinceLastMs);
  }

  finished(sequence: Sequence, endReason: EndReason, now: number): void {
    const { numPromptTokens, numOutputTokens, arrivedAt } = sequence;
    const totalMs = now - arrivedAt;
    this.#options.observer?.sequenceFinished({
      ...{ endReason, numPromptTokens, numOutputTokens, totalMs },
    });
  }

  stats(): EngineStats {
    const { scheduler, blocks } = this.#options;
    const { numPreemptions, numRemotePrefills, numQueriedTokens, numHitTokens, ...now } =
      scheduler.stats();
    return {
      ...now,
      numBlocksUsed: blocks.numUsedBlocks,
      numBlocks: blocks.numBlocks,
      stepsTotal: this.#stepsTotal,
      preemptionsTotal: numPreemptions,
      remotePrefillsTotal: numRemotePrefills,
      promptTokensTotal: this.#promptTokensTotal,
      generationTokensTotal: this.#generationTokensTotal,
      prefixCacheQueriesTotal: numQueriedTokens,
      prefixCacheHitsTotal: numHitTokens,
    };
  }

  metrics(): ForwardPassMetrics {
    const stats = this.stats();
    const queries = stats.prefixCacheQueriesTotal;
    return {
      workerStats: {
        requestActiveSlots: stats.numRunning,
        requestTotalSlots: this.#options.numSeats,
        numRequestsWaiting: stats.numWaiting + stats.numLent,
      },
      kvStats: {
        kvActiveBlocks: stats.numBlocksUsed,
        kvTotalBlocks: stats.numBlocks,
        cacheUsage: stats.numBlocksUsed / stats.numBlocks,
        prefixCacheHitRate: queries === 0 ? 0 : stats.prefixCacheHitsTotal / queries,
      },
    };
  }

  /** The metrics now, and again after each change; a reader that is behind sees the last only. */
  watch(): AsyncIterableIterator<ForwardPassMetrics> {
    let told: ForwardPassMetrics | undefined;
    const stream = new PulledStream({
      take: () => {
        const metrics = this.metrics();
        if (Bun.deepEquals(metrics, told)) return undefined;
        told = metrics;
        return metrics;
      },
      onEnd: () => this.#streams.delete(stream),
    });
    this.#streams.add(stream);
    return stream;
  }

  /** Lets those who watch look whether something has changed. */
  report(): void {
    for (const stream of this.#streams) stream.wake();
  }

  /** Ends the streams of those who watch. */
  end(): void {
    for (const stream of [...this.#streams]) stream.end();
  }
}
