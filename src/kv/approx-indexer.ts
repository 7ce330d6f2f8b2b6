// Blocks that each worker probably holds, without hearing from it: those of the prompts that it was sent
// of late. Dynamo's approx mode (lib/llm/src/kv_router/approx.rs): 120 s for each block from its last use.
//
// A block is known as long as a request that has it is in the queue of recent ones. All stay there
// equally long, so the oldest is in front, and no timer is needed.

import type { Clock } from "../base/clock.ts";
import type { StoredBlock } from "../protocol/kv-event.ts";
import { BlockCounts } from "./block-counts.ts";
import { MAX_INDEXED_BLOCKS } from "./kv-indexer.ts";
import { RadixTree } from "./radix-tree.ts";

const TTL_MS = 120_000;

export class ApproxIndexer<W> {
  readonly #clock: Pick<Clock, "now">;
  readonly #maxBlocks: number;
  readonly #tree: RadixTree<W>;
  readonly #uses: BlockCounts<W>;
  /** By age, from `#oldest` on. */
  #recent: RecentRequest<W>[] = [];
  #oldest = 0;
  /** Blocks of all recent requests, shared ones once for each. */
  #numRecentBlocks = 0;

  constructor(clock: Pick<Clock, "now">, maxBlocks: number = MAX_INDEXED_BLOCKS) {
    this.#clock = clock;
    this.#maxBlocks = maxBlocks;
    this.#tree = new RadixTree(maxBlocks);
    this.#uses = new BlockCounts(maxBlocks);
  }

  /** Blocks that are known, once for each worker that holds them. */
  get numBlocks(): number {
    return this.#tree.numBlocks;
  }

  /** A request with these leading blocks was sent to the worker. */
  routed(worker: W, chain: readonly StoredBlock[]): void {
    const blocks = chain.slice(0, this.#maxBlocks);
    this.#expire(this.#maxBlocks - blocks.length);
    this.#recent.push({ worker, blocks, expiresAt: this.#clock.now() + TTL_MS });
    this.#numRecentBlocks += blocks.length;
    for (const { blockHash } of blocks) this.#uses.increment(worker, blockHash);
    this.#tree.store(worker, undefined, blocks);
  }

  /** How many leading blocks of `chain` each worker probably holds, for those that hold any. */
  overlaps(chain: readonly StoredBlock[]): ReadonlyMap<W, number> {
    this.#expire(this.#maxBlocks);
    return this.#tree.overlaps(chain);
  }

  removeWorker(worker: W): void {
    this.#recent = this.#recent.slice(this.#oldest).filter((request) => request.worker !== worker);
    this.#oldest = 0;
    this.#numRecentBlocks = this.#recent.reduce((sum, { blocks }) => sum + blocks.length, 0);
    this.#uses.removeWorker(worker);
    this.#tree.removeWorker(worker);
  }

  checkIntegrity(): void {
    this.#tree.checkIntegrity();
  }

  /** Forgets requests whose time is over, and the oldest until at most `maxBlocks` are left. */
  #expire(maxBlocks: number): void {
    const now = this.#clock.now();
    let request = this.#recent[this.#oldest];
    while (request !== undefined) {
      if (request.expiresAt > now && this.#numRecentBlocks <= maxBlocks) break;
      for (const { blockHash } of request.blocks) {
        const isLastUse = this.#uses.decrement(request.worker, blockHash) === 0;
        if (isLastUse) this.#tree.remove(request.worker, blockHash);
      }
      this.#numRecentBlocks -= request.blocks.length;
      this.#oldest += 1;
      request = this.#recent[this.#oldest];
    }
    // The expired ones are cut off when they are half of the list, so that each is moved once at most.
    if (2 * this.#oldest > this.#recent.length) {
      this.#recent = this.#recent.slice(this.#oldest);
      this.#oldest = 0;
    }
  }
}

interface RecentRequest<W> {
  readonly worker: W;
  readonly blocks: readonly StoredBlock[];
  readonly expiresAt: number;
}
