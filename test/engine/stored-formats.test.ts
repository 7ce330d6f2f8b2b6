// Whole models in each format that files store weights in, from the file to the sampled token, beside the
// same weights in double precision.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { ModelRunner } from "../../src/engine/model-runner.ts";
import { openNativeRunner } from "../../src/engine/native-runner.ts";
import type { ModelFiles } from "../../src/model/model-files.ts";
import { openModel } from "../../src/model/open-model.ts";
import { tinyShape } from "../model/model-shapes.ts";
import { type WeightType, writeRandomGguf } from "../model/random-gguf.ts";
import { openReference } from "../reference/open-reference.ts";
import { builtLibrary, isBuilt } from "./native-build.ts";

const scratch = mkdtempSync(join(tmpdir(), "dynamo-formats-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const LIMITS = {
  maxNumSeqs: 1,
  maxNumBatchedTokens: 64,
  maxModelLen: 64,
  blockSize: 16,
  firstBlock: 0,
  numBlocks: 4,
};

const PROMPTS = [7, 33].map((length) =>
  Array.from({ length }, (_, i) => (i * i * length + 3 * i + length) % 320),
);

/** The greedy sample after a prompt. */
async function sampleAfter(runner: ModelRunner, tokenIds: readonly number[]) {
  const { batch } = runner;
  const numTokens = tokenIds.length;
  batch.tokenIds.set(tokenIds);
  for (const position of tokenIds.keys()) {
    batch.positions[position] = position;
    batch.slotMapping[position] = position;
  }
  batch.queryStartLoc[1] = numTokens;
  batch.seqLens[0] = numTokens;
  batch.blockTables.set([0, 1, 2, 3]);
  batch.logitsRows[0] = numTokens - 1;
  batch.topP[0] = 1;
  batch.repetitionPenalty[0] = 1;
  runner.submit({ numSeqs: 1, numTokens, numRows: 1 });
  await runner.wait();
  return { id: batch.sampledIds[0] ?? -1, logprob: batch.logprobs[0] ?? Number.NaN };
}

/** How far the log-probabilities of the sampled tokens are from the reference's, and from its best, at most. */
async function errorOf(model: ModelFiles): Promise<number> {
  const reference = openReference(model);
  const runner = openNativeRunner({
    ...{ model, library: builtLibrary, owner: 1, threads: 2, poolName: "formats" },
    ...{ kvCacheDType: "float32", totalBlocks: LIMITS.numBlocks, limits: LIMITS },
  });
  try {
    let largest = 0;
    for (const prompt of PROMPTS) {
      const { id, logprob } = await sampleAfter(runner, prompt);
      const expected = reference.logprobs(prompt);
      const error = Math.abs(logprob - (expected[id] ?? Number.NaN));
      largest = Math.max(largest, error, Math.max(...expected) - (expected[id] ?? -Infinity));
    }
    return largest;
  } finally {
    runner.close();
  }
}

// Floats are multiplied by F32 activations, but for BF16 where the CPU takes pairs of those. Levels are
// multiplied by activations of 8 bits, which is all of their error: the weights are the file's, exactly.
const GGUF_ERRORS: readonly (readonly [WeightType, number])[] = [
  ["F32", 1e-4],
  ["F16", 1e-4],
  ["BF16", 0.05],
  ["Q8_0", 0.05],
  ["Q4_0", 0.05],
  ["Q4_K", 0.05],
  ["Q5_K", 0.05],
  ["Q6_K", 0.05],
  ["Q4_K_M", 0.05],
];

describe.skipIf(!isBuilt)("a model (needs `npm run build`)", () => {
  test.each(GGUF_ERRORS)("in %s keeps within %d of the reference", async (type, maxError) => {
    const path = join(scratch, `${type}.gguf`);
    writeRandomGguf(path, { shape: tinyShape(), type });
    expect(await errorOf(await openModel(path))).toBeLessThan(maxError);
  });
});
