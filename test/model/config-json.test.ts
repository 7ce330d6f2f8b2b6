import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";

import { parseConfigJson } from "../../src/model/config-json.ts";
import { JsonObject } from "../../src/model/json-object.ts";
import { ModelError } from "../../src/model/model-files.ts";
import { ropeFrequencies, ropeMagnitude } from "../../src/model/rope-frequencies.ts";
import { TINY_CONFIG } from "./model-directory.ts";

function parse(changes: Readonly<Record<string, unknown>> = {}, generation?: object) {
  return parseConfigJson(
    new JsonObject("config.json", { ...TINY_CONFIG, ...changes }),
    generation && new JsonObject("generation_config.json", { ...generation }),
  );
}

describe("config.json", () => {
  test("a plain Llama is read whole", () => {
    expect(parse()).toEqual({
      architecture: "llama",
      vocabSize: 10,
      hiddenSize: 16,
      intermediateSize: 24,
      numLayers: 2,
      numHeads: 4,
      numKvHeads: 2,
      headSize: 4,
      rmsNormEps: 1e-5,
      attentionBias: false,
      qkNorm: false,
      ropeTheta: 10000,
      ropeScaling: undefined,
      ropeLayout: "halves",
      slidingWindow: undefined,
      maxPositionEmbeddings: 64,
      tieWordEmbeddings: false,
      bosTokenId: 1,
      eosTokenIds: [2],
    });
  });

  test("what may be left out has LlamaConfig's defaults", () => {
    const config = parse({
      num_key_value_heads: null,
      rms_norm_eps: undefined,
      rope_theta: undefined,
      max_position_embeddings: undefined,
      tie_word_embeddings: undefined,
      bos_token_id: null,
      eos_token_id: null,
    });
    expect(config).toMatchObject({
      numKvHeads: 4,
      rmsNormEps: 1e-6,
      ropeTheta: 10000,
      maxPositionEmbeddings: 2048,
      tieWordEmbeddings: false,
      bosTokenId: undefined,
      eosTokenIds: [],
    });
  });

  test("head_dim overrides what the hidden size would give", () => {
    expect(parse({ head_dim: 8 }).headSize).toBe(8);
    expect(parse({ head_dim: null }).headSize).toBe(4);
  });

  test("end tokens of both files are joined, each once", () => {
    expect(parse({ eos_token_id: [2, 3] }, { eos_token_id: [3, 4] }).eosTokenIds).toEqual([
      2, 3, 4,
    ]);
    expect(parse({}, { eos_token_id: 5 }).eosTokenIds).toEqual([2, 5]);
  });

  test("a model without architectures is told by its model_type", () => {
    expect(parse({ architectures: undefined }).architecture).toBe("llama");
    expect(() => parse({ architectures: [], model_type: "gpt2" })).toThrow("names gpt2");
  });
});

describe("a family", () => {
  test.each([
    ["LlamaForCausalLM", "llama", { attentionBias: false, qkNorm: false, headSize: 4 }],
    ["MistralForCausalLM", "mistral", { attentionBias: false, qkNorm: false, headSize: 4 }],
    ["Qwen2ForCausalLM", "qwen2", { attentionBias: true, qkNorm: false, headSize: 4 }],
    ["Qwen3ForCausalLM", "qwen3", { attentionBias: false, qkNorm: true, headSize: 128 }],
  ])("%s has its own switches and defaults", (name, architecture, switches) => {
    const named = parse({ architectures: [name], sliding_window: null });
    expect(named).toMatchObject({ architecture, ...switches });
    const typed = { architectures: null, model_type: architecture, sliding_window: null };
    expect(parse(typed)).toEqual(named);
  });

  test("is the first of several names that is known", () => {
    const names = ["SomethingElse", "Qwen3ForCausalLM"];
    expect(parse({ architectures: names }).architecture).toBe("qwen3");
  });

  test("without max_position_embeddings has its own default", () => {
    const lengths = ["LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM"].map((name) => {
      const changes = { max_position_embeddings: null, sliding_window: null };
      return parse({ ...changes, architectures: [name] }).maxPositionEmbeddings;
    });
    expect(lengths).toEqual([2048, 131072, 32768]);
  });

  test("that always has a bias may say so; the others may not", () => {
    const bias = { attention_bias: true };
    expect(parse({ architectures: ["Qwen2ForCausalLM"], ...bias }).attentionBias).toBe(true);
    expect(() => parse({ architectures: ["Qwen3ForCausalLM"], ...bias })).toThrow(
      "attention_bias is true",
    );
  });
});

