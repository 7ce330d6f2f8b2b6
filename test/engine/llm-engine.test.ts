import { afterEach, describe, expect, test } from "bun:test";
import fc from "fast-check";

import type { EngineObserver } from "../../src/engine/engine-observer.ts";
import {
  type EngineConfig,
  LLMEngine,
  type LLMEngineOptions,
} from "../../src/engine/llm-engine.ts";
import { MAX_BANNED_TOKENS, NO_SAMPLE, type RunnerLimits } from "../../src/engine/model-runner.ts";
import type { KvReport } from "../../src/protocol/kv-event.ts";
import type { PreprocessedRequest, TokenOutput } from "../../src/protocol/llm.ts";
import { ManualClock } from "../manual-clock.ts";
import { hangLimit } from "../time-limits.ts";
import { FakeRunner, naiveOutput, SMALL_LIMITS } from "./fake-runner.ts";
import { answerOf, failureOf, promptOf, requestOf } from "./requests.ts";

const CONFIG: EngineConfig = { enablePrefixCaching: true, maxWaiting: 1000, maxStalled: 100 };

let opened: LLMEngine[] = [];
afterEach(async () => {
  await Promise.all(opened.map((engine) => engine.close()));
  opened = [];
});

interface SetUp extends Partial<Omit<LLMEngineOptions, "runner" | "config">> {
  readonly limits?: Partial<RunnerLimits>;
  readonly config?: Partial<EngineConfig>;
  readonly onStep?: () => void | Promise<void>;
}

/** An engine that runs, with a fake model. */
function start({ limits = {}, config = {}, onStep, ...options }: SetUp = {}) {
  const runner = new FakeRunner(limits, onStep);
  const clock = new ManualClock();
  const engine = new LLMEngine({ runner, config: { ...CONFIG, ...config }, clock, ...options });
  opened.push(engine);
  const running = engine.run();
  return { engine, runner, clock, running };
}

/** `numRequests` of mixed lengths, some with a common prefix, penalties, stop tokens or a minimum. */
function mixedRequests(numRequests: number, maxLength: number): PreprocessedRequest[] {
  return Array.from({ length: numRequests }, (_, i) => {
    const length = 1 + ((i * 37) % maxLength);
    const start = i % 3 === 0 ? promptOf(Math.min(length, 10)) : [];
    const prompt = [...start, ...promptOf(length, i)].slice(0, length);
    return requestOf(prompt, {
      sampling: {
        seed: BigInt(i),
        ...(i % 4 === 0 && { presencePenalty: 1, repetitionPenalty: 1.1 }),
      },
      stop: {
        maxTokens: 1 + ((i * 11) % 30),
        ...(i % 5 === 0 && { stopTokenIds: [7, 8, 9], minTokens: i % 7 }),
      },
    });
  });
}

