import { afterEach, describe, expect, test } from "bun:test";
import fc from "fast-check";

import { LLMEngine } from "../../src/engine/llm-engine.ts";
import type { RunnerLimits } from "../../src/engine/model-runner.ts";
import { PrefillEngine, type PrefillRun } from "../../src/engine/prefill-engine.ts";
import type { RemotePrefill } from "../../src/engine/remote-prefill.ts";
import { ManualClock } from "../manual-clock.ts";
import { hangLimit } from "../time-limits.ts";
import { FakeMemory, FakeRunner, naiveOutput, SMALL_LIMITS } from "./fake-runner.ts";
import { answerOf, failureOf, promptOf, requestOf } from "./requests.ts";

const { vocabSize, blockSize } = SMALL_LIMITS;

let opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(opened.map((engine) => engine.close()));
  opened = [];
});

interface SetUp {
  readonly limits?: Partial<RunnerLimits>;
  readonly takes?: (numTokens: number) => boolean;
  /** Runs in each step of the prefill engine. */
  readonly onPrefillStep?: () => void | Promise<void>;
  readonly onStep?: () => void | Promise<void>;
}

/** An engine that decodes and one that prefills, over one memory, with nothing between them. */
function start({ limits = {}, takes = () => true, onPrefillStep, onStep }: SetUp = {}) {
  const all = { ...SMALL_LIMITS, ...limits };
  const clock = new ManualClock();
  const memory = new FakeMemory(all.numBlocks * all.blockSize);
  const prefillRunner = new FakeRunner(all, onPrefillStep, memory);
  const prefill = new PrefillEngine({ runner: prefillRunner, clock, device: "own" });
  const tasks: PrefillRun[] = [];
  const remotePrefill: RemotePrefill = {
    takes,
    begin(job, ended) {
      const task = prefill.prefill(job);
      tasks.push(task);
      task.done.then(
        () => ended("computed"),
        () => ended("not computed"),
      );
      return { recall: () => task.abort() };
    },
  };
  const runner = new FakeRunner(all, onStep, memory);
  const config = { enablePrefixCaching: true, maxWaiting: 1000, maxStalled: 100 };
  const engine = new LLMEngine({ runner, config, clock, remotePrefill });
  opened.push(engine, prefill);
  const running = Promise.all([engine.run(), prefill.run()]);
  return { engine, prefill, runner, prefillRunner, tasks, running };
}

describe("a prompt that is computed elsewhere", () => {
  test("gives the same output, and costs this engine one token", async () => {
    const { engine, runner, prefillRunner } = start();
    const request = requestOf(promptOf(50), { sampling: { presencePenalty: 1, seed: 3n } });
    const { tokenIds } = await answerOf(engine.generate(request));
    expect(tokenIds).toEqual(naiveOutput(request, vocabSize));
    expect(runner.steps.map(({ numTokens }) => numTokens)).toEqual(Array(8).fill(1));
    expect(prefillRunner.steps.every(({ numRows }) => numRows === 0)).toBe(true);
    expect(prefillRunner.steps.reduce((sum, { numTokens }) => sum + numTokens, 0)).toBe(49);
    expect(engine.stats()).toMatchObject({ numBlocksUsed: 0, remotePrefillsTotal: 1 });
  });

  test("is computed behind what the prefix cache has, which is read in place", async () => {
    const { engine, prefillRunner } = start();
    await answerOf(engine.generate(requestOf(promptOf(40))));
    const before = prefillRunner.steps.length;
    const request = requestOf([...promptOf(40), 1, 2, 3]);
    const { tokenIds, numCachedTokens } = await answerOf(engine.generate(request));
    expect(tokenIds).toEqual(naiveOutput(request, vocabSize));
    expect(numCachedTokens).toBe(40);
    expect(prefillRunner.steps.slice(before).map(({ numTokens }) => numTokens)).toEqual([2]);
  });

  test("holds up no decode", async () => {
    const gate = Promise.withResolvers<void>();
    const { engine } = start({
      takes: (numTokens) => numTokens > 10,
      onPrefillStep: () => gate.promise,
    });
    const long = answerOf(engine.generate(requestOf(promptOf(50))));
    const short = await answerOf(
      engine.generate(requestOf(promptOf(5), { stop: { maxTokens: 30 } })),
    );
    expect(short.tokenIds).toHaveLength(30);
    expect(engine.stats()).toMatchObject({ numLent: 1, numRunning: 0 });
    gate.resolve();
    expect((await long).tokenIds).toEqual(naiveOutput(requestOf(promptOf(50)), vocabSize));
  });

  test("is computed here if it was not there", async () => {
    const { engine, tasks, runner } = start({ onPrefillStep: () => tasks[0]?.abort() });
    const request = requestOf(promptOf(50));
    expect((await answerOf(engine.generate(request))).tokenIds).toEqual(
      naiveOutput(request, vocabSize),
    );
    expect(runner.steps[0]?.numTokens).toBe(50);
    expect(engine.stats().remotePrefillsTotal).toBe(0);
  });

  test("of one token, or of none that is not cached, is not worth the way", async () => {
    const { engine, tasks } = start();
    await answerOf(engine.generate(requestOf([1])));
    await answerOf(engine.generate(requestOf(promptOf(blockSize + 1))));
    await answerOf(engine.generate(requestOf(promptOf(blockSize + 1))));
    expect(tasks).toHaveLength(1);
  });
});

