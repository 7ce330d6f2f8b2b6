// An engine that samples nothing: it computes K and V of prompts into blocks that it does not own.
//
//     prefill() --> [ run, run ] --first come, first served--> batch --run--> done
//
// Like the other engine it has no thread of its own (step-loop.ts), and prompts are cut into chunks by time, so that
// its worker is never deaf for long.

import { assert, verifying } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { CancelledError } from "../base/error.ts";
import type { SamplingOptions, StopConditions } from "../protocol/llm.ts";
import { samplingValues } from "../sampling/options.ts";
import { fillBatch } from "./fill-batch.ts";
import type { ModelRunner } from "./model-runner.ts";
import type { PrefillRequest } from "./remote-prefill.ts";
import { Sequence } from "./sequence.ts";
import { StepLoop } from "./step-loop.ts";

export interface PrefillEngineOptions {
  /** Closed by the engine, when its last step has ended. May use every block of the pool. */
  readonly runner: ModelRunner;
  readonly clock: Clock;
  /** Device on which others decode meanwhile and wait for each step, or one of its own. */
  readonly device: "shared" | "own";
}

/** How long a step may take: an abort waits about this long. */
const MAX_STEP_MS = 500;
/** On a shared device others wait for it, who decode in about this time if they have not said in which. */
const MAX_SHARED_STEP_MS = 50;
/** The first step of all, when nothing has been measured. */
const PROBE_TOKENS = 64;
/** Minimum tokens per step, so that a slow model still makes progress. */
const MIN_STEP_TOKENS = 8;
/** A token's cost is that of the quickest step lately: one that had to wait for the device tells less. */
const COST_GROWTH = 1.1;

export interface PrefillRun {
  /**
   * Resolves when K and V are in the blocks. Rejects, with `CancelledError` after an abort, when they will
   * not be. Either way nothing writes there any more.
   */
  readonly done: Promise<void>;
  abort(): void;
}

export class PrefillEngine {
  readonly #runner: ModelRunner;
  readonly #clock: Clock;
  readonly #device: PrefillEngineOptions["device"];
  #msPerToken: number | undefined;
  /** By arrival. */
  readonly #runs: Run[] = [];
  readonly #loop: StepLoop;
  #closing: Promise<void> | undefined;
  /** Runs that the running step computes. */
  #inStep: readonly Run[] = [];

