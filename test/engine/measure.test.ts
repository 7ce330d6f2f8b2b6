// Sizes that the library gives for an engine before one is opened. native/test/measure_test.cc compares them with what
// is mapped and resident.

import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type MeasureOptions, measure } from "../../src/engine/measure.ts";
import { InvalidArgumentError } from "../../src/engine/native-handles.ts";
import { ModelNotLoadableError } from "../../src/engine/native-model.ts";
import type { ModelFiles } from "../../src/model/model-files.ts";
import { openModel } from "../../src/model/open-model.ts";
import { builtLibrary, isBuilt } from "./native-build.ts";
import { type TinyModelOptions, writeTinyModel } from "./tiny-model.ts";

const SHAPE = { numLayers: 2, numHeads: 3, numKvHeads: 3, headSize: 128, hiddenSize: 48 };

async function withModel<T>(options: TinyModelOptions, use: (model: ModelFiles) => T): Promise<T> {
  const path = mkdtempSync(join(tmpdir(), "measure-"));
  try {
    writeTinyModel(path, options);
    return use(await openModel(path));
  } finally {
    rmSync(path, { recursive: true });
  }
}

const optionsOf = (model: ModelFiles, changes: Partial<MeasureOptions> = {}): MeasureOptions => ({
  ...{ library: builtLibrary, model, threads: 1, blockSize: 16, kvCacheDType: "float32" },
  limits: { maxNumSeqs: 4, maxNumBatchedTokens: 64, maxModelLen: 128 },
  ...changes,
});

describe.skipIf(!isBuilt)("what is measured (needs `npm run build`)", () => {
  test("of K and V follows their type, the head and the block", async () => {
    await withModel(SHAPE, (model) => {
      const block = (kvCacheDType: MeasureOptions["kvCacheDType"], blockSize = 16) =>
        measure(optionsOf(model, { kvCacheDType, blockSize })).kvBlock;
      expect(block("float32")).toBe(2 * 3 * 16 * 2 * 128 * 4);
      expect(block("bfloat16")).toBe(2 * 3 * 16 * 2 * 128 * 2);
      expect(block("int8")).toBe(2 * 3 * 16 * (2 * 128 + 8));
    });
    await withModel({ ...SHAPE, headSize: 10 }, (model) => {
      const sizes = measure(optionsOf(model, { kvCacheDType: "bfloat16", blockSize: 5 }));
      expect(sizes.kvBlock).toBe(2 * 3 * 16 * 2 * 16 * 2);
    });
  });

  test("of the workspace has a penalty for each token that a row may repeat, once", async () => {
    await withModel({ vocabSize: 1024, maxPositionEmbeddings: 4096 }, (model) => {
      const workspace = (maxModelLen: number) =>
        measure(
          optionsOf(model, { limits: { maxNumSeqs: 64, maxNumBatchedTokens: 64, maxModelLen } }),
        ).workspace;
      const penalties = 64 * 512 * 2 * 4;
      expect(workspace(1024) - workspace(512)).toBeGreaterThan(penalties);
      expect(workspace(4096) - workspace(1024)).toBeLessThan(64 * 1024 * 2 * 4); // distinct tokens are as many as the vocabulary
    });
  });

  test("is refused where opening would be", async () => {
    await withModel({}, (model) => {
      const limits = { maxNumSeqs: 0, maxNumBatchedTokens: 64, maxModelLen: 128 };
      expect(() => measure(optionsOf(model, { limits }))).toThrow(InvalidArgumentError);
      const tensors = new Map(model.tensors);
      tensors.delete("model.norm.weight");
      expect(() => measure(optionsOf({ ...model, tensors }))).toThrow(ModelNotLoadableError);
    });
  });
});