describe("an engine", () => {
  test("generates what the model says, and ends at max_tokens", async () => {
    const { engine } = start();
    const request = requestOf(promptOf(10), { stop: { maxTokens: 5 } });
    const answer = await answerOf(engine.generate(request));
    expect(answer.tokenIds).toEqual(naiveOutput(request, SMALL_LIMITS.vocabSize));
    expect(answer).toMatchObject({ finishReason: "length", numCachedTokens: 0 });
  });

  test("ends with a stop token, which is the last of its output", async () => {
    const { engine } = start();
    const [, , third] = naiveOutput(requestOf(promptOf(10)), SMALL_LIMITS.vocabSize);
    const stop = { stopTokenIds: [third as number] };
    const answer = await answerOf(engine.generate(requestOf(promptOf(10), { stop })));
    expect(answer.finishReason).toBe("stop");
    expect(answer.tokenIds.at(-1)).toBe(third as number);
  });

  test("samples no stop token before min_tokens", async () => {
    const { engine } = start();
    const stop = { stopTokenIds: promptOf(16, 5), minTokens: 6, maxTokens: 40 };
    const request = requestOf(promptOf(10), { stop });
    const { tokenIds } = await answerOf(engine.generate(request));
    expect(tokenIds).toEqual(naiveOutput(request, SMALL_LIMITS.vocabSize));
    expect(tokenIds.length).toBeGreaterThanOrEqual(7);
  });

  test("computes a long prompt in chunks of the token budget, once the speed is known", async () => {
    const { engine, runner } = start({ limits: { maxNumBatchedTokens: 16 } });
    const request = requestOf(promptOf(100), { stop: { maxTokens: 2 } });
    const { tokenIds } = await answerOf(engine.generate(request));
    expect(tokenIds).toEqual(naiveOutput(request, SMALL_LIMITS.vocabSize));
    expect(runner.steps.map((step) => step.numTokens)).toEqual([16, 16, 16, 16, 16, 16, 4, 1]);
    expect(runner.steps.map((step) => step.numRows)).toEqual([0, 0, 0, 0, 0, 0, 1, 1]);
  });

  test("finds the prefix of an earlier prompt, its output included, and says how much", async () => {
    const { engine } = start();
    const first = requestOf(promptOf(10), { stop: { maxTokens: 8 } });
    const { tokenIds } = await answerOf(engine.generate(first));
    // 17 tokens are computed (the last was sampled only): four blocks of 4 are full.
    const next = requestOf([...promptOf(10), ...tokenIds, 1, 2, 3]);
    const answer = await answerOf(engine.generate(next));
    expect(answer.numCachedTokens).toBe(16);
    expect(answer.tokenIds).toEqual(naiveOutput(next, SMALL_LIMITS.vocabSize));
    expect(engine.stats()).toMatchObject({
      prefixCacheQueriesTotal: 10 + 21,
      prefixCacheHitsTotal: 16,
      promptTokensTotal: 10 + 21,
      generationTokensTotal: 16,
    });
    expect(engine.metrics().kvStats.prefixCacheHitRate).toBeCloseTo(16 / 31);
  });

  test("computes the last token of a prompt that is cached whole", async () => {
    const { engine, runner } = start();
    const request = requestOf(promptOf(8), { stop: { maxTokens: 1 } });
    const first = await answerOf(engine.generate(request));
    const second = await answerOf(engine.generate(request));
    expect(second.numCachedTokens).toBe(4);
    expect(second.tokenIds).toEqual(first.tokenIds);
    expect(runner.steps.map((step) => step.numTokens)).toEqual([8, 4]);
  });

  test("finds nothing with prefix caching off", async () => {
    const { engine } = start({ config: { enablePrefixCaching: false } });
    const request = requestOf(promptOf(20));
    const first = await answerOf(engine.generate(request));
    expect(await answerOf(engine.generate(request))).toEqual(first);
  });

  test("tells of the blocks that it stores", async () => {
    const { engine } = start();
    const reports = engine.kvEvents();
    const first = (await reports.next()).value;
    expect(first).toEqual({ type: "snapshot", snapshot: { nextEventId: 0, stored: [] } });
    await answerOf(engine.generate(requestOf(promptOf(9), { stop: { maxTokens: 8 } })));
    const report: KvReport | undefined = (await reports.next()).value;
    const events = report?.type === "events" ? report.events : [];
    const stored = events.map(({ data }) => data.type === "stored" && data.blocks.length);
    expect(stored).toEqual([2, 1, 1]); // the prompt's; then one at 12 and one at 16 tokens
  });
});

describe("metrics that are watched", () => {
  test("come now and after a change, and only the last ones to a reader that is behind", async () => {
    const { engine } = start();
    const stream = engine.watchMetrics();
    const idle = (await stream.next()).value;
    expect(idle?.workerStats.requestActiveSlots).toBe(0);
    const next = stream.next();
    const answer = answerOf(engine.generate(requestOf(promptOf(9), { stop: { maxTokens: 8 } })));
    expect((await next).value?.kvStats.kvActiveBlocks).toBeGreaterThan(0);
    await answer;
    expect((await stream.next()).value?.kvStats.kvActiveBlocks).toBe(0);
    const after = stream.next();
    await engine.close();
    expect((await after).done).toBe(true);
  });
});

