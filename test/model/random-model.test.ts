import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { DTYPES, type DType, isDType } from "../../src/model/dtype.ts";
import { openModel } from "../../src/model/open-model.ts";
import { dequantise } from "../reference/dequantise.ts";
import { Tokenizer } from "../tokenizer/whole-tokenizer.ts";
import { tensorBytes } from "./gguf-writer.ts";
import { plain, withDirectory } from "./model-directory.ts";
import { SHAPES, tinyShape } from "./model-shapes.ts";
import { writeRandomDirectory } from "./random-directory.ts";
import {
  planTensors,
  type RandomGgufOptions,
  type WeightType,
  writeRandomGguf,
} from "./random-gguf.ts";
import { randomBytes } from "./random-weights.ts";

const TYPES = [
  ...Object.keys(DTYPES).filter(isDType),
  { preset: "Q4_K_M" } as const,
] satisfies readonly WeightType[];

/** The bytes of a tiny model, and what `use` makes of it while it is there. */
async function written<T>(
  options: RandomGgufOptions,
  use: (path: string) => Promise<T>,
): Promise<T> {
  return withDirectory({}, async (directory) => {
    const path = join(directory, "m.gguf");
    writeRandomGguf(path, options);
    return use(path);
  });
}

describe("a random model", () => {
  test.each(TYPES)("in %s opens, with elements around 0", async (type) => {
    await written({ shape: tinyShape(), type }, async (path) => {
      const { tensors, config } = await openModel(path);
      expect(config).toMatchObject({ numLayers: 3, vocabSize: 320, tieWordEmbeddings: false });
      const file = await readFile(path);
      for (const { name, dtype, shape, offset, numBytes } of plain(tensors)) {
        const values = dequantise(dtype, Uint8Array.from(file.subarray(offset, offset + numBytes)));
        const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
        const square = values.reduce((sum, value) => sum + value * value, 0) / values.length;
        expect(values).toHaveLength(shape.reduce((product, size) => product * size, 1));
        if (name.endsWith("norm.weight")) expect(mean).toBeCloseTo(1, 1);
        else expect(Math.abs(mean)).toBeLessThan(0.01);
        // A product with a normalised vector has about its length, so no activation runs away.
        const gain = Math.sqrt(square * (shape.at(-1) ?? 1));
        if (shape.length === 2) expect(gain).toBeWithin(0.5, 3);
      }
    });
  });

  test.each(["llama", "qwen2", "qwen3"] as const)(
    "of the family %s opens",
    async (architecture) => {
      const shape = tinyShape({ architecture, isTied: true, ropeFactor: 8 });
      const { config } = await written({ shape, type: "Q8_0" }, openModel);
      expect(config).toMatchObject({ architecture, tieWordEmbeddings: true });
      expect(config.ropeScaling).toMatchObject({ type: "factors" });
    },
  );

  test("is the same for a seed, and another for another", async () => {
    const hash = (seed: number) =>
      written({ shape: tinyShape(), type: "Q4_0", seed }, async (path) =>
        Bun.hash(await readFile(path)),
      );
    expect(await hash(1)).toBe(await hash(1));
    expect(await hash(1)).not.toBe(await hash(2));
  });

  test.each(["F32", "F16", "BF16"] as const)("in a directory in %s opens", async (dtype) => {
    await withDirectory({}, async (directory) => {
      const shape = tinyShape({ architecture: "qwen3", ropeFactor: 8 });
      writeRandomDirectory(directory, { shape, dtype });
      const { config, tensors } = await openModel(directory);
      expect(config).toMatchObject({ architecture: "qwen3", qkNorm: true, vocabSize: 320 });
      expect(tensors.get("lm_head.weight")).toMatchObject({ dtype, shape: [320, 256] });
    });
  });

  test("has the same tokens in a directory as in a file", async () => {
    const shape = tinyShape({ vocabSize: 4000 });
    const text = "The quick brown fox, 123 times\n<|im_end|>";
    const tokenIdsOf = async (model: string) => {
      const tokenizer = await Tokenizer.load(model);
      expect(tokenizer.vocabSize).toBe(4000);
      expect(tokenizer.decode(tokenizer.encode(text, { maxTokens: 99 }))).toBe(text.slice(0, -10));
      const messages = [{ role: "user", content: text.slice(0, -10) }];
      return [...tokenizer.encodeChat(messages, { maxTokens: 99 })];
    };
    const inFile = await written({ shape, type: "F16" }, tokenIdsOf);
    const inDirectory = await withDirectory({}, (directory) => {
      writeRandomDirectory(directory, { shape, dtype: "F16" });
      return tokenIdsOf(directory);
    });
    expect(inDirectory).toEqual(inFile);
    expect(inFile.length).toBeLessThan(text.length);
  });
});

