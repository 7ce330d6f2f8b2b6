// Readers that stop reading: their sequences stall, and go on with the same tokens when they are read again.

import { afterEach, describe, expect, test } from "bun:test";
import fc from "fast-check";

import { type EngineConfig, LLMEngine } from "../../src/engine/llm-engine.ts";
import type { RunnerLimits } from "../../src/engine/model-runner.ts";
import { PrefillEngine } from "../../src/engine/prefill-engine.ts";
import type { RemotePrefill } from "../../src/engine/remote-prefill.ts";
import type { TokenOutput } from "../../src/protocol/llm.ts";
import { ManualClock } from "../manual-clock.ts";
import { hangLimit } from "../time-limits.ts";
import { FakeMemory, FakeRunner, naiveOutput, SMALL_LIMITS } from "./fake-runner.ts";
import { promptOf, requestOf } from "./requests.ts";

const { vocabSize } = SMALL_LIMITS;
const STEP_MS = 300;

let opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(opened.map((engine) => engine.close()));
  opened = [];
});

interface SetUp {
  readonly limits?: Partial<RunnerLimits>;
  readonly config?: Partial<EngineConfig>;
  /** Prompts of more uncached tokens are computed by another engine over the same memory. */
  readonly remoteBeyond?: number;
}

/** An engine whose steps take 300 ms by its clock. */
function start({ limits = {}, config = {}, remoteBeyond }: SetUp = {}) {
  const all = { ...SMALL_LIMITS, maxModelLen: 400, numBlocks: 200, ...limits };
  const clock = new ManualClock();
  const memory = new FakeMemory(all.numBlocks * all.blockSize);
  const runner = new FakeRunner(all, () => clock.advance(STEP_MS), memory);
  const engine = new LLMEngine({
    runner,
    clock,
    config: { enablePrefixCaching: true, maxWaiting: 1000, maxStalled: 100, ...config },
    remotePrefill: remoteBeyond === undefined ? undefined : remote(remoteBeyond),
  });
  opened.push(engine);
  void engine.run();
  return { engine, runner, clock };

  function remote(threshold: number): RemotePrefill {
    const other = new FakeRunner(all, () => clock.turn(), memory);
    const prefill = new PrefillEngine({ runner: other, clock, device: "own" });
    opened.push(prefill);
    void prefill.run();
    return {
      takes: (numTokens) => numTokens > threshold,
      begin(job, ended) {
        const task = prefill.prefill(job);
        task.done.then(
          () => ended("computed"),
          () => ended("not computed"),
        );
        return { recall: () => task.abort() };
      },
    };
  }
}

function longRequest(seed: number, fields: { tenant?: number; maxTokens?: number } = {}) {
  const { tenant = 1, maxTokens = 100 } = fields;
  return requestOf(promptOf(10, seed), {
    stop: { maxTokens },
    sampling: { seed: BigInt(seed) },
    tenant,
  });
}

describe("a sequence whose reader does not read", () => {
  test("stalls without seat and blocks, and goes on with the same tokens when it is read", async () => {
    const { engine } = start();
    const request = longRequest(1);
    const stream = engine.generate(request);
    const tokenIds = [...(await nextOf(stream))];
    await untilTrue(() => engine.stats().numStalled === 1);
    expect(engine.stats()).toMatchObject({ numRunning: 0, numWaiting: 0, numBlocksUsed: 0 });
    expect(engine.metrics().workerStats).toMatchObject({
      requestActiveSlots: 0,
      numRequestsWaiting: 0,
    });
    const unread = await nextOf(stream);
    expect(unread.length).toBeGreaterThanOrEqual(32);
    expect(unread.length).toBeLessThan(40);
    tokenIds.push(...unread, ...(await rest(stream)));
    expect(tokenIds).toEqual(naiveOutput(request, vocabSize));
  });

  test("gives its seat to the next, and waits at its old place when it is read", async () => {
    const { engine } = start({ limits: { maxNumSeqs: 1 } });
    const [first, second, third] = [1, 2, 3].map((seed) => engine.generate(longRequest(seed)));
    const tokenIds = [...(await nextOf(first))];
    const ends: number[] = [];
    const others = [second, third].map(async (stream, i) => {
      await rest(stream);
      ends.push(i + 2);
    });
    await untilTrue(() => engine.stats().numStalled === 1 && engine.stats().numRunning === 1);
    tokenIds.push(...(await nextOf(first)));
    tokenIds.push(...(await rest(first)));
    ends.push(1);
    await Promise.all(others);
    expect(ends).toEqual([2, 1, 3]);
    expect(tokenIds).toEqual(naiveOutput(longRequest(1), vocabSize));
  });

  test("can be left, and is ended when the engine closes", async () => {
    const { engine } = start();
    const streams = [1, 2].map((seed) => engine.generate(longRequest(seed)));
    await untilTrue(() => engine.stats().numStalled === 2);
    await streams[0]?.return?.();
    expect(engine.stats().numStalled).toBe(1);
    await engine.close();
    expect(engine.stats().numStalled).toBe(0);
    await expect(rest(streams[1])).rejects.toMatchObject({ code: "server_shutdown" });
  });

  test("ends with an error where too many are unread, the one that is so longest first", async () => {
    const { engine } = start({ config: { maxStalled: 2 } });
    const early = engine.generate(longRequest(0));
    await untilTrue(() => engine.stats().numStalled === 1);
    const late = [1, 2].map((seed) => engine.generate(longRequest(seed)));
    await untilTrue(() => engine.stats().numStalled === 2 && engine.stats().numRunning === 0);
    await expect(rest(early)).rejects.toMatchObject({ code: "slow_reader" });
    for (const [i, stream] of late.entries()) {
      expect(await rest(stream)).toEqual(naiveOutput(longRequest(i + 1), vocabSize));
    }
  });
});