describe("a family that asks its configuration", () => {
  const seed = { architectures: ["SeedOssForCausalLM"] };

  test("has a bias unless it says that there is none", () => {
    expect(parse(seed).attentionBias).toBe(true);
    expect(parse({ ...seed, attention_bias: true }).attentionBias).toBe(true);
    expect(parse({ ...seed, attention_bias: false }).attentionBias).toBe(false);
    expect(() => parse({ ...seed, mlp_bias: true })).toThrow("mlp_bias is true");
  });

  test("has its own order of rotary pairs", () => {
    expect(parse({ architectures: ["Ernie4_5ForCausalLM"] }).ropeLayout).toBe("interleaved");
    expect(parse(seed).ropeLayout).toBe("halves");
  });
});

describe("a sliding window", () => {
  const mistral = { architectures: ["MistralForCausalLM"], max_position_embeddings: 8192 };
  const qwen = { architectures: ["Qwen2ForCausalLM"], max_position_embeddings: 8192 };

  test.each([
    ["turned off", { ...mistral, sliding_window: null }],
    ["as long as the context", { ...mistral, sliding_window: 8192 }],
    [
      "that Mistral has by default, around a short context",
      { ...mistral, max_position_embeddings: 4096 },
    ],
    ["that Qwen does not use", { ...qwen, sliding_window: 4096, use_sliding_window: false }],
    [
      "that no layer has",
      { ...qwen, use_sliding_window: true, layer_types: ["full_attention", "full_attention"] },
    ],
    ["of layers that are not there", { ...qwen, use_sliding_window: true, max_window_layers: 2 }],
    ["in a Llama, where it is off", { max_position_embeddings: 8192, sliding_window: null }],
  ])("%s is none", (_, changes) => {
    expect(parse(changes).slidingWindow).toBeUndefined();
  });

  test.each([
    ["of Mistral", { ...mistral, sliding_window: 4096 }],
    ["that Mistral has by default", mistral],
    ["of all Qwen's layers", { ...qwen, use_sliding_window: true, max_window_layers: 0 }],
  ])("%s is kept", (_, changes) => {
    expect(parse(changes).slidingWindow).toBe(4096);
  });

  test.each([
    [
      "of Qwen's upper layers",
      { ...qwen, use_sliding_window: true, sliding_window: 4096, max_window_layers: 1 },
    ],
    [
      "of Qwen's listed layers",
      { ...qwen, use_sliding_window: true, layer_types: ["full_attention", "sliding_attention"] },
    ],
  ])("%s, and not of the others, makes them local", (_, changes) => {
    const { slidingWindow, local, ropeTheta, ropeScaling } = parse(changes);
    expect(slidingWindow).toBeUndefined();
    const layers = [false, true];
    expect(local).toEqual({ layers, slidingWindow: 4096, ropeTheta, ropeScaling });
  });

  test("of a Llama, which has none in transformers, is refused by name", () => {
    const changes = { max_position_embeddings: 8192, sliding_window: 4096 };
    expect(() => parse(changes)).toThrow("config.json: sliding_window is 4096 in a Llama");
  });

  test("is of layers that are there and of known types", () => {
    const full = "full_attention";
    expect(() => parse({ ...qwen, layer_types: [full] })).toThrow("names 1 layers, of 2");
    expect(() => parse({ ...qwen, layer_types: [full, "chunked_attention"] })).toThrow(
      'config.json: layer_types names "chunked_attention"; supported: full_attention',
    );
  });
});

