import { describe, expect, test } from "bun:test";
import fc from "fast-check";

import { BlockManager } from "../../src/engine/block-manager.ts";
import { BlockTable } from "../../src/engine/block-table.ts";
import type { KvEvent } from "../../src/protocol/kv-event.ts";

const BLOCK_SIZE = 2;

function setUp(numBlocks: number, options: { readonly enablePrefixCaching?: boolean } = {}) {
  const events: KvEvent[] = [];
  const blocks = new BlockManager({
    firstBlock: 100,
    numBlocks,
    blockSize: BLOCK_SIZE,
    enablePrefixCaching: options.enablePrefixCaching ?? true,
    onKvEvent: (event) => events.push(event),
  });
  return { blocks, events };
}

/** A sequence of these tokens, all computed; and how many of its blocks were found. */
function hold(blocks: BlockManager, tokens: readonly number[], salt?: bigint) {
  const table = new BlockTable(salt);
  const tokenIds = Int32Array.from(tokens);
  const prefix = blocks.findPrefix(table, tokenIds);
  blocks.allocate(table, tokenIds.length, prefix);
  blocks.cacheFullBlocks(table, tokenIds, tokenIds.length);
  return { table, numFound: prefix.numBlocks, blockIds: idsOf(table) };
}

function idsOf(table: BlockTable): number[] {
  return [...table.blockIds.subarray(0, table.numBlocks)];
}

