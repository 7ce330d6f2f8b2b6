// Keys of config.json and generation_config.json beside those that are read: refused where they change what is
// computed, told where nothing is known of them, and passed over where they are harmless.

import { describe, expect, test } from "bun:test";

import { ModelError } from "../../src/model/model-files.ts";
import { openModelConfig } from "../../src/model/open-model.ts";
import { TINY_CONFIG, withDirectory } from "./model-directory.ts";

function open(config: object, generation: object = {}) {
  const files = {
    "config.json": JSON.stringify({ ...TINY_CONFIG, ...config }),
    "generation_config.json": JSON.stringify(generation),
  };
  return withDirectory(files, openModelConfig);
}

describe("a key of config.json that another decoder reads", () => {
  test.each<[string, unknown]>([
    ["clip_qkv", 8],
    ["attn_logit_softcapping", 50],
    ["final_logit_softcapping", 30],
    ["embedding_multiplier", 12],
    ["residual_multiplier", 0.22],
    ["logits_scaling", 8],
    ["logit_scale", 0.0625],
    ["attention_multiplier", 0.015625],
    ["scale_emb", 12],
    ["num_local_experts", 8],
    ["num_nextn_predict_layers", 1],
    ["no_rope_layers", [1, 1, 0, 1]],
    ["rope_local_base_freq", 10000],
    ["rotary_pct", 0.25],
    ["use_qk_norm", true],
    ["is_causal", false],
    ["is_encoder_decoder", true],
    ["qkv_bias", true],
    ["attention_out_bias", true],
    ["pruned_heads", { 0: [1] }],
    ["attention_chunk_size", 8192],
    ["position_embedding_type", "alibi"],
    ["quantization", { group_size: 64, bits: 4 }],
    ["text_config", { hidden_size: 16 }],
  ])("is refused by name: %s", async (key, value) => {
    await expect(open({ [key]: value })).rejects.toThrow(ModelError);
    await expect(open({ [key]: value })).rejects.toThrow(new RegExp(`config\\.json: ${key} is `));
  });

  test("is passed over where it is off", async () => {
    const off = {
      ...{ clip_qkv: null, attn_logit_softcapping: 0, logit_scale: 1, residual_multiplier: 1.0 },
      ...{ num_local_experts: 0, use_mrope: false, is_encoder_decoder: false, pruned_heads: {} },
      ...{ is_causal: true, rotary_pct: 1, no_rope_layers: [], hidden_activation: "silu" },
    };
    expect((await open(off)).unusedKeys).toEqual([]);
  });
});

test("keys that change nothing are passed over", async () => {
  const config = {
    ...{ attention_dropout: 0, initializer_range: 0.02, pretraining_tp: 2, use_cache: true },
    ...{ torch_dtype: "bfloat16", dtype: "bfloat16", transformers_version: "5.0.0" },
    ...{ pad_token_id: 0, _name_or_path: "x", unsloth_fixed: true, id2label: { 0: "a" } },
  };
  const generation = {
    ...{ do_sample: true, max_length: 4096, pad_token_id: 0, transformers_version: "4.37.0" },
    ...{ num_beams: 1, typical_p: 1, no_repeat_ngram_size: 0, bad_words_ids: null },
  };
  expect((await open(config, generation)).unusedKeys).toEqual([]);
});

test("keys that nothing is known of are named, with their file", async () => {
  const config = { frobnicate: 3, constructor: "x", layer_norm_eps: 1e-5, new_feature: false };
  const generation = { do_sample: false, num_beams: 4, no_repeat_ngram_size: 3, max_new_tokens: 9 };
  const { unusedKeys } = await open(config, generation);
  expect(unusedKeys).toEqual([
    "config.json: frobnicate",
    "config.json: constructor",
    "config.json: layer_norm_eps",
    "generation_config.json: do_sample",
    "generation_config.json: num_beams",
    "generation_config.json: no_repeat_ngram_size",
    "generation_config.json: max_new_tokens",
  ]);
});

test("keys of quantization_config are known, refused or named too", async () => {
  const gptq = { quant_method: "gptq", bits: 4, group_size: 128, sym: true, pack_dtype: "int32" };
  const open4 = (changes: object) => open({ quantization_config: { ...gptq, ...changes } });
  expect((await open4({ rotation: null, lm_head: false })).unusedKeys).toEqual([]);
  expect((await open4({ frobnicate: 1 })).unusedKeys).toEqual([
    "config.json: quantization_config: frobnicate",
  ]);
  for (const changes of [{ rotation: "hadamard" }, { pack_dtype: "int8" }]) {
    const [key] = Object.keys(changes);
    await expect(open4(changes)).rejects.toThrow(`config.json: quantization_config: ${key} is `);
  }
});

test("generation_config.json's min_p is a default", async () => {
  expect((await open({}, { min_p: 0.05 })).generationDefaults).toEqual({ minP: 0.05 });
});
