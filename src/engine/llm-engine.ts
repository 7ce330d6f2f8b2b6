// The engine: sequences in, tokens out, in a loop of three calls.
//
//     generate() --> waiting --schedule--> batch --run--> sampled ids --update--> OutputStream
//
// It has no thread of its own; the loop is step-loop.ts. Everything that changes state does so without an `await`.

import { assert, verifying } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import type { KvReport } from "../protocol/kv-event.ts";
import type { PreprocessedRequest, TokenOutput } from "../protocol/llm.ts";
import type { ForwardPassMetrics } from "../protocol/metrics.ts";
import { BlockManager } from "./block-manager.ts";
import {
  DeadEndError,
  EngineClosedError,
  EngineFullError,
  InvalidLogitsError,
  MemoryShortError,
  UnreadStreamError,
} from "./engine-error.ts";
import type { EngineObserver, EngineStats } from "./engine-observer.ts";
import { EngineTelemetry, type TokenTimes } from "./engine-telemetry.ts";
import { fillBatch } from "./fill-batch.ts";
import { KvEventLog } from "./kv-event-log.ts";
import type { ModelRunner } from "./model-runner.ts";
import { NgramDrafter, type NgramOptions } from "./ngram-drafter.ts";
import { OutputStream } from "./output-stream.ts";
import { PrefillPacer } from "./prefill-pacer.ts";
import type { RemotePrefill } from "./remote-prefill.ts";
import { Scheduler } from "./scheduler.ts";
import { type EndReason, Sequence } from "./sequence.ts";
import { StepLoop } from "./step-loop.ts";
import type { TokenMask } from "./token-mask.ts";
import { validateRequest } from "./validate-request.ts";

/** Number of blocks in KV events that wait for a listener; in a larger pool, as many as it has. */
const MIN_QUEUED_BLOCKS = 1024;

export interface EngineConfig {
  readonly enablePrefixCaching: boolean;
  /** Requests that may wait beyond the `maxNumSeqs` that may run, unread ones included. */
  readonly maxWaiting: number;
  /** Milliseconds that a sequence may wait for its first step; undefined: no bound. */
  readonly maxQueueMs?: number | undefined;
  /** Requests without a reader. One more, and the one unread for longest ends with an error. */
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
  /** Prefill workers that compute prompts in this engine's place; undefined if there are none. */
  readonly remotePrefill?: RemotePrefill | undefined;
  /** Its streams when a step fails: they `fail` as it did (default), or stay `open` for the end of their worker to end. */
  readonly streamsOfFailed?: "fail" | "open";
}

export class LLMEngine {
  /** Longest sequence in tokens, prompt and output: the model's limit, or the KV pool if that is less. */
  readonly maxModelLen: number;

  readonly #runner: ModelRunner;
  readonly #config: EngineConfig;
  readonly #clock: Clock;
  readonly #blocks: BlockManager;
  readonly #scheduler: Scheduler;
  readonly #open = new Map<Sequence, OpenStream>();
  readonly #kvEvents: KvEventLog;
  readonly #telemetry: EngineTelemetry;

  readonly #loop: StepLoop;
  readonly #streamsOfFailed: "fail" | "open";
  #closing: Promise<void> | undefined;

  #memory: MemoryPressure = "none";

