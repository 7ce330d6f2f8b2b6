// Blocks that each worker holds, by what it tells: the listener's end of the KV events.
//
//     worker's block manager --KvEvent--> apply --> radix tree <-- overlaps <-- prompt
//
// Ids of a worker's events rise by one from 0. At a gap nothing that was heard of the worker can be trusted, so
// it is forgotten until a snapshot comes: a missed prefix costs some recomputing, a false one sends the
// request to the wrong worker.

import type { KvEvent, KvSnapshot, StoredBlock, StoredData } from "../protocol/kv-event.ts";
import { RadixTree, type ToldBlock } from "./radix-tree.ts";

/** Blocks that are remembered: of 64 workers with the mocked engine's pool. 60 bytes each, when used. */
export const MAX_INDEXED_BLOCKS = 2 ** 20;

export class KvIndexer<W> {
  readonly #tree: RadixTree<W>;
  readonly #states = new Map<W, WorkerState>();

  constructor(maxBlocks: number = MAX_INDEXED_BLOCKS) {
    this.#tree = new RadixTree(maxBlocks);
  }

  /** Blocks that are known, once for each worker that holds them. */
  get numBlocks(): number {
    return this.#tree.numBlocks;
  }

  /** "gap" as long as the worker's snapshot is wanted; what it tells before is of no use. */
  apply(worker: W, { eventId, data }: KvEvent): "applied" | "gap" {
    const state = this.#stateOf(worker);
    if (state.isStale) return "gap";
    if (eventId < state.nextEventId) return "applied"; // A snapshot had it already.
    if (eventId > state.nextEventId) {
      this.#tree.removeWorker(worker);
      state.isStale = true;
      return "gap";
    }
    state.nextEventId += 1;
    if (data.type === "stored") this.#tree.store(worker, data.parentHash, data.blocks);
    else if (data.type === "cleared") this.#tree.removeWorker(worker);
    else for (const blockHash of data.blockHashes) this.#tree.remove(worker, blockHash);
    return "applied";
  }

  /** Takes the place of all that was heard of the worker, unless events have led further already. */
  applySnapshot(worker: W, { nextEventId, stored }: KvSnapshot): void {
    const state = this.#stateOf(worker);
    if (!state.isStale && nextEventId < state.nextEventId) return;
    this.#tree.removeWorker(worker);
    for (const { parentHash, blocks } of stored) this.#tree.store(worker, parentHash, blocks);
    state.nextEventId = nextEventId;
    state.isStale = false;
  }

  /** The worker is gone. If it comes back, its events begin at 0 again. */
  removeWorker(worker: W): void {
    this.#tree.removeWorker(worker);
    this.#states.delete(worker);
  }

  /** How many leading blocks of `chain` each worker holds, for those that hold any. */
  overlaps(chain: readonly StoredBlock[]): ReadonlyMap<W, number> {
    return this.#tree.overlaps(chain);
  }

  /** Known blocks of the worker, as another indexer would want them; undefined if nothing is sure. */
  snapshot(worker: W): KvSnapshot | undefined {
    const state = this.#states.get(worker);
    if (state === undefined || state.isStale) return undefined;
    return { nextEventId: state.nextEventId, stored: joinRuns(this.#tree.blocksOf(worker)) };
  }

  /** Snapshots of all workers of which something sure is known: they rebuild this indexer elsewhere. */
  dump(): ReadonlyMap<W, KvSnapshot> {
    const snapshots = new Map<W, KvSnapshot>();
    for (const worker of this.#states.keys()) {
      const snapshot = this.snapshot(worker);
      if (snapshot !== undefined) snapshots.set(worker, snapshot);
    }
    return snapshots;
  }

  checkIntegrity(): void {
    this.#tree.checkIntegrity();
  }

  #stateOf(worker: W): WorkerState {
    let state = this.#states.get(worker);
    if (state === undefined) {
      state = { nextEventId: 0, isStale: false };
      this.#states.set(worker, state);
    }
    return state;
  }
}

interface WorkerState {
  nextEventId: number;
  isStale: boolean;
}

/** Blocks that follow one another become one list. */
function joinRuns(told: Iterable<ToldBlock>): StoredData[] {
  const runs: StoredData[] = [];
  let blocks: StoredBlock[] = [];
  for (const { parentHash, block } of told) {
    if (parentHash === undefined || parentHash !== blocks.at(-1)?.blockHash) {
      blocks = [];
      runs.push({ type: "stored", ...(parentHash !== undefined && { parentHash }), blocks });
    }
    blocks.push(block);
  }
  return runs;
}
