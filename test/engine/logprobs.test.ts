// Log-probabilities and what else shapes a choice, over the native runner: right by the double-precision reference, and
// the same bits whatever else runs, however a prompt is cut and whatever is guessed.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { LLMEngine } from "../../src/engine/llm-engine.ts";
import type { RunnerLimits } from "../../src/engine/model-runner.ts";
import { openNativeRunner } from "../../src/engine/native-runner.ts";
import type { TokenMask } from "../../src/engine/token-mask.ts";
import { openModel } from "../../src/model/open-model.ts";
import type { PreprocessedRequest, TokenLogprobs, TokenOutput } from "../../src/protocol/llm.ts";
import { ManualClock } from "../manual-clock.ts";
import { ReferenceLlama } from "../reference/llama.ts";
import { builtLibrary, isBuilt } from "./native-build.ts";
import { answerOf, promptOf, requestOf } from "./requests.ts";
import { writeTinyModel } from "./tiny-model.ts";

const scratch = mkdtempSync(join(tmpdir(), "dynamo-logprobs-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const VOCAB_SIZE = 67;
const NUM_TOP = 5;
/** Log-probabilities of F32 logits, and of K and V in F32, beside those in double. */
const TOLERANCE = 1e-4;

const LIMITS = {
  maxNumSeqs: 6,
  maxNumRows: 9,
  maxNumBatchedTokens: 40,
  maxModelLen: 120,
  blockSize: 4,
  firstBlock: 0,
  numBlocks: 80, // Too few for six long sequences: some are preempted.
} satisfies Omit<RunnerLimits, "vocabSize">;

describe.skipIf(!isBuilt)("log-probabilities (needs `npm run build`)", () => {
  test("are the double reference's, of output and prompt, with the likeliest tokens", async () => {
    const [alone] = await answersOf([request(0)]);
    const reference = ReferenceLlama.load(directory());
    const { tokenIds, prompt, logprobs, promptLogprobs } = alone as Told;
    expect(logprobs.map(({ id }) => id)).toEqual([...tokenIds]);
    expect(promptLogprobs.map(({ id }) => id)).toEqual([...prompt.slice(1)]);
    const all = [...prompt, ...tokenIds];
    for (const [i, told] of [...promptLogprobs, ...logprobs].entries()) {
      const expected = reference.logprobs(all.slice(0, i + 1));
      const order = expected.map((logprob, id) => ({ logprob, id }));
      order.sort((a, b) => b.logprob - a.logprob || a.id - b.id);
      expect(Math.abs(told.logprob - (expected[told.id] ?? 1))).toBeLessThan(TOLERANCE);
      expect(order[told.rank - 1]?.id).toBe(told.id);
      expect(told.top.map(({ id }) => id)).toEqual(order.slice(0, NUM_TOP).map(({ id }) => id));
      for (const [rank, { logprob }] of told.top.entries()) {
        expect(Math.abs(logprob - (order[rank]?.logprob ?? 1))).toBeLessThan(TOLERANCE);
      }
    }
    const perplexity = (of: readonly number[]) =>
      Math.exp(-of.reduce((sum, logprob) => sum + logprob, 0) / of.length);
    const expected = prompt.slice(1).map((id, i) => {
      return reference.logprobs(prompt.slice(0, i + 1))[id] ?? 1;
    });
    const ratio = perplexity(promptLogprobs.map(({ logprob }) => logprob)) / perplexity(expected);
    expect(Math.abs(ratio - 1)).toBeLessThan(TOLERANCE);
  });

  test("have the same bits alone, in any batch, and where tokens are guessed", async () => {
    const requests = Array.from({ length: 14 }, (_, i) => request(i));
    const alone: Told[] = [];
    for (const one of requests) alone.push(...(await answersOf([one])));
    expect(await answersOf(requests)).toEqual(alone);
    expect(await answersOf(requests, { guesses: true })).toEqual(alone);
    expect(await answersOf([...requests, ...requests])).toEqual([...alone, ...alone]); // with prefixes cached
  });

  test("of a prompt alone come without any output", async () => {
    const { stop, ...rest } = request(3);
    const [scored] = await answersOf([{ ...rest, stop: { ...stop, maxTokens: 0 } }]);
    const [whole] = await answersOf([request(3)]);
    expect(scored).toEqual({ ...(whole as Told), tokenIds: [], logprobs: [], finish: "length" });
  });
});

describe.skipIf(!isBuilt)("what shapes a choice (needs `npm run build`)", () => {
  test("a bias makes or forbids a token, and is not in its log-probability", async () => {
    const [plain] = await answersOf([request(1)]);
    const [forced] = await answersOf([shaped({ logitBias: { tokenIds: [9], biases: [100] } })]);
    expect(new Set(forced?.tokenIds)).toEqual(new Set([9]));
    expect(forced?.logprobs[0]?.logprob).toBeLessThan(-0.1);
    const first = plain?.tokenIds[0] as number;
    const [other] = await answersOf([shaped({ logitBias: { tokenIds: [first], biases: [-100] } })]);
    expect(other?.tokenIds).not.toContain(first);
    expect(other?.logprobs[0]?.top).toEqual(plain?.logprobs[0]?.top as Scored["top"]);
  });

  test("only allowed tokens come, and no forbidden word", async () => {
    const allowedTokenIds = [0, 31, 32, 66];
    const [few] = await answersOf([shaped({ allowedTokenIds, temperature: 2, seed: 3n })]);
    expect(few?.tokenIds.every((id) => allowedTokenIds.includes(id))).toBeTrue();
    const [plain] = await answersOf([request(1)]);
    const [a = 0, b = 0, c = 0] = plain?.tokenIds ?? [];
    const [without] = await answersOf([shaped({ badWords: [[a, b, c]] })], { guesses: true });
    expect(without?.tokenIds.slice(0, 2)).toEqual([a, b]);
    expect(` ${without?.tokenIds.join(" ")} `).not.toContain(` ${a} ${b} ${c} `);
  });

  test("a mask is asked before each token and told each, and stays in force beside a list", async () => {
    const told: number[] = [];
    const mask: TokenMask = {
      isOver: false,
      prepare: () => true,
      rollback: (numTokens) => void told.splice(told.length - numTokens),
      fillMask: (words) => {
        words.fill(0);
        for (const id of [told.length, told.length + 1])
          words[id >> 5] = (words[id >> 5] ?? 0) | (1 << (id % 32));
      },
      accept: (tokenId) => {
        const isNext = tokenId === told.length || tokenId === told.length + 1;
        if (isNext) told.push(tokenId);
        return isNext;
      },
    };
    const [one] = await answersOf([shaped({ temperature: 5, seed: 1n })], { mask, guesses: true });
    expect(one?.tokenIds).toEqual(told);
    expect(told.every((id, i) => id === i || id === i + 1)).toBeTrue();
    expect(told).toHaveLength(one?.tokenIds.length ?? 0);
  });
});

interface Scored {
  readonly id: number;
  readonly logprob: number;
  readonly rank: number;
  readonly top: readonly { readonly id: number; readonly logprob: number }[];
}

interface Told {
  readonly prompt: readonly number[];
  readonly tokenIds: readonly number[];
  readonly logprobs: readonly Scored[];
  readonly promptLogprobs: readonly Scored[];
  readonly finish: string | undefined;
}

function request(i: number): PreprocessedRequest {
  const shared = promptOf(i % 3 === 0 ? 20 : 0, 1, VOCAB_SIZE);
  return requestOf([...shared, ...promptOf(3 + 3 * i, i, VOCAB_SIZE)], {
    sampling: {
      ...(i % 2 === 0 && { temperature: 1.5, seed: BigInt(i) }),
      ...(i % 4 === 0 && { presencePenalty: 0.5, repetitionPenalty: 1.2 }),
    },
    stop: { maxTokens: 40 },
    logprobs: NUM_TOP,
    promptLogprobs: NUM_TOP,
  });
}

function shaped(sampling: Partial<PreprocessedRequest["sampling"]>): PreprocessedRequest {
  const plain = request(1);
  return { ...plain, sampling: { ...plain.sampling, ...sampling } };
}

async function answersOf(
  requests: readonly PreprocessedRequest[],
  options: { readonly guesses?: boolean; readonly mask?: TokenMask } = {},
): Promise<Told[]> {
  const runner = await openNativeRunner({
    model: await openModel(directory()),
    library: builtLibrary,
    owner: 1,
    threads: 2,
    kvCacheDType: "float32",
    limits: LIMITS,
    poolName: "test",
    totalBlocks: LIMITS.numBlocks,
  });
  const ngram = { ...{ numSpeculativeTokens: 3, promptLookupMax: 3 }, promptLookupMin: 1 };
  const engine = new LLMEngine({
    runner,
    config: {
      ...{ enablePrefixCaching: true, maxWaiting: 100, maxStalled: 100 },
      ngram: options.guesses ? { ...ngram, disableByBatchSize: 6 } : undefined,
    },
    clock: new ManualClock(),
  });
  const running = engine.run();
  const told = await Promise.all(
    requests.map((one) => toldBy(one, engine.generate(one, options.mask))),
  );
  await engine.close();
  await running;
  return told;
}

async function toldBy(
  { tokenIds: prompt }: PreprocessedRequest,
  stream: AsyncIterable<TokenOutput>,
): Promise<Told> {
  const logprobs: Scored[] = [];
  const promptLogprobs: Scored[] = [];
  async function* noted() {
    for await (const output of stream) {
      const { tokenIds } = output;
      if (output.logprobs) logprobs.push(...scored(tokenIds, output.logprobs));
      if (output.promptLogprobs)
        promptLogprobs.push(...scored([...prompt].slice(1), output.promptLogprobs));
      yield output;
    }
  }
  const { tokenIds, finishReason } = await answerOf(noted());
  return { prompt: [...prompt], tokenIds, logprobs, promptLogprobs, finish: finishReason };
}

function scored(tokenIds: readonly number[], told: TokenLogprobs): Scored[] {
  expect(told.logprobs).toHaveLength(tokenIds.length);
  return tokenIds.map((id, i) => ({
    id,
    logprob: told.logprobs[i] ?? Number.NaN,
    rank: told.ranks[i] ?? 0,
    top: Array.from({ length: NUM_TOP }, (_, rank) => ({
      id: told.topIds[i * NUM_TOP + rank] ?? -1,
      logprob: told.topLogprobs[i * NUM_TOP + rank] ?? Number.NaN,
    })),
  }));
}

let written: string | undefined;

function directory(): string {
  if (written === undefined) {
    written = join(scratch, "model");
    writeTinyModel(written, { dtype: "F32", vocabSize: VOCAB_SIZE, seed: 11 });
  }
  return written;
}
