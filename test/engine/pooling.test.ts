// Hidden states of prompts, over the native runner: right by the double-precision reference, and the same bits whatever
// else runs and whatever the prefix cache has.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { LLMEngine } from "../../src/engine/llm-engine.ts";
import { MockRunner } from "../../src/engine/mock-runner.ts";
import type { ModelRunner } from "../../src/engine/model-runner.ts";
import { openNativeRunner } from "../../src/engine/native-runner.ts";
import { openModel } from "../../src/model/open-model.ts";
import type { PreprocessedRequest } from "../../src/protocol/llm.ts";
import { ManualClock } from "../manual-clock.ts";
import { ReferenceLlama } from "../reference/llama.ts";
import { builtLibrary, isBuilt } from "./native-build.ts";
import { promptOf, requestOf } from "./requests.ts";
import { writeTinyModel } from "./tiny-model.ts";

const directory = mkdtempSync(join(tmpdir(), "dynamo-pooling-"));
afterAll(() => rmSync(directory, { recursive: true }));

const VOCAB_SIZE = 67;

const LIMITS = {
  maxNumSeqs: 6,
  maxNumBatchedTokens: 40,
  maxModelLen: 120,
  blockSize: 4,
  firstBlock: 0,
  numBlocks: 60, // Too few for all: some are preempted.
};

describe.skipIf(!isBuilt)("hidden states (needs `npm run build`)", () => {
  writeTinyModel(directory, { vocabSize: VOCAB_SIZE, qkNorm: true });

  test("are the double reference's", async () => {
    const reference = ReferenceLlama.load(directory);
    for (const length of [1, 3, 39, 41, 119]) {
      const prompt = promptOf(length, length, VOCAB_SIZE);
      const [told] = await statesOf([pooled(prompt)]);
      expect(cosine(told as Float32Array, reference.hiddenState(prompt))).toBeGreaterThan(1 - 1e-4);
    }
  });

  test("have the same bits alone, beside answers that are generated, and with a cached prefix", async () => {
    const prompts = Array.from({ length: 12 }, (_, i) => [
      ...promptOf(i % 3 === 0 ? 20 : 0, 1, VOCAB_SIZE),
      ...promptOf(1 + 5 * i, i, VOCAB_SIZE),
    ]);
    const alone: (Float32Array | undefined)[] = [];
    for (const prompt of prompts) alone.push(...(await statesOf([pooled(prompt)])));
    const requests = prompts.flatMap((prompt) => [
      pooled(prompt),
      requestOf(prompt, { stop: { maxTokens: 30 } }),
    ]);
    const mixed = await statesOf([...requests, ...requests]);
    expect(mixed.filter((state) => state !== undefined) as typeof alone).toEqual([
      ...alone,
      ...alone,
    ]);
    expect(mixed.filter((state) => state === undefined)).toHaveLength(2 * prompts.length);
  });

  test("one that is left is aborted, and its blocks are free", async () => {
    const engine = engineOf(await openRunner());
    const running = engine.run();
    const left = engine.generate(pooled(promptOf(100, 1, VOCAB_SIZE)));
    await left.return?.();
    expect(await stateOf(engine, pooled([1, 2, 3]))).toBeDefined();
    expect(engine.stats()).toMatchObject({ numRunning: 0, numWaiting: 0 });
    engine.checkIntegrity();
    await engine.close();
    await running;
  });
});

test("an engine without a model refuses by name", async () => {
  const limits = { ...LIMITS, vocabSize: VOCAB_SIZE };
  const engine = engineOf(new MockRunner({ limits, clock: new ManualClock(), speedupRatio: 1 }));
  expect(() => engine.generate(pooled([1, 2, 3]))).toThrow("computes no embeddings");
  await engine.close();
});

function pooled(prompt: readonly number[]): PreprocessedRequest {
  return { ...requestOf(prompt, { stop: { maxTokens: 0 } }), pooling: "last" };
}

async function openRunner(): Promise<ModelRunner> {
  return openNativeRunner({
    model: await openModel(directory),
    library: builtLibrary,
    owner: 1,
    threads: 2,
    kvCacheDType: "float32",
    limits: LIMITS,
    poolName: "test",
    totalBlocks: LIMITS.numBlocks,
  });
}

function engineOf(runner: ModelRunner): LLMEngine {
  const config = { enablePrefixCaching: true, maxWaiting: 100, maxStalled: 100 };
  return new LLMEngine({ runner, config, clock: new ManualClock() });
}

async function stateOf(engine: LLMEngine, request: PreprocessedRequest) {
  let state: Float32Array | undefined;
  for await (const { hiddenState } of engine.generate(request)) state = hiddenState;
  return state;
}

async function statesOf(requests: readonly PreprocessedRequest[]) {
  const engine = engineOf(await openRunner());
  const running = engine.run();
  const states = await Promise.all(requests.map((one) => stateOf(engine, one)));
  await engine.close();
  await running;
  return states;
}

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x = 0, y = 0] = [a[i], b[i]];
    [ab, aa, bb] = [ab + x * y, aa + x * x, bb + y * y];
  }
  return ab / Math.sqrt(aa * bb);
}
