import { describe, expect, test } from "bun:test";
import fc from "fast-check";

import { BlockManager } from "../../src/engine/block-manager.ts";
import type { RunnerLimits } from "../../src/engine/model-runner.ts";
import { Scheduler } from "../../src/engine/scheduler.ts";
import { Sequence } from "../../src/engine/sequence.ts";
import { createStepBatch } from "../../src/engine/step-batch.ts";
import { SMALL_LIMITS } from "./fake-runner.ts";
import { promptOf, requestOf } from "./requests.ts";

/** A scheduler whose steps sample token 1 for all and take `msPerToken` for each token. */
function setUp(
  options: Partial<RunnerLimits> & {
    readonly msPerToken?: number;
    readonly longPrefillTokenThreshold?: number;
  } = {},
) {
  const limits = { ...SMALL_LIMITS, maxModelLen: 10_000, ...options };
  const blocks = new BlockManager({ ...limits, enablePrefixCaching: true });
  const scheduler = new Scheduler(limits, blocks, options);
  const added: Sequence[] = [];
  const results = createStepBatch({ ...limits, maxNumBatchedTokens: 1, maxModelLen: 1 });
  results.sampledIds.fill(1);
  const nameOf = (sequence: Sequence) => added.indexOf(sequence);
  return {
    scheduler,
    blocks,
    nameOf,
    /** A new sequence named by its order of arrival: 0, 1, 2... */
    add(length: number, maxTokens = 50, tenant = 1): Sequence {
      const request = requestOf(promptOf(length, added.length), { stop: { maxTokens }, tenant });
      const sequence = new Sequence(request, 0);
      added.push(sequence);
      scheduler.add(sequence);
      return sequence;
    },
    /** One step; what ran in it, as `name: tokens`. */
    step(): string[] {
      const output = scheduler.schedule(0);
      const ran = output.sequences.map((s) => `${nameOf(s)}: ${s.numScheduledTokens}`);
      scheduler.update(output, results, output.numTokens * (options.msPerToken ?? 0));
      scheduler.checkIntegrity();
      return ran;
    },
  };
}

describe("a step", () => {
  test("runs decodes first, then begun prompts, then new ones, within one budget", () => {
    const { add, step } = setUp({ maxNumBatchedTokens: 20 });
    add(10);
    add(30);
    expect(step()).toEqual(["0: 10", "1: 10"]);
    add(5);
    expect(step()).toEqual(["0: 1"]); // alone once, to know what it takes
    expect(step()).toEqual(["0: 1", "1: 19"]);
    expect(step()).toEqual(["0: 1", "1: 1", "2: 5"]);
    expect(step()).toEqual(["0: 1", "1: 1", "2: 1"]);
  });

  test("admits in order of arrival, and lets none past one that does not fit", () => {
    const { scheduler, add, step } = setUp({ numBlocks: 10 });
    add(16);
    step();
    add(30);
    add(2);
    expect(step()).toEqual(["0: 1"]);
    expect(scheduler.stats().numWaiting).toBe(2);
  });

  test("admits no more than there are seats", () => {
    const { add, step } = setUp({ maxNumSeqs: 2 });
    const [first] = [add(4), add(4), add(4)];
    expect(step()).toEqual(["0: 4", "1: 4"]);
    expect(step()).toEqual(["0: 1", "1: 1"]);
    expect(first?.status).toBe("running");
  });

  test("chunks a prompt by time: half a second alone, little beside a quick decode", () => {
    const { add, step } = setUp({ maxNumBatchedTokens: 8192, numBlocks: 4000, msPerToken: 1 });
    add(1200);
    expect(step()).toEqual(["0: 64"]);
    expect(step()).toEqual(["0: 500"]);
    expect(step()).toEqual(["0: 500"]);
    expect(step()).toEqual(["0: 136"]);
    expect(step()).toEqual(["0: 1"]);
    add(10);
    expect(step()).toEqual(["0: 1", "1: 4"]);
    expect(step()).toEqual(["0: 1", "1: 4"]);
    expect(step()).toEqual(["0: 1", "1: 2"]);
  });

  test("takes no more of one prompt than long-prefill-token-threshold says, and room for the next", () => {
    const { add, step } = setUp({ maxNumBatchedTokens: 20, longPrefillTokenThreshold: 12 });
    add(30);
    add(10);
    expect(step()).toEqual(["0: 12", "1: 8"]);
    expect(step()).toEqual(["0: 12", "1: 2"]);
  });
});

