// Sequences under a grammar: the same tokens however they are run, and nothing that happens to one concerns another.

import { afterEach, describe, expect, test } from "bun:test";

import { LLMEngine } from "../../src/engine/llm-engine.ts";
import { MockRunner } from "../../src/engine/mock-runner.ts";
import type { RunnerLimits } from "../../src/engine/model-runner.ts";
import type { RemotePrefill } from "../../src/engine/remote-prefill.ts";
import type { TokenMask } from "../../src/engine/token-mask.ts";
import { compileGrammar } from "../../src/grammar/compile.ts";
import { GrammarMatcher } from "../../src/grammar/grammar-matcher.ts";
import { TokenMasks } from "../../src/grammar/token-masks.ts";
import { byteVocabulary } from "../grammar/byte-vocabulary.ts";
import { ManualClock } from "../manual-clock.ts";
import { answerOf, failureOf, promptOf, requestOf } from "./requests.ts";

const trie = byteVocabulary(["ab", "ba", "abab", "aa", "bb"]);
const [EOS = 0] = trie.eosTokenIds;

const LIMITS: RunnerLimits = {
  ...{ maxNumSeqs: 4, maxNumRows: 24, maxNumBatchedTokens: 64, maxModelLen: 128, blockSize: 4 },
  ...{ firstBlock: 0, numBlocks: 200, vocabSize: trie.vocabSize },
};

const NGRAM = {
  ...{ numSpeculativeTokens: 4, promptLookupMin: 1, promptLookupMax: 3 },
  disableByBatchSize: 8,
};

let opened: LLMEngine[] = [];
afterEach(async () => {
  await Promise.all(opened.map((engine) => engine.close()));
  opened = [];
});

interface SetUp {
  readonly limits?: Partial<RunnerLimits>;
  readonly guesses?: boolean;
  readonly remotePrefill?: RemotePrefill;
}

function start({ limits, guesses = false, remotePrefill }: SetUp = {}): LLMEngine {
  const clock = new ManualClock();
  const runner = new MockRunner({
    ...{ limits: { ...LIMITS, ...limits }, clock, speedupRatio: Number.POSITIVE_INFINITY },
  });
  const engine = new LLMEngine({
    ...{ runner, clock, remotePrefill },
    config: {
      ...{ enablePrefixCaching: true, maxWaiting: 100, maxStalled: 100 },
      ...(guesses && { ngram: NGRAM }),
    },
  });
  opened.push(engine);
  void engine.run();
  return engine;
}

const masks = new TokenMasks({
  ...{ trie, program: compileGrammar({ type: "regex", pattern: "(ab|ba){3,12}(c|dd)[ab]{4}" }) },
});

function maskOf(): TokenMask {
  return new GrammarMatcher(masks, { endTokenIds: new Set([EOS]) });
}

function request(seed: number) {
  const stop = { maxTokens: 60, stopTokenIds: [EOS] };
  return requestOf(promptOf(9, seed, 255), {
    sampling: { temperature: 1, seed: BigInt(seed) },
    stop,
  });
}

function textOf(tokenIds: readonly number[]): string {
  return Buffer.concat(tokenIds.map((id) => trie.bytesOf(id))).toString();
}

const SEEDS = [1, 2, 3, 4, 5, 6];

async function answersOf(engine: LLMEngine) {
  const streams = SEEDS.map((seed) => engine.generate(request(seed), maskOf()));
  return Promise.all(streams.map(answerOf));
}

