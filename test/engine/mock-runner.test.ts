import { describe, expect, test } from "bun:test";

import { systemClock } from "../../src/base/clock.ts";
import { LLMEngine } from "../../src/engine/llm-engine.ts";
import { decodeMs, MockRunner, prefillMs } from "../../src/engine/mock-runner.ts";
import { ManualClock } from "../manual-clock.ts";
import { SMALL_LIMITS } from "./fake-runner.ts";
import { answerOf, promptOf, requestOf } from "./requests.ts";
import { describeRunner } from "./runner.suite.ts";

describeRunner("the mocked runner", {
  open: (limits) =>
    new MockRunner({
      limits: { ...limits, vocabSize: 1000 },
      clock: systemClock,
      speedupRatio: Infinity,
    }),
  samples: "by seed",
});

describe("the mocked runner", () => {
  test("takes the time of Dynamo's mocker, divided by the speed-up", async () => {
    expect(prefillMs(1000)).toBeCloseTo(1.25 + 74.1 + 26.2);
    expect(decodeMs(0.5)).toBeCloseTo(-1.3675 + 21.94 + 19.44);

    const clock = new ManualClock();
    const runner = new MockRunner({ limits: SMALL_LIMITS, clock, speedupRatio: 2 });
    runner.batch.queryStartLoc.set([0, 1, 33, 49]); // a decode, and prompts of 32 and 16
    runner.batch.seqLens.set([5, 32, 24]);
    const width = SMALL_LIMITS.maxModelLen / SMALL_LIMITS.blockSize;
    runner.batch.blockTables.set([0, 1], 0);
    runner.batch.blockTables.set([2, 3, 4, 5, 6, 7, 8, 9], width);
    runner.batch.blockTables.set([2, 3, 10, 11, 12, 13], 2 * width); // It shares two.
    runner.submit({ numSeqs: 3, numTokens: 49, numRows: 0 });
    let isDone = false;
    const waiting = runner.wait().then(() => {
      isDone = true;
    });
    const stepMs = (prefillMs(32) + prefillMs(16) + decodeMs(14 / 64)) / 2;
    await clock.advance(stepMs - 0.01);
    expect(isDone).toBe(false);
    await clock.advance(0.02);
    await waiting;
  });

  test("gives an engine text that repeats with the seed and varies with it", async () => {
    const limits = { ...SMALL_LIMITS, vocabSize: 100_000 };
    const runner = new MockRunner({ limits, clock: systemClock, speedupRatio: Infinity });
    const config = { enablePrefixCaching: true, maxWaiting: 10, maxStalled: 10 };
    const engine = new LLMEngine({ runner, config, clock: systemClock });
    const running = engine.run();
    const [first, again, other] = await Promise.all(
      [1n, 1n, 2n ** 40n].map((seed) =>
        answerOf(engine.generate(requestOf(promptOf(10), { sampling: { temperature: 1, seed } }))),
      ),
    );
    expect(again?.tokenIds).toEqual(first?.tokenIds as number[]);
    expect(other?.tokenIds).not.toEqual(first?.tokenIds as number[]);
    await engine.close();
    await running;
  });
});
