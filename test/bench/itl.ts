// What whoever reads sees of a prompt that arrives: the time between two tokens of running streams, before and while
// 2,000 tokens are prefilled beside them. Bound: the p99 then is at most 2.5 times the p50 before. And what it costs:
// the time to the prompt's first token beside that of the same prompt alone.
//
// In this process, on random weights of SmolLM2-135M's shapes in Q8_0, so that a step takes 5 to 40 ms.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { LLMEngine } from "../../src/engine/llm-engine.ts";
import { SHAPES } from "../model/model-shapes.ts";
import { writeRandomGguf } from "../model/random-gguf.ts";
import { median, quantile } from "./median.ts";
import { openBenchEngine, randomPrompt, requestFor } from "./open-bench-engine.ts";

const ROUNDS = 5;
const NUM_BEFORE = 40;
const PROMPT_TOKENS = 2000;
const BOUND = 2.5;

export async function run(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "bench-itl-"));
  const path = join(directory, "model.gguf");
  writeRandomGguf(path, { shape: SHAPES["smollm2-135m"], type: "Q8_0" });
  const engine = await openBenchEngine(path);
  const running = engine.run();
  try {
    await timeToFirst(engine, 0); // warm-up
    console.log("ms between tokens of the running streams, medians of five rounds; bound 2.5");
    console.log("streams  prompts   p50 before   p99 during   ratio   TTFT alone   beside them");
    for (const [numStreams, numPrompts] of [
      [1, 1],
      [4, 1],
      [16, 1],
      [4, 4],
    ] as const) {
      const rounds: Round[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        rounds.push(await measure(engine, { numStreams, numPrompts, seed: 1000 * (round + 1) }));
      }
      const of = (pick: (round: Round) => number) => median(rounds.map(pick));
      const ratio = of(({ p50Before, p99During }) => p99During / p50Before);
      const columns = [
        `${numStreams}`.padStart(7),
        `${numPrompts}`.padStart(9),
        of((round) => round.p50Before)
          .toFixed(1)
          .padStart(13),
        of((round) => round.p99During)
          .toFixed(1)
          .padStart(13),
        `${ratio.toFixed(2)}${ratio > BOUND ? " !" : ""}`.padStart(8),
        of((round) => round.aloneMs)
          .toFixed(0)
          .padStart(13),
        of((round) => round.besideMs)
          .toFixed(0)
          .padStart(14),
      ];
      console.log(columns.join(""));
    }
  } finally {
    await engine.close();
    await running;
    rmSync(directory, { recursive: true });
  }
}

interface Round {
  readonly p50Before: number;
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
    p99During: quantile(during, 0.99),
    aloneMs,
    besideMs,
  };
}

/** Of a prompt that the engine has not seen. */
async function timeToFirst(engine: LLMEngine, seed: number): Promise<number> {
  const begun = performance.now();
  for await (const _ of engine.generate(requestFor(randomPrompt(PROMPT_TOKENS, seed), 1)));
  return performance.now() - begun;
}

if (import.meta.main) await run();