describe("rotary scaling", () => {
  const llama3 = {
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 8192,
  };
  const parsed = {
    type: "llama3" as const,
    factor: 8,
    lowFreqFactor: 1,
    highFreqFactor: 4,
    originalMaxPositionEmbeddings: 8192,
  };

  test("llama3 is read under its old and its new key", () => {
    expect(parse({ rope_scaling: { type: "llama3", ...llama3 } }).ropeScaling).toEqual(parsed);
    expect(parse({ rope_scaling: { rope_type: "llama3", ...llama3 } }).ropeScaling).toEqual(parsed);
  });

  test("rope_parameters of newer files holds theta and scaling", () => {
    const config = parse({
      rope_theta: undefined,
      rope_parameters: { rope_theta: 500000, rope_type: "llama3", ...llama3 },
    });
    expect(config.ropeTheta).toBe(500000);
    expect(config.ropeScaling).toEqual(parsed);
  });

  describe("by type of layer", () => {
    const full = { rope_theta: 500000, rope_type: "llama3", ...llama3 };
    const sliding = { rope_theta: 10000, rope_type: "default" };
    const nested = (types: object, more: object = {}) =>
      parse({ rope_theta: undefined, rope_parameters: types, ...more });

    test("is used where all types that the model has agree", () => {
      const expected = { ropeTheta: 500000, ropeScaling: parsed };
      expect(nested({ full_attention: full })).toMatchObject(expected);
      expect(nested({ full_attention: full, sliding_attention: full })).toMatchObject(expected);
      const layer_types = ["full_attention", "full_attention"];
      const both = { full_attention: full, sliding_attention: sliding };
      expect(nested(both, { layer_types })).toMatchObject(expected);
    });

    test("is refused by name where they differ, or one is missing", () => {
      const both = { full_attention: full, sliding_attention: sliding };
      expect(() => nested(both)).toThrow(
        "config.json: rope_parameters: sliding_attention differs from full_attention, and the family has no layers",
      );
      const layer_types = ["full_attention", "sliding_attention"];
      expect(() => nested({ full_attention: full }, { layer_types })).toThrow(
        "config.json: rope_parameters: sliding_attention is missing",
      );
      expect(() => nested({ full_attention: full, rope_theta: 5 })).toThrow(
        "rope_parameters: rope_theta stands beside",
      );
    });
  });

  test("what two keys say must be the same", () => {
    const linear = { rope_type: "linear", factor: 4 };
    const same = parse({ rope_parameters: { ...linear, rope_theta: 10000 }, rope_scaling: linear });
    expect(same.ropeScaling).toEqual({ type: "linear", factor: 4 });
    expect(() => parse({ rope_parameters: { rope_theta: 1e6 }, rope_theta: 1e4 })).toThrow(
      "rope_parameters: rope_theta is 1000000, and 10000 in config.json itself",
    );
    expect(() => parse({ rope_parameters: { rope_theta: 1e4 }, rope_scaling: linear })).toThrow(
      "config.json: rope_scaling differs from config.json: rope_parameters",
    );
  });

  test("a key that the type has no use for is refused by name", () => {
    for (const [type, key] of [
      ["default", "factor"],
      ["linear", "attention_factor"],
      ["llama3", "beta_fast"],
      ["yarn", "short_factor"],
    ] as const) {
      const yarn = { factor: 4, original_max_position_embeddings: 64 };
      const values = { default: {}, linear: { factor: 4 }, llama3, yarn }[type];
      expect(() => parse({ rope_scaling: { rope_type: type, ...values, [key]: 2 } })).toThrow(
        `config.json: rope_scaling: ${key} is 2, which has no meaning for the rope type "${type}"`,
      );
    }
    expect(() => parse({ rope_parameters: { partial_rotary_factor: 0.5 } })).toThrow(
      "config.json: rope_parameters: partial_rotary_factor is 0.5",
    );
  });

  test("null, and the type `default`, are no scaling", () => {
    expect(parse({ rope_scaling: null }).ropeScaling).toBeUndefined();
    const config = parse({ rope_parameters: { rope_type: "default", rope_theta: 10000 } });
    expect(config.ropeScaling).toBeUndefined();
  });

  test("linear divides all frequencies", () => {
    const config = parse({ rope_scaling: { type: "linear", factor: 4 } });
    expect(config.ropeScaling).toEqual({ type: "linear", factor: 4 });
    expect(config.maxPositionEmbeddings).toBe(64);
    expect([...ropeFrequencies(config)]).toEqual([1 / 4, 0.01 / 4]);
    expect(ropeMagnitude(config)).toBe(1);
  });

  test("yarn stretches the context, keeps what turns fast, divides what turns slowly", () => {
    const yarn = { type: "yarn", factor: 4, original_max_position_embeddings: 32768 };
    const config = parse({ head_dim: 128, rope_theta: 1e6, rope_scaling: yarn });
    expect(config.maxPositionEmbeddings).toBe(131072);
    const frequencies = ropeFrequencies(config);
    const plain = ropeFrequencies({ ...config, ropeScaling: undefined });
    // From transformers' formulas for Qwen2.5: whole up to pair 23, a quarter from pair 40 on.
    expect(plain.findIndex((frequency, pair) => frequencies[pair] !== frequency)).toBe(24);
    expect(plain.findIndex((frequency, pair) => frequencies[pair] === frequency / 4)).toBe(40);
    expect(ropeMagnitude(config)).toBeCloseTo(0.1 * Math.log(4) + 1, 12);
  });

  test("yarn's attention factor is the file's, or the ratio of DeepSeek's two scales", () => {
    const magnitudeOf = (more: object) => {
      const yarn = { type: "yarn", factor: 40, original_max_position_embeddings: 4096, ...more };
      return ropeMagnitude(parse({ rope_scaling: yarn }));
    };
    expect(magnitudeOf({ attention_factor: 1.5 })).toBe(1.5);
    expect(magnitudeOf({ mscale: 1, mscale_all_dim: 1 })).toBe(1);
    expect(magnitudeOf({ mscale: 0.7, mscale_all_dim: 0 })).toBeCloseTo(1.3689, 4);
  });

  test.each(["dynamic", "longrope", "su"])("%s is refused by name", (type) => {
    expect(() => parse({ rope_scaling: { type, factor: 2 } })).toThrow(
      `config.json: rope_scaling: rope type "${type}" is not supported; supported: linear, llama3, yarn`,
    );
  });

  test("a missing or senseless number is named", () => {
    const { factor: _, ...noFactor } = llama3;
    expect(() => parse({ rope_scaling: { type: "llama3", ...noFactor } })).toThrow(
      "config.json: rope_scaling: factor is missing",
    );
    expect(() =>
      parse({ rope_scaling: { type: "llama3", ...llama3, low_freq_factor: 4 } }),
    ).toThrow("low_freq_factor (4) must be below high_freq_factor (4)");
  });
});

