// What each worker has been given and has not finished: booked when a request is routed, by whoever
// routes, since a worker's own figures come too late for the next request of a burst. As Dynamo's
// lib/llm/src/kv_router/sequence.rs, but a booking can only be released, never lost or released twice.
//
//     book --> prefilling --first token: prefillDone--> decoding --end, for any reason: release--> gone

import { assert } from "../base/assert.ts";
import type { StoredBlock } from "../protocol/kv-event.ts";
import { BlockCounts } from "./block-counts.ts";

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
  readonly #loads = new Map<W, MutableLoad>();
  readonly #uses: BlockCounts<W>;
  readonly #bookings = new Set<Booked<W>>();

  constructor(maxSharedBlocks: number = MAX_SHARED_BLOCKS) {
    this.#uses = new BlockCounts(maxSharedBlocks);
  }

  get numBookings(): number {
    return this.#bookings.size;
  }

  /** Valid until the next change. */
  of(worker: W): WorkerLoad {
    return this.#loads.get(worker) ?? NO_LOAD;
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
    load.numRequests += 1;
    load.numPrefills += 1;
    load.prefillTokens += prefillTokens;
    load.activeBlocks += numNew + numBlocks - numCounted;
    const counted = chain.slice(0, numCounted);
    const booked: Booked<W> = { worker, load, counted, numBlocks, prefillTokens };
    this.#bookings.add(booked);
    return {
      prefillDone: () => this.#endPrefill(booked),
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
    const sums = new Map<W, MutableLoad>();
    const blocks = new Map<W, Set<bigint>>();
    for (const booked of this.#bookings) {
      const sum = sums.get(booked.worker) ?? { ...NO_LOAD };
      sums.set(booked.worker, sum);
      const known = blocks.get(booked.worker) ?? new Set();
      blocks.set(booked.worker, known);
      sum.numRequests += 1;
      sum.numPrefills += booked.prefillTokens === undefined ? 0 : 1;
      sum.prefillTokens += booked.prefillTokens ?? 0;
      sum.activeBlocks += booked.numBlocks - booked.counted.length;
      for (const { blockHash } of booked.counted) known.add(blockHash);
    }
    let numShared = 0;
    for (const [worker, load] of this.#loads) {
      const sum = sums.get(worker) ?? { ...NO_LOAD };
      const numOwn = blocks.get(worker)?.size ?? 0;
      numShared += numOwn;
      sum.activeBlocks += numOwn;
      assert(Bun.deepEquals(load, sum), "a worker's load is not that of its bookings");
    }
    assert(numShared === this.#uses.numBlocks, "a block is active that no booking has");
  }

  #loadOf(worker: W): MutableLoad {
    let load = this.#loads.get(worker);
    if (load === undefined) {
      load = { ...NO_LOAD };
      this.#loads.set(worker, load);
    }
    return load;
  }

  #endPrefill(booked: Booked<W>): void {
    if (booked.prefillTokens === undefined || !this.#bookings.has(booked)) return;
    booked.load.numPrefills -= 1;
    booked.load.prefillTokens -= booked.prefillTokens;
    booked.prefillTokens = undefined;
  }

  #release(booked: Booked<W>): void {
    this.#endPrefill(booked);
    if (!this.#bookings.delete(booked)) return;
    const { worker, load, counted, numBlocks } = booked;
    load.numRequests -= 1;
    load.activeBlocks -= numBlocks - counted.length;
    for (const { blockHash } of counted) {
      if (this.#uses.decrement(worker, blockHash) === 0) load.activeBlocks -= 1;
    }
  }
}

type MutableLoad = { -readonly [Name in keyof WorkerLoad]: WorkerLoad[Name] };

interface Booked<W> {
  readonly worker: W;
  readonly load: MutableLoad;
  /** The leading blocks that are told apart. */
  readonly counted: readonly StoredBlock[];
  readonly numBlocks: number;
  /** Undefined when they are computed. */
  prefillTokens: number | undefined;
}
