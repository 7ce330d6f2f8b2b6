import { describe, expect, test } from "bun:test";
import fc from "fast-check";

import { extendChain } from "../../src/kv/block-hash.ts";
import { KvIndexer } from "../../src/kv/kv-indexer.ts";
import type { KvEvent, KvEventData, StoredBlock } from "../../src/protocol/kv-event.ts";
import { NaiveIndexer } from "./naive-indexer.ts";

const WORKERS = ["a", "b", "c"] as const;
type Worker = (typeof WORKERS)[number];

/** The blocks of a prompt of these tokens, one token a block. */
function chainOf(tokens: readonly number[]): StoredBlock[] {
  const chain: StoredBlock[] = [];
  extendChain(chain, Int32Array.from(tokens), { blockSize: 1 });
  return chain;
}

function stored(tokens: readonly number[], from = 0): KvEventData {
  const chain = chainOf(tokens);
  const parentHash = chain[from - 1]?.blockHash;
  const blocks = chain.slice(from);
  return parentHash === undefined
    ? { type: "stored", blocks }
    : { type: "stored", parentHash, blocks };
}

function removed(tokens: readonly number[]): KvEventData {
  const last = chainOf(tokens).at(-1) as StoredBlock;
  return { type: "removed", blockHashes: [last.blockHash] };
}

/** Applies these in order, as the worker's first events. */
function tell(indexer: KvIndexer<Worker>, worker: Worker, ...all: readonly KvEventData[]): void {
  for (const [eventId, data] of all.entries()) indexer.apply(worker, { eventId, data });
  indexer.checkIntegrity();
}

function overlaps(indexer: KvIndexer<Worker>, ...tokens: readonly number[]) {
  return Object.fromEntries(indexer.overlaps(chainOf(tokens)));
}

describe("an indexer", () => {
  test("counts the leading blocks that each worker holds", () => {
    const indexer = new KvIndexer<Worker>(100);
    tell(indexer, "a", stored([1, 2, 3]));
    tell(indexer, "b", stored([1, 2]), stored([1, 2, 4], 2));
    expect(overlaps(indexer, 1, 2, 3, 4)).toEqual({ a: 3, b: 2 });
    expect(overlaps(indexer, 1, 2, 4)).toEqual({ a: 2, b: 3 });
    expect(overlaps(indexer, 2)).toEqual({});
    expect(indexer.numBlocks).toBe(6);
  });

  test("matches by tokens, whatever a worker calls its blocks", () => {
    const indexer = new KvIndexer<Worker>(100);
    const [first, second] = chainOf([1, 2]) as [StoredBlock, StoredBlock];
    const blocks = [
      { blockHash: 100n, tokensHash: first.tokensHash },
      { blockHash: 200n, tokensHash: second.tokensHash },
    ];
    tell(indexer, "a", { type: "stored", blocks });
    tell(indexer, "b", stored([1, 2]));
    expect(overlaps(indexer, 1, 2)).toEqual({ a: 2, b: 2 });
    indexer.apply("a", { eventId: 1, data: { type: "removed", blockHashes: [200n] } });
    expect(overlaps(indexer, 1, 2)).toEqual({ a: 1, b: 2 });
  });

  test("stops at a block that is missing, and goes on when it is back", () => {
    const indexer = new KvIndexer<Worker>(100);
    tell(indexer, "a", stored([1, 2, 3]), removed([1, 2]));
    expect(overlaps(indexer, 1, 2, 3)).toEqual({ a: 1 });
    indexer.apply("a", { eventId: 2, data: stored([1, 2], 1) });
    expect(overlaps(indexer, 1, 2, 3)).toEqual({ a: 3 });
  });

  test("drops blocks whose parent it does not know", () => {
    const indexer = new KvIndexer<Worker>(100);
    tell(indexer, "a", stored([1, 2, 3], 2));
    expect(indexer.numBlocks).toBe(0);
  });

  test("forgets a worker at a gap, and hears no more of it until its snapshot", () => {
    const indexer = new KvIndexer<Worker>(100);
    tell(indexer, "a", stored([1]), stored([2]));
    expect(indexer.apply("a", { eventId: 3, data: stored([3]) })).toBe("gap");
    expect(indexer.apply("a", { eventId: 2, data: stored([4]) })).toBe("gap");
    expect(indexer.numBlocks).toBe(0);
    expect(indexer.snapshot("a")).toBeUndefined();
    const blocks = chainOf([1]);
    indexer.applySnapshot("a", { nextEventId: 5, stored: [{ type: "stored", blocks }] });
    expect(indexer.apply("a", { eventId: 4, data: stored([7]) })).toBe("applied");
    expect(overlaps(indexer, 7)).toEqual({});
    expect(indexer.apply("a", { eventId: 5, data: stored([8]) })).toBe("applied");
    expect(overlaps(indexer, 8)).toEqual({ a: 1 });
    expect(overlaps(indexer, 1)).toEqual({ a: 1 });
  });

  test("asks for a snapshot of a worker whose first events it has missed", () => {
    const indexer = new KvIndexer<Worker>(100);
    expect(indexer.apply("a", { eventId: 7, data: stored([1]) })).toBe("gap");
  });

  test("does not go back to a snapshot that events have overtaken", () => {
    const indexer = new KvIndexer<Worker>(100);
    tell(indexer, "a", stored([1]), stored([2]));
    indexer.applySnapshot("a", { nextEventId: 1, stored: [] });
    expect(overlaps(indexer, 2)).toEqual({ a: 1 });
  });

  test("starts a worker that came back with its event 0", () => {
    const indexer = new KvIndexer<Worker>(100);
    tell(indexer, "a", stored([1]));
    indexer.removeWorker("a");
    tell(indexer, "a", stored([2]));
    expect(overlaps(indexer, 1)).toEqual({});
    expect(overlaps(indexer, 2)).toEqual({ a: 1 });
  });

  test("that is full forgets the ends of what no prompt has matched for longest", () => {
    const indexer = new KvIndexer<Worker>(6);
    tell(indexer, "a", stored([1, 2, 3]), stored([4, 5, 6]));
    indexer.apply("a", { eventId: 2, data: stored([7]) }); // takes all marks away, forgets one
    expect(indexer.numBlocks).toBe(6);
    overlaps(indexer, 4, 5, 6);
    indexer.apply("a", { eventId: 3, data: stored([8]) });
    indexer.apply("a", { eventId: 4, data: stored([9]) });
    indexer.checkIntegrity();
    expect(overlaps(indexer, 4, 5, 6)).toEqual({ a: 3 });
    expect(overlaps(indexer, 1)).toEqual({});
    expect(overlaps(indexer, 9)).toEqual({ a: 1 });
  });

  test("takes in as much as fits of more blocks than it may know", () => {
    const indexer = new KvIndexer<Worker>(3);
    tell(indexer, "a", stored([1, 2, 3, 4, 5]));
    expect(indexer.numBlocks).toBe(3);
    expect(overlaps(indexer, 1, 2, 3, 4, 5)).toEqual({ a: 3 });
  });
});

