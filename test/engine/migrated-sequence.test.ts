// A sequence that comes with the output of another engine goes on as if it had been here from its start.

import { afterEach, expect, test } from "bun:test";

import type { EngineObserver } from "../../src/engine/engine-observer.ts";
import { LLMEngine } from "../../src/engine/llm-engine.ts";
import type { RemotePrefill } from "../../src/engine/remote-prefill.ts";
import type { PreprocessedRequest } from "../../src/protocol/llm.ts";
import { ManualClock } from "../manual-clock.ts";
import { FakeRunner, naiveOutput, SMALL_LIMITS } from "./fake-runner.ts";
import { answerOf, failureOf, promptOf, requestOf } from "./requests.ts";

const { vocabSize } = SMALL_LIMITS;

let opened: LLMEngine[] = [];
afterEach(async () => {
  await Promise.all(opened.map((engine) => engine.close()));
  opened = [];
});

function start(options: { observer?: EngineObserver; remotePrefill?: RemotePrefill } = {}) {
  const engine = new LLMEngine({
    runner: new FakeRunner(),
    config: {
      ...{ enablePrefixCaching: true, maxWaiting: 100, maxStalled: 100 },
      ngram: {
        ...{ numSpeculativeTokens: 4, promptLookupMin: 2, promptLookupMax: 4 },
        disableByBatchSize: 8,
      },
    },
    clock: new ManualClock(),
    ...options,
  });
  opened.push(engine);
  void engine.run();
  return engine;
}

const PENALTIES = { presencePenalty: 0.5, frequencyPenalty: 0.25, repetitionPenalty: 1.1 };
const STOPS = { maxTokens: 40, minTokens: 12, stopTokenIds: [1, 2, 3, 4, 5, 6, 7, 8] };
const KINDS: Readonly<Record<string, PreprocessedRequest>> = {
  greedy: requestOf(promptOf(9), { stop: { maxTokens: 20 } }),
  seeded: requestOf(promptOf(9), { sampling: { seed: 77n }, stop: { maxTokens: 20 } }),
  penalised: requestOf(promptOf(9), { sampling: PENALTIES, stop: { maxTokens: 20 } }),
  "with a minimum": requestOf(promptOf(9), { stop: STOPS }),
  "all together": requestOf(promptOf(9), { sampling: { ...PENALTIES, seed: 5n }, stop: STOPS }),
  "of repeated tokens": requestOf(promptOf(30, 0, 2), { stop: { maxTokens: 30 } }),
};

for (const [kind, request] of Object.entries(KINDS)) {
  test(`a sequence goes on behind each of its tokens: ${kind}`, async () => {
    const whole = naiveOutput(request, vocabSize);
    for (let numGiven = 1; numGiven < whole.length; numGiven++) {
      const output = Int32Array.from(whole.slice(0, numGiven));
      const { tokenIds } = await answerOf(start().generate({ ...request, output }));
      expect(tokenIds).toEqual(whole.slice(numGiven));
    }
  });
}

test("given tokens are counted as neither generated nor cached here", async () => {
  const seen = { firsts: 0, gaps: 0, queued: 0, ends: [] as object[] };
  const engine = start({
    observer: {
      queueTime: () => seen.queued++,
      timeToFirstToken: () => seen.firsts++,
      interTokenLatency: () => seen.gaps++,
      sequenceFinished: (end) => seen.ends.push(end),
    },
  });
  const request = requestOf(promptOf(9), { stop: { maxTokens: 20 } });
  await answerOf(engine.generate(request));
  const output = Int32Array.from(naiveOutput(request, vocabSize).slice(0, 15));
  const { numCachedTokens } = await answerOf(engine.generate({ ...request, output }));
  expect(numCachedTokens).toBe(9); // More blocks were found, but the prompt is no longer.
  expect(engine.stats()).toMatchObject({ generationTokensTotal: 25, promptTokensTotal: 18 });
  expect(engine.stats().prefixCacheHitsTotal).toBe(9);
  expect(seen).toMatchObject({ firsts: 1, queued: 2 });
  expect(seen.ends).toMatchObject([{ numOutputTokens: 20 }, { numOutputTokens: 20 }]);
});

test("a prompt and its given tokens are computed elsewhere together", async () => {
  const lengths: number[] = [];
  const engine = start({
    remotePrefill: {
      takes: () => true,
      begin({ tokenIds }, ended) {
        lengths.push(tokenIds.length);
        queueMicrotask(() => ended("not computed"));
        return { recall() {} };
      },
    },
  });
  const request = requestOf(promptOf(9), { stop: { maxTokens: 20 } });
  const whole = naiveOutput(request, vocabSize);
  const output = Int32Array.from(whole.slice(0, 7));
  expect((await answerOf(engine.generate({ ...request, output }))).tokenIds).toEqual(
    whole.slice(7),
  );
  expect(lengths).toEqual([16]);
});

test("an output that is finished, or is not of this vocabulary, is refused", async () => {
  const engine = start();
  const stop = { maxTokens: 3, stopTokenIds: [7] };
  for (const output of [[1, 2, 3], [1, 7], [vocabSize], [-1]]) {
    const request = { ...requestOf([1, 2], { stop }), output: Int32Array.from(output) };
    const failure = failureOf((async () => engine.generate(request))());
    expect(await failure).toMatchObject({ code: "invalid_request" });
  }
});