describe("blocks", () => {
  test("come from the given range, each once", () => {
    const { blocks } = setUp(3);
    const { blockIds } = hold(blocks, [1, 2, 3, 4, 5]);
    expect(blockIds.toSorted()).toEqual([100, 101, 102]);
    expect(blocks.numFreeBlocks).toBe(0);
    expect(() => blocks.allocate(new BlockTable(), 1)).toThrow("not free");
  });

  test("are shared by sequences with a common prefix", () => {
    const { blocks } = setUp(8);
    const first = hold(blocks, [1, 2, 3, 4, 5]);
    const second = hold(blocks, [1, 2, 3, 4, 6]);
    expect(second.numFound).toBe(2);
    expect(second.blockIds.slice(0, 2)).toEqual(first.blockIds.slice(0, 2));
    expect(blocks.numUsedBlocks).toBe(4);
    blocks.checkIntegrity([first.table, second.table]);
    blocks.free(first.table);
    blocks.checkIntegrity([second.table]);
    expect(blocks.numUsedBlocks).toBe(3);
  });

  test("keep their content when freed, until they are reused", () => {
    const { blocks } = setUp(4);
    blocks.free(hold(blocks, [1, 2, 3, 4, 5]).table);
    expect(blocks.numUsedBlocks).toBe(0);
    const again = hold(blocks, [1, 2, 3, 4, 5]);
    expect(again.numFound).toBe(2);
    blocks.free(again.table);
    blocks.free(hold(blocks, [9, 9, 9, 9, 9, 9, 9, 9]).table);
    expect(hold(blocks, [1, 2, 3, 4, 5]).numFound).toBe(0);
  });

  test("are reused by age, those without content first, the end of a prefix before its beginning", () => {
    const { blocks } = setUp(5);
    const { table, blockIds } = hold(blocks, [1, 2, 3, 4, 5]);
    expect(blockIds).toEqual([100, 101, 102]);
    blocks.free(table); // 102 is partial
    const young = hold(blocks, [6, 7]);
    expect(young.blockIds).toEqual([102]);
    blocks.free(young.table);
    const large = hold(blocks, [10, 11, 12, 13, 14, 15, 16, 17]);
    expect(large.blockIds).toEqual([103, 104, 101, 100]);
    blocks.free(large.table);
    expect(hold(blocks, [6, 7, 8]).numFound).toBe(1);
  });

  test("outlive what came later if more sequences had them, but not for ever", () => {
    const { blocks } = setUp(4);
    const come = (...tokens: readonly number[]) => {
      const { table, numFound } = hold(blocks, tokens);
      blocks.free(table);
      return numFound;
    };
    const PROMPT = [1, 2, 3, 4, 9]; // two blocks and a partial one
    for (const numFound of [0, 2, 2]) expect(come(...PROMPT)).toBe(numFound);
    for (let i = 10; i < 16; i++) come(i, i); // Each reuses what one sequence had.
    expect(come(...PROMPT)).toBe(2);
    for (let i = 20; i < 60; i++) come(i, i);
    expect(come(...PROMPT)).toBe(0);
  });

  test("are all without content after a clear", () => {
    const { blocks } = setUp(3);
    for (let i = 0; i < 3; i++) blocks.free(hold(blocks, [1, 2, 3, 4, 5]).table);
    blocks.clear();
    blocks.free(hold(blocks, [6, 7]).table);
    blocks.free(hold(blocks, [8, 9, 10, 11]).table);
    expect(hold(blocks, [6, 7, 8]).numFound).toBe(1);
  });

  test("are forgotten when memory is short, but for those that a sequence holds", () => {
    const { blocks, events } = setUp(6);
    const held = hold(blocks, [1, 2, 3, 4]);
    blocks.free(hold(blocks, [5, 6, 7, 8]).table);
    const heldIds = new Set(Array.from(held.table.blockIds.subarray(0, held.table.numBlocks)));
    const numEvents = events.length;
    const runs = blocks.shed();
    const shed = runs.flatMap(({ firstBlock, numBlocks }) =>
      Array.from({ length: numBlocks }, (_, i) => firstBlock + i),
    );
    expect(shed).toHaveLength(4);
    expect(shed.filter((block) => heldIds.has(block))).toEqual([]);
    expect(events.slice(numEvents).map(({ data }) => data.type)).toEqual(["removed"]);
    blocks.checkIntegrity([held.table]);
    expect(hold(blocks, [5, 6, 7]).numFound).toBe(0);
    expect(hold(blocks, [1, 2, 3]).numFound).toBe(1);
  });

  test("leave the last token to be computed, though its block is cached", () => {
    const { blocks } = setUp(8);
    hold(blocks, [1, 2, 3, 4]);
    expect(hold(blocks, [1, 2, 3, 4]).numFound).toBe(1);
    expect(hold(blocks, [1, 2, 3, 4, 5]).numFound).toBe(2);
  });

  test("that two sequences computed at once are kept once", () => {
    const { blocks, events } = setUp(8);
    const tokenIds = Int32Array.from([1, 2, 3, 4]);
    const tables = [new BlockTable(), new BlockTable()];
    for (const table of tables) blocks.allocate(table, 4, blocks.findPrefix(table, tokenIds));
    expect(blocks.numUsedBlocks).toBe(4);
    for (const table of tables) blocks.cacheFullBlocks(table, tokenIds, 4);
    expect(blocks.numUsedBlocks).toBe(2);
    expect(idsOf(tables[0] as BlockTable)).toEqual(idsOf(tables[1] as BlockTable));
    expect(events).toHaveLength(1);
    blocks.checkIntegrity(tables);
  });

  test("of another prefix with the same hash are neither found nor replaced", () => {
    const { blocks, events } = setUp(8);
    const first = hold(blocks, [1, 2, 3]);
    const collision = new BlockTable();
    collision.chain.push(...first.table.chain);
    const tokenIds = Int32Array.from([7, 8, 9]);
    const prefix = blocks.findPrefix(collision, tokenIds);
    expect(prefix.numBlocks).toBe(0);
    blocks.allocate(collision, 3, prefix);
    blocks.cacheFullBlocks(collision, tokenIds, 3);
    expect(collision.numCachedBlocks).toBe(0);
    expect(events).toHaveLength(1);
    blocks.checkIntegrity([first.table, collision]);
  });

  test("of another salt are never found, and those of the same are", () => {
    const { blocks, events } = setUp(16);
    const tokens = [1, 2, 3, 4, 5];
    const held = [undefined, 7n, 8n].map((salt) => hold(blocks, tokens, salt));
    expect(held.map(({ numFound }) => numFound)).toEqual([0, 0, 0]);
    expect(events).toHaveLength(3);
    blocks.checkIntegrity(held.map(({ table }) => table));
    for (const [i, salt] of [undefined, 7n, 8n].entries()) {
      const again = hold(blocks, tokens, salt);
      expect(again.blockIds.slice(0, 2)).toEqual(held[i]?.blockIds.slice(0, 2) ?? []);
    }
    expect(hold(blocks, tokens, 9n).numFound).toBe(0);
  });

  test("of another salt with the same hash are neither found nor replaced", () => {
    const { blocks } = setUp(8);
    const first = hold(blocks, [1, 2, 3], 7n);
    const collision = new BlockTable(8n);
    collision.chain.push(...first.table.chain);
    const tokenIds = Int32Array.from([1, 2, 3]);
    const prefix = blocks.findPrefix(collision, tokenIds);
    expect(prefix.numBlocks).toBe(0);
    blocks.allocate(collision, 3, prefix);
    blocks.cacheFullBlocks(collision, tokenIds, 3);
    expect(collision.numCachedBlocks).toBe(0);
    blocks.checkIntegrity([first.table, collision]);
  });

  test("that a window has left are free, and found until they are reused", () => {
    const { blocks } = setUp(6);
    const tokens = [1, 2, 3, 4, 5, 6, 7];
    const { table } = hold(blocks, tokens);
    blocks.freeLeading(table, 5);
    expect(blocks.numUsedBlocks).toBe(2);
    blocks.checkIntegrity([table]);
    const other = hold(blocks, tokens);
    expect(other.numFound).toBe(3);
    blocks.free(other.table);
    blocks.allocate(table, 12);
    blocks.cacheFullBlocks(table, Int32Array.of(...tokens, 8, 9, 10, 11, 12), 12);
    blocks.freeLeading(table, 4); // is behind already
    blocks.checkIntegrity([table]);
    blocks.free(table);
    blocks.checkIntegrity([]);
    expect(blocks.numFreeBlocks).toBe(6);
  });

  test("are never found with prefix caching off", () => {
    const { blocks, events } = setUp(8, { enablePrefixCaching: false });
    blocks.free(hold(blocks, [1, 2, 3, 4, 5]).table);
    expect(hold(blocks, [1, 2, 3, 4, 5]).numFound).toBe(0);
    expect(events).toEqual([]);
  });
});

