// Requests that each worker has been given and has not finished: booked when a request is routed, by the
// router, since a worker's own figures come too late for the next request of a burst. As Dynamo's
// lib/llm/src/kv_router/sequence.rs, but a booking can only be released, never lost or released twice.
//
//     book --> prefilling --first token: prefillDone--> decoding --end, for any reason: release--> gone

import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import type { StoredBlock } from "../protocol/kv-event.ts";
import { BlockCounts } from "./block-counts.ts";
import { PrefillCurve, type PromptSizes, sizesOf } from "./prefill-curve.ts";
import { PrefillTimes } from "./prefill-times.ts";

export interface WorkerLoad {
  /** Requests that are booked. */
  readonly numRequests: number;
  /** Those that have no token yet. */
  readonly numPrefills: number;
  /** Prompt tokens that those have to compute. */
  readonly prefillTokens: number;
  /** Blocks of the prompts of all booked requests; those that they share count once. */
  readonly activeBlocks: number;
}

export const NO_LOAD: WorkerLoad = {
  numRequests: 0,
  numPrefills: 0,
  prefillTokens: 0,
  activeBlocks: 0,
};

export interface Load {
  /** The full blocks of the prompt. */
  readonly chain: readonly StoredBlock[];
  /** All blocks of the prompt; the last may be partial. */
  readonly numBlocks: number;
  /** Prompt tokens that the worker does not hold. */
  readonly prefillTokens: number;
}

/** Both do nothing the second time. */
export interface Booking {
  /** The first token is there. */
  prefillDone(): void;
  /** The request has ended, for whatever reason. */
  release(): void;
}

/** Blocks that are told apart; further ones count for each request that has them. */
const MAX_SHARED_BLOCKS = 2 ** 18;

export class ActiveLoad<W> {
  readonly #clock: Pick<Clock, "now">;
  readonly #loads = new Map<W, BookedLoad<W>>();
  readonly #uses: BlockCounts<W>;
  readonly #bookings = new Set<Booked<W>>();
  readonly #curve = new PrefillCurve();

  constructor(clock: Pick<Clock, "now">, maxSharedBlocks: number = MAX_SHARED_BLOCKS) {
    this.#clock = clock;
    this.#uses = new BlockCounts(maxSharedBlocks);
  }

  get numBookings(): number {
    return this.#bookings.size;
  }

  /** As it is now. */
  of(worker: W): WorkerLoad {
    return this.#loads.get(worker)?.sums ?? NO_LOAD;
  }

  /** Time that a worker takes for a prompt of so many new tokens; in tokens before any prompt is done. */
  prefillMs(numTokens: number): number {
    return this.#curve.msOf(sizesOf(numTokens));
  }

  /**
   * Time until a worker has computed all prompts that it was given: they come one after the other, and of the first it
   * has done what fits the time since the one before.
   */
  queuedMs(worker: W): number {
    const load = this.#loads.get(worker);
    const [running] = load?.prefilling ?? [];
    if (load === undefined || running === undefined) return 0;
    // Before the first prompt is done nothing is known of time.
    const elapsedMs = this.#curve.isKnown ? load.times.elapsedMs(this.#clock.now()) : 0;
    const progress = Math.min(elapsedMs, this.prefillMs(running.prefillTokens));
    return this.#curve.msOf(load.queued) - progress;
  }

  /** Share of the last minutes in which the worker had prompts to compute. */
  busyShare(worker: W): number {
    return this.#loads.get(worker)?.times.busyShare(this.#clock.now()) ?? 0;
  }

