// Experts as config.json and GGUF files tell of them, and where their tensors are.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { parseConfigJson } from "../../src/model/config-json.ts";
import { JsonObject } from "../../src/model/json-object.ts";
import { ModelError } from "../../src/model/model-files.ts";
import { openModel, openModelConfig } from "../../src/model/open-model.ts";
import { writeGptOss } from "../engine/tiny-gpt-oss.ts";
import { TINY_CONFIG, withDirectory } from "./model-directory.ts";
import { blank, tinyGguf, tinyTensors } from "./tiny-gguf.ts";

const QWEN3_MOE = {
  ...{ ...TINY_CONFIG, architectures: ["Qwen3MoeForCausalLM"], model_type: "qwen3_moe" },
  ...{ num_hidden_layers: 6, num_experts: 8, num_experts_per_tok: 2, moe_intermediate_size: 12 },
};

const MIXTRAL = {
  ...{ ...TINY_CONFIG, architectures: ["MixtralForCausalLM"], model_type: "mixtral" },
  ...{ num_local_experts: 4, num_experts_per_tok: 2 },
};

function expertsOf(config: object) {
  return parseConfigJson(new JsonObject("config.json", { ...config }), undefined).experts;
}

describe("config.json", () => {
  test("of a Qwen3-MoE says which experts there are, and where", () => {
    expect(expertsOf(QWEN3_MOE)).toEqual({
      ...{ numExperts: 8, numExpertsPerToken: 2, expertSize: 12, normTopK: false },
      layers: [true, true, true, true, true, true],
    });
  });

  test.each([
    [{ mlp_only_layers: [0, 5] }, [1, 2, 3, 4]],
    [{ mlp_only_layers: [99] }, [0, 1, 2, 3, 4, 5]],
    [{ decoder_sparse_step: 2 }, [1, 3, 5]],
    [{ decoder_sparse_step: 3, mlp_only_layers: [2] }, [5]],
  ])("with %j has experts in layers %j", (keys, layers) => {
    const found = expertsOf({ ...QWEN3_MOE, ...keys })?.layers ?? [];
    expect([...found.keys()].filter((layer) => found[layer])).toEqual(layers);
  });

  test("without a layer that has experts is of a dense model", () => {
    expect(expertsOf({ ...QWEN3_MOE, decoder_sparse_step: 7 })).toBeUndefined();
    expect(expertsOf({ ...QWEN3_MOE, num_experts: 0 })).toBeUndefined();
  });

  test("says whether the weights of the chosen sum up to 1, which Mixtral's always do", () => {
    expect(expertsOf({ ...QWEN3_MOE, norm_topk_prob: true })?.normTopK).toBe(true);
    expect(expertsOf(MIXTRAL)).toEqual({
      ...{ numExperts: 4, numExpertsPerToken: 2, expertSize: 24, normTopK: true },
      layers: [true, true],
    });
  });

  test("that leaves numbers out has transformers' defaults", () => {
    const { num_experts, num_experts_per_tok, moe_intermediate_size, ...rest } = QWEN3_MOE;
    expect(expertsOf(rest)).toMatchObject({
      ...{ numExperts: 128, numExpertsPerToken: 8, expertSize: 768 },
    });
  });

  test.each([
    ["num_experts_per_tok is 9, of 8 experts; at most 8", { num_experts_per_tok: 9 }],
    ["num_experts is 4096; expected a whole number from 0 to 1024", { num_experts: 4096 }],
    ["decoder_sparse_step is 0", { decoder_sparse_step: 0 }],
    ["mlp_only_layers is", { mlp_only_layers: ["first"] }],
    ["norm_topk_prob is", { norm_topk_prob: 1 }],
  ])("is refused: %s", (message, keys) => {
    expect(() => expertsOf({ ...QWEN3_MOE, ...keys })).toThrow(ModelError);
    expect(() => expertsOf({ ...QWEN3_MOE, ...keys })).toThrow(message);
  });

  test("names no key of its family as unused, and refuses another family's", async () => {
    const open = (config: object) =>
      withDirectory({ "config.json": JSON.stringify(config) }, openModelConfig);
    const training = { output_router_logits: false, router_aux_loss_coef: 0.001 };
    const { unusedKeys } = await open({
      ...{ ...QWEN3_MOE, ...training, norm_topk_prob: true, decoder_sparse_step: 1 },
      mlp_only_layers: [],
    });
    expect(unusedKeys).toEqual([]);
    await expect(open({ ...QWEN3_MOE, n_shared_experts: 1 })).rejects.toThrow("n_shared_experts");
    await expect(open({ ...QWEN3_MOE, num_local_experts: 8 })).rejects.toThrow("num_local_experts");
    await expect(open({ ...TINY_CONFIG, num_experts: 8 })).rejects.toThrow("num_experts is 8");
  });
});

