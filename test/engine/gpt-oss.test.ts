// A whole gpt-oss beside its reference in double precision: from the hub's files, whose experts are MXFP4 in planes and
// rows that alternate, and from GGUF.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { withPackedImage } from "../../src/engine/load-model.ts";
import type { ModelRunner } from "../../src/engine/model-runner.ts";
import { openNativeRunner } from "../../src/engine/native-runner.ts";
import { PACKED_CARD } from "../../src/model/model-path.ts";
import { openModel } from "../../src/model/open-model.ts";
import { PACKED_WEIGHTS, packedCard } from "../../src/model/packed-model.ts";
import { ReferenceGptOss } from "../reference/gpt-oss.ts";
import { builtLibrary, isBuilt } from "./native-build.ts";
import { fillGreedyRow } from "./requests.ts";
import { GPT_OSS, writeGptOss, writeGptOssGguf } from "./tiny-gpt-oss.ts";

const scratch = mkdtempSync(join(tmpdir(), "dynamo-gpt-oss-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const LIMITS = {
  ...{ maxNumSeqs: 1, maxNumBatchedTokens: 128, maxModelLen: 128 },
  ...{ blockSize: 16, firstBlock: 0, numBlocks: 8 },
};

/** Within the window, beyond it, and beyond the context that YaRN stretches. */
const PROMPTS = [5, 21, 70].map((length) =>
  Array.from({ length }, (_, i) => (i * i * length + 3 * i + length) % GPT_OSS.vocab),
);

async function samplesOf(path: string) {
  const runner: ModelRunner = await openNativeRunner({
    ...{ model: await openModel(path), library: builtLibrary, owner: 1, threads: 2 },
    ...{ kvCacheDType: "float32", totalBlocks: LIMITS.numBlocks, limits: LIMITS, poolName: "oss" },
  });
  try {
    const samples: { id: number; logprob: number }[] = [];
    for (const prompt of PROMPTS) {
      const { batch } = runner;
      batch.tokenIds.set(prompt);
      batch.queryStartLoc[1] = prompt.length;
      batch.seqLens[0] = prompt.length;
      batch.blockTables.set([0, 1, 2, 3, 4, 5, 6, 7]);
      fillGreedyRow(batch, 0, prompt.length - 1);
      runner.submit({ numSeqs: 1, numTokens: prompt.length, numRows: 1 });
      await runner.wait();
      samples.push({ id: batch.sampledIds[0] ?? -1, logprob: batch.logprobs[0] ?? Number.NaN });
    }
    return samples;
  } finally {
    runner.close();
  }
}

/** How far log-probabilities are from the reference's, and the sampled from its best, at most. */
function errorOf(
  samples: Awaited<ReturnType<typeof samplesOf>>,
  reference: ReferenceGptOss,
): number {
  const errors = samples.map(({ id, logprob }, i) => {
    const expected = reference.logprobs(PROMPTS[i] ?? []);
    const [own = Number.NaN, best] = [expected[id], Math.max(...expected)];
    return Math.max(Math.abs(logprob - own), best - own);
  });
  return Math.max(...errors);
}

describe.skipIf(!isBuilt)("gpt-oss (needs `npm run build`)", () => {
  test("is its reference to 1e-4 where no activation is rounded, in each seed", async () => {
    for (const seed of [1, 2]) {
      const directory = join(scratch, `f32-${seed}`);
      writeGptOss(directory, { seed, truncate: true });
      writeGptOssGguf(`${directory}.gguf`, "F32", seed);
      const reference = ReferenceGptOss.load(directory);
      expect(errorOf(await samplesOf(`${directory}.gguf`), reference)).toBeLessThan(1e-4);
    }
  });

  test("has the same bits from the hub's files and from GGUF, and is near its reference", async () => {
    const directory = join(scratch, "hub");
    writeGptOss(directory, { truncate: true });
    writeGptOssGguf(`${directory}.gguf`, "MXFP4");
    const samples = await samplesOf(directory);
    expect(samples).toEqual(await samplesOf(`${directory}.gguf`));
    expect(errorOf(samples, ReferenceGptOss.load(directory))).toBeLessThan(0.2);
  });

  test("is the same from a packed image", async () => {
    const directory = join(scratch, "to-pack");
    writeGptOss(directory);
    const image = join(scratch, "packed");
    mkdirSync(image);
    await withPackedImage(
      {
        model: await openModel(directory),
        quantization: undefined,
        library: builtLibrary,
        isa: undefined,
      },
      async ({ image: source, ...facts }) => {
        const card = packedCard(await openModel(directory), {
          ...facts,
          source: "m",
          quantization: undefined,
        });
        writeFileSync(join(image, PACKED_CARD), card);
        writeFileSync(join(image, PACKED_WEIGHTS), source.read(0, source.numBytes));
      },
    );
    expect(await samplesOf(image)).toEqual(await samplesOf(directory));
  });

  test("turns by YaRN's own bounds, as the hub's files ask for", async () => {
    const [whole, exact] = [join(scratch, "whole"), join(scratch, "exact")];
    writeGptOss(whole, { truncate: true });
    writeGptOss(exact);
    const samples = await samplesOf(exact);
    expect(samples).not.toEqual(await samplesOf(whole));
    expect(errorOf(samples, ReferenceGptOss.load(exact))).toBeLessThan(0.2);
  });
});
