// Speculation over the native runner: what is guessed changes how many steps an output takes, and nothing else.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { LLMEngine } from "../../src/engine/llm-engine.ts";
import { openNativeRunner } from "../../src/engine/native-runner.ts";
import type { NgramOptions } from "../../src/engine/ngram-drafter.ts";
import { openModel } from "../../src/model/open-model.ts";
import type { PreprocessedRequest } from "../../src/protocol/llm.ts";
import { ManualClock } from "../manual-clock.ts";
import { builtLibrary, isBuilt } from "./native-build.ts";
import { answerOf, requestOf } from "./requests.ts";
import { randomNumbers, writeTinyModel } from "./tiny-model.ts";

const scratch = mkdtempSync(join(tmpdir(), "dynamo-speculation-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const VOCAB_SIZE = 12; // So small that texts repeat themselves.
const LIMITS = {
  maxNumSeqs: 6,
  maxNumRows: 30,
  maxNumBatchedTokens: 64,
  maxModelLen: 120,
  blockSize: 4,
  firstBlock: 0,
  numBlocks: 80, // Too few for six sequences: some are preempted.
};
const NGRAM: NgramOptions = {
  numSpeculativeTokens: 7,
  promptLookupMax: 4,
  promptLookupMin: 1,
  disableByBatchSize: 6,
};

describe.skipIf(!isBuilt)("speculation on the native engine (needs `npm run build`)", () => {
  for (const dtype of ["F32", "F16", "BF16"] as const) {
    for (const quantization of [undefined, "q8", "q4"] as const) {
      test(`gives the tokens of decoding one by one: ${dtype}, ${quantization ?? "as stored"}`, async () => {
        const directory = join(scratch, `${dtype}-${quantization}`);
        writeTinyModel(directory, { dtype, vocabSize: VOCAB_SIZE, seed: 30 });
        const model = await openModel(directory);
        const run = async (ngram: NgramOptions | undefined) => {
          const runner = await openNativeRunner({
            ...{ model, quantization, library: builtLibrary, owner: 1, threads: 2 },
            ...{ kvCacheDType: "bfloat16", totalBlocks: 80, poolName: "p", limits: LIMITS },
          });
          const config = { enablePrefixCaching: true, maxWaiting: 100, ngram };
          const engine = new LLMEngine({ runner, config, clock: new ManualClock() });
          const running = engine.run();
          const answers = await Promise.all(
            requests().map((request) => answerOf(engine.generate(request))),
          );
          const stats = engine.stats();
          await engine.close();
          await running;
          return { tokenIds: answers.map((answer) => answer.tokenIds), stats };
        };
        const plain = await run(undefined);
        const guessing = await run(NGRAM);
        expect(guessing.tokenIds).toEqual(plain.tokenIds);
        expect(guessing.stats.acceptedTokensTotal).toBeGreaterThan(0);
        expect(guessing.stats.stepsTotal).toBeLessThan(plain.stats.stepsTotal);
      });
    }
  }
});

/** Greedy and seeded, with and without penalties, stop tokens and a minimum. */
function requests(): PreprocessedRequest[] {
  const random = randomNumbers(7);
  return Array.from({ length: 24 }, (_, i) => {
    const length = 1 + Math.floor(20 * (1 + random()));
    const prompt = Array.from({ length }, () => Math.floor((VOCAB_SIZE / 2) * (1 + random())));
    return requestOf(prompt, {
      sampling: {
        ...(i % 2 === 0 && { temperature: 0.7, topP: 0.9, seed: i }),
        ...(i % 3 === 0 && { presencePenalty: 0.3, frequencyPenalty: 0.1 }),
        ...(i % 4 === 0 && { repetitionPenalty: 1.1 }),
      },
      stop: { maxTokens: 70, ...(i % 5 === 0 && { stopTokenIds: [3], minTokens: 20 }) },
    });
  });
}