/** Few tokens and short prompts, so that prefixes are shared and broken often. */
const prompt = fc.array(fc.nat(2), { minLength: 1, maxLength: 5 });
const move = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant("stored" as const), prompt }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant("removed" as const), prompt }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constantFrom("cleared", "lost", "died", "healed") }),
  },
);
const moves = fc.array(fc.tuple(fc.constantFrom(...WORKERS), move), { maxLength: 60 });

describe("an indexer and a naive map", () => {
  test("agree after any events, gaps, snapshots and deaths", () => {
    fc.assert(
      fc.property(moves, fc.array(prompt, { minLength: 1 }), (sequence, prompts) => {
        const world = new World(1000);
        for (const [worker, { type, ...rest }] of sequence) {
          world.move(worker, type, "prompt" in rest ? rest.prompt : []);
          world.check(prompts);
        }
        world.checkDump(prompts);
      }),
    );
  });

  test("agree on less and less, never on more, when the indexer is too small", () => {
    fc.assert(
      fc.property(moves, fc.integer({ min: 1, max: 8 }), prompt, (sequence, maxBlocks, asked) => {
        const world = new World(maxBlocks);
        for (const [worker, { type, ...rest }] of sequence) {
          world.move(worker, type, "prompt" in rest ? rest.prompt : []);
          world.checkBound(maxBlocks, asked);
        }
      }),
    );
  });
});

/** Workers that tell both what they do. */
class World {
  readonly #indexer: KvIndexer<Worker>;
  readonly #naive = new NaiveIndexer();
  /** Events that each worker itself would answer for, with ids as it gave them. */
  readonly #own = new Map<Worker, KvEvent[]>(WORKERS.map((worker) => [worker, []]));

  constructor(maxBlocks: number) {
    this.#indexer = new KvIndexer(maxBlocks);
  }

  move(worker: Worker, type: string, tokens: readonly number[]): void {
    const own = this.#own.get(worker) as KvEvent[];
    if (type === "died") {
      own.length = 0;
      this.#indexer.removeWorker(worker);
      this.#naive.removeWorker(worker);
    } else if (type === "healed") {
      const source = new KvIndexer<Worker>(1000);
      for (const event of own) source.apply(worker, event);
      const snapshot = source.snapshot(worker) ?? { nextEventId: 0, stored: [] };
      this.#indexer.applySnapshot(worker, snapshot);
      this.#naive.applySnapshot(worker, snapshot);
    } else {
      const event = { eventId: own.length, data: this.#dataOf(type, tokens) };
      own.push(event);
      if (type === "lost") return;
      const answer = this.#indexer.apply(worker, event);
      expect(answer).toBe(this.#naive.apply(worker, event));
    }
  }

  check(prompts: readonly (readonly number[])[]): void {
    this.#indexer.checkIntegrity();
    expect(this.#indexer.numBlocks).toBe(this.#naive.numBlocks);
    for (const tokens of prompts) {
      const chain = chainOf(tokens);
      expect(new Map<string, number>(this.#indexer.overlaps(chain))).toEqual(
        this.#naive.overlaps(chain),
      );
    }
  }

  checkDump(prompts: readonly (readonly number[])[]): void {
    const rebuilt = new KvIndexer<Worker>(1000);
    for (const [worker, snapshot] of this.#indexer.dump()) {
      rebuilt.applySnapshot(worker, snapshot);
    }
    rebuilt.checkIntegrity();
    for (const chain of prompts.map(chainOf)) {
      expect(rebuilt.overlaps(chain)).toEqual(this.#indexer.overlaps(chain));
    }
  }

  checkBound(maxBlocks: number, tokens: readonly number[]): void {
    this.#indexer.checkIntegrity();
    expect(this.#indexer.numBlocks).toBeLessThanOrEqual(maxBlocks);
    const chain = chainOf(tokens);
    const known = this.#naive.overlaps(chain);
    for (const [worker, depth] of this.#indexer.overlaps(chain)) {
      expect(depth).toBeLessThanOrEqual(known.get(worker) ?? 0);
    }
  }

  #dataOf(type: string, tokens: readonly number[]): KvEventData {
    if (type === "removed") return removed(tokens);
    if (type === "cleared") return { type: "cleared" };
    return stored(tokens.length === 0 ? [0] : tokens);
  }
}
