// Whole models in each format that files store weights in, from the file to the sampled token, beside the
// same weights in double precision.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { ModelRunner } from "../../src/engine/model-runner.ts";
import { openNativeRunner } from "../../src/engine/native-runner.ts";
import { DTYPES, type DType, isDType } from "../../src/model/dtype.ts";
import type { ModelFiles } from "../../src/model/model-files.ts";
import { openModel } from "../../src/model/open-model.ts";
import { PRESET_NAMES } from "../model/llama-quantize.ts";
import { type ExpertsShape, type ModelShape, tinyShape } from "../model/model-shapes.ts";
import { writeRandomDirectory } from "../model/random-directory.ts";
import { writeRandomGguf } from "../model/random-gguf.ts";
import { openReference } from "../reference/open-reference.ts";
import { builtLibrary, isBuilt } from "./native-build.ts";
import { fillGreedyRow } from "./requests.ts";

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
  batch.queryStartLoc[1] = numTokens;
  batch.seqLens[0] = numTokens;
  batch.blockTables.set([0, 1, 2, 3]);
  fillGreedyRow(batch, 0, numTokens - 1);
  runner.submit({ numSeqs: 1, numTokens, numRows: 1 });
  await runner.wait();
  return { id: batch.sampledIds[0] ?? -1, logprob: batch.logprobs[0] ?? Number.NaN };
}

function openRunner(model: ModelFiles): Promise<ModelRunner> {
  return openNativeRunner({
    ...{ model, library: builtLibrary, owner: 1, threads: 2, poolName: "formats" },
    ...{ kvCacheDType: "float32", totalBlocks: LIMITS.numBlocks, limits: LIMITS },
  });
}

/** Small: the reference takes a while for each of their experts. */
const moeShape = (changes: Partial<ModelShape>) =>
  tinyShape({ architecture: "qwen3_moe", numLayers: 2, ...changes });
const NARROW = { hiddenSize: 64, intermediateSize: 96, headSize: 16 } as const;

const EXPERTS: readonly [ExpertsShape, ...ExpertsShape[]] = [
  { numExperts: 4, numPerToken: 2, size: 256, normTopK: true, mlpLayers: [1] },
  { numExperts: 3, numPerToken: 3, size: 320, normTopK: true },
  { numExperts: 9, numPerToken: 2, size: 32, normTopK: false },
];

const DOWN = "model.layers.1.mlp.down_proj.weight";

/** The model with a part of one matrix at a place where no file has any bytes. */
function withLostPart(model: ModelFiles, part: "qzeros" | "scales"): ModelFiles {
  const down = model.tensors.get(DOWN);
  if (down === undefined || down.type === "plain" || down.type === "mxfp4")
    throw new Error("not in parts");
  const lost = { ...down, [part]: { ...down[part], offset: 2 ** 40 } };
  return { ...model, tensors: new Map([...model.tensors, [DOWN, lost]]) };
}