describe("KV events", () => {
  test("tell what is stored, behind which parent, and what is removed, with rising ids", () => {
    const { blocks, events } = setUp(3);
    const first = hold(blocks, [1, 2, 3, 4]);
    const chain = first.table.chain.map((block) => block.blockHash);
    const second = hold(blocks, [1, 2, 3, 4, 5, 6]);
    blocks.free(first.table);
    blocks.free(second.table);
    const third = hold(blocks, [7, 8]);
    blocks.free(third.table);
    blocks.clear();

    const [h0, h1] = chain;
    const h2 = second.table.chain[2];
    const h7 = third.table.chain[0];
    expect(events.map((event) => event.eventId)).toEqual([0, 1, 2, 3, 4]);
    expect(events.map((event) => event.data)).toEqual([
      { type: "stored", blocks: first.table.chain },
      { type: "stored", parentHash: h1 as bigint, blocks: h2 === undefined ? [] : [h2] },
      { type: "removed", blockHashes: [h2?.blockHash as bigint] },
      { type: "stored", blocks: h7 === undefined ? [] : [h7] },
      { type: "cleared" },
    ]);
    expect(h0).not.toEqual(h1 as bigint);
    expect(hold(blocks, [1, 2, 3]).numFound).toBe(0);
  });
});

describe("the integrity check", () => {
  test("sees a table that nobody counted, and one that is missing", () => {
    const { blocks } = setUp(4);
    const { table } = hold(blocks, [1, 2, 3]);
    const stray = new BlockTable();
    stray.push(103);
    expect(() => blocks.checkIntegrity([table, stray])).toThrow("counted 0 times and held 1 times");
    expect(() => blocks.checkIntegrity([])).toThrow("counted 1 times and held 0 times");
  });
});

// Few distinct tokens, so that prefixes meet.
const someTokens = fc.array(fc.nat(1), { minLength: 1, maxLength: 9 });
const someMove = fc.oneof(
  fc.record({ type: fc.constant("arrive" as const), tokens: someTokens }),
  fc.record({ type: fc.constant("grow" as const), which: fc.nat(20), token: fc.nat(1) }),
  fc.record({ type: fc.constant("slide" as const), which: fc.nat(20), numTokens: fc.nat(9) }),
  fc.record({ type: fc.constant("leave" as const), which: fc.nat(20) }),
);
type Move = typeof someMove extends fc.Arbitrary<infer T> ? T : never;

describe("in any order of arrivals, growth and departures", () => {
  test("no block is both used and free, and events mirror the cache", () => {
    fc.assert(
      fc.property(fc.array(someMove, { maxLength: 80 }), fc.boolean(), (moves, isCaching) => {
        const house = new House(isCaching);
        for (const move of moves) {
          house.make(move);
          house.checkCounts();
        }
        house.checkEvents();
      }),
    );
  });
});

interface Guest {
  readonly table: BlockTable;
  readonly tokens: number[];
}