  /** Blocks that a prompt would add to the worker's active ones. */
  newBlocks(worker: W, chain: readonly StoredBlock[], numBlocks: number): number {
    if (!this.#loads.has(worker)) return numBlocks;
    // Prefixes are shared from their beginning on.
    let numShared = 0;
    for (const { blockHash } of chain) {
      if (this.#uses.countOf(worker, blockHash) === 0) break;
      numShared += 1;
    }
    return numBlocks - numShared;
  }

  book(worker: W, { chain, numBlocks, prefillTokens }: Load): Booking {
    let numCounted = 0;
    let numNew = 0;
    while (numCounted < chain.length && !this.#uses.isFull) {
      const { blockHash } = chain[numCounted] as StoredBlock;
      if (this.#uses.increment(worker, blockHash) === 1) numNew += 1;
      numCounted += 1;
    }
    const load = this.#loadOf(worker);
    const { numRequests, numPrefills, activeBlocks } = load.sums;
    load.sums = {
      numRequests: numRequests + 1,
      numPrefills: numPrefills + 1,
      prefillTokens: load.sums.prefillTokens + prefillTokens,
      activeBlocks: activeBlocks + numNew + numBlocks - numCounted,
    };
    const counted = chain.slice(0, numCounted);
    const booked: Booked<W> = { worker, load, counted, numBlocks, prefillTokens };
    this.#bookings.add(booked);
    if (numPrefills === 0) load.times.start(this.#clock.now());
    load.prefilling.add(booked);
    load.queued = withPrompt(load.queued, prefillTokens, 1);
    return {
      prefillDone: () => this.#prefillDone(booked),
      release: () => this.#release(booked),
    };
  }

  /** The worker is gone, and its bookings with it. */
  removeWorker(worker: W): void {
    for (const booked of this.#bookings) {
      if (booked.worker === worker) this.#bookings.delete(booked);
    }
    this.#uses.removeWorker(worker);
    this.#loads.delete(worker);
  }

  /** Asserts that the sums are those of the bookings. */
  checkIntegrity(): void {
    const sums = new Map<BookedLoad<W>, MutableLoad>();
    const blocks = new Map<BookedLoad<W>, Set<bigint>>();
    for (const booked of this.#bookings) {
      const sum = sums.get(booked.load) ?? { ...NO_LOAD };
      sums.set(booked.load, sum);
      const known = blocks.get(booked.load) ?? new Set();
      blocks.set(booked.load, known);
      sum.numRequests += 1;
      sum.numPrefills += booked.load.prefilling.has(booked) ? 1 : 0;
      sum.prefillTokens += booked.load.prefilling.has(booked) ? booked.prefillTokens : 0;
      sum.activeBlocks += booked.numBlocks - booked.counted.length;
      for (const { blockHash } of booked.counted) known.add(blockHash);
    }
    let numShared = 0;
    for (const load of this.#loads.values()) {
      const sum = sums.get(load) ?? { ...NO_LOAD };
      const numOwn = blocks.get(load)?.size ?? 0;
      numShared += numOwn;
      sum.activeBlocks += numOwn;
      assert(Bun.deepEquals(load.sums, sum), "a worker's load is not that of its bookings");
      assert(load.prefilling.size === sum.numPrefills, "a prompt is computed that is not booked");
      const prompts = [...load.prefilling].map((booked) => booked.prefillTokens);
      const queued = prompts.reduce((all, tokens) => withPrompt(all, tokens, 1), sizesOf(0));
      assert(Bun.deepEquals(load.queued, queued), "a worker's queue is not that of its bookings");
    }
    assert(numShared === this.#uses.numBlocks, "a block is active that no booking has");
  }

  #loadOf(worker: W): BookedLoad<W> {
    let load = this.#loads.get(worker);
    if (load === undefined) {
      const times = new PrefillTimes(this.#curve, this.#clock.now());
      load = { sums: NO_LOAD, prefilling: new Set(), queued: sizesOf(0), times };
      this.#loads.set(worker, load);
    }
    return load;
  }

  #prefillDone(booked: Booked<W>): void {
    const now = this.#clock.now();
    if (!this.#bookings.has(booked) || !booked.load.prefilling.has(booked)) return;
    booked.load.times.done(booked.prefillTokens, now);
    this.#endPrefill(booked);
  }

  #endPrefill(booked: Booked<W>): void {
    const { load, prefillTokens } = booked;
    if (!this.#bookings.has(booked) || !load.prefilling.delete(booked)) return;
    load.queued = withPrompt(load.queued, prefillTokens, -1);
    if (load.prefilling.size === 0) load.times.stop(this.#clock.now());
    const { sums } = load;
    load.sums = {
      ...sums,
      numPrefills: sums.numPrefills - 1,
      prefillTokens: sums.prefillTokens - prefillTokens,
    };
  }

  #release(booked: Booked<W>): void {
    this.#endPrefill(booked);
    if (!this.#bookings.delete(booked)) return;
    const { worker, load, counted, numBlocks } = booked;
    let { activeBlocks } = load.sums;
    activeBlocks -= numBlocks - counted.length;
    for (const { blockHash } of counted) {
      if (this.#uses.decrement(worker, blockHash) === 0) activeBlocks -= 1;
    }
    load.sums = { ...load.sums, numRequests: load.sums.numRequests - 1, activeBlocks };
  }
}

type MutableLoad = { -readonly [Name in keyof WorkerLoad]: WorkerLoad[Name] };

interface BookedLoad<W> {
  /** Replaced at each change, so that a caller may keep them. */
  sums: WorkerLoad;
  /** Bookings without a first token, the oldest first: the one that is computed now. */
  readonly prefilling: Set<Booked<W>>;
  /** Their new tokens. */
  queued: PromptSizes;
  readonly times: PrefillTimes;
}

interface Booked<W> {
  readonly worker: W;
  readonly load: BookedLoad<W>;
  /** The leading blocks that are told apart. */
  readonly counted: readonly StoredBlock[];
  readonly numBlocks: number;
  readonly prefillTokens: number;
}

function withPrompt(all: PromptSizes, numTokens: number, sign: 1 | -1): PromptSizes {
  const { squares } = sizesOf(numTokens);
  return { numTokens: all.numTokens + sign * numTokens, squares: all.squares + sign * squares };
}