describe("the plan of a real shape", () => {
  /** GB of all matrices; an untied embedding is a table, and not counted. */
  function gigabytes(name: keyof typeof SHAPES, type: WeightType): number {
    const shape = SHAPES[name];
    const read = planTensors(shape, type).filter(
      (tensor) => shape.isTied || tensor.name !== "model.embed_tokens.weight",
    );
    return read.reduce((sum, tensor) => sum + tensorBytes(tensor.dtype, tensor.shape), 0) / 1e9;
  }

  // Bytes that a token reads in llama.cpp, for the same types: files made by llama-quantize.
  test.each<[keyof typeof SHAPES, WeightType, number]>([
    ["qwen3-0.6b", "BF16", 1.192],
    ["qwen3-0.6b", "Q8_0", 0.634],
    ["qwen3-0.6b", "Q4_0", 0.376],
    ["llama-3.2-1b", "BF16", 2.47],
    ["llama-3.2-1b", "Q8_0", 1.313],
    ["llama-3.2-1b", "Q4_0", 0.763],
    ["smollm2-135m", "BF16", 0.269],
    ["smollm2-135m", "Q8_0", 0.143],
    ["smollm2-135m", "Q4_0", 0.09],
  ])("%s in %s reads %d GB a token", (name, type, expected) => {
    expect(gigabytes(name, type)).toBeCloseTo(expected, 2);
  });

  test("mixes Q6_K into Q4_K_M where llama-quantize does", () => {
    const plan = planTensors(SHAPES["qwen3-0.6b"], { preset: "Q4_K_M" });
    const types = new Map(plan.map(({ name, dtype }) => [name, dtype]));
    expect(types.get("model.embed_tokens.weight")).toBe("Q6_K");
    expect(types.get("model.layers.0.self_attn.q_proj.weight")).toBe("Q4_K");
    const sensitive = Array.from({ length: 28 }, (_, layer) =>
      types.get(`model.layers.${layer}.self_attn.v_proj.weight`) === "Q6_K" ? [layer] : [],
    );
    expect(sensitive.flat()).toEqual([0, 1, 2, 5, 8, 11, 14, 17, 20, 23, 24, 25, 26, 27]);
  });

  test("has blocks of 32 where rows are no whole blocks of 256", () => {
    const plan = planTensors(SHAPES["smollm2-135m"], "Q4_K");
    const types = new Set(
      plan.filter(({ shape }) => shape.at(-1) === 576).map(({ dtype }) => dtype),
    );
    expect([...types].sort()).toEqual(["F32", "Q5_0", "Q8_0"]);
  });
});

test("random bytes come in pieces of whole blocks, all of them", () => {
  const tensor = { dtype: "Q6_K" as DType, numElements: 256 * 70_000, reach: 1, seed: 7 };
  const lengths = [...randomBytes(tensor)].map(({ length }) => length);
  expect(lengths).toHaveLength(3);
  expect(lengths.every((length) => length % 210 === 0)).toBe(true);
  expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(210 * 70_000);
});
