// Effect of an arriving prompt on readers: the time between two tokens of running streams, before and while
// 2,000 tokens are prefilled beside them. Bound: the p99 then is at most 2.5 times the p50 before. And what it costs:
// the time to the prompt's first token beside that of the same prompt alone.
//
//     npm run bench -- itl [--model smollm2-135m] [--rounds 5]
//
// In this process, on random weights in Q8_0. A machine that stalls by itself shows in the p99 before.

import { parseArgs } from "node:util";

import type { LLMEngine } from "../../src/engine/llm-engine.ts";
import { benchModel, shapeOf } from "./engine/bench-model.ts";
import { median, quantile } from "./median.ts";
import { openBenchEngine, randomPrompt, requestFor } from "./open-bench-engine.ts";

const NUM_BEFORE = 60;
const PROMPT_TOKENS = 2000;
const BOUND = 2.5;
/** Running streams, and prompts that arrive at once. */
const LOADS = [
  [1, 1],
  [4, 1],
  [16, 1],
  [4, 4],
] as const;

export async function run(args: readonly string[] = []): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      model: { type: "string", default: "smollm2-135m" },
      rounds: { type: "string", default: "5" },
    },
  });
  const engine = await openBenchEngine(benchModel(shapeOf(values.model), "Q8_0").path);
  const running = engine.run();
  try {
    await timeToFirst(engine, 0); // warm-up
    console.log(
      `${values.model}, ms between tokens of the running streams, medians of ${values.rounds} rounds; bound ${BOUND}`,
    );
    console.log(
      "streams  prompts   p50 before   p99 before   p99 during   ratio   TTFT alone   beside them",
    );
    for (const [numStreams, numPrompts] of LOADS) {
      const rounds: Round[] = [];
      for (let round = 0; round < Number(values.rounds); round++) {
        rounds.push(await measure(engine, { numStreams, numPrompts, seed: 1000 * (round + 1) }));
      }
      console.log(
        `${String(numStreams).padStart(7)}${String(numPrompts).padStart(9)}${rowOf(rounds)}`,
      );
    }
  } finally {
    await engine.close();
    await running;
  }
}

function rowOf(rounds: readonly Round[]): string {
  const column = (pick: (round: Round) => number, digits: number, width: number) =>
    median(rounds.map(pick)).toFixed(digits).padStart(width);
  const ratio = median(rounds.map(({ p50Before, p99During }) => p99During / p50Before));
  return [
    column(({ p50Before }) => p50Before, 1, 13),
    column(({ p99Before }) => p99Before, 1, 13),
    column(({ p99During }) => p99During, 1, 13),
    `${ratio.toFixed(2)}${ratio > BOUND ? " !" : ""}`.padStart(8),
    column(({ aloneMs }) => aloneMs, 0, 13),
    column(({ besideMs }) => besideMs, 0, 14),
  ].join("");
}

interface Round {
  readonly p50Before: number;
  readonly p99Before: number;
  readonly p99During: number;
  /** To the first token of the prompt, with nothing else to do. */
  readonly aloneMs: number;
  /** To the first token of the last prompt, beside the streams. */
  readonly besideMs: number;
}

interface Load {
  readonly numStreams: number;
  readonly numPrompts: number;
  readonly seed: number;
}

async function measure(engine: LLMEngine, { numStreams, numPrompts, seed }: Load): Promise<Round> {
  const aloneMs = await timeToFirst(engine, seed);
  const before: number[] = [];
  const during: number[] = [];
  let gaps = before;
  const enough = Promise.withResolvers<void>();
  let isOver = false;
  const read = async (index: number) => {
    let lastAt: number | undefined;
    const request = requestFor(randomPrompt(32, seed + 100 + index), 4000);
    for await (const _ of engine.generate(request)) {
      const now = performance.now();
      if (lastAt !== undefined) gaps.push(now - lastAt);
      lastAt = now;
      if (before.length >= NUM_BEFORE * numStreams) enough.resolve();
      if (isOver) return;
    }
  };
  const reading = Array.from({ length: numStreams }, (_, index) => read(index));
  await enough.promise;
  gaps = during;
  const prompts = Array.from({ length: numPrompts }, (_, i) => timeToFirst(engine, seed + 1 + i));
  const besideMs = Math.max(...(await Promise.all(prompts)));
  isOver = true;
  await Promise.all(reading);
  return {
    p50Before: quantile(before, 0.5),
    p99Before: quantile(before, 0.99),
    p99During: quantile(during, 0.99),
    aloneMs,
    besideMs,
  };
}

/** Time of a prompt that the engine has not seen. */
async function timeToFirst(engine: LLMEngine, seed: number): Promise<number> {
  const begun = performance.now();
  for await (const _ of engine.generate(requestFor(randomPrompt(PROMPT_TOKENS, seed), 1)));
  return performance.now() - begun;
}

if (import.meta.main) await run(process.argv.slice(2));
