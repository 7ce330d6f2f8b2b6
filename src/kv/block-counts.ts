// How often each block of each worker is counted: by the requests that run, or by the recent ones.

import type { BlockHash } from "../protocol/kv-event.ts";
import { HashIndex, withLength } from "./hash-index.ts";
import { WorkerNumbers } from "./worker-numbers.ts";

export class BlockCounts<W> {
  readonly #workers = new WorkerNumbers<W>();
  readonly #index: HashIndex;
  #counts = new Uint32Array(1);

  /** `maxBlocks` bounds the blocks with a count above 0, of all workers together. */
  constructor(maxBlocks: number) {
    this.#index = new HashIndex(maxBlocks);
  }

  /** Blocks with a count above 0. */
  get numBlocks(): number {
    return this.#index.size;
  }

  get isFull(): boolean {
    return this.#index.size === this.#index.capacity;
  }

  countOf(worker: W, blockHash: BlockHash): number {
    const number = this.#workers.find(worker);
    const id = number === undefined ? undefined : this.#index.find(number, blockHash);
    return id === undefined ? 0 : (this.#counts[id] as number);
  }

  /** The new count. */
  increment(worker: W, blockHash: BlockHash): number {
    const number = this.#workers.add(worker);
    const known = this.#index.find(number, blockHash);
    const id = known ?? this.#index.add(number, blockHash);
    const count = known === undefined ? 1 : (this.#counts[id] as number) + 1;
    this.#counts = withLength(this.#counts, id + 1);
    this.#counts[id] = count;
    return count;
  }

  /** The new count. That of a block which is not counted stays 0. */
  decrement(worker: W, blockHash: BlockHash): number {
    const number = this.#workers.find(worker);
    const id = number === undefined ? undefined : this.#index.find(number, blockHash);
    if (id === undefined) return 0;
    const count = (this.#counts[id] as number) - 1;
    this.#counts[id] = count;
    if (count === 0) this.#index.delete(id);
    return count;
  }

  removeWorker(worker: W): void {
    const number = this.#workers.find(worker);
    if (number === undefined) return;
    for (const id of this.#index.idsOf(number)) this.#index.delete(id);
    this.#workers.delete(worker);
  }
}