/** Sequences that come, grow and go in a pool of 8 blocks, beside a naive record of what was computed. */
class House {
  readonly #setUp: ReturnType<typeof setUp>;
  readonly #guests: Guest[] = [];
  readonly #everComputed = new Set<string>();
  #hasSlid = false;

  constructor(enablePrefixCaching: boolean) {
    this.#setUp = setUp(8, { enablePrefixCaching });
  }

  make(move: Move): void {
    if (move.type === "arrive") {
      this.#arrive({ table: new BlockTable(), tokens: [...move.tokens] });
      return;
    }
    const at = move.which % Math.max(1, this.#guests.length);
    const guest = this.#guests[at];
    if (guest === undefined) return;
    if (move.type === "grow") {
      this.#grow(guest, move.token);
    } else if (move.type === "slide") {
      this.#hasSlid = true;
      this.#setUp.blocks.freeLeading(guest.table, Math.min(move.numTokens, guest.tokens.length));
    } else {
      this.#setUp.blocks.free(guest.table);
      this.#guests.splice(at, 1);
    }
  }

  checkCounts(): void {
    const { blocks } = this.#setUp;
    blocks.checkIntegrity(this.#guests.map(({ table }) => table));
    const used = new Set(
      this.#guests.flatMap(({ table }) => idsOf(table).slice(table.numFreedBlocks)),
    );
    expect(blocks.numUsedBlocks).toBe(used.size);
    expect(blocks.numFreeBlocks).toBe(8 - used.size);
  }

  /** The listener's cached blocks are those that the manager finds. */
  checkEvents(): void {
    const { blocks, events } = this.#setUp;
    const believed = new Map<bigint, bigint | undefined>();
    for (const [i, event] of events.entries()) {
      expect(event.eventId).toBe(i);
      apply(believed, event, this.#hasSlid);
    }
    for (const { table, tokens } of this.#guests) {
      const probe = new BlockTable();
      const { numBlocks } = blocks.findPrefix(probe, Int32Array.from([...tokens, 0]));
      // Blocks that a window has left may be reused, or cached by others.
      if (table.numFreedBlocks === 0) expect(numBlocks).toBe(table.numCachedBlocks);
      const ownHashes = table.chain.slice(0, numBlocks).map((block) => block.blockHash);
      expect(ownHashes.every((hash) => believed.has(hash))).toBe(true);
    }
  }

  #arrive(guest: Guest): void {
    const { blocks } = this.#setUp;
    const { table, tokens } = guest;
    const prefix = blocks.findPrefix(table, Int32Array.from(tokens));
    if (blocks.numBlocksToTake(table, tokens.length, prefix) > blocks.numFreeBlocks) return;
    blocks.allocate(table, tokens.length, prefix);
    const found = tokens.slice(0, prefix.numBlocks * BLOCK_SIZE).join();
    expect(found === "" || this.#everComputed.has(found)).toBe(true);
    this.#compute(guest);
    this.#guests.push(guest);
  }

  #grow(guest: Guest, token: number): void {
    const { blocks } = this.#setUp;
    const numTokens = guest.tokens.length + 1;
    if (blocks.numBlocksToTake(guest.table, numTokens) > blocks.numFreeBlocks) return;
    blocks.allocate(guest.table, numTokens);
    guest.tokens.push(token);
    this.#compute(guest);
  }

  #compute({ table, tokens }: Guest): void {
    this.#setUp.blocks.cacheFullBlocks(table, Int32Array.from(tokens), tokens.length);
    for (let end = BLOCK_SIZE; end <= tokens.length; end += BLOCK_SIZE) {
      this.#everComputed.add(tokens.slice(0, end).join());
    }
  }
}

/**
 * A block is stored only when it was not, and removed only when it was, after all that are behind it: but for those that a
 * window has left, which go before blocks that are still held.
 */
function apply(
  believed: Map<bigint, bigint | undefined>,
  { data }: KvEvent,
  hasSlid: boolean,
): void {
  if (data.type === "stored") {
    let parentHash = data.parentHash;
    for (const { blockHash } of data.blocks) {
      expect(believed.has(blockHash)).toBe(false);
      believed.set(blockHash, parentHash);
      parentHash = blockHash;
    }
  } else if (data.type === "removed") {
    for (const blockHash of data.blockHashes) {
      expect(believed.delete(blockHash)).toBe(true);
      if (!hasSlid) expect([...believed.values()]).not.toContain(blockHash);
    }
  }
}