describe("a row without a distribution", () => {
  /** A model whose logits are NaN behind token 49. */
  class BrokenRunner extends FakeRunner {
    override async wait(): Promise<void> {
      await super.wait();
      const { rows, tokenIds, sampledIds } = this.batch;
      for (let row = 0; row < (this.steps.at(-1)?.numRows ?? 0); row++) {
        if (tokenIds[rows.token.at(row)] === 49) sampledIds[row] = NO_SAMPLE;
      }
    }
  }

  test("fails its sequence alone, and frees its blocks; those beside it go on", async () => {
    const ends: (string | number)[] = [];
    const observer: EngineObserver = {
      queueTime: () => undefined,
      timeToFirstToken: () => undefined,
      interTokenLatency: () => undefined,
      sequenceFinished: ({ endReason, numOutputTokens }) => ends.push(endReason, numOutputTokens),
    };
    const runner = new BrokenRunner();
    const clock = new ManualClock();
    const engine = new LLMEngine({ runner, config: CONFIG, clock, observer });
    opened.push(engine);
    void engine.run();
    const good = requestOf([1, 2, 3], { stop: { maxTokens: 3 } });
    const expected = naiveOutput(good, SMALL_LIMITS.vocabSize);
    const [broken, beside] = await Promise.allSettled([
      answerOf(engine.generate(requestOf([1, 2, 49]))),
      answerOf(engine.generate(good)),
    ]);
    expect(broken).toMatchObject({ status: "rejected", reason: { code: "invalid_logits" } });
    expect(beside).toMatchObject({ status: "fulfilled", value: { tokenIds: expected } });
    expect(ends).toEqual(["error", 0, "length", 3]);
    expect(engine.stats()).toMatchObject({ numRunning: 0, numBlocksUsed: 0 });
    expect(engine.stats().generationTokensTotal).toBe(3);
    expect((await answerOf(engine.generate(good))).tokenIds).toEqual(expected);
  });
});

