// The engine: sequences in, tokens out, in a loop of three calls.
//
//     generate() --> waiting --schedule--> batch --run--> sampled ids --update--> OutputStream
//
// It has no thread of its own; the loop is step-loop.ts. Everything that changes state does so without an `await`.

import { assert, verifying } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { DynamoError } from "../base/error.ts";
import type { KvReport } from "../protocol/kv-event.ts";
import type { PreprocessedRequest, TokenOutput } from "../protocol/llm.ts";
import type { ForwardPassMetrics } from "../protocol/metrics.ts";
import { BlockManager } from "./block-manager.ts";
import type { EngineObserver, EngineStats } from "./engine-observer.ts";
import { fillBatch } from "./fill-batch.ts";
import { KvEventLog } from "./kv-event-log.ts";
import type { ModelRunner } from "./model-runner.ts";
import { NgramDrafter, type NgramOptions } from "./ngram-drafter.ts";
import { OutputStream } from "./output-stream.ts";
import { PrefillPacer } from "./prefill-pacer.ts";
import { PulledStream } from "./pulled-stream.ts";
import type { RemotePrefill } from "./remote-prefill.ts";
import { Scheduler } from "./scheduler.ts";
import { type EndReason, Sequence } from "./sequence.ts";
import { StepLoop } from "./step-loop.ts";
import { validateRequest } from "./validate-request.ts";

/** Of KV events that wait for a listener; in a larger pool, as many as it has. */
const MIN_QUEUED_BLOCKS = 1024;

export interface EngineConfig {
  readonly enablePrefixCaching: boolean;
  /** Requests that may wait beyond the `maxNumSeqs` that may run, those included that nobody reads. */
  readonly maxWaiting: number;
  /** Requests that nobody reads. One more, and the one that is not read longest ends with an error. */
  readonly maxStalled: number;
  /** Most tokens of one prompt in a step; undefined where time alone decides. */
  readonly longPrefillTokenThreshold?: number | undefined;
  /** Speculation by prompt lookup; undefined is off. */
  readonly ngram?: NgramOptions | undefined;
}

export type MemoryPressure = "none" | "some" | "full";

export interface LLMEngineOptions {
  /** Closed by the engine, when its last step has ended. */
  readonly runner: ModelRunner;
  readonly config: EngineConfig;
  readonly clock: Clock;
  readonly observer?: EngineObserver;
  /** Who computes prompts in this engine's place, if anybody. */
  readonly remotePrefill?: RemotePrefill | undefined;
}

export class LLMEngine {
  /** Longest sequence in tokens, prompt and output: the model's limit, or the KV pool if that is less. */
  readonly maxModelLen: number;

  readonly #runner: ModelRunner;
  readonly #config: EngineConfig;
  readonly #clock: Clock;
  readonly #observer: EngineObserver | undefined;
  readonly #blocks: BlockManager;
  readonly #scheduler: Scheduler;
  readonly #open = new Map<Sequence, OpenStream>();
  readonly #kvEvents: KvEventLog;
  readonly #metricsStreams = new Set<PulledStream<ForwardPassMetrics>>();

  readonly #loop: StepLoop;
  #closing: Promise<void> | undefined;

  #memory: MemoryPressure = "none";
  #stepsTotal = 0;
  #promptTokensTotal = 0;
  #generationTokensTotal = 0;