describe("a gpt-oss of the hub", () => {
  const directory = mkdtempSync(join(tmpdir(), "dynamo-experts-"));
  afterAll(() => rmSync(directory, { recursive: true }));
  const changed = async (change: (config: Record<string, unknown>) => void) => {
    writeGptOss(directory);
    const path = join(directory, "config.json");
    const config = JSON.parse(readFileSync(path, "utf8"));
    change(config);
    writeFileSync(path, JSON.stringify(config));
    return openModel(directory);
  };

  test("has each expert's rows where they alternate, and no unused key", async () => {
    const { config, tensors, unusedKeys } = await changed(() => {});
    expect(unusedKeys).toEqual([]);
    expect(config).toMatchObject({
      ...{ activation: "clamped_swiglu", outputBias: true, attentionSinks: true },
      experts: { numExperts: 5, expertSize: 96, bias: true, layers: [true, true] },
      local: { layers: [true, false], slidingWindow: 8 },
    });
    const at = (name: string) => {
      const tensor = tensors.get(`model.layers.0.mlp.experts.${name}.weight`);
      if (tensor?.type !== "mxfp4") throw new Error("not in planes");
      return tensor;
    };
    const [gate, up, down] = [at("3.gate_proj"), at("3.up_proj"), at("3.down_proj")];
    expect(gate).toMatchObject({ shape: [96, 64], blocks: { rowStride: 64 }, numBytes: 96 * 34 });
    expect(up.blocks.offset - gate.blocks.offset).toBe(32);
    expect(gate.scales).toMatchObject({ shape: [96, 2], rowStride: 4 });
    expect(down).toMatchObject({ shape: [64, 96], blocks: { shape: [64, 48] } });
    expect(down.blocks.rowStride).toBeUndefined();
  });

  test.each<[string, (config: Record<string, unknown>) => void]>([
    ["swiglu_limit is 9; supported: 7", (config) => Object.assign(config, { swiglu_limit: 9 })],
    [
      'tensor "model.layers.0.mlp.experts.gate_up_proj_blocks" has the shape',
      (config) => Object.assign(config, { intermediate_size: 64 }),
    ],
  ])("is refused: %s", async (message, change) => {
    await expect(changed(change)).rejects.toThrow(ModelError);
    await expect(changed(change)).rejects.toThrow(message);
  });
});

const KEYS = (name: string) => ({
  [`${name}.expert_count`]: 4,
  [`${name}.expert_used_count`]: 2,
  [`${name}.expert_feed_forward_length`]: 8,
});

/** Experts in the second of two layers. */
function moeTensors(changes: Readonly<Record<string, readonly number[]>> = {}) {
  const norms = { "attn_q_norm.weight": 4, "attn_k_norm.weight": 4 };
  const mlp = /^blk\.1\.ffn_(gate|up|down)\./;
  const shapes = {
    ffn_gate_inp: [4, 16],
    ffn_gate_exps: [4, 8, 16],
    ffn_up_exps: [4, 8, 16],
    ffn_down_exps: [4, 16, 8],
    ...changes,
  };
  return {
    ...Object.fromEntries(Object.entries(tinyTensors(norms)).filter(([name]) => !mlp.test(name))),
    ...Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [
        `blk.1.${name}.weight`,
        blank(name === "ffn_gate_inp" ? "F32" : "F16", shape),
      ]),
    ),
  };
}

function openGguf(name: string, keys: object = {}, tensors = moeTensors()) {
  const file = tinyGguf(name, { ...KEYS(name), ...keys }, tensors);
  return withDirectory({ "m.gguf": file }, openModel);
}

describe("a GGUF file", () => {
  test("has experts where it has a router, each in its place of the tensor of all", async () => {
    const { config, tensors, unusedKeys } = await openGguf("qwen3moe");
    expect(unusedKeys).toEqual([]);
    expect(config.experts).toEqual({
      ...{ numExperts: 4, numExpertsPerToken: 2, expertSize: 8, normTopK: true },
      layers: [false, true],
    });
    const down = (expert: number) => {
      const tensor = tensors.get(`model.layers.1.mlp.experts.${expert}.down_proj.weight`);
      if (tensor?.type !== "plain") throw new Error("not there");
      return tensor;
    };
    expect(down(3)).toMatchObject({ shape: [16, 8], numBytes: 256, dtype: "F16" });
    expect(down(3).offset - down(0).offset).toBe(3 * 256);
    expect(tensors.has("model.layers.0.mlp.down_proj.weight")).toBe(true);
    expect(tensors.has("model.layers.1.mlp.down_proj.weight")).toBe(false);
  });

  test.each([
    ["4 experts in a model of the architecture qwen2; supported: without", "qwen2", {}],
    [
      "no experts in a model of the architecture qwen3moe; supported: with",
      "qwen3moe",
      { "qwen3moe.expert_count": 0 },
    ],
    ["expert_used_count is missing", "qwen3moe", { "qwen3moe.expert_used_count": undefined }],
    ["expert_used_count is 5, of 4 experts", "qwen3moe", { "qwen3moe.expert_used_count": 5 }],
    ["expert_gating_func is 2", "qwen3moe", { "qwen3moe.expert_gating_func": 2 }],
    ["expert_weights_scale is 2.5", "qwen3moe", { "qwen3moe.expert_weights_scale": 2.5 }],
    ["expert_shared_count is 1", "qwen3moe", { "qwen3moe.expert_shared_count": 1 }],
  ])("is refused: %s", async (message, name, keys) => {
    await expect(openGguf(name, keys)).rejects.toThrow(ModelError);
    await expect(openGguf(name, keys)).rejects.toThrow(message);
  });

  test("whose tensor of all experts has another shape is refused", async () => {
    const three = moeTensors({ ffn_up_exps: [3, 8, 16] });
    await expect(openGguf("qwen3moe", {}, three)).rejects.toThrow(
      /tensor "blk.1.ffn_up_exps.weight" has the shape \[3, ?8, ?16\]; .*\[4, ?8, ?16\]/,
    );
    const flat = moeTensors({ ffn_up_exps: [32, 16] });
    await expect(openGguf("qwen3moe", {}, flat)).rejects.toThrow("has the shape [32, 16]");
  });
});