describe("on a KV pool a twentieth of what is needed", () => {
  test("200 mixed requests all finish, by preemption, with the output of each alone", async () => {
    const requests = mixedRequests(200, 60);
    const numTokens = requests.reduce((n, r) => n + r.tokenIds.length + r.stop.maxTokens, 0);
    const numBlocks = Math.floor(numTokens / SMALL_LIMITS.blockSize / 20);
    const { engine } = start({ limits: { numBlocks, maxNumSeqs: 200, firstBlock: 5 } });
    const answers = await Promise.all(requests.map((r) => answerOf(engine.generate(r))));
    const expected = requests.map((request) => naiveOutput(request, SMALL_LIMITS.vocabSize));
    expect(answers.map((answer) => answer.tokenIds)).toEqual(expected);
    expect(engine.stats().preemptionsTotal).toBeGreaterThan(0);
    expect(engine.stats().numBlocksUsed).toBe(0);
    engine.checkIntegrity();
  });

  test("mixed requests finish with the same output while memory is short, and nothing is cached", async () => {
    const requests = mixedRequests(60, 60);
    let engine: LLMEngine | undefined;
    const started = start({
      limits: { numBlocks: 40, maxNumSeqs: 60, firstBlock: 5 },
      onStep: () => engine?.setMemoryPressure("some"),
    });
    engine = started.engine;
    const answers = await Promise.all(requests.map((r) => answerOf(started.engine.generate(r))));
    const expected = requests.map((request) => naiveOutput(request, SMALL_LIMITS.vocabSize));
    expect(answers.map((answer) => answer.tokenIds)).toEqual(expected);
    expect(started.runner.numDiscarded).toBeGreaterThan(0);
    engine.setMemoryPressure("some");
    const prompt = requestOf(promptOf(20));
    await answerOf(engine.generate(prompt));
    engine.setMemoryPressure("some");
    expect((await answerOf(engine.generate(prompt))).numCachedTokens ?? 0).toBe(0);
    engine.checkIntegrity();
  });

  test("new requests are refused while memory is very short, and those that run go on", async () => {
    const { engine } = start();
    const running = answerOf(engine.generate(requestOf(promptOf(5))));
    engine.setMemoryPressure("full");
    expect(() => engine.generate(requestOf(promptOf(5)))).toThrow("memory is short");
    expect((await running).tokenIds.length).toBeGreaterThan(0);
    engine.setMemoryPressure("none");
    expect(
      (await answerOf(engine.generate(requestOf(promptOf(5))))).tokenIds.length,
    ).toBeGreaterThan(0);
  });

  test("a sequence that fills the pool alone finishes", async () => {
    const { engine } = start({ limits: { numBlocks: 5 } });
    expect(engine.maxModelLen).toBe(20);
    const requests = [4, 8, 19].map((length) =>
      requestOf(promptOf(length, length), { stop: { maxTokens: 20 - length } }),
    );
    const answers = await Promise.all(requests.map((r) => answerOf(engine.generate(r))));
    expect(answers.map((answer) => answer.tokenIds)).toEqual(
      requests.map((request) => naiveOutput(request, SMALL_LIMITS.vocabSize)),
    );
  });

  test(
    "any mix of requests, limits and departures ends right and leaves every block free",
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(someVisit, { minLength: 1, maxLength: 14 }),
          someLimits,
          fc.boolean(),
          fc.option(someSpeculation, { nil: undefined }),
          async (visits, limits, enablePrefixCaching, ngram) => {
            const { engine, clock } = start({ limits, config: { enablePrefixCaching, ngram } });
            await Promise.all(
              visits.map(async (visit, i) => {
                const prompt = [...promptOf(visit.common), ...promptOf(visit.length, i)];
                const { maxTokens, minTokens, sampling } = visit;
                const stop = { maxTokens, minTokens, stopTokenIds: minTokens > 0 ? [1] : [] };
                const tokenIds20 = prompt.slice(0, 20).map((id) => id % limits.vocabSize);
                const request = requestOf(tokenIds20, { stop, sampling });
                for (let turn = 0; turn < visit.arrivesAt; turn++) await clock.turn();
                const tokenIds = await readUpTo(visit.leavesAfter, engine.generate(request));
                const expected = naiveOutput(request, limits.vocabSize);
                // A step with drafts may give more tokens at once than the reader stays for.
                expect(tokenIds.slice(0, visit.leavesAfter)).toEqual(
                  expected.slice(0, visit.leavesAfter),
                );
              }),
            );
            expect(engine.stats()).toMatchObject({
              numRunning: 0,
              numWaiting: 0,
              numBlocksUsed: 0,
            });
            engine.checkIntegrity();
            await engine.close();
          },
        ),
        { numRuns: 150 },
      );
    },
    hangLimit(60_000),
  );
});

const someVisit = fc.record({
  length: fc.integer({ min: 1, max: 20 }),
  common: fc.integer({ min: 0, max: 20 }),
  maxTokens: fc.integer({ min: 1, max: 12 }),
  minTokens: fc.constantFrom(0, 0, 3, 20),
  sampling: fc.record({
    seed: fc.nat(5).map(BigInt),
    presencePenalty: fc.constantFrom(0, 0, 1),
    repetitionPenalty: fc.constantFrom(1, 1, 1.2),
  }),
  leavesAfter: fc.nat(14),
  arrivesAt: fc.nat(10),
});

const someSpeculation = fc.record({
  numSpeculativeTokens: fc.integer({ min: 1, max: 8 }),
  promptLookupMax: fc.integer({ min: 2, max: 4 }),
  promptLookupMin: fc.integer({ min: 1, max: 2 }),
  disableByBatchSize: fc.integer({ min: 1, max: 6 }),
});

