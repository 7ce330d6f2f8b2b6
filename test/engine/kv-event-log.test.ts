// Knowledge of a listener of a prefix cache in the end, whatever it misses on the way.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";

import { BlockManager } from "../../src/engine/block-manager.ts";
import { BlockTable } from "../../src/engine/block-table.ts";
import { KvEventLog } from "../../src/engine/kv-event-log.ts";
import { KvIndexer } from "../../src/kv/kv-indexer.ts";
import type { KvReport, KvSnapshot } from "../../src/protocol/kv-event.ts";

const BLOCK_SIZE = 2;
const NUM_BLOCKS = 12;

function setUp(maxQueuedBlocks: number) {
  const log = new KvEventLog({ snapshot: () => blocks.snapshot(), maxQueuedBlocks });
  const blocks: BlockManager = new BlockManager({
    firstBlock: 3,
    numBlocks: NUM_BLOCKS,
    blockSize: BLOCK_SIZE,
    enablePrefixCaching: true,
    onKvEvent: (event) => log.record(event),
  });
  /** Computes a prompt and forgets it, as a step would. */
  const serve = (prompt: readonly number[]) => {
    const table = new BlockTable();
    const tokenIds = Int32Array.from(prompt);
    blocks.allocate(table, tokenIds.length, blocks.findPrefix(table, tokenIds));
    blocks.cacheFullBlocks(table, tokenIds, tokenIds.length);
    blocks.free(table);
  };
  return { log, blocks, serve };
}

/** Takes in what has come and not been read. */
class Reader {
  readonly indexer = new KvIndexer<"worker">();
  readonly kinds: KvReport["type"][] = [];
  readonly #reports: AsyncIterator<KvReport>;
  #next: Promise<void> | undefined;

  constructor(log: KvEventLog) {
    this.#reports = log.listen();
  }

  async read(): Promise<void> {
    this.#next ??= this.#reports.next().then(({ value }) => {
      this.#next = undefined;
      if (value) this.#take(value);
    });
    await Promise.race([this.#next, new Promise((resolve) => setImmediate(resolve))]);
  }

  #take(report: KvReport): void {
    this.kinds.push(report.type);
    if (report.type === "snapshot") this.indexer.applySnapshot("worker", report.snapshot);
    else {
      for (const event of report.events)
        expect(this.indexer.apply("worker", event)).toBe("applied");
    }
    this.indexer.checkIntegrity();
  }
}

function hashesOf(snapshot: KvSnapshot | undefined) {
  const hashes = (snapshot?.stored ?? []).flatMap(({ blocks }) => blocks.map((b) => b.blockHash));
  return hashes.toSorted((a, b) => Number(a - b));
}

const prompt = fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 1, maxLength: 14 });
const act = fc.oneof(
  fc.record({ type: fc.constant("serve" as const), prompt }),
  fc.record({ type: fc.constant("flush" as const) }),
  fc.record({ type: fc.constant("read" as const), reader: fc.integer({ min: 0, max: 2 }) }),
  fc.record({ type: fc.constant("clear" as const) }),
);

type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;
type World = ReturnType<typeof setUp> & { readonly readers: Map<number, Reader> };

async function perform({ log, blocks, serve, readers }: World, one: Act): Promise<void> {
  switch (one.type) {
    case "serve":
      return serve(one.prompt);
    case "flush":
      return log.flush();
    case "clear":
      return blocks.clear();
    case "read": {
      const reader = readers.get(one.reader) ?? new Reader(log); // It joins in the middle.
      readers.set(one.reader, reader);
      return reader.read();
    }
  }
}

describe("a listener of KV events", () => {
  test("knows in the end what the cache holds: 300 schedules of joining, reading late and overflowing", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(act, { maxLength: 60 }),
        fc.integer({ min: 1, max: 30 }),
        async (acts, maxQueuedBlocks) => {
          const world = { ...setUp(maxQueuedBlocks), readers: new Map<number, Reader>() };
          for (const one of acts) await perform(world, one);
          world.log.flush();
          for (const reader of world.readers.values()) {
            for (let i = 0; i < 3; i++) await reader.read(); // It may wait for what came before.
            const known = hashesOf(reader.indexer.snapshot("worker"));
            expect(known).toEqual(hashesOf(world.blocks.snapshot()));
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test("gets a snapshot first, then the events of each step in one piece", async () => {
    const { log, serve } = setUp(100);
    serve([1, 2, 3, 4]);
    const reader = new Reader(log);
    await reader.read();
    serve([1, 2, 5, 6]);
    serve([7, 8]);
    log.flush();
    await reader.read();
    expect(reader.kinds).toEqual(["snapshot", "events"]);
  });

  test("that is too far behind gets a snapshot in place of the events", async () => {
    const { log, serve } = setUp(2);
    const reader = new Reader(log);
    await reader.read();
    serve([1, 2, 3, 4, 5, 6]);
    log.flush();
    await reader.read();
    expect(reader.kinds).toEqual(["snapshot", "snapshot"]);
  });

  test("ends when the log is closed, after what was recorded", async () => {
    const { log, serve } = setUp(100);
    const reports = log.listen();
    await reports.next();
    const next = reports.next();
    serve([1, 2]);
    log.close();
    expect((await next).value?.type).toBe("events");
    expect((await reports.next()).done).toBe(true);
  });
});
