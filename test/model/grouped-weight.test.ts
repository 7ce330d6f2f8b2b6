import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import * as fc from "fast-check";

import { JsonObject } from "../../src/model/json-object.ts";
import { type GroupedWeight, ModelError } from "../../src/model/model-files.ts";
import { openModel } from "../../src/model/open-model.ts";
import { parseWeightQuantization } from "../../src/model/weight-quantization.ts";
import { dequantise } from "../reference/dequantise.ts";
import { dequantiseGrouped } from "../reference/dequantise-grouped.ts";
import { withDirectory } from "./model-directory.ts";
import { tinyShape } from "./model-shapes.ts";
import { writeRandomDirectory } from "./random-directory.ts";
import { safetensorsFile, type TensorSource } from "./safetensors-writer.ts";

const GPTQ = { quant_method: "gptq", bits: 4, group_size: 128, desc_act: false, sym: true };
const AWQ = { quant_method: "awq", bits: 4, group_size: 128, version: "gemm", zero_point: true };

const parse = (quantization: unknown) =>
  parseWeightQuantization(new JsonObject("config.json", { quantization_config: quantization }));

describe("quantization_config", () => {
  test("of GPTQ and AWQ is read", () => {
    expect(parse(GPTQ)).toEqual({ type: "gptq", groupSize: 128, zeroOffset: 1 });
    expect(parse({ ...GPTQ, checkpoint_format: "gptq_v2", group_size: 32 })).toEqual({
      type: "gptq",
      groupSize: 32,
      zeroOffset: 0,
    });
    expect(parse({ ...GPTQ, group_size: -1, desc_act: true })).toMatchObject({ groupSize: "row" });
    expect(parse(AWQ)).toEqual({ type: "awq", groupSize: 128, zeroOffset: 0 });
    expect(parse({ ...AWQ, version: "GEMM" })).toEqual(parse(AWQ));
    expect(parse(undefined)).toBeUndefined();
  });

  test.each([
    ['quant_method is "bitsandbytes"; supported: gptq, awq', { quant_method: "bitsandbytes" }],
    ['quant_method is "fp8"', { quant_method: "fp8" }],
    ["quant_method is missing", {}],
    ["bits is 8; supported: 4", { ...GPTQ, bits: 8 }],
    ["bits is missing", { ...AWQ, bits: null }],
    ["group_size is 48; supported: 32, 64, 128", { ...GPTQ, group_size: 48 }],
    ["desc_act is true, so the inputs of a group are scattered", { ...GPTQ, desc_act: true }],
    ["checkpoint_format is marlin", { ...GPTQ, checkpoint_format: "marlin" }],
    ["dynamic gives some layers other settings", { ...GPTQ, dynamic: { "-:.*down.*": {} } }],
    ["version is gemv; supported: gemm", { ...AWQ, version: "gemv" }],
    ["zero_point is false; supported: true", { ...AWQ, zero_point: false }],
  ])("that is not supported is refused: %s", (message, quantization) => {
    expect(() => parse(quantization)).toThrow(ModelError);
    expect(() => parse(quantization)).toThrow(message);
  });

  test("of any JSON gives settings or a ModelError", async () => {
    const keys = [...Object.keys(GPTQ), ...Object.keys(AWQ), "checkpoint_format", "dynamic"];
    await fc.assert(
      fc.property(
        fc.constantFrom(GPTQ, AWQ),
        fc.dictionary(fc.constantFrom(...keys), fc.jsonValue(), { maxKeys: 3 }),
        (base, changes) => {
          try {
            expect([32, 64, 128, 256, 512, 1024, "row"]).toContain(
              parse({ ...base, ...changes })?.groupSize ?? 0,
            );
          } catch (error) {
            expect(error).toBeInstanceOf(ModelError);
          }
        },
      ),
    );
  });
});