describe("what is refused, with its place and the cure", () => {
  test.each([
    ["names GPT2LMHeadModel; supported: LlamaForCausalLM", { architectures: ["GPT2LMHeadModel"] }],
    ["attention_bias is true", { attention_bias: true }],
    ["mlp_bias is true", { mlp_bias: true }],
    ["partial_rotary_factor is 0.5", { partial_rotary_factor: 0.5 }],
    ['hidden_act is "gelu"; supported: silu', { hidden_act: "gelu" }],
    ["config.json: vocab_size is missing", { vocab_size: undefined }],
    ['vocab_size is "10"; expected a whole number', { vocab_size: "10" }],
    ["hidden_size is 0", { hidden_size: 0 }],
    ["hidden_size is -16", { hidden_size: -16 }],
    ["hidden_size is 16.5", { hidden_size: 16.5 }],
    ["hidden_size is 9007199254740992", { hidden_size: 2 ** 53 }],
    ["num_hidden_layers is 1000000000", { num_hidden_layers: 1e9 }],
    ["query heads (4) is no multiple of that of key-value heads (3)", { num_key_value_heads: 3 }],
    ["head_dim is missing", { hidden_size: 18 }],
    ["needs an even size", { head_dim: 5 }],
    ["rms_norm_eps is 0", { rms_norm_eps: 0 }],
    ["rope_theta is -1", { rope_theta: -1 }],
    ["eos_token_id is 10; expected a whole number from 0 to 9", { eos_token_id: 10 }],
    ["eos_token_id is [1, -1]", { eos_token_id: [1, -1] }],
    ['tie_word_embeddings is "yes"; expected true or false', { tie_word_embeddings: "yes" }],
    ['rope_scaling is "llama3"; expected an object', { rope_scaling: "llama3" }],
    ["expected a list", { architectures: "LlamaForCausalLM" }],
  ])("%s", (message, changes) => {
    expect(() => parse(changes)).toThrow(ModelError);
    expect(() => parse(changes)).toThrow(message);
  });

  test("any JSON value in any key gives a config or a ModelError", async () => {
    const keys = [...Object.keys(TINY_CONFIG), "head_dim", "rope_scaling", "rope_parameters"];
    keys.push("sliding_window", "use_sliding_window", "layer_types", "max_window_layers");
    const names = ["LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM"];
    await fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.dictionary(fc.constantFrom(...keys), fc.jsonValue(), { maxKeys: 3 }),
        (name, changes) => {
          expectConfigOrModelError(() => parse({ architectures: [name], ...changes }));
        },
      ),
      { numRuns: 500 },
    );
  });
});