const someLimits = fc.record({
  vocabSize: fc.constantFrom(2, 3, 50), // In a small vocabulary, guesses are often right.
  maxNumRows: fc.integer({ min: 6, max: 20 }),
  numBlocks: fc.integer({ min: 8, max: 20 }),
  maxNumSeqs: fc.integer({ min: 1, max: 6 }),
  maxNumBatchedTokens: fc.integer({ min: 1, max: 40 }),
});

/** Leaves after `numTokens`, which for 0 means at once. */
async function readUpTo(
  numTokens: number,
  stream: AsyncIterableIterator<TokenOutput>,
): Promise<number[]> {
  const tokenIds: number[] = [];
  while (tokenIds.length < numTokens) {
    const { done, value } = await stream.next();
    if (done === true) break;
    tokenIds.push(...value.tokenIds);
  }
  await stream.return?.();
  return tokenIds;
}

describe("speculation by prompt lookup", () => {
  const ngram = {
    ...{ numSpeculativeTokens: 7, promptLookupMax: 4, promptLookupMin: 1 },
    disableByBatchSize: 4,
  };

  test("gives what decoding token by token gives, in fewer steps, and counts what it guessed", async () => {
    const requests = mixedRequests(20, 40).map((request) => ({
      ...request,
      tokenIds: request.tokenIds.map((id) => id % 2),
      stop: { ...request.stop, stopTokenIds: [] },
    }));
    const run = async (config: Partial<EngineConfig>) => {
      const { engine, runner } = start({ limits: { vocabSize: 2, maxNumRows: 40 }, config });
      const answers: unknown[] = [];
      for (const request of requests)
        answers.push((await answerOf(engine.generate(request))).tokenIds);
      return { answers, numSteps: runner.steps.length, stats: engine.stats() };
    };
    const plain = await run({});
    const guessing = await run({ ngram });
    expect(guessing.answers).toEqual(plain.answers);
    expect(plain.answers).toEqual(requests.map((request) => naiveOutput(request, 2)));
    expect(guessing.numSteps).toBeLessThan(plain.numSteps);
    const { draftsTotal, draftTokensTotal, acceptedTokensTotal } = guessing.stats;
    expect(draftsTotal).toBeGreaterThan(0);
    expect(draftTokensTotal).toBeGreaterThan(acceptedTokensTotal);
    // Each right guess saves a step, but for the one behind a whole output.
    expect(plain.numSteps - guessing.numSteps).toBeLessThanOrEqual(acceptedTokensTotal);
    expect(plain.stats).toMatchObject({ draftsTotal: 0, draftTokensTotal: 0 });
    expect(guessing.stats.generationTokensTotal).toBe(plain.stats.generationTokensTotal);
  });

  test("guesses nothing while more sequences run than it is meant for", async () => {
    const { engine, runner } = start({
      limits: { vocabSize: 2, maxNumRows: 40 },
      config: { ngram },
    });
    const stop = { maxTokens: 20 };
    const requests = [0, 1, 2, 3, 4].map((i) => requestOf([i % 2, 1, 0, 1, 0, 1], { stop }));
    await Promise.all(requests.map((request) => answerOf(engine.generate(request))));
    expect(engine.stats().draftTokensTotal).toBe(0);
    expect(runner.steps.every(({ numRows, numSeqs }) => numRows <= numSeqs)).toBe(true);
  });
});

