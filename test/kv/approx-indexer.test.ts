import { describe, expect, test } from "bun:test";

import { ApproxIndexer } from "../../src/kv/approx-indexer.ts";
import { extendChain } from "../../src/kv/block-hash.ts";
import type { StoredBlock } from "../../src/protocol/kv-event.ts";
import { ManualClock } from "../manual-clock.ts";

function chainOf(...tokens: readonly number[]): StoredBlock[] {
  const chain: StoredBlock[] = [];
  extendChain(chain, Int32Array.from(tokens), { blockSize: 1 });
  return chain;
}

describe("an indexer without events", () => {
  test("believes that a worker holds what it was sent, for 120 s", async () => {
    const clock = new ManualClock();
    const indexer = new ApproxIndexer<string>(clock);
    indexer.routed("a", chainOf(1, 2, 3));
    expect(Object.fromEntries(indexer.overlaps(chainOf(1, 2, 4)))).toEqual({ a: 2 });
    await clock.advance(119_999);
    expect(indexer.overlaps(chainOf(1)).get("a")).toBe(1);
    await clock.advance(1);
    expect(indexer.overlaps(chainOf(1)).size).toBe(0);
    expect(indexer.numBlocks).toBe(0);
    indexer.checkIntegrity();
  });

  test("counts the time of each block from its last use", async () => {
    const clock = new ManualClock();
    const indexer = new ApproxIndexer<string>(clock);
    indexer.routed("a", chainOf(1, 2, 3));
    await clock.advance(60_000);
    indexer.routed("a", chainOf(1, 2));
    await clock.advance(60_000);
    expect(indexer.overlaps(chainOf(1, 2, 3)).get("a")).toBe(2);
    await clock.advance(60_000);
    expect(indexer.overlaps(chainOf(1, 2, 3)).size).toBe(0);
    indexer.checkIntegrity();
  });

  test("forgets a worker that is gone, and no other", () => {
    const indexer = new ApproxIndexer<string>(new ManualClock());
    indexer.routed("a", chainOf(1, 2));
    indexer.routed("b", chainOf(1));
    indexer.removeWorker("a");
    expect(Object.fromEntries(indexer.overlaps(chainOf(1, 2)))).toEqual({ b: 1 });
    indexer.checkIntegrity();
  });

  test("drops the oldest requests when they hold more blocks than it may know", () => {
    const indexer = new ApproxIndexer<string>(new ManualClock(), 4);
    indexer.routed("a", chainOf(1, 2));
    indexer.routed("a", chainOf(3, 4));
    indexer.routed("a", chainOf(5, 6));
    expect(indexer.overlaps(chainOf(1, 2)).size).toBe(0);
    expect(indexer.overlaps(chainOf(3, 4)).get("a")).toBe(2);
    indexer.routed("a", chainOf(1, 2, 3, 4, 5, 6, 7));
    expect(indexer.overlaps(chainOf(1, 2, 3, 4, 5)).get("a")).toBe(4);
    expect(indexer.numBlocks).toBe(4);
    indexer.checkIntegrity();
  });
});