  constructor(options: LLMEngineOptions) {
    const { limits } = options.runner;
    this.#runner = options.runner;
    this.#config = options.config;
    this.#clock = options.clock;
    this.#observer = options.observer;
    this.#blocks = new BlockManager({
      ...limits,
      enablePrefixCaching: options.config.enablePrefixCaching,
      onKvEvent: (event) => this.#kvEvents.record(event),
    });
    this.#kvEvents = new KvEventLog({
      snapshot: () => this.#blocks.snapshot(),
      maxQueuedBlocks: Math.max(MIN_QUEUED_BLOCKS, limits.numBlocks),
    });
    const { ngram } = options.config;
    this.#scheduler = new Scheduler(limits, this.#blocks, {
      pacer: new PrefillPacer({ minAddedMs: options.runner.minPrefillMs }),
      longPrefillTokenThreshold: options.config.longPrefillTokenThreshold,
      drafter: ngram && new NgramDrafter(ngram),
      remote: options.remotePrefill,
      onReturn: () => this.#loop.wake(),
    });
    this.#loop = new StepLoop({
      clock: options.clock,
      step: () => this.#step(),
      onFailure: (error) => this.#fail(error instanceof Error ? error : new Error(String(error))),
    });
    this.maxModelLen = Math.min(limits.maxModelLen, this.#blocks.numTokens);
  }

  /**
   * Puts a request in the queue now and returns the stream of its tokens. The stream's `return()` aborts
   * the sequence at once; its blocks are free before the next step is scheduled.
   *
   * @throws {ContextLengthExceededError} and others of `validateRequest`, {EngineFullError}, {EngineClosedError}
   */
  generate(request: PreprocessedRequest): AsyncIterableIterator<TokenOutput> {
    if (this.#loop.isOver) throw new EngineClosedError();
    if (this.#memory === "full") throw new MemoryShortError();
    const { vocabSize, maxNumSeqs } = this.#runner.limits;
    validateRequest(request, { vocabSize, maxModelLen: this.maxModelLen });
    const { maxWaiting } = this.#config;
    if (this.#scheduler.numUnfinished + this.#scheduler.numStalled >= maxNumSeqs + maxWaiting) {
      throw new EngineFullError(maxNumSeqs, maxWaiting);
    }
    const sequence = new Sequence(request, this.#clock.now());
    const stream = new OutputStream(sequence, {
      onLeave: () => this.#end(sequence, "cancelled"),
      onResume: () => {
        this.#scheduler.resume(sequence);
        this.#loop.wake();
      },
    });
    this.#open.set(sequence, { stream, numDelivered: 0, lastTokenAt: sequence.arrivedAt });
    this.#scheduler.add(sequence);
    this.#loop.wake();
    return stream;
  }

  /** Steps while there is work, sleeps while there is none. Ends after `close()`; fails if a step fails. */
  run(): Promise<void> {
    return this.#loop.run();
  }

  /**
   * Ends all streams, each with an `EngineClosedError` behind its last token; waits for the running step, and closes
   * the runner.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /**
   * How short memory is around the process. `some`: blocks that no sequence holds forget their content and give
   * their memory back. `full`: new requests are refused as well, until it is told better.
   */
  setMemoryPressure(level: MemoryPressure): void {
    if (this.#loop.isOver) return;
    this.#memory = level;
    if (level !== "none") this.#runner.discard?.(this.#blocks.shed());
  }

  stats(): EngineStats {
    return {
      numRunning: this.#scheduler.running.length,
      numWaiting: this.#scheduler.numWaiting,
      numStalled: this.#scheduler.numStalled,
      numLent: this.#scheduler.numLent,
      numBlocksUsed: this.#blocks.numUsedBlocks,
      numBlocks: this.#blocks.numBlocks,
      stepsTotal: this.#stepsTotal,
      preemptionsTotal: this.#scheduler.numPreemptions,
      remotePrefillsTotal: this.#scheduler.numRemotePrefills,
      promptTokensTotal: this.#promptTokensTotal,
      generationTokensTotal: this.#generationTokensTotal,
      prefixCacheQueriesTotal: this.#scheduler.numQueriedTokens,
      prefixCacheHitsTotal: this.#scheduler.numHitTokens,
      ...this.#scheduler.draftCounts,
    };
  }

  metrics(): ForwardPassMetrics {
    const stats = this.stats();
    const queries = stats.prefixCacheQueriesTotal;
    return {
      workerStats: {
        requestActiveSlots: stats.numRunning,
        requestTotalSlots: this.#runner.limits.maxNumSeqs,
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

  /** What the prefix cache holds, then what it stores and removes, step by step. */
  kvEvents(): AsyncIterableIterator<KvReport> {
    return this.#kvEvents.listen();
  }

  /** The metrics now, and again after each change; a reader that is behind sees the last only. */
  watchMetrics(): AsyncIterableIterator<ForwardPassMetrics> {
    let told: ForwardPassMetrics | undefined;
    const stream = new PulledStream({
      take: () => {
        const metrics = this.metrics();
        if (Bun.deepEquals(metrics, told)) return undefined;
        told = metrics;
        return metrics;
      },
      onEnd: () => this.#metricsStreams.delete(stream),
    });
    this.#metricsStreams.add(stream);
    return stream;
  }

  /** Asserts that each block is used or free, each reference counted, and each seat and place somebody's. */
  checkIntegrity(): void {
    this.#scheduler.checkIntegrity();
  }

  async #step(): Promise<void> {
    if (this.#scheduler.numUnfinished === 0) return this.#idle();
    const { batch, limits } = this.#runner;
    const output = this.#scheduler.schedule(this.#clock.now());
    if (output.sequences.length === 0) return this.#idle();
    const shape = fillBatch(batch, limits, output);

    const startedAt = this.#clock.now();
    this.#runner.submit(shape);
    await this.#runner.wait();
    const now = this.#clock.now();

    const advanced = this.#scheduler.update(output, batch.sampledIds, now - startedAt);
    this.#stepsTotal += 1;
    this.#deliver(advanced, now);
    this.#report();
    if (verifying) this.checkIntegrity();
  }

  /** Until there is something new to do. Nothing runs now, so a lost block would be seen. */
  async #idle(): Promise<void> {
    this.checkIntegrity();
    this.#report();
    await this.#loop.sleep();
  }

  /** Tells those who listen what has changed. */
  #report(): void {
    this.#kvEvents.flush();
    for (const stream of this.#metricsStreams) stream.wake();
  }

  #deliver(advanced: readonly Sequence[], now: number): void {
    for (const sequence of advanced) {
      const open = this.#open.get(sequence);
      assert(open !== undefined, "a sequence runs that nobody asked for");
      if (sequence.numOutputTokens > open.numDelivered) this.#measure(sequence, open, now);
      if (sequence.endReason !== undefined) {
        this.#settle(sequence, sequence.endReason);
        continue;
      }
      open.stream.notify();
      if (open.stream.isUnread(now)) this.#stall(sequence);
    }
  }

  #stall(sequence: Sequence): void {
    this.#scheduler.stall(sequence);
    if (this.#scheduler.numStalled <= this.#config.maxStalled) return;
    const longest = this.#scheduler.longestStalled;
    assert(longest !== undefined, "more stall than may, and none is the longest");
    this.#scheduler.abort(longest, "error");
    this.#settle(longest, "error", new UnreadStreamError(this.#config.maxStalled));
  }

  #measure(sequence: Sequence, open: OpenStream, now: number): void {
    const isFirst = open.numDelivered === 0;
    const sinceLastMs = now - open.lastTokenAt;
    this.#generationTokensTotal += sequence.numOutputTokens - open.numDelivered;
    open.numDelivered = sequence.numOutputTokens;
    open.lastTokenAt = now;
    if (!isFirst) {
      this.#observer?.interTokenLatency(sinceLastMs);
      return;
    }
    this.#promptTokensTotal += sequence.numPromptTokens;
    this.#observer?.queueTime((sequence.admittedAt ?? sequence.arrivedAt) - sequence.arrivedAt);
    this.#observer?.timeToFirstToken(sinceLastMs);
  }

  /** Ends a sequence before its time. */
  #end(sequence: Sequence, reason: EndReason): void {
    this.#scheduler.abort(sequence, reason);
    this.#settle(sequence, reason);
  }

  #settle(sequence: Sequence, endReason: EndReason, error?: Error): void {
    const open = this.#open.get(sequence);
    if (open === undefined) return; // The reader left after the end.
    this.#open.delete(sequence);
    if (endReason === "server_shutdown") open.stream.fail(new EngineClosedError());
    else if (endReason !== "error") open.stream.notify();
    else open.stream.fail(error ?? new InvalidLogitsError(sequence.numTokens));
    const { numPromptTokens, numOutputTokens, arrivedAt } = sequence;
    const totalMs = this.#clock.now() - arrivedAt;
    this.#observer?.sequenceFinished({ endReason, numPromptTokens, numOutputTokens, totalMs });
  }

  #fail(error: Error): void {
    for (const [sequence, { stream }] of this.#open) {
      this.#scheduler.abort(sequence, "cancelled");
      stream.fail(error);
    }
    this.#open.clear();
  }

  async #close(): Promise<void> {
    const loopEnded = this.#loop.end();
    for (const sequence of [...this.#open.keys()]) this.#end(sequence, "server_shutdown");
    await loopEnded;
    await this.#scheduler.loansSettled();
    this.#blocks.clear();
    this.#kvEvents.close();
    for (const stream of [...this.#metricsStreams]) stream.end();
    this.#runner.close();
  }
}

interface OpenStream {
  readonly stream: OutputStream;
  /** Output tokens that the stream was told of. */
  numDelivered: number;
  /** Or when the sequence arrived, before its first token. */
  lastTokenAt: number;
}

/** The queue is at its limit. The caller may try again, here later or elsewhere now. */
export class MemoryShortError extends DynamoError {
  override readonly code = "memory_short";

  constructor() {
    super("memory is short around the server: it takes no new request until that is over");
  }
}

export class EngineFullError extends DynamoError {
  override readonly code = "engine_full";

  constructor(maxNumSeqs: number, maxWaiting: number) {
    super(
      `the engine is full: ${maxNumSeqs} requests run and ${maxWaiting} wait; try again later, ` +
        "or serve with more workers",
      { max_num_seqs: maxNumSeqs, max_waiting: maxWaiting },
    );
  }
}

/** Too many streams are not read, and this one has not been for longest. Its reader still gets what it had. */
export class UnreadStreamError extends DynamoError {
  override readonly code = "slow_reader";

  constructor(maxStalled: number) {
    super(
      `this stream was not read while ${maxStalled} others were not either; read faster, or ask for ` +
        "fewer choices at once",
      { max_stalled: maxStalled },
    );
  }
}

/** One sequence's logits were NaN or infinite. It alone ends by that; the others and the engine go on. */
export class InvalidLogitsError extends DynamoError {
  override readonly code = "invalid_logits";

  constructor(position: number) {
    super(
      `the model's logits for token ${position} of this sequence are NaN or infinite, so none can be ` +
        "sampled; check that its weights are whole",
      { position },
    );
  }
}

/** The engine has been closed, or a step has failed; `run()` says which. */
export class EngineClosedError extends DynamoError {
  override readonly code = "server_shutdown";

  constructor() {
    super("the engine is closed and computes no more; send the request to another worker");
  }
}