describe("lent blocks", () => {
  test("of a client that has left are free when nobody writes to them, and not before", async () => {
    const gate = Promise.withResolvers<void>();
    const { engine, tasks } = start({ onPrefillStep: () => gate.promise });
    const stream = engine.generate(requestOf(promptOf(50)));
    await untilTrue(() => tasks.length > 0);
    await turns(3);
    await stream.return?.();
    expect(await stream.next()).toMatchObject({ done: true });
    await turns(3);
    engine.checkIntegrity();
    expect(engine.stats()).toMatchObject({ numLent: 1, numBlocksUsed: 13 });
    gate.resolve();
    await untilTrue(() => engine.stats().numBlocksUsed === 0);
  });

  test("are waited for when the engine closes", async () => {
    const gate = Promise.withResolvers<void>();
    const { engine, tasks } = start({ onPrefillStep: () => gate.promise });
    const answer = answerOf(engine.generate(requestOf(promptOf(50))));
    await untilTrue(() => tasks.length > 0);
    await turns(3);
    let isClosed = false;
    const closing = engine.close().then(() => {
      isClosed = true;
    });
    expect(await failureOf(answer)).toMatchObject({ code: "server_shutdown" });
    await turns(5);
    expect(isClosed).toBe(false);
    gate.resolve();
    await closing;
  });

  test("are recalled when a sequence that decodes needs room, and the prompt is begun again", async () => {
    const { engine, runner } = start({
      limits: { numBlocks: 24 },
      takes: (numTokens) => numTokens > 20,
      onPrefillStep: () => turns(40),
    });
    const older = requestOf(promptOf(9), { stop: { maxTokens: 60 } });
    const younger = requestOf(promptOf(60, 1), { stop: { maxTokens: 20 } });
    const answers = [older, younger].map((request) => answerOf(engine.generate(request)));
    const outputs = (await Promise.all(answers)).map(({ tokenIds }) => tokenIds);
    expect(outputs).toEqual([older, younger].map((request) => naiveOutput(request, vocabSize)));
    expect(engine.stats().preemptionsTotal).toBeGreaterThan(0);
    expect(runner.steps.every(({ numTokens }) => numTokens > 0)).toBe(true);
  });
});

test("a prefill engine whose step fails says so to all, and computes no more", async () => {
  const { prefill, running } = start({
    onPrefillStep: () => {
      throw new Error("a bad step");
    },
  });
  const job = { tokenIds: Int32Array.from([1, 2, 3]), numComputedTokens: 0, decodeMs: undefined };
  const first = prefill.prefill({ ...job, blockIds: Int32Array.of(0) });
  await expect(running).rejects.toThrow("a bad step");
  await expect(first.done).rejects.toThrow("a bad step");
  const second = prefill.prefill({ ...job, blockIds: Int32Array.of(1) });
  await expect(second.done).rejects.toThrow("has ended");
});

