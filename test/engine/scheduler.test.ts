import { describe, expect, test } from "bun:test";

import { BlockManager } from "../../src/engine/block-manager.ts";
import type { RunnerLimits } from "../../src/engine/model-runner.ts";
import { Scheduler } from "../../src/engine/scheduler.ts";
import { Sequence } from "../../src/engine/sequence.ts";
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
  const nameOf = (sequence: Sequence) => added.indexOf(sequence);
  return {
    scheduler,
    blocks,
    nameOf,
    /** A new sequence named by its order of arrival: 0, 1, 2... */
    add(length: number, maxTokens = 50): Sequence {
      const request = requestOf(promptOf(length, added.length), { stop: { maxTokens } });
      const sequence = new Sequence(request, 0);
      added.push(sequence);
      scheduler.add(sequence);
      return sequence;
    },
    /** One step; what ran in it, as `name: tokens`. */
    step(): string[] {
      const output = scheduler.schedule(0);
      const ran = output.sequences.map((s) => `${nameOf(s)}: ${s.numScheduledTokens}`);
      const sampledIds = new Int32Array(output.sequences.length).fill(1);
      scheduler.update(output, sampledIds, output.numTokens * (options.msPerToken ?? 0));
      blocks.checkIntegrity(scheduler.running.map((sequence) => sequence.table));
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
    expect(scheduler.numWaiting).toBe(2);
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
    expect(scheduler.numPreemptions).toBe(1);
    expect(scheduler.numWaiting).toBe(2);
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
    while (scheduler.numPreemptions === 0) step();
    expect(young).toMatchObject({ status: "waiting", numComputedTokens: 0, numOutputTokens: 0 });
    expect(scheduler.running.map(nameOf)).toEqual([0]);
  });
});

describe("an abort", () => {
  test("of a sequence in the running step frees its blocks and keeps the rows of the others", () => {
    const { scheduler, blocks, add } = setUp();
    const [first, second] = [add(5), add(6)] as const;
    const output = scheduler.schedule(0);
    scheduler.abort(first, "cancelled");
    expect(blocks.numUsedBlocks).toBe(2);
    const advanced = scheduler.update(output, Int32Array.from([10, 20]), 0);
    expect(advanced).toEqual([second]);
    expect(second.tokenIds[6]).toBe(20);
    expect(first).toMatchObject({ status: "finished", endReason: "cancelled" });
    scheduler.abort(first, "length");
    expect(first.endReason).toBe("cancelled");
  });
});