/** How far the log-probabilities of the sampled tokens are from the reference's, and from its best, at most. */
async function errorOf(model: ModelFiles): Promise<number> {
  const reference = openReference(model);
  const runner = await openRunner(model);
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
const GGUF_ERRORS: readonly (readonly [DType, number])[] = [
  ["F32", 1e-4],
  ["F16", 1e-4],
  ["BF16", 0.05],
  ...Object.keys(DTYPES)
    .filter(isDType)
    .filter((type) => DTYPES[type].blockSize > 1)
    .map((type) => [type, 0.05] as const),
];

describe.skipIf(!isBuilt)("a model (needs `npm run build`)", () => {
  test.each(["ernie4_5", "seed_oss"] as const)(
    "of the family %s keeps near the reference, from the hub's files and from GGUF",
    async (architecture) => {
      const directory = join(scratch, architecture);
      const shape = tinyShape({ architecture });
      writeRandomDirectory(directory, { shape, dtype: "F32" });
      expect(await errorOf(await openModel(directory))).toBeLessThan(1e-4);
      const path = join(scratch, `${architecture}.gguf`);
      writeRandomGguf(path, { shape, type: "F32" });
      expect(await errorOf(await openModel(path))).toBeLessThan(1e-4);
    },
  );

  test.each(["qwen3_moe", "mixtral"] as const)(
    "of the family %s keeps near the reference, from the hub's files and from GGUF",
    async (architecture) => {
      const directory = join(scratch, architecture);
      for (const experts of EXPERTS) {
        const mlpLayers = architecture === "mixtral" ? [] : (experts.mlpLayers ?? []);
        const shape = moeShape({ ...NARROW, architecture, experts: { ...experts, mlpLayers } });
        writeRandomDirectory(directory, { shape, dtype: "F32" });
        expect(await errorOf(await openModel(directory))).toBeLessThan(1e-4);
        const path = join(scratch, `${architecture}.gguf`);
        writeRandomGguf(path, { shape, type: "F32" });
        expect(await errorOf(await openModel(path))).toBeLessThan(1e-4);
      }
    },
  );

  test("with experts has the same bits from the hub's files and from GGUF", async () => {
    const [experts] = EXPERTS;
    const shape = moeShape({ ...NARROW, experts });
    writeRandomDirectory(join(scratch, "moe"), { shape, dtype: "F32" });
    writeRandomGguf(join(scratch, "moe.gguf"), { shape, type: "F32" });
    const samples: object[] = [];
    for (const name of ["moe", "moe.gguf"]) {
      const runner = await openRunner(await openModel(join(scratch, name)));
      for (const prompt of PROMPTS) samples.push(await sampleAfter(runner, prompt));
      runner.close();
    }
    expect(samples.slice(0, PROMPTS.length)).toEqual(samples.slice(PROMPTS.length));
  });

  test.each(GGUF_ERRORS)(
    "with experts in %s keeps within %d of the reference",
    async (type, max) => {
      const [experts] = EXPERTS;
      const path = join(scratch, `experts-${type}.gguf`);
      const shape = moeShape({ experts });
      writeRandomGguf(path, { shape, type });
      // A token may go to another expert than the reference's where two are nearly as likely.
      expect(await errorOf(await openModel(path))).toBeLessThan(2 * max);
    },
  );

  test.each(["gptq", "awq"] as const)(
    "with experts by %s keeps near the reference",
    async (type) => {
      const [experts] = EXPERTS;
      const shape = moeShape({ experts });
      const directory = join(scratch, `experts-${type}`);
      writeRandomDirectory(directory, { shape, dtype: "F16", quantization: type });
      expect(await errorOf(await openModel(directory))).toBeLessThan(0.1);
    },
  );

  test.each(GGUF_ERRORS)("in %s keeps within %d of the reference", async (type, maxError) => {
    const path = join(scratch, `${type}.gguf`);
    writeRandomGguf(path, { shape: tinyShape(), type });
    expect(await errorOf(await openModel(path))).toBeLessThan(maxError);
  });

  // Rows of 576 are no whole blocks of 256: llama-quantize gives them other types.
  test.each(PRESET_NAMES)("as llama-quantize makes %s is near at 576 and 1024", async (preset) => {
    for (const hiddenSize of [576, 1024]) {
      const shape = tinyShape({
        hiddenSize,
        numLayers: 1,
        numHeads: 8,
        numKvHeads: 2,
        headSize: 32,
      });
      const path = join(scratch, `${preset}-${hiddenSize}.gguf`);
      writeRandomGguf(path, { shape, type: { preset } });
      expect(await errorOf(await openModel(path))).toBeLessThan(0.05);
      rmSync(path);
    }
  });

  test.each(["gptq", "awq"] as const)("by %s keeps within 0.05 of the reference", async (type) => {
    const directory = join(scratch, type);
    writeRandomDirectory(directory, { shape: tinyShape(), dtype: "F16", quantization: type });
    expect(await errorOf(await openModel(directory))).toBeLessThan(0.05);
  });

  test.each([256, "row"] as const)("by GPTQ in groups of %s is near", async (groupSize) => {
    const directory = join(scratch, `gptq-${groupSize}`);
    const quantization = { quantization: "gptq", groupSize } as const;
    writeRandomDirectory(directory, { shape: tinyShape(), dtype: "F16", ...quantization });
    expect(await errorOf(await openModel(directory))).toBeLessThan(0.05);
  });

  test("by GPTQ means another with zero points as they are stored", async () => {
    const directory = join(scratch, "gptq-v2");
    writeRandomDirectory(directory, { shape: tinyShape(), dtype: "F16", quantization: "gptq" });
    const path = join(directory, "config.json");
    const config = JSON.parse(readFileSync(path, "utf8"));
    config.quantization_config.checkpoint_format = "gptq_v2";
    writeFileSync(path, JSON.stringify(config));
    expect(await errorOf(await openModel(directory))).toBeLessThan(0.05);
  });

  test("whose zero points or scales cannot be read is an error with the tensor's name", async () => {
    const directory = join(scratch, "lost-parts");
    writeRandomDirectory(directory, { shape: tinyShape(), dtype: "F16", quantization: "awq" });
    const model = await openModel(directory);
    const opening = (part: "qzeros" | "scales") => openRunner(withLostPart(model, part));
    await expect(opening("qzeros")).rejects.toThrow(
      /model .*: layer 1 down zeros: the file ends at byte/,
    );
    await expect(opening("scales")).rejects.toThrow(
      /model .*: layer 1 down scales: the file ends at byte/,
    );
  });
});