describe("a step of a prefill engine", () => {
  test.each([
    ["shared", 8, 10],
    ["shared", undefined, 62],
    ["own", 8, 128],
  ] as const)(
    "on a device that is its %s, by decodes of %p ms",
    async (device, decodeMs, expected) => {
      const clock = new ManualClock();
      const limits = { numBlocks: 200, maxModelLen: 800, maxNumBatchedTokens: 128 };
      let numTokens = 0;
      // 0.8 ms a token, but for one step that had to wait for another's.
      const runner: FakeRunner = new FakeRunner(limits, async () => {
        numTokens = runner.steps.at(-1)?.numTokens ?? 0;
        await clock.advance(0.8 * numTokens + (runner.steps.length === 2 ? 100 : 0));
      });
      const prefill = new PrefillEngine({ runner, clock, device });
      opened.push(prefill);
      void prefill.run();
      const tokenIds = Int32Array.from(promptOf(600));
      const blockIds = Int32Array.from({ length: 150 }, (_, i) => i);
      await prefill.prefill({ tokenIds, blockIds, numComputedTokens: 0, decodeMs }).done;
      const [probe, second] = runner.steps;
      expect(probe?.numTokens).toBe(64);
      expect(second?.numTokens).toBe(expected);
      expect(runner.steps.at(2)?.numTokens).toBeLessThanOrEqual(second?.numTokens ?? 0);
      expect(runner.steps.at(3)?.numTokens).toBe(second?.numTokens ?? 0);
    },
  );
});

test("two prompts are never computed into one block", () => {
  const { prefill } = start();
  const job = { tokenIds: Int32Array.from([1, 2, 3]), numComputedTokens: 0, decodeMs: undefined };
  prefill.prefill({ ...job, blockIds: Int32Array.of(5) });
  expect(() => prefill.prefill({ ...job, blockIds: Int32Array.of(5) })).toThrow("into one block");
});

const someRequest = fc.record({
  length: fc.integer({ min: 1, max: 40 }),
  seed: fc.nat(2),
  maxTokens: fc.integer({ min: 1, max: 20 }),
  leavesAfter: fc.option(fc.nat(10)),
});

test(
  "whatever is lent, fails, is recalled or left, outputs are those of each alone",
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(someRequest, { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 16, max: 40 }),
        fc.array(fc.nat(3), { minLength: 4, maxLength: 12 }),
        async (requests, numBlocks, fates) => {
          let turn = 0;
          const fate = () => fates[turn++ % fates.length] ?? 0;
          const { engine, prefill, tasks } = start({
            limits: { numBlocks, maxNumSeqs: 4, maxNumBatchedTokens: 16 },
            takes: (numTokens) => numTokens > 4 && fate() > 0,
            onPrefillStep: async () => {
              if (fate() === 1) tasks.at(-1)?.abort();
              await turns(fate());
            },
            onStep: () => turns(fate() % 2),
          });
          const asked = requests.map(({ length, seed, maxTokens }) =>
            requestOf(promptOf(length, seed), {
              stop: { maxTokens },
              sampling: { seed: BigInt(seed) },
            }),
          );
          const outputs = await Promise.all(
            asked.map(async (request, i) => {
              const output: number[] = [];
              for await (const { tokenIds } of engine.generate(request)) {
                output.push(...tokenIds);
                if (output.length >= (requests[i]?.leavesAfter ?? 1000)) break;
              }
              return output;
            }),
          );
          for (const [i, output] of outputs.entries()) {
            const whole = naiveOutput(asked[i] ?? requestOf([0]), vocabSize);
            expect(output).toEqual(whole.slice(0, output.length));
            if (requests[i]?.leavesAfter == null) expect(output).toEqual(whole);
          }
          await untilTrue(() => engine.stats().numLent === 0);
          engine.checkIntegrity();
          expect(engine.stats().numBlocksUsed).toBe(0);
          await Promise.all([engine.close(), prefill.close()]);
        },
      ),
      { numRuns: 100 },
    );
  },
  hangLimit(60_000),
);

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

async function untilTrue(poll: () => boolean): Promise<void> {
  for (let i = 0; i < 10_000 && !poll(); i++) await turns(1);
  expect(poll()).toBe(true);
}