  constructor({ runner, clock, device }: PrefillEngineOptions) {
    this.#runner = runner;
    this.#clock = clock;
    this.#device = device;
    this.#loop = new StepLoop({
      clock,
      step: () => this.#step(),
      onFailure: (error) => {
        for (const run of this.#runs.splice(0)) run.reject(error);
      },
    });
  }

  /** Puts a prompt in the queue now. */
  prefill(request: PrefillRequest): PrefillRun {
    const run = new Run(request, this.#clock.now());
    if (this.#loop.isOver) run.reject(ended());
    else this.#runs.push(run);
    if (verifying) this.checkIntegrity();
    this.#loop.wake();
    return { done: run.done, abort: () => this.#abort(run) };
  }

  /** Steps while there is work, sleeps while there is none. Ends after `close()`; fails if a step fails. */
  run(): Promise<void> {
    return this.#loop.run();
  }

  /** Ends all runs, waits for the running step, and closes the runner. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Asserts that no block is written for two prompts. */
  checkIntegrity(): void {
    const written = new Set<number>();
    for (const { sequence } of this.#runs) {
      const { table, numComputedTokens } = sequence;
      const first = Math.floor(numComputedTokens / this.#runner.limits.blockSize);
      for (let i = first; i < table.numBlocks; i++) {
        assert(!written.has(table.blockIdAt(i)), "two prompts are computed into one block");
        written.add(table.blockIdAt(i));
      }
    }
  }

  async #step(): Promise<void> {
    if (this.#runs.length === 0) return this.#loop.sleep();
    const { batch, limits } = this.#runner;
    this.#inStep = this.#schedule();
    const sequences = this.#inStep.map(({ sequence }) => sequence);
    const numTokens = sequences.reduce((sum, one) => sum + one.numScheduledTokens, 0);
    const shape = fillBatch(batch, limits, { sequences });

    const startedAt = this.#clock.now();
    this.#runner.submit(shape);
    await this.#runner.wait();
    const elapsedMs = this.#clock.now() - startedAt;

    const grown = (this.#msPerToken ?? Number.POSITIVE_INFINITY) * COST_GROWTH;
    this.#msPerToken = Math.min(elapsedMs / numTokens, grown);
    const ran = this.#inStep;
    this.#inStep = [];
    for (const run of ran) this.#advance(run);
  }

  /** The next tokens of the oldest prompts, as many as a step may take. */
  #schedule(): readonly Run[] {
    const { maxNumBatchedTokens, maxNumSeqs } = this.#runner.limits;
    let numTokensLeft = Math.min(maxNumBatchedTokens, this.#maxTokens());
    const scheduled: Run[] = [];
    for (const run of this.#runs) {
      if (numTokensLeft === 0 || scheduled.length === maxNumSeqs) break;
      run.sequence.numScheduledTokens = Math.min(run.numTokensLeft, numTokensLeft);
      numTokensLeft -= run.sequence.numScheduledTokens;
      scheduled.push(run);
    }
    return scheduled;
  }

  #maxTokens(): number {
    if (this.#msPerToken === undefined) return PROBE_TOKENS;
    const decodeMs = this.#runs[0]?.decodeMs ?? MAX_SHARED_STEP_MS;
    const stepMs = this.#device === "own" ? MAX_STEP_MS : Math.min(decodeMs, MAX_SHARED_STEP_MS);
    return Math.max(MIN_STEP_TOKENS, Math.floor(stepMs / this.#msPerToken));
  }

  #advance(run: Run): void {
    run.sequence.numComputedTokens += run.sequence.numScheduledTokens;
    if (run.isAborted) this.#end(run, () => run.reject(cancelled()));
    else if (run.numTokensLeft === 0) this.#end(run, () => run.resolve());
  }

  #abort(run: Run): void {
    run.isAborted = true;
    // A step's results end with that step.
    if (this.#inStep.includes(run)) return;
    this.#end(run, () => run.reject(cancelled()));
  }

  #end(run: Run, settle: () => void): void {
    const index = this.#runs.indexOf(run);
    if (index < 0) return; // It had ended before it was aborted.
    this.#runs.splice(index, 1);
    settle();
  }

  async #close(): Promise<void> {
    const loopEnded = this.#loop.end();
    for (const run of [...this.#runs]) this.#abort(run);
    await loopEnded;
    this.#runner.close();
  }
}

/** Nothing of a prompt is sampled here, so it does not matter how. */
const SAMPLING: SamplingOptions = { ...samplingValues({ temperature: 0 }, {}), seed: 0n };
const STOP: StopConditions = { maxTokens: 1, minTokens: 0, stopTokenIds: [] };

class Run {
  readonly sequence: Sequence;
  readonly decodeMs: number | undefined;
  readonly done: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
  isAborted = false;

  constructor(request: PrefillRequest, now: number) {
    const { tokenIds, blockIds, numComputedTokens, decodeMs } = request;
    this.decodeMs = decodeMs;
    const whole = { tenant: 0, tokenIds, sampling: SAMPLING, stop: STOP }; // Prompts run as they come.
    this.sequence = new Sequence(whole, now);
    for (const blockId of blockIds) this.sequence.table.push(blockId);
    this.sequence.numComputedTokens = numComputedTokens;
    assert(this.numTokensLeft > 0, "a prompt is to be computed of which nothing is missing");
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    promise.catch(() => undefined); // Its caller may have left it.
    this.done = promise;
    this.resolve = resolve;
    this.reject = reject;
  }

  /** Never the last token of the prompt: it is sampled elsewhere. */
  get numTokensLeft(): number {
    return this.sequence.numUncomputedTokens - 1;
  }
}

function cancelled(): CancelledError {
  return new CancelledError("the prompt is not wanted any more");
}

function ended(): CancelledError {
  return new CancelledError("the engine has ended and computes no more prompts");
}
