// Speculation by prompt lookup beside plain decode, alternating in one run, greedy. The text is what random weights say:
// it repeats itself now and then, and how often guesses are right is printed with each line, for a real text's gain
// depends on that above all.
//
// Qwen3-0.6B's shapes, random weights, Q8_0. Target: 2.5 times plain decode on text that copies.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { LLMEngine } from "../../src/engine/llm-engine.ts";
import { SHAPES } from "../model/model-shapes.ts";
import { writeRandomGguf } from "../model/random-gguf.ts";
import { median } from "./median.ts";
import { openBenchEngine, randomPrompt, requestFor } from "./open-bench-engine.ts";

const ROUNDS = 3;
const PROMPT_TOKENS = 64;
const NUM_TOKENS = 192;

export async function run(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "bench-ngram-"));
  const path = join(directory, "model.gguf");
  writeRandomGguf(path, { shape: SHAPES["qwen3-0.6b"], type: "Q8_0" });
  const ngram = { numSpeculativeTokens: 7, promptLookupMax: 4, promptLookupMin: 2 };
  const engines = [
    await openBenchEngine(path, { owner: 1 }),
    await openBenchEngine(path, { owner: 2, ngram: { ...ngram, disableByBatchSize: 64 } }),
  ] as const;
  const running = engines.map((engine) => engine.run());
  try {
    console.log(
      "sequences   plain tok/s   guessing tok/s   ratio   guesses right   the same tokens",
    );
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
  } finally {
    await Promise.all(engines.map((engine) => engine.close()));
    await Promise.all(running);
    rmSync(directory, { recursive: true });
  }
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