describe("a reader that is slow", () => {
  test("keeps its seat while it reads once in a second", async () => {
    const { engine, runner } = start();
    const stream = engine.generate(longRequest(1));
    let hasEnded = false;
    while (!hasEnded) {
      const until = runner.steps.length + 3;
      await untilTrue(() => runner.steps.length >= until || engine.stats().numRunning === 0);
      expect(engine.stats().numStalled).toBe(0);
      hasEnded = (await stream.next()).value?.finishReason !== undefined;
    }
    expect(engine.stats().preemptionsTotal).toBe(0);
  });
});

const someReader = fc.record({
  tenant: fc.nat(3),
  length: fc.integer({ min: 1, max: 30 }),
  common: fc.integer({ min: 0, max: 12 }),
  maxTokens: fc.integer({ min: 1, max: 90 }),
  penalty: fc.constantFrom(0, 1),
  arrivesAt: fc.nat(40),
  /** After how many outputs it reads nothing for how many turns of the event loop. */
  pauses: fc.array(fc.tuple(fc.nat(30), fc.nat(400)), { maxLength: 3 }),
  leavesAfter: fc.option(fc.nat(40), { nil: undefined }),
});

const someNgram = fc.record({
  numSpeculativeTokens: fc.integer({ min: 1, max: 6 }),
  promptLookupMax: fc.constant(3),
  promptLookupMin: fc.constant(1),
  disableByBatchSize: fc.integer({ min: 1, max: 4 }),
});

test(
  "whatever readers do, all that read get the tokens of each alone, and nothing is lost",
  async () => {
    let numStalled = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(someReader, { minLength: 1, maxLength: 8 }),
        fc.record({
          numBlocks: fc.integer({ min: 34, max: 60 }),
          maxNumSeqs: fc.integer({ min: 1, max: 5 }),
          maxNumBatchedTokens: fc.integer({ min: 6, max: 40 }),
          maxNumRows: fc.integer({ min: 6, max: 20 }),
          vocabSize: fc.constantFrom(2, 50),
        }),
        fc.boolean(),
        fc.option(someNgram, { nil: undefined }),
        fc.option(fc.integer({ min: 4, max: 12 }), { nil: undefined }),
        async (readers, limits, enablePrefixCaching, ngram, remoteBeyond) => {
          const config = { enablePrefixCaching, ngram };
          const { engine, clock } = start({
            ...{ limits: { ...limits, maxModelLen: 132 }, config },
            ...(remoteBeyond === undefined ? {} : { remoteBeyond }),
          });
          await Promise.all(
            readers.map(async (reader, i) => {
              const prompt = [...promptOf(reader.common), ...promptOf(reader.length, i)];
              const request = requestOf(
                prompt.map((id) => id % limits.vocabSize),
                {
                  tenant: reader.tenant,
                  stop: { maxTokens: reader.maxTokens },
                  sampling: { seed: BigInt(i), presencePenalty: reader.penalty },
                },
              );
              for (let turn = 0; turn < reader.arrivesAt; turn++) await clock.turn();
              const stream = engine.generate(request);
              const tokenIds = await readWithPauses(stream, reader, async (turns) => {
                for (let turn = 0; turn < turns; turn++) {
                  await clock.turn();
                  if (engine.stats().numStalled > 0) numStalled += 1;
                }
              });
              const expected = naiveOutput(request, limits.vocabSize);
              expect(tokenIds).toEqual(expected.slice(0, tokenIds.length));
              if (reader.leavesAfter === undefined) expect(tokenIds).toEqual(expected);
            }),
          );
          await untilTrue(() => engine.stats().numLent === 0);
          expect(engine.stats()).toMatchObject({
            ...{ numRunning: 0, numWaiting: 0, numStalled: 0, numBlocksUsed: 0 },
          });
          engine.checkIntegrity();
          await Promise.all(opened.map((engine) => engine.close()));
          opened = [];
        },
      ),
      { numRuns: 60 },
    );
    expect(numStalled).toBeGreaterThan(0);
  },
  hangLimit(120_000),
);

async function readWithPauses(
  stream: AsyncIterableIterator<TokenOutput>,
  reader: { pauses: readonly [number, number][]; leavesAfter: number | undefined },
  pause: (turns: number) => Promise<void>,
): Promise<number[]> {
  const tokenIds: number[] = [];
  for (let numOutputs = 0; numOutputs < (reader.leavesAfter ?? 1000); numOutputs++) {
    for (const [after, turns] of reader.pauses) if (after === numOutputs) await pause(turns);
    const { done, value } = await stream.next();
    if (done === true) return tokenIds;
    tokenIds.push(...value.tokenIds);
  }
  await stream.return?.();
  return tokenIds;
}

async function nextOf(stream: AsyncIterableIterator<TokenOutput> | undefined) {
  return (await stream?.next())?.value?.tokenIds ?? [];
}

async function rest(stream: AsyncIterableIterator<TokenOutput> | undefined): Promise<number[]> {
  const tokenIds: number[] = [];
  if (stream) for await (const output of stream) tokenIds.push(...output.tokenIds);
  return tokenIds;
}

async function untilTrue(poll: () => boolean): Promise<void> {
  for (let i = 0; i < 10_000 && !poll(); i++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(poll()).toBe(true);
}