describe("preemption", () => {
  test("takes the youngest, which comes back before all others", () => {
    const { scheduler, add, step } = setUp({ numBlocks: 7, blockSize: 4 });
    const [first, second] = [add(11, 12), add(11)];
    add(1);
    expect(step()).toEqual(["0: 11", "1: 11"]); // 3 blocks each; the reserve of one keeps 2 out
    expect(step()).toEqual(["0: 1", "1: 1"]);
    expect(step()).toEqual(["0: 1"]); // takes the last block; 1 finds none and gives way itself
    expect(second?.status).toBe("waiting");
    expect(scheduler.stats().numPreemptions).toBe(1);
    expect(scheduler.stats().numWaiting).toBe(2);
    while (first?.status === "running") step();
    // The older one has reused its blocks from the end; the first is still cached.
    expect(step()[0]).toBe("1: 9");
    expect(second?.numCachedTokens).toBe(0);
    expect(second?.numOutputTokens).toBe(3);
  });

  test("by an older one takes a younger one's blocks in the middle of its prompt", () => {
    const { scheduler, nameOf, add, step } = setUp({ numBlocks: 6, maxNumBatchedTokens: 2 });
    add(2);
    step();
    const young = add(12);
    step();
    expect(step()).toEqual(["0: 1", "1: 1"]);
    while (scheduler.stats().numPreemptions === 0) step();
    expect(young).toMatchObject({ status: "waiting", numComputedTokens: 0, numOutputTokens: 0 });
    expect(scheduler.running.map(nameOf)).toEqual([0]);
  });
});

describe("a tenant that waits", () => {
  test("takes a seat from one that has them all: that of its youngest", () => {
    const { scheduler, nameOf, add, step } = setUp({ maxNumSeqs: 4 });
    for (let i = 0; i < 6; i++) add(4);
    step();
    const late = add(4, 1, 2);
    expect(step()).toEqual(["0: 1", "1: 1", "2: 1"]); // decodes run alone once
    expect(late.status).toBe("waiting");
    expect(step()).toEqual(["0: 1", "1: 1", "2: 1", "6: 4"]);
    expect(late).toMatchObject({ status: "finished", endReason: "length" });
    expect(scheduler.stats().numPreemptions).toBe(1);
    expect(step()).toEqual(["0: 1", "1: 1", "2: 1", "3: 1"]); // its first block is cached
    expect(scheduler.running.map(nameOf)).toEqual([0, 1, 2, 3]);
  });

  test("takes one a step, until it has half as many", () => {
    const { scheduler, add, step } = setUp({ maxNumSeqs: 8, numBlocks: 200 });
    for (let i = 0; i < 12; i++) add(2, 500, 1);
    step();
    for (let i = 0; i < 12; i++) add(2, 500, 2);
    for (let i = 0; i < 10; i++) step();
    const seats = scheduler.running.map(({ tenant }) => tenant);
    expect(seats.filter((tenant) => tenant === 2)).toHaveLength(3);
    expect(scheduler.stats().numPreemptions).toBe(3);
  });

  test("has its prompt computed before the rest of another's long one", () => {
    const { add, step } = setUp({ maxNumBatchedTokens: 20 });
    add(100);
    step();
    add(6, 2, 2);
    expect(step()).toEqual(["1: 6", "0: 14"]);
  });

  test("takes turns with those who have one seat each: 16 tokens for its first, then 128", () => {
    const { scheduler, nameOf, add, step } = setUp({ maxNumSeqs: 2, numBlocks: 300 });
    add(4, 300, 1);
    add(4, 300, 2);
    step();
    add(4, 300, 3);
    const turns: string[] = [];
    for (let i = 0; i < 420; i++) {
      step();
      const seats = scheduler.running.map(nameOf).toSorted().join("+");
      if (turns.at(-1) !== seats) turns.push(seats);
    }
    expect(turns.slice(0, 4)).toEqual(["0+1", "0+2", "1+2", "0+1"]);
    expect(scheduler.stats().numPreemptions).toBeLessThanOrEqual(1 + Math.floor((3 * 300) / 128));
  });

  test("takes turns also where each needs the whole pool and finds nothing cached, and all end", () => {
    const { scheduler, add, step } = setUp({ numBlocks: 60, blockSize: 4 });
    const all = [1, 2, 3].map((tenant) => add(40, 190, tenant));
    let numSteps = 0;
    while (scheduler.numUnfinished > 0 && numSteps < 2000) {
      step();
      numSteps += 1;
    }
    expect(all.map(({ endReason }) => endReason)).toEqual(["length", "length", "length"]);
    expect(numSteps).toBeLessThan(2 * 3 * 190 + 50);
  });

  test("takes blocks from one that has them all", () => {
    const { scheduler, add, step } = setUp({ numBlocks: 16, blockSize: 4 });
    for (let i = 0; i < 5; i++) add(11, 40);
    for (let i = 0; i < 3; i++) step();
    expect(scheduler.running).toHaveLength(4); // the fifth was preempted for want of blocks
    const late = add(11, 1, 2);
    for (let i = 0; i < 4; i++) step();
    expect(late.status).toBe("finished");
  });
});