describe("an output under a grammar", () => {
  test("is of it, and ends where nothing can follow", async () => {
    for (const { tokenIds, finishReason } of await answersOf(start())) {
      expect(finishReason).toBe("stop");
      expect(textOf(tokenIds)).toMatch(/^(ab|ba){3,12}(c|dd)[ab]{4}$/);
      expect(tokenIds).not.toContain(EOS);
    }
  });

  test("has the same tokens with guesses, and where blocks are short so that it is preempted", async () => {
    const plain = (await answersOf(start())).map(({ tokenIds }) => tokenIds);
    const guessed = await answersOf(start({ guesses: true }));
    expect(guessed.map(({ tokenIds }) => tokenIds)).toEqual(plain);
    const tight = start({ limits: { numBlocks: 18 } });
    const preempted = await answersOf(tight);
    expect(preempted.map(({ tokenIds }) => tokenIds)).toEqual(plain);
    expect(tight.stats().preemptionsTotal).toBeGreaterThan(0);
  });

  test("goes on elsewhere behind each of its tokens", async () => {
    const whole = await answerOf(start().generate(request(3), maskOf()));
    for (let numGiven = 1; numGiven < whole.tokenIds.length; numGiven++) {
      const output = Int32Array.from(whole.tokenIds.slice(0, numGiven));
      const rest = await answerOf(start().generate({ ...request(3), output }, maskOf()));
      expect(rest.tokenIds).toEqual(whole.tokenIds.slice(numGiven));
    }
  });

  test("is held from its first token on where a prefill worker computes its prompt", async () => {
    let numRemote = 0;
    const remotePrefill: RemotePrefill = {
      takes: () => true,
      begin: (_, ended) => {
        numRemote++;
        queueMicrotask(() => ended("computed"));
        return { recall() {} };
      },
    };
    const plain = (await answersOf(start())).map(({ tokenIds }) => tokenIds);
    const split = await answersOf(start({ remotePrefill }));
    expect(split.map(({ tokenIds }) => tokenIds)).toEqual(plain);
    expect(numRemote).toBeGreaterThan(0);
  });

  test("ends with an error where no token can follow", async () => {
    const limited = request(1);
    const sampling = { ...limited.sampling, allowedTokenIds: [5] };
    const stream = start().generate({ ...limited, sampling }, maskOf());
    const error = await failureOf(answerOf(stream));
    expect(error).toMatchObject({ code: "grammar_dead_end", details: { num_tokens: 0 } });
  });
});

describe("what goes wrong with one mask", () => {
  const broken = (change: (mask: TokenMask) => Partial<TokenMask>): TokenMask => {
    const mask = maskOf();
    return {
      prepare: (effort) => mask.prepare(effort),
      fillMask: (words) => mask.fillMask(words),
      accept: (tokenId) => mask.accept(tokenId),
      rollback: (numTokens) => mask.rollback(numTokens),
      get isOver() {
        return mask.isOver;
      },
      ...change(mask),
    };
  };
  let calls = 0;
  const fails = () => {
    if (++calls > 3) throw new Error("too many states");
    return true;
  };

  test.each([
    ["prepare", () => ({ prepare: fails })],
    [
      "fillMask",
      (mask: TokenMask) => ({
        fillMask: (words: Uint32Array) => {
          fails();
          mask.fillMask(words);
        },
      }),
    ],
    ["accept", (mask: TokenMask) => ({ accept: (id: number) => fails() && mask.accept(id) })],
  ])("in %s ends its own sequence with that, and no other", async (_, change) => {
    for (const guesses of [false, true]) {
      calls = 0;
      const engine = start({ guesses });
      const [bad, ...others] = [
        engine.generate(request(1), broken(change)),
        engine.generate(request(2), maskOf()),
        engine.generate(requestOf(promptOf(9, 9, 255), { stop: { maxTokens: 40 } })),
      ].map(answerOf);
      await expect(bad).rejects.toThrow("too many states");
      const ends = await Promise.all(others);
      expect(ends.map(({ finishReason }) => finishReason)).toEqual(["stop", "length"]);
      expect((await answerOf(engine.generate(request(3), maskOf()))).finishReason).toBe("stop");
    }
  });

  test("a token that the engine gives against it is an error, and is not told", async () => {
    const mask = broken(() => ({ fillMask: (words) => void words.fill(-1) }));
    const error = await failureOf(answerOf(start().generate(request(1), mask)));
    expect(error).toMatchObject({ code: "grammar_broken", details: { position: 0 } });
  });

  test("a mask that takes long lets the others run, and its own sequence when it is alone", async () => {
    let numAsked = 0;
    const slow = broken((mask) => ({
      prepare: () => ++numAsked > 30,
      accept: (tokenId) => {
        numAsked = 0;
        return mask.accept(tokenId);
      },
    }));
    const engine = start();
    const order: string[] = [];
    const note = (name: string) => (answer: { tokenIds: number[] }) => {
      order.push(name);
      return answer.tokenIds;
    };
    const [first] = await Promise.all([
      answerOf(engine.generate(request(1), slow)).then(note("slow")),
      answerOf(engine.generate(request(2), maskOf())).then(note("quick")),
    ]);
    expect(order).toEqual(["quick", "slow"]);
    const alone = await answerOf(start().generate(request(1), maskOf()));
    expect(first).toEqual(alone.tokenIds);
  });
});