function expectConfigOrModelError(parseIt: () => unknown): void {
  try {
    parseIt();
  } catch (error) {
    expect(error).toBeInstanceOf(ModelError);
  }
}

describe("a family with local layers", () => {
  const gemma3 = {
    ...{ architectures: ["Gemma3ForCausalLM"], num_hidden_layers: 8, hidden_act: undefined },
    ...{ max_position_embeddings: 8192, sliding_window: 512, rope_theta: 1e6, head_dim: 8 },
    ...{ hidden_activation: "gelu_pytorch_tanh", tie_word_embeddings: undefined },
  };
  const pattern = [true, true, true, true, true, false, true, true];

  test("is Gemma 3 with all that it does beside Llama", () => {
    expect(parse(gemma3)).toMatchObject({
      ...{ architecture: "gemma3_text", ropeTheta: 1e6, slidingWindow: undefined },
      local: { layers: pattern, slidingWindow: 512, ropeTheta: 10000, ropeScaling: undefined },
      ...{ postNorms: "besides", normOffset: 1, activation: "gelu_tanh", embeddingScale: 4 },
      ...{ qkNorm: true, attentionScale: 1 / 16, tieWordEmbeddings: true },
    });
    expect(parse(gemma3).attentionSoftcap).toBeUndefined();
  });

  test("scales the rotary embedding of its global layers only", () => {
    const rope_scaling = { rope_type: "linear", factor: 8 };
    const { ropeScaling, local } = parse({ ...gemma3, rope_scaling, rope_local_base_freq: 500 });
    expect(ropeScaling).toEqual({ type: "linear", factor: 8 });
    expect(local).toMatchObject({ ropeTheta: 500, ropeScaling: undefined });
  });

  test.each<[string, object, readonly boolean[]]>([
    ["a number", { sliding_window_pattern: 2 }, [true, false, true, false]],
    ["the number of newer files", { _sliding_window_pattern: 3 }, [true, true, false, true]],
    [
      "a list",
      { layer_types: ["full_attention", ...Array(3).fill("sliding_attention")] },
      [false, true, true, true],
    ],
  ])("says which layers are local: %s", (_, changes, layers) => {
    expect(parse({ ...gemma3, num_hidden_layers: 4, ...changes }).local?.layers).toEqual(layers);
  });

  test("is Gemma 2 with soft caps, which a null turns off", () => {
    const gemma2 = { ...gemma3, architectures: ["Gemma2ForCausalLM"], num_hidden_layers: 2 };
    expect(parse(gemma2)).toMatchObject({
      ...{ attentionSoftcap: 50, logitSoftcap: 30, qkNorm: false },
      local: { layers: [true, false], slidingWindow: 512, ropeTheta: 1e6 },
    });
    const off = parse({ ...gemma2, attn_logit_softcapping: null, final_logit_softcapping: null });
    expect([off.attentionSoftcap, off.logitSoftcap]).toEqual([undefined, undefined]);
  });

  test("is EXAONE 4, whose global layers have no rotary embedding where others have a window", () => {
    const exaone = { ...gemma3, architectures: ["Exaone4ForCausalLM"], hidden_activation: null };
    const config = parse({ ...exaone, sliding_window_pattern: "LLLG", rope_theta: 500 });
    expect(config).toMatchObject({ postNorms: "instead", ropeScaling: { type: "none" } });
    expect(config.local).toMatchObject({ ropeTheta: 500, ropeScaling: undefined });
    expect(config.local?.layers.slice(0, 4)).toEqual([true, true, true, false]);
    expect([...ropeFrequencies(config)]).toEqual([0, 0, 0, 0]);
    const global = parse({ ...exaone, sliding_window: null, rope_theta: 500 });
    expect(global).toMatchObject({ ropeTheta: 500, ropeScaling: undefined });
    expect(global.local).toBeUndefined();
  });

  test("may be OLMo 3, whose local layers have no YaRN", () => {
    const rope_scaling = { rope_type: "yarn", factor: 8, original_max_position_embeddings: 1024 };
    const olmo = { ...gemma3, architectures: ["Olmo3ForCausalLM"], hidden_activation: null };
    const { ropeScaling, local, qkNormRows } = parse({ ...olmo, rope_scaling });
    expect(ropeScaling?.type).toBe("yarn");
    expect(local).toMatchObject({ ropeTheta: 1e6, ropeScaling: undefined });
    expect(qkNormRows).toBe(true);
  });

  test("is refused by name where it computes what is not here", () => {
    expect(() => parse({ ...gemma3, hidden_activation: "gelu" })).toThrow(
      'hidden_activation is "gelu"; supported: gelu_pytorch_tanh',
    );
    expect(() => parse({ ...gemma3, sliding_window_pattern: "LLX" })).toThrow(
      'sliding_window_pattern is "LLX"; supported: letters L and G, or a number',
    );
    expect(() => parse({ ...gemma3, attention_bias: true })).toThrow("attention_bias is true");
  });

  test("is a part of a larger model under text_config, with sizes that its class defaults", () => {
    const { vocab_size, num_attention_heads, num_key_value_heads, ...rest } = {
      ...TINY_CONFIG,
      ...gemma3,
    };
    const whole = (text: object) =>
      parseConfigJson(
        new JsonObject("config.json", {
          ...{ architectures: ["Gemma3ForConditionalGeneration"], model_type: "gemma3" },
          ...{ eos_token_id: [1, 106], text_config: { ...text, eos_token_id: undefined } },
        }),
        undefined,
      );
    expect(whole(rest)).toMatchObject({ vocabSize: 262208, numHeads: 8, numKvHeads: 4 });
    expect(() => whole({ ...rest, hidden_size: 0 })).toThrow(
      "config.json: text_config: hidden_size is 0",
    );
    expect(() =>
      parse({ architectures: ["Gemma3ForConditionalGeneration"], text_config: undefined }),
    ).toThrow("config.json: text_config is missing");
  });
});
