// A naive indexer in a map: each block of a worker with its whole path of token hashes.

import type { KvEvent, KvSnapshot, StoredBlock, StoredData } from "../../src/protocol/kv-event.ts";

export class NaiveIndexer {
  readonly #workers = new Map<string, NaiveWorker>();

  apply(worker: string, { eventId, data }: KvEvent): "applied" | "gap" {
    const state = this.#stateOf(worker);
    if (state.isStale || eventId > state.nextEventId) {
      state.isStale = true;
      state.paths.clear();
      return "gap";
    }
    if (eventId < state.nextEventId) return "applied";
    state.nextEventId += 1;
    if (data.type === "stored") store(state, data);
    else if (data.type === "cleared") state.paths.clear();
    else for (const blockHash of data.blockHashes) state.paths.delete(blockHash);
    return "applied";
  }

  applySnapshot(worker: string, { nextEventId, stored }: KvSnapshot): void {
    const state = this.#stateOf(worker);
    if (!state.isStale && nextEventId < state.nextEventId) return;
    state.paths.clear();
    for (const data of stored) store(state, data);
    state.nextEventId = nextEventId;
    state.isStale = false;
  }

  removeWorker(worker: string): void {
    this.#workers.delete(worker);
  }

  overlaps(chain: readonly StoredBlock[]): Map<string, number> {
    const overlaps = new Map<string, number>();
    for (const [worker, { paths }] of this.#workers) {
      const held = new Set(paths.values());
      let depth = 0;
      while (depth < chain.length && held.has(pathOf(chain.slice(0, depth + 1)))) depth += 1;
      if (depth > 0) overlaps.set(worker, depth);
    }
    return overlaps;
  }

  get numBlocks(): number {
    return [...this.#workers.values()].reduce((sum, { paths }) => sum + paths.size, 0);
  }

  #stateOf(worker: string): NaiveWorker {
    const state = this.#workers.get(worker) ?? {
      nextEventId: 0,
      isStale: false,
      paths: new Map(),
    };
    this.#workers.set(worker, state);
    return state;
  }
}

interface NaiveWorker {
  nextEventId: number;
  isStale: boolean;
  /** By blockHash. */
  readonly paths: Map<bigint, string>;
}

function store({ paths }: NaiveWorker, { parentHash, blocks }: StoredData): void {
  let path = parentHash === undefined ? "" : paths.get(parentHash);
  for (const { blockHash, tokensHash } of blocks) {
    if (path === undefined) return;
    path = `${path}/${tokensHash}`;
    paths.set(blockHash, path);
  }
}

function pathOf(chain: readonly StoredBlock[]): string {
  return chain.map(({ tokensHash }) => `/${tokensHash}`).join("");
}