describe("leaving a stream", () => {
  test("ends a pending next() and frees the blocks while the step still runs", async () => {
    const held = Promise.withResolvers<void>();
    const { engine, clock } = start({ onStep: () => held.promise });
    const stream = engine.generate(requestOf(promptOf(100)));
    const pending = stream.next();
    await clock.turn();
    await clock.turn();
    expect(engine.stats().numRunning).toBe(1);
    expect(engine.stats().numBlocksUsed).toBe(25);
    await stream.return?.();
    expect(await pending).toEqual({ done: true, value: undefined });
    expect(engine.stats()).toMatchObject({ numRunning: 0, numBlocksUsed: 0 });
    held.resolve();
    await clock.turn();
    engine.checkIntegrity();
  });

  test("takes a sequence out of the queue", async () => {
    const { engine, clock } = start({ limits: { maxNumSeqs: 1 } });
    const first = engine.generate(requestOf(promptOf(4), { stop: { maxTokens: 100 } }));
    const second = engine.generate(requestOf(promptOf(4)));
    await first.next();
    expect(engine.stats().numWaiting).toBe(1);
    await second.return?.();
    expect(engine.stats().numWaiting).toBe(0);
    await first.return?.();
    await clock.turn();
    expect(engine.stats().numRunning).toBe(0);
  });

  test("disturbs nobody else in the same step", async () => {
    let leave: () => unknown = () => undefined;
    const { engine } = start({ onStep: () => void leave() });
    const leaving = engine.generate(requestOf(promptOf(5), { stop: { maxTokens: 50 } }));
    const request = requestOf(promptOf(30, 3), { stop: { maxTokens: 20 } });
    const staying = answerOf(engine.generate(request));
    await leaving.next();
    leave = () => leaving.return?.();
    expect((await staying).tokenIds).toEqual(naiveOutput(request, SMALL_LIMITS.vocabSize));
  });

  test("that is read slowly gives several tokens in one output, and loses none", async () => {
    const { engine, clock } = start();
    const request = requestOf(promptOf(5), { stop: { maxTokens: 20 } });
    const stream = engine.generate(request);
    const first = await stream.next();
    for (let turn = 0; turn < 100; turn++) await clock.turn();
    const rest = await stream.next();
    const outputs = [first.value, rest.value];
    expect(outputs.flatMap((output) => output?.tokenIds)).toEqual(
      naiveOutput(request, SMALL_LIMITS.vocabSize),
    );
    expect(rest.value).toMatchObject({ finishReason: "length" });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });
});

describe("the end of an engine", () => {
  test("by close() ends every stream behind its last token, and then the runner", async () => {
    const { engine, runner, running, clock } = start({ limits: { maxNumSeqs: 1 } });
    const streams = [0, 1].map(() =>
      engine.generate(requestOf(promptOf(4), { stop: { maxTokens: 100 } })),
    );
    const [first, second] = streams;
    await first?.next();
    for (let turn = 0; turn < 20; turn++) await clock.turn();
    const waiting = second?.next();
    const [, { code }] = await Promise.all([engine.close(), failureOf(waiting)]);
    expect(code).toBe("server_shutdown");
    expect((await first?.next())?.value?.tokenIds.length).toBeGreaterThan(0);
    expect(await failureOf(first?.next())).toMatchObject({ code: "server_shutdown" });
    expect(await first?.next()).toEqual({ done: true, value: undefined });
    await running;
    expect(runner.isClosed).toBe(true);
    expect(() => engine.generate(requestOf([1]))).toThrow("closed");
  });

  test("waits for the running step before it closes the runner", async () => {
    const held = Promise.withResolvers<void>();
    const { engine, runner, clock } = start({ onStep: () => held.promise });
    const answer = answerOf(engine.generate(requestOf(promptOf(4))));
    await clock.turn();
    await clock.turn();
    const closing = engine.close();
    expect(await failureOf(answer)).toMatchObject({ code: "server_shutdown" });
    await clock.turn();
    expect(runner.isClosed).toBe(false);
    held.resolve();
    await closing;
    expect(runner.isClosed).toBe(true);
  });

  test("by a failing step fails run() and all streams, read or not", async () => {
    const failure = new Error("the device is gone");
    const { engine, running } = start({
      limits: { maxNumSeqs: 1 },
      onStep: () => {
        throw failure;
      },
    });
    const read = answerOf(engine.generate(requestOf([1, 2])));
    const unread = engine.generate(requestOf([3, 4]));
    const ends = await Promise.allSettled([read, running]);
    expect(ends.map((end) => end.status === "rejected" && end.reason)).toEqual([failure, failure]);
    expect(await Promise.allSettled([unread.next()])).toEqual([
      { status: "rejected", reason: failure },
    ]);
    expect(await unread.next()).toEqual({ done: true, value: undefined });
    expect(engine.stats()).toMatchObject({ numRunning: 0, numWaiting: 0, numBlocksUsed: 0 });
    expect(() => engine.generate(requestOf([1]))).toThrow("closed");
  });
});