  constructor(options: LLMEngineOptions) {
    const { limits } = options.runner;
    this.#runner = options.runner;
    this.#config = options.config;
    this.#clock = options.clock;
    this.#streamsOfFailed = options.streamsOfFailed ?? "fail";
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
      maxQueueMs: options.config.maxQueueMs,
      remote: options.remotePrefill,
      onReturn: () => this.#loop.wake(),
    });
    this.#telemetry = new EngineTelemetry({
      scheduler: this.#scheduler,
      blocks: this.#blocks,
      numSeats: limits.maxNumSeqs,
      observer: options.observer,
    });
    this.#loop = new StepLoop({
      clock: options.clock,
      step: () => this.#step(),
      onFailure: (error) => this.#fail(error instanceof Error ? error : new Error(String(error))),
    });
    this.maxModelLen = Math.min(limits.maxModelLen, this.#blocks.numTokens);
  }

  /**
   * Puts a request in the queue now and returns the stream of its new tokens. The stream's `return()` aborts
   * the sequence at once; its blocks are free before the next step is scheduled. `mask` says token by token what
   * may come next.
   *
   * @throws {ContextLengthExceededError} and others of `validateRequest`, {EngineFullError}, {EngineClosedError}
   */
  generate(request: PreprocessedRequest, mask?: TokenMask): AsyncIterableIterator<TokenOutput> {
    if (this.#loop.isOver) throw new EngineClosedError();
    if (this.#memory === "full" && request.output === undefined) throw new MemoryShortError();
    const { vocabSize, hiddenSize, maxNumSeqs } = this.#runner.limits;
    validateRequest(request, { vocabSize, hiddenSize, maxModelLen: this.maxModelLen });
    const { maxWaiting } = this.#config;
    if (this.#scheduler.numUnfinished + this.#scheduler.stalled.size >= maxNumSeqs + maxWaiting) {
      throw new EngineFullError(maxNumSeqs, maxWaiting);
    }
    assert(!request.grammar || mask, "a request with a grammar comes with its mask");
    const mayBeRefused = request.output === undefined && !request.isSibling;
    const refusal = mayBeRefused ? this.#scheduler.refusalOf(request) : undefined;
    if (refusal !== undefined) throw refusal;
    const sequence = new Sequence(request, this.#clock.now(), { vocabSize, mask });
    sequence.mayBeRefused = mayBeRefused;
    const stream = new OutputStream(sequence, {
      onLeave: () => this.#end(sequence, "cancelled"),
      onResume: () => {
        this.#scheduler.resume(sequence);
        this.#loop.wake();
      },
    });
    const { numGivenTokens, arrivedAt } = sequence;
    this.#open.set(sequence, { stream, numDelivered: numGivenTokens, lastTokenAt: arrivedAt });
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
   * their memory back. `full`: new requests are refused as well, until it is told better;
   * those that another worker has begun are not.
   */
  setMemoryPressure(level: MemoryPressure): void {
    if (this.#loop.isOver) return;
    this.#memory = level;
    if (level !== "none") this.#runner.discard?.(this.#blocks.shed());
  }

  stats(): EngineStats {
    return this.#telemetry.stats();
  }

  metrics(): ForwardPassMetrics {
    return this.#telemetry.metrics();
  }

  /** Contents of the prefix cache, then what it stores and removes, step by step. */
  kvEvents(): AsyncIterableIterator<KvReport> {
    return this.#kvEvents.listen();
  }

  /** The metrics now, and again after each change; a reader that is behind sees the last only. */
  watchMetrics(): AsyncIterableIterator<ForwardPassMetrics> {
    return this.#telemetry.watch();
  }

  /** Asserts that each block is used or free, each reference counted, and each seat and place a sequence's. */
  checkIntegrity(): void {
    this.#scheduler.checkIntegrity();
  }

  async #step(): Promise<void> {
    this.#refuseLate();
    if (this.#scheduler.numUnfinished === 0) return this.#idle();
    const { batch, limits } = this.#runner;
    const output = this.#scheduler.schedule(this.#clock.now());
    if (output.sequences.length === 0) {
      if (!this.#scheduler.hasUnready) return this.#idle();
      this.#scheduler.prepareMasks();
      return;
    }
    const shape = fillBatch(batch, limits, output);

    const startedAt = this.#clock.now();
    this.#runner.submit(shape, output.sequences);
    if (this.#scheduler.hasUnready) this.#scheduler.prepareMasks();
    await this.#runner.wait();
    const now = this.#clock.now();

    const advanced = this.#scheduler.update(output, batch, now - startedAt);
    this.#telemetry.step();
    this.#deliver(advanced, now);
    this.#report();
    if (verifying) this.checkIntegrity();
  }

  #refuseLate(): void {
    const now = this.#clock.now();
    let late = this.#scheduler.nextLate(now);
    for (; late !== undefined; late = this.#scheduler.nextLate(now)) {
      this.#scheduler.abort(late.sequence, "error");
      this.#settle(late.sequence, "error", late.error);
    }
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
    this.#telemetry.report();
  }

  #deliver(advanced: readonly Sequence[], now: number): void {
    for (const sequence of advanced) {
      const open = this.#open.get(sequence);
      assert(open !== undefined, "a sequence runs that nobody asked for");
      this.#telemetry.tokens(sequence, open, now);
      if (sequence.endReason !== undefined) {
        this.#settle(sequence, sequence.endReason, faultOf(sequence));
        continue;
      }
      open.stream.notify();
      if (open.stream.isUnread(now)) this.#stall(sequence);
    }
  }

  #stall(sequence: Sequence): void {
    this.#scheduler.stall(sequence);
    if (this.#scheduler.stalled.size <= this.#config.maxStalled) return;
    const longest = this.#scheduler.stalled.longest;
    assert(longest !== undefined, "more stall than may, and none is the longest");
    this.#scheduler.abort(longest, "error");
    this.#settle(longest, "error", new UnreadStreamError(this.#config.maxStalled));
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
    this.#telemetry.finished(sequence, endReason, this.#clock.now());
  }

  #fail(error: Error): void {
    if (this.#streamsOfFailed === "open") return;
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
    await this.#scheduler.remotePrefillsSettled();
    this.#blocks.clear();
    this.#kvEvents.close();
    this.#telemetry.end();
    this.#runner.close();
  }
}

/** Why a sequence ended with an error, where that is its grammar's doing. */
function faultOf({ endReason, mask, numOutputTokens }: Sequence): Error | undefined {
  if (endReason !== "error" || mask === undefined) return undefined;
  return mask.fault ?? new DeadEndError(numOutputTokens);
}

interface OpenStream extends TokenTimes {
  readonly stream: OutputStream;
}
