// Cost of routing: KV events into the indexer, look-ups out of it, and whole decisions, on one core.
//
//     npm run bench -- indexer
//
// 8 workers hold 16,384 blocks each, as the mocked engine's pools do, of conversations that begin with one of
// 16 system prompts. An operation is one event (of one block, as decoding tells them, or of 64, as a chunk of a
// prompt does) or one look-up of a prompt of 188 blocks, the mean of Mooncake's conversations, with 64 of
// them held by some worker.

import { extendChain } from "../../src/kv/block-hash.ts";
import { KvIndexer } from "../../src/kv/kv-indexer.ts";
import { KvRouter } from "../../src/kv/kv-router.ts";
import type { KvEvent, KvEventData, StoredBlock } from "../../src/protocol/kv-event.ts";
import { seededRandom } from "../seeded-random.ts";
import { median } from "./median.ts";

const NUM_WORKERS = 8;
const BLOCKS_PER_WORKER = 16_384;
const CHAIN_BLOCKS = 64;
const PROMPT_BLOCKS = 188;
const SHARED_BLOCKS = 4;
const NUM_ROUNDS = 15;
const WORKERS = Array.from({ length: NUM_WORKERS }, (_, i) => i);

export async function run(): Promise<void> {
  const chains = WORKERS.map((worker) =>
    Array.from({ length: BLOCKS_PER_WORKER / CHAIN_BLOCKS }, (_, i) => chainOf(worker, i)),
  );
  const prompts = chains.flatMap((all, worker) =>
    all.slice(0, 32).map((_, i) => promptOf(worker, i)),
  );

  console.log("operation                                   k/s    of blocks, M/s");
  row(
    "event of 1 block",
    1,
    measure(() => events(chains, 1)),
  );
  row(
    "event of 64 blocks",
    64,
    measure(() => events(chains, 64)),
  );
  row(
    "look-up, 188 blocks, 64 held",
    65,
    measure(() => lookUps(chains, prompts)),
  );
  row(
    "mixed: 63 events of 1 block, 1 look-up",
    2,
    measure(() => mixed(chains, prompts)),
  );
  row(
    "routing decision and booking, 188 blocks",
    188,
    measure(() => decisions(chains, prompts)),
  );
}

/** Runs a piece of work that says how many operations it was, and how many ms; median operations per ms. */
function measure(work: () => { readonly count: number; readonly ms: number }): number {
  for (let i = 0; i < 3; i++) work();
  return median(
    Array.from({ length: NUM_ROUNDS }, () => {
      const { count, ms } = work();
      return count / ms;
    }),
  );
}

function row(name: string, blocks: number, perMs: number): void {
  const cells = [perMs.toFixed(0).padStart(7), ((perMs * blocks) / 1000).toFixed(2).padStart(16)];
  console.log(`${name.padEnd(40)}${cells.join("  ")}`);
}

function timed(count: number, work: () => void) {
  const startedAt = performance.now();
  work();
  return { count, ms: performance.now() - startedAt };
}

/** All workers store all they hold and remove it again, in events of so many blocks. */
function events(chains: readonly StoredBlock[][][], blocksPerEvent: number) {
  const indexer = new KvIndexer<number>();
  const told = chains.map((all) => numbered(all.flatMap((chain) => lifeOf(chain, blocksPerEvent))));
  const count = told.reduce((sum, all) => sum + all.length, 0);
  return timed(count, () => {
    for (const [worker, all] of told.entries())
      for (const event of all) indexer.apply(worker, event);
  });
}

function lookUps(chains: readonly StoredBlock[][][], prompts: readonly StoredBlock[][]) {
  const indexer = filled(chains);
  return timed(20 * prompts.length, () => {
    for (let i = 0; i < 20; i++) for (const prompt of prompts) indexer.overlaps(prompt);
  });
}

/** As a router sees it: workers tell of their blocks as they decode, and a prompt comes now and then. */
function mixed(chains: readonly StoredBlock[][][], prompts: readonly StoredBlock[][]) {
  const indexer = new KvIndexer<number>();
  const told = chains.map((all) => numbered(all.flatMap((chain) => lifeOf(chain, 1))));
  const count = told.reduce((sum, all) => sum + all.length, 0);
  let numTold = 0;
  return timed(Math.floor((count * 64) / 63), () => {
    for (const [worker, all] of told.entries()) {
      for (const event of all) {
        indexer.apply(worker, event);
        if (++numTold % 63 === 0) indexer.overlaps(prompts[numTold % prompts.length] ?? []);
      }
    }
  });
}

function decisions(chains: readonly StoredBlock[][][], prompts: readonly StoredBlock[][]) {
  const clock = { now: () => performance.now() };
  const router = new KvRouter<number>({ blockSize: 64, clock, random: seededRandom(1) });
  for (const [worker, all] of chains.entries()) {
    for (const event of numbered(all.map(storedOf))) router.apply(worker, event);
  }
  const rule = {
    policy: "kv",
    overlapSource: "events",
    overlapScoreWeight: 1,
    temperature: 0,
  } as const;
  return timed(prompts.length, () => {
    const bookings = prompts.map((chain) => {
      return router.route({ chain, numTokens: 64 * chain.length }, WORKERS, rule).booking;
    });
    for (const { release } of bookings) release();
  });
}

function filled(chains: readonly StoredBlock[][][]): KvIndexer<number> {
  const indexer = new KvIndexer<number>();
  for (const [worker, all] of chains.entries()) {
    for (const event of numbered(all.map(storedOf))) indexer.apply(worker, event);
  }
  return indexer;
}

function storedOf(blocks: readonly StoredBlock[]): KvEventData {
  return { type: "stored", blocks };
}

/** A chain is stored from its beginning and removed from its end. */
function lifeOf(chain: readonly StoredBlock[], blocksPerEvent: number): KvEventData[] {
  const life: KvEventData[] = [];
  for (let i = 0; i < chain.length; i += blocksPerEvent) {
    const blocks = chain.slice(i, i + blocksPerEvent);
    const parentHash = chain[i - 1]?.blockHash;
    life.push(parentHash === undefined ? storedOf(blocks) : { type: "stored", parentHash, blocks });
  }
  for (let end = chain.length; end > 0; end -= blocksPerEvent) {
    const gone = chain.slice(Math.max(0, end - blocksPerEvent), end).toReversed();
    life.push({ type: "removed", blockHashes: gone.map(({ blockHash }) => blockHash) });
  }
  return life;
}

function numbered(all: readonly KvEventData[]): KvEvent[] {
  return all.map((data, eventId) => ({ eventId, data }));
}

function chainOf(worker: number, index: number): StoredBlock[] {
  return hashed(worker, index, CHAIN_BLOCKS);
}

/** Begins as the chain of the same worker and index, and goes on. */
function promptOf(worker: number, index: number): StoredBlock[] {
  return hashed(worker, index, PROMPT_BLOCKS);
}

function hashed(worker: number, index: number, numBlocks: number): StoredBlock[] {
  const ids = Int32Array.from({ length: numBlocks }, (_, block) =>
    block < SHARED_BLOCKS ? index % 16 : 1000 + worker * 1_000_000 + index * 1000 + block,
  );
  const chain: StoredBlock[] = [];
  extendChain(chain, ids, { blockSize: 1 }); // The names of blocks are as long whatever is in them.
  return chain;
}

if (import.meta.main) await run();