describe("a quantized model", () => {
  async function open(quantization: "gptq" | "awq") {
    return withDirectory({}, async (directory) => {
      writeRandomDirectory(directory, { shape: tinyShape(), dtype: "F16", quantization });
      const { tensors } = await openModel(directory);
      const file = await readFile(`${directory}/model.safetensors`);
      return { tensors, file };
    });
  }

  /** The weight in doubles, from the places that the table gives. */
  function decode({ type, shape, groupSize, zeroOffset, ...pieces }: GroupedWeight, file: Buffer) {
    const bytes = ({ offset, numBytes }: { offset: number; numBytes: number }) =>
      Uint8Array.from(file.subarray(offset, offset + numBytes));
    const [numOutputs = 0, numInputs = 0] = shape;
    return dequantiseGrouped({
      type,
      numOutputs,
      numInputs,
      groupSize,
      zeroOffset,
      qweight: new Uint32Array(bytes(pieces.qweight).buffer),
      qzeros: new Uint32Array(bytes(pieces.qzeros).buffer),
      scales: dequantise(pieces.scales.dtype, bytes(pieces.scales)),
    });
  }

  test.each(["gptq", "awq"] as const)("by %s has its layers' matrices in pieces", async (type) => {
    const { tensors, file } = await open(type);
    const kinds = [...tensors.values()].map((tensor) => tensor.type);
    expect(kinds.filter((kind) => kind === type)).toHaveLength(3 * 7);
    expect(kinds.filter((kind) => kind === "plain")).toHaveLength(3 + 3 * 2);
    const down = tensors.get("model.layers.1.mlp.down_proj.weight");
    if (down === undefined || down.type === "plain" || down.type === "mxfp4")
      throw new Error("not in pieces");
    expect(down).toMatchObject({ type, shape: [256, 512], groupSize: 128 });
    expect(down.qweight.shape).toEqual(type === "gptq" ? [64, 256] : [512, 32]);
    expect(down.qzeros.shape).toEqual([4, 32]);
    expect(down.scales.shape).toEqual([4, 256]);
    expect(down.groupIndex?.shape).toEqual(type === "gptq" ? [512] : undefined);
    expect(down.numBytes).toBe((256 * 512) / 2 + (4 * 256) / 2 + 4 * 256 * 2);
    const values = decode(down, file);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(values).toHaveLength(256 * 512);
    expect(Math.abs(mean)).toBeLessThan(0.01);
  });
});

// One projection of 32 outputs and 256 inputs in a model of one layer, the others plain.
const CONFIG = {
  architectures: ["LlamaForCausalLM"],
  vocab_size: 8,
  hidden_size: 256,
  intermediate_size: 32,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  tie_word_embeddings: true,
};
const UP = "model.layers.0.mlp.up_proj";
const DOWN = "model.layers.0.mlp.down_proj";

function f16(shape: readonly number[]): TensorSource {
  const numElements = shape.reduce((product, size) => product * size, 1);
  return { dtype: "F16", shape, bytes: new Uint8Array(2 * numElements) };
}

function ints(shape: readonly number[], values?: Int32Array): TensorSource {
  const numElements = shape.reduce((product, size) => product * size, 1);
  const bytes = new Uint8Array((values ?? new Int32Array(numElements)).buffer);
  return { dtype: "I32", shape, bytes };
}

const groupsOf = (numInputs: number, groupSize: number) =>
  Int32Array.from({ length: numInputs }, (_, input) => Math.floor(input / groupSize));

function plainTensors(): Record<string, TensorSource> {
  const layer = "model.layers.0";
  return {
    "model.embed_tokens.weight": f16([8, 256]),
    "model.norm.weight": f16([256]),
    [`${layer}.input_layernorm.weight`]: f16([256]),
    [`${layer}.self_attn.q_proj.weight`]: f16([256, 256]),
    [`${layer}.self_attn.k_proj.weight`]: f16([128, 256]),
    [`${layer}.self_attn.v_proj.weight`]: f16([128, 256]),
    [`${layer}.self_attn.o_proj.weight`]: f16([256, 256]),
    [`${layer}.post_attention_layernorm.weight`]: f16([256]),
    [`${layer}.mlp.gate_proj.weight`]: f16([32, 256]),
    [`${layer}.mlp.down_proj.weight`]: f16([256, 32]),
  };
}

const GPTQ_PIECES = {
  [`${UP}.qweight`]: ints([32, 32]),
  [`${UP}.qzeros`]: ints([2, 4]),
  [`${UP}.scales`]: f16([2, 32]),
  [`${UP}.g_idx`]: ints([256], groupsOf(256, 128)),
};