describe("a request is refused", () => {
  test("when it has no tokens, or ids outside the vocabulary", () => {
    const { engine } = start();
    expect(() => engine.generate(requestOf([]))).toThrow(
      expect.objectContaining({ code: "invalid_request" }),
    );
    for (const tokenId of [-1, 50]) {
      expect(() => engine.generate(requestOf([1, tokenId]))).toThrow(
        expect.objectContaining({ code: "invalid_request" }),
      );
    }
    expect(engine.stats().numWaiting).toBe(0);
  });

  test("when it would pass the context, or the pool if that is smaller, with the counts", () => {
    for (const [numBlocks, maxModelLen] of [
      [64, 128],
      [10, 40],
    ] as const) {
      const { engine } = start({ limits: { numBlocks } });
      const request = requestOf(promptOf(30), { stop: { maxTokens: maxModelLen - 29 } });
      expect(() => engine.generate(request)).toThrow(
        expect.objectContaining({
          code: "context_length_exceeded",
          details: {
            prompt_tokens: 30,
            max_tokens: maxModelLen - 29,
            max_model_len: maxModelLen,
          },
        }),
      );
    }
  });

  test("when min_tokens would have to ban more stop tokens than a row can", () => {
    const { engine } = start();
    const stopTokenIds = Array.from({ length: MAX_BANNED_TOKENS + 1 }, (_, i) => i);
    const refused = () => engine.generate(requestOf([1], { stop: { stopTokenIds, minTokens: 1 } }));
    expect(refused).toThrow(expect.objectContaining({ code: "invalid_request" }));
    engine.generate(requestOf([1], { stop: { stopTokenIds } }));
  });

  test("when the queue is full, and taken again when it is not", async () => {
    const { engine } = start({ limits: { maxNumSeqs: 2 }, config: { maxWaiting: 1 } });
    const streams = [0, 1, 2].map(() => engine.generate(requestOf([1])));
    expect(() => engine.generate(requestOf([1]))).toThrow(
      expect.objectContaining({ code: "engine_full" }),
    );
    await Promise.all(streams.map(answerOf));
    await answerOf(engine.generate(requestOf([1])));
  });
});

describe("an observer", () => {
  test("is told queue time, TTFT and ITL by the clock", async () => {
    const seen: [string, number][] = [];
    const observer: EngineObserver = {
      queueTime: (ms) => seen.push(["queue", ms]),
      timeToFirstToken: (ms) => seen.push(["ttft", ms]),
      interTokenLatency: (ms) => seen.push(["itl", ms]),
      sequenceFinished: ({ totalMs, numOutputTokens }) =>
        seen.push([`end of ${numOutputTokens}`, totalMs]),
    };
    const clock = new ManualClock();
    const { engine } = start({
      clock,
      observer,
      limits: { maxNumSeqs: 1 },
      onStep: () => clock.sleep(10),
    });
    const requests = [0, 1].map(() => requestOf([1, 2], { stop: { maxTokens: 2 } }));
    const answers = Promise.all(requests.map((request) => answerOf(engine.generate(request))));
    await clock.turn();
    await clock.turn();
    for (let i = 0; i < 10; i++) await clock.advance(10);
    await answers;
    await engine.close();
    expect(seen).toEqual([
      ...([
        ["queue", 0],
        ["ttft", 10],
        ["itl", 10],
        ["end of 2", 20],
      ] as [string, number][]),
      ...([
        ["queue", 20],
        ["ttft", 30],
        ["itl", 10],
        ["end of 2", 40],
      ] as [string, number][]),
    ]);
  });
});
