// Speculation by prompt lookup beside plain decode, alternating in one run, greedy. The text is what random weights say:
// it repeats itself now and then, and how often guesses are right is printed with each line, for a real text's gain
// depends on that above all.
//
// Qwen3-0.6B's shapes, random weights, Q8_0. Target: 2.5 times plain decode on text that copies. Random weights copy
// nothing, but after some hundred tokens they go in circles, some wider than others: what a text of 800 tokens says in its
// last 300 is the second table.

import type { LLMEngine } from "../../src/engine/llm-engine.ts";
import { benchModel } from "./engine/bench-model.ts";
import { median } from "./median.ts";
import { openBenchEngine, randomPrompt, requestFor } from "./open-bench-engine.ts";

const ROUNDS = 3;
const PROMPT_TOKENS = 64;
const NUM_TOKENS = 192;
const NUM_CIRCLING = 4;
const LONG_TEXT = 800;
const TAIL = 300;

export async function run(): Promise<void> {
  const { path } = benchModel("qwen3-0.6b", "Q8_0");
  const ngram = { numSpeculativeTokens: 7, promptLookupMax: 4, promptLookupMin: 2 };
  const engines = [
    await openBenchEngine(path, { owner: 1 }),
    await openBenchEngine(path, { owner: 2, ngram: { ...ngram, disableByBatchSize: 64 } }),
  ] as const;
  const running = engines.map((engine) => engine.run());
  try {
    await compareBatches(engines);
    await compareCircling(engines);
  } finally {
    await Promise.all(engines.map((engine) => engine.close()));
    await Promise.all(running);
  }
}

type Engines = readonly [plain: LLMEngine, guessing: LLMEngine];

async function compareBatches(engines: Engines): Promise<void> {
  console.log("sequences   plain tok/s   guessing tok/s   ratio   guesses right   the same tokens");
  for (const numSeqs of [1, 2, 4, 8, 16]) {
    const speeds: [number[], number[]] = [[], []];
    const before = engines[1].stats();
    let isSame = true;
    for (let round = 0; round < ROUNDS; round++) {
      const plain = await decode(engines[0], numSeqs, round);
      const guessing = await decode(engines[1], numSeqs, round);
      speeds[0].push(plain.speed);
      speeds[1].push(guessing.speed);
      isSame &&= Bun.deepEquals(plain.tokenIds, guessing.tokenIds);
    }
    const after = engines[1].stats();
    const right = after.acceptedTokensTotal - before.acceptedTokensTotal;
    const guessed = after.draftTokensTotal - before.draftTokensTotal;
    const ratio = median(speeds[1].map((speed, i) => speed / (speeds[0][i] ?? Number.NaN)));
    const columns = [
      `${numSeqs}`.padStart(9),
      median(speeds[0]).toFixed(0).padStart(14),
      median(speeds[1]).toFixed(0).padStart(17),
      ratio.toFixed(2).padStart(8),
      `${((100 * right) / guessed).toFixed(0)} %`.padStart(16),
      (isSame ? "yes" : "NO").padStart(18),
    ];
    console.log(columns.join(""));
  }
}

/** One sequence at a time, alternating. */
async function compareCircling(engines: Engines): Promise<void> {
  console.log(`\nthe last ${TAIL} of ${LONG_TEXT} tokens`);
  console.log("distinct tokens   plain tok/s   guessing tok/s   ratio");
  for (let text = 1; text <= NUM_CIRCLING; text++) {
    const plain = await decodeTail(engines[0], text);
    const guessing = await decodeTail(engines[1], text);
    const columns = [
      `${plain.numDistinct}`.padStart(15),
      plain.speed.toFixed(0).padStart(14),
      guessing.speed.toFixed(0).padStart(17),
      (guessing.speed / plain.speed).toFixed(2).padStart(8),
    ];
    console.log(columns.join(""));
  }
}

async function decodeTail(engine: LLMEngine, text: number) {
  const tokenIds: number[] = [];
  let begun = 0;
  let numAtBegin = 0;
  for await (const output of engine.generate(
    requestFor(randomPrompt(PROMPT_TOKENS, 977 * text), LONG_TEXT),
  )) {
    tokenIds.push(...output.tokenIds);
    if (begun > 0 || tokenIds.length < LONG_TEXT - TAIL) continue;
    begun = performance.now();
    numAtBegin = tokenIds.length;
  }
  const seconds = (performance.now() - begun) / 1000;
  return {
    numDistinct: new Set(tokenIds.slice(-TAIL)).size,
    speed: (tokenIds.length - numAtBegin) / seconds,
  };
}

async function decode(engine: LLMEngine, numSeqs: number, round: number) {
  let firstAt = 0;
  let numTokens = 0;
  const read = async (index: number) => {
    const tokenIds: number[] = [];
    const prompt = randomPrompt(PROMPT_TOKENS, 1000 * round + 100 * numSeqs + index);
    for await (const output of engine.generate(requestFor(prompt, NUM_TOKENS))) {
      if (firstAt === 0) firstAt = performance.now();
      else numTokens += output.tokenIds.length;
      tokenIds.push(...output.tokenIds);
    }
    return tokenIds;
  };
  const tokenIds = await Promise.all(Array.from({ length: numSeqs }, (_, index) => read(index)));
  return { tokenIds, speed: (1000 * numTokens) / (performance.now() - firstAt) };
}

if (import.meta.main) await run();