test("two tenants that always wait are served alike, but for what the seats hold twice", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 30 })), {
        minLength: 2,
        maxLength: 12,
      }),
      (maxNumSeqs, shapes) => {
        const { scheduler, add, step } = setUp({
          maxNumSeqs,
          numBlocks: 60,
          maxNumBatchedTokens: 32,
        });
        const all: Sequence[][] = [[], []];
        // One tenant has the lengths in this order, the other in the opposite one.
        const refill = () => {
          for (const [tenant, sequences] of all.entries()) {
            while (sequences.filter(({ status }) => status === "waiting").length < 3) {
              const shape = tenant === 0 ? shapes : shapes.toReversed();
              const [length, maxTokens] = shape[sequences.length % shape.length] ?? [1, 1];
              sequences.push(add(length, maxTokens, tenant));
            }
          }
        };
        for (let i = 0; i < 150; i++) {
          refill();
          step();
          const [first, second] = all.map(servedOf) as [number, number];
          expect(Math.abs(first - second)).toBeLessThanOrEqual(2 * maxNumSeqs * 60);
        }
        expect(scheduler.stats().numWaiting).toBeGreaterThanOrEqual(2);
        for (const sequences of all) {
          expect(sequences.some(({ status }) => status === "finished")).toBe(true);
        }
      },
    ),
    { numRuns: 50 },
  );
});

/** Prompt tokens of those that have begun, and all output. */
function servedOf(sequences: readonly Sequence[]): number {
  return sequences.reduce((sum, { admittedAt, numPromptTokens, numOutputTokens }) => {
    return sum + numOutputTokens + (admittedAt === undefined ? 0 : numPromptTokens);
  }, 0);
}

describe("a sequence that stalls", () => {
  test("has no seat, no block and no place in the queue, and comes back to its old one", () => {
    const { scheduler, blocks, add, step } = setUp({ maxNumSeqs: 2 });
    const [first, second] = [add(9), add(9), add(9), add(9)];
    step();
    scheduler.stall(first as Sequence);
    expect(scheduler.stats()).toMatchObject({ numStalled: 1, numWaiting: 2 });
    expect(scheduler.numUnfinished).toBe(3);
    expect(blocks.numUsedBlocks).toBe(3);
    expect(step()).toEqual(["1: 1"]);
    expect(step()).toEqual(["1: 1", "2: 9"]);
    scheduler.resume(first as Sequence);
    expect(scheduler.stats()).toMatchObject({ numStalled: 0, numWaiting: 2 });
    scheduler.abort(second as Sequence, "cancelled");
    expect(step()).toEqual(["2: 1", "0: 2"]); // two of its three blocks are cached
    expect(first?.numOutputTokens).toBe(2);
  });

  test("can be aborted, and is no work that a step could do", () => {
    const { scheduler, blocks, add, step } = setUp();
    const only = add(9);
    step();
    scheduler.stall(only);
    expect(scheduler.numUnfinished).toBe(0);
    expect(step()).toEqual([]);
    scheduler.abort(only, "cancelled");
    expect(scheduler.stats().numStalled).toBe(0);
    expect(blocks.numUsedBlocks).toBe(0);
  });
});

describe("an abort", () => {
  test("of a sequence in the running step frees its blocks and keeps the rows of the others", () => {
    const { scheduler, blocks, add } = setUp();
    const [first, second] = [add(5), add(6)] as const;
    const output = scheduler.schedule(0);
    scheduler.abort(first, "cancelled");
    expect(blocks.numUsedBlocks).toBe(2);
    const results = createStepBatch(SMALL_LIMITS);
    results.sampledIds.set([10, 20]);
    const advanced = scheduler.update(output, results, 0);
    expect(advanced).toEqual([second]);
    expect(second.tokenIds[6]).toBe(20);
    expect(first).toMatchObject({ status: "finished", endReason: "cancelled" });
    scheduler.abort(first, "length");
    expect(first.endReason).toBe("cancelled");
  });
});

describe("where all layers have a window", () => {
  const WINDOW = { slidingWindow: 70, blockSize: 4 };

  test("a sequence holds the blocks of its window, however long it is", () => {
    const { scheduler, blocks, add, step } = setUp({ ...WINDOW, numBlocks: 80 });
    const long = [add(150, 900), add(130, 900)];
    let most = 0;
    while (scheduler.numUnfinished > 0) {
      step();
      const isPrompt = long.some(({ numTokens }) => numTokens < 300);
      if (!isPrompt) most = Math.max(most, blocks.numUsedBlocks);
    }
    expect(long.map(({ endReason }) => endReason)).toEqual(["length", "length"]);
    // Each has a window, what of its first tile is behind it, and the block that it writes to.
    expect(most).toBeLessThanOrEqual(2 * Math.ceil((70 + 64 + 4) / 4));
    expect(scheduler.stats().numPreemptions).toBe(0);
    expect(blocks.numUsedBlocks).toBe(0);
  });

  test("a sequence that is preempted computes all of its tokens again", () => {
    const { scheduler, add, step } = setUp({ ...WINDOW, numBlocks: 60 });
    const all = [add(120, 300), add(110, 300)];
    while (scheduler.numUnfinished > 0) step();
    expect(scheduler.stats().numPreemptions).toBeGreaterThan(0);
    expect(all.map(({ numOutputTokens }) => numOutputTokens)).toEqual([300, 300]);
  });
});