const AWQ_PIECES = {
  [`${UP}.qweight`]: ints([256, 4]),
  [`${UP}.qzeros`]: ints([2, 4]),
  [`${UP}.scales`]: f16([2, 32]),
};

type Pieces = Readonly<Record<string, TensorSource | undefined>>;

/** Opens the plain tensors with these, and without those that are `undefined` here. */
function openWith(pieces: Pieces, quantization: object | undefined) {
  const tensors = Object.entries({ ...plainTensors(), ...pieces }).filter(
    (entry): entry is [string, TensorSource] => entry[1] !== undefined,
  );
  const files = {
    "config.json": JSON.stringify({ ...CONFIG, quantization_config: quantization }),
    "model.safetensors": safetensorsFile(Object.fromEntries(tensors)),
  };
  return withDirectory(files, openModel);
}

describe("the pieces of a weight", () => {
  test("are found beside plain weights", async () => {
    const gptq = await openWith(GPTQ_PIECES, GPTQ);
    expect(gptq.tensors.get(`${UP}.weight`)).toMatchObject({ type: "gptq", zeroOffset: 1 });
    const awq = await openWith(AWQ_PIECES, AWQ);
    expect(awq.tensors.get(`${UP}.weight`)).toMatchObject({ type: "awq", groupIndex: undefined });
    const { [`${UP}.g_idx`]: _, ...withoutIndex } = GPTQ_PIECES;
    expect((await openWith(withoutIndex, GPTQ)).tensors.size).toBe(11);
  });

  test("may come with a bias of zeros, as GPTQ's first tools wrote them, and with no other", async () => {
    const bias = f16([32]);
    const pieces = { ...GPTQ_PIECES, [`${UP}.bias`]: bias };
    expect((await openWith(pieces, GPTQ)).tensors.size).toBe(11);
    bias.bytes[63] = 1;
    await expect(openWith(pieces, GPTQ)).rejects.toThrow(`tensor "${UP}.bias" has no place`);
  });

  test("are not needed where the weight is plain", async () => {
    const { tensors } = await openWith({ [`${UP}.weight`]: f16([32, 256]) }, GPTQ);
    expect(tensors.get(`${UP}.weight`)).toMatchObject({ type: "plain", dtype: "F16" });
  });

  test.each<[string, Pieces, object | undefined]>([
    [
      "is in none of its files; it is there in 4 bits, but config.json has no quantization_config",
      GPTQ_PIECES,
      undefined,
    ],
    [`"${UP}.weight" of shape [32, 256] is in none of its files`, {}, GPTQ],
    [
      `tensor "${UP}.qzeros" is missing`,
      { [`${UP}.qweight`]: ints([32, 32]), [`${UP}.scales`]: f16([2, 32]) },
      GPTQ,
    ],
    ["has the shape [256, 4]; expected [32, 32]", AWQ_PIECES, GPTQ],
    ["has the shape [32, 32]; expected [256, 4]", GPTQ_PIECES, AWQ],
    ["has the shape [2, 4]; expected [4, 4]", GPTQ_PIECES, { ...GPTQ, group_size: 64 }],
    [
      "has the shape [4, 32]; expected [2, 32]",
      { ...GPTQ_PIECES, [`${UP}.scales`]: f16([4, 32]) },
      GPTQ,
    ],
    ["is stored as F16; expected I32", { ...GPTQ_PIECES, [`${UP}.qzeros`]: f16([2, 4]) }, GPTQ],
    [
      "is stored as I32; expected F16, BF16 or F32",
      { ...GPTQ_PIECES, [`${UP}.scales`]: ints([2, 32]) },
      GPTQ,
    ],
    [
      "has inputs out of order (desc_act)",
      { ...GPTQ_PIECES, [`${UP}.g_idx`]: ints([256], groupsOf(256, 128).reverse()) },
      GPTQ,
    ],
    [
      "of shape [256, 32] is no whole groups of 128 inputs",
      { ...GPTQ_PIECES, [`${DOWN}.qweight`]: ints([4, 256]), [`${DOWN}.weight`]: undefined },
      GPTQ,
    ],
  ])("that do not fit are refused: %s", async (message, pieces, quantization) => {
    const opened = openWith(pieces, quantization);
    await expect(opened).rejects.toThrow(ModelError);
    await expect(opened).rejects.toThrow(message);
  });
});
