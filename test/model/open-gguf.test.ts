import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import * as fc from "fast-check";

import { ModelError, ModelNotFoundError } from "../../src/model/model-files.ts";
import { openModel, openModelConfig } from "../../src/model/open-model.ts";
import { ropeFrequencies, ropeMagnitude } from "../../src/model/rope-frequencies.ts";
import { F32, ggufFile, type MetadataValue } from "./gguf-writer.ts";
import { plain, TINY_CONFIG, tinyModel, withDirectory } from "./model-directory.ts";
import { blank, type TinyTensors, tinyGguf, tinyMetadata, tinyTensors } from "./tiny-gguf.ts";

type Files = Readonly<Record<string, string | Uint8Array>>;
type Changes = Readonly<Record<string, MetadataValue | undefined>>;

/** Opens the file `m.gguf` of these files. */
const open = (files: Files) =>
  withDirectory(files, (directory) => openModel(join(directory, "m.gguf")));

function openTiny(changes: Changes = {}, tensors?: TinyTensors, architecture = "llama") {
  return open({ "m.gguf": tinyGguf(architecture, changes, tensors) });
}

function without(name: string): TinyTensors {
  const { [name]: _, ...rest } = tinyTensors();
  return rest;
}

describe("a GGUF model", () => {
  test("has its configuration read from the metadata", async () => {
    const { config, path, generationDefaults } = await openTiny();
    expect(config).toEqual({
      architecture: "llama",
      vocabSize: 10,
      hiddenSize: 16,
      intermediateSize: 24,
      numLayers: 2,
      numHeads: 4,
      numKvHeads: 2,
      headSize: 4,
      rmsNormEps: 0.0009765625,
      attentionBias: false,
      qkNorm: false,
      ropeTheta: 500000,
      ropeScaling: undefined,
      ropeLayout: "interleaved",
      slidingWindow: undefined,
      maxPositionEmbeddings: 64,
      tieWordEmbeddings: false,
      bosTokenId: 1,
      eosTokenIds: [2],
    });
    expect(path).toEndWith("/m.gguf");
    expect(generationDefaults).toEqual({});
  });

  test("has its tensors under the names of Hugging Face", async () => {
    const hub = await withDirectory(tinyModel(), openModel);
    const { tensors } = await openTiny();
    expect([...tensors.keys()].sort()).toEqual([...hub.tensors.keys()].sort());
    for (const [name, { shape }] of tensors) {
      expect(hub.tensors.get(name)?.shape).toEqual(shape);
    }
    expect(tensors.get("model.layers.1.mlp.down_proj.weight")).toMatchObject({
      name: "model.layers.1.mlp.down_proj.weight",
      dtype: "F16",
      numBytes: 16 * 24 * 2,
    });
  });

  test("without a head of its own is tied", async () => {
    const { config, tensors } = await openTiny({}, without("output.weight"));
    expect(config.tieWordEmbeddings).toBe(true);
    expect(tensors.has("lm_head.weight")).toBe(false);
  });

  const biases = { "attn_q.bias": 16, "attn_k.bias": 8, "attn_v.bias": 8 };
  const norms = { "attn_q_norm.weight": 4, "attn_k_norm.weight": 4 };

  test.each([
    ["qwen2", biases, { attentionBias: true, qkNorm: false }],
    ["qwen3", norms, { attentionBias: false, qkNorm: true }],
  ])("of the family %s has its switches and tensors", async (architecture, extra, switches) => {
    const { config, tensors } = await openTiny({}, tinyTensors(extra), architecture);
    expect(config).toMatchObject({ architecture, ropeLayout: "halves", ...switches });
    expect(tensors.size).toBe(21 + 2 * Object.keys(extra).length);
    await expect(openTiny({}, undefined, architecture)).rejects.toThrow("is in none of its files");
  });

  test("may have heads that are no equal share, and as many of one kind as of the other", async () => {
    const sizes = { "llama.attention.key_length": 4, "llama.attention.value_length": 4 };
    expect((await openTiny(sizes)).config.headSize).toBe(4);
    const { "llama.attention.head_count_kv": _, ...rest } = tinyMetadata("llama");
    const file = ggufFile({ ...rest, "llama.attention.head_count": 2 }, tinyTensors());
    const { config } = await withDirectory({ "m.gguf": file }, openModelConfig);
    expect(config).toMatchObject({ numHeads: 2, numKvHeads: 2, headSize: 8 });
  });

  test("keeps blocks of quantized types as they are", async () => {
    const wide = (dtype: string, shape: readonly number[]) => blank(dtype, shape);
    const metadata = tinyMetadata("llama", {
      "llama.embedding_length": 256,
      "llama.attention.head_count": 2,
      "llama.attention.head_count_kv": 1,
      "llama.feed_forward_length": 256,
      "llama.block_count": 1,
    });
    const file = ggufFile(metadata, {
      "token_embd.weight": wide("Q6_K", [10, 256]),
      "output_norm.weight": wide("F32", [256]),
      "blk.0.attn_norm.weight": wide("F32", [256]),
      "blk.0.attn_q.weight": wide("Q4_K", [256, 256]),
      "blk.0.attn_k.weight": wide("Q5_K", [128, 256]),
      "blk.0.attn_v.weight": wide("Q8_0", [128, 256]),
      "blk.0.attn_output.weight": wide("Q4_0", [256, 256]),
      "blk.0.ffn_norm.weight": wide("F32", [256]),
      "blk.0.ffn_gate.weight": wide("BF16", [256, 256]),
      "blk.0.ffn_up.weight": wide("F16", [256, 256]),
      "blk.0.ffn_down.weight": wide("F32", [256, 256]),
    });
    const { tensors } = await open({ "m.gguf": file });
    const found = plain(tensors).map(({ dtype, numBytes }) => `${dtype} ${numBytes}`);
    expect(found).toEqual([
      `Q6_K ${10 * 210}`,
      "F32 1024",
      "F32 1024",
      `Q4_K ${256 * 144}`,
      `Q5_K ${128 * 176}`,
      `Q8_0 ${128 * 8 * 34}`,
      `Q4_0 ${256 * 8 * 18}`,
      "F32 1024",
      `BF16 ${256 * 256 * 2}`,
      `F16 ${256 * 256 * 2}`,
      `F32 ${256 * 256 * 4}`,
    ]);
  });

  test("has linear scaling under its old and its new keys", async () => {
    const keys = {
      "llama.rope.scaling.type": "linear",
      "llama.rope.scaling.factor": new F32(2),
    };
    for (const changes of [keys, { "llama.rope.scale_linear": new F32(2) }]) {
      expect((await openTiny(changes)).config.ropeScaling).toEqual({ type: "linear", factor: 2 });
    }
  });

  test("has YaRN with llama.cpp's scale of attention", async () => {
    const { config } = await openTiny({
      "llama.rope.scaling.type": "yarn",
      "llama.rope.scaling.factor": new F32(4),
      "llama.rope.scaling.original_context_length": 16,
    });
    expect(config.ropeScaling).toMatchObject({
      type: "yarn",
      factor: 4,
      betaFast: 32,
      betaSlow: 1,
    });
    expect(ropeMagnitude(config)).toBeCloseTo(1 + 0.1 * Math.log(4), 12);
  });

  test("has the factors of Llama 3's rotary scaling", async () => {
    const factors = (values: Float32Array, dtype = "F32") => ({
      ...tinyTensors(),
      "rope_freqs.weight": { dtype, shape: [values.length], bytes: new Uint8Array(values.buffer) },
    });
    const { config } = await openTiny({}, factors(Float32Array.of(1, 8)));
    expect(config.ropeScaling).toEqual({ type: "factors", factors: [1, 8] });
    expect([...ropeFrequencies(config)]).toEqual([1, 500000 ** -0.5 / 8]);
    const linear = { "llama.rope.scale_linear": new F32(2) };
    await expect(openTiny(linear, factors(Float32Array.of(1, 8)))).rejects.toThrow(
      "supported: one of them",
    );
    for (const wrong of [Float32Array.of(1, 0), Float32Array.of(Number.NaN, 1)]) {
      await expect(openTiny({}, factors(wrong))).rejects.toThrow("a factor that is not above 0");
    }
    await expect(openTiny({}, factors(Float32Array.of(1, 2, 3)))).rejects.toThrow("need 2");
    await expect(openTiny({}, factors(Float32Array.of(1, 2), "I32"))).rejects.toThrow(
      "has the type I32",
    );
  });

  test("names keys that nothing is known of, and passes over what is off or harmless", async () => {
    const { unusedKeys } = await openTiny({
      ...{ "llama.frobnicate": 3, "llama.logit_scale": 1, "llama.attention.causal": true },
      ...{ "llama.attn_logit_softcapping": 0, "llama.vocab_size": 10, "general.type": "model" },
      ...{ "llama.expert_used_count": 0, "general.author": "x", "other.logit_scale": 2 },
      ...{ "general.sampling.mirostat": 2, "general.sampling.mirostat_tau": 5 },
      ...{ "general.sampling.penalty_last_n": 64, "general.sampling.xtc_probability": 0 },
    });
    expect(unusedKeys).toEqual(["m.gguf: llama.frobnicate", "m.gguf: general.sampling.mirostat"]);
  });

  test("takes a factor without a type for linear scaling, as llama.cpp does", async () => {
    const { config } = await openTiny({ "llama.rope.scaling.factor": 4 });
    expect(config.ropeScaling).toEqual({ type: "linear", factor: 4 });
  });

  test("keeps sampling defaults", async () => {
    const sampling = {
      "general.sampling.temp": 0.5,
      "general.sampling.top_p": 0.75,
      "general.sampling.top_k": 20,
      "general.sampling.penalty_repeat": 1.5,
    };
    expect((await openTiny(sampling)).generationDefaults).toEqual({
      temperature: 0.5,
      topP: 0.75,
      topK: 20,
      repetitionPenalty: 1.5,
    });
  });

  test("ends where its keys say, and at control tokens that are known to end an answer", async () => {
    const ends = ["</s>", "<|im_end|>", "<|eot_id|>", "b", "c", "d", "e", "<end_of_turn>"];
    const tokens = ["a", "<s>", ...ends];
    const { config } = await openTiny({
      "tokenizer.ggml.eos_token_id": 8,
      "tokenizer.ggml.eot_token_id": 4,
      "tokenizer.ggml.tokens": tokens,
      "tokenizer.ggml.token_type": Int32Array.of(1, 3, 3, 1, 3, 1, 1, 1, 3, 3),
    });
    // `<|im_end|>` is an ordinary token in this file.
    expect(config.eosTokenIds).toEqual([8, 4, 2, 9]);
  });
});

describe("a model of another kind is refused by name:", () => {
  test.each<[string, Changes]>([
    [
      'general.architecture is "gpt2"; supported: llama, qwen2, qwen3',
      { "general.architecture": "gpt2" },
    ],
    ["general.architecture is missing", { "general.architecture": undefined }],
    ["llama.block_count is missing", { "llama.block_count": undefined }],
    ["llama.block_count is 0", { "llama.block_count": 0 }],
    ['llama.embedding_length is "16"', { "llama.embedding_length": "16" }],
    [
      "llama.embedding_length is 18446744073709552000",
      { "llama.embedding_length": 2n ** 64n - 1n },
    ],
    ["head_count_kv is [2, 2]", { "llama.attention.head_count_kv": Uint32Array.of(2, 2) }],
    ["is no multiple of that of key-value heads", { "llama.attention.head_count_kv": 3 }],
    ["llama.attention.key_length is missing", { "llama.attention.head_count": 3 }],
    ["value_length is 8 in heads of size 4", { "llama.attention.value_length": 8 }],
    ["rope.dimension_count is 2 in heads of size 4", { "llama.rope.dimension_count": 2 }],
    ["a mixture of 8 experts", { "llama.expert_count": 8 }],
    ["sliding_window is 32 in a context of 64", { "llama.attention.sliding_window": 32 }],
    ["rope.scale_linear is missing", { "llama.rope.scaling.type": "linear" }],
    ["rope.scaling.factor is missing", { "llama.rope.scaling.type": "yarn" }],
    ['rope.scaling.type is "longrope"', { "llama.rope.scaling.type": "longrope" }],
    ["freq_base is 0", { "llama.rope.freq_base": 0 }],
    ["layer_norm_rms_epsilon is NaN", { "llama.attention.layer_norm_rms_epsilon": Number.NaN }],
    [
      "eos_token_id is 10; expected a whole number from 0 to 9",
      { "tokenizer.ggml.eos_token_id": 10 },
    ],
  ])("%s", async (message, changes) => {
    await expect(openTiny(changes)).rejects.toThrow(ModelError);
    await expect(openTiny(changes)).rejects.toThrow(message);
  });

  test.each<[string, MetadataValue]>([
    ["llama.attn_logit_softcapping", 50],
    ["llama.final_logit_softcapping", 30],
    ["llama.logit_scale", 0.0625],
    ["llama.residual_scale", 0.25],
    ["llama.embedding_scale", 12],
    ["llama.attention.scale", 0.015625],
    ["llama.attention.clamp_kqv", 8],
    ["llama.attention.max_alibi_bias", 8],
    ["llama.attention.causal", false],
    ["llama.attention.temperature_scale", 0.5],
    ["llama.attention.sliding_window_pattern", 2],
    ["llama.rope.dimension_sections", Int32Array.of(2, 2)],
    ["llama.rope.scaling.yarn_log_multiplier", 0.5],
    ["llama.rope.scaling.attn_factor", 1.5],
    ["llama.rope.freq_base_swa", 10000],
    ["llama.nextn_predict_layers", 1],
    ["llama.use_parallel_residual", true],
    ["general.type", "adapter"],
  ])("%s, as another decoder has it", async (key, value) => {
    await expect(openTiny({ [key]: value })).rejects.toThrow(ModelError);
    await expect(openTiny({ [key]: value })).rejects.toThrow(`m.gguf: ${key} is `);
  });

  test.each<[string, TinyTensors]>([
    ['m.gguf: tensor "token_embd.weight" is missing', without("token_embd.weight")],
    ['tensor "blk.1.ffn_up.weight" of shape [24, 16] is in none', without("blk.1.ffn_up.weight")],
    ["has the shape [16, 24]", { ...tinyTensors(), "blk.0.ffn_up.weight": blank("F16", [16, 24]) }],
    [
      '"blk.0.ffn_up.weight" is stored as Q8_1; supported: F32, F16, BF16, Q8_0',
      {
        ...tinyTensors(),
        "blk.0.ffn_up.weight": { dtype: "Q8_1", shape: [16, 32], bytes: new Uint8Array(36 * 16) },
      },
    ],
    ['"blk.0.attn_q.bias" has no place', tinyTensors({ "attn_q.bias": 16 })],
    ['"blk.0.attn_output.bias" has no place', tinyTensors({ "attn_output.bias": 16 })],
  ])("%s", async (message, tensors) => {
    await expect(openTiny({}, tensors)).rejects.toThrow(ModelError);
    await expect(openTiny({}, tensors)).rejects.toThrow(message);
  });
});

describe("a directory", () => {
  test("with one GGUF file is that model", async () => {
    await withDirectory({ "any name.gguf": tinyGguf(), "README.md": "" }, async (directory) => {
      expect((await openModel(directory)).path).toBe(join(directory, "any name.gguf"));
      expect((await openModelConfig(directory)).config.numLayers).toBe(2);
    });
  });

  test("with several has them named", async () => {
    const files = { "a.gguf": tinyGguf(), "b.gguf": tinyGguf() };
    const opened = withDirectory(files, openModel);
    await expect(opened).rejects.toThrow("has 2 GGUF files (a.gguf, b.gguf); give the path of one");
  });

  test("that is complete without the GGUF file is opened without it", async () => {
    const { config } = await withDirectory(tinyModel({ "m.gguf": tinyGguf() }), openModel);
    expect(config.ropeLayout).toBe("halves");
  });

  test("with nothing but a config.json and a GGUF file is the GGUF file", async () => {
    const files = { "config.json": JSON.stringify(TINY_CONFIG), "m.gguf": tinyGguf() };
    expect((await withDirectory(files, openModel)).config.ropeLayout).toBe("interleaved");
  });

  test("with neither is told what a model is", async () => {
    const opened = withDirectory({}, openModel);
    await expect(opened).rejects.toThrow(ModelNotFoundError);
    await expect(opened).rejects.toThrow("has no config.json and no GGUF file");
  });
});

describe("a model in parts", () => {
  const names = [1, 2, 3].map((part) => `m-0000${part}-of-00003.gguf`);

  function parts(changes: Readonly<Record<number, Changes>> = {}): Record<string, Uint8Array> {
    const tensors = Object.entries(tinyTensors());
    const files = names.map((name, part) => {
      const split = { "split.no": part, "split.count": 3, "split.tensors.count": tensors.length };
      const own = Object.fromEntries(tensors.filter((_, index) => index % 3 === part));
      const keys = { ...split, ...changes[part] };
      const metadata = part === 0 ? tinyMetadata("llama", keys) : keys;
      return [name, ggufFile(metadata as Record<string, MetadataValue>, own)];
    });
    return Object.fromEntries(files);
  }

  const openPart = (files: Files, part = 0) =>
    withDirectory(files, (directory) => openModel(join(directory, names[part] ?? "")));

  test("opens like one in a single file, from its first part or its directory", async () => {
    const single = await openTiny();
    const several = await openPart(parts());
    expect(several.config).toEqual(single.config);
    expect([...several.tensors.keys()]).toEqual([...single.tensors.keys()]);
    const paths = new Set(plain(several.tensors).map(({ path }) => path.slice(-21)));
    expect([...paths].sort()).toEqual(names.map((name) => name.slice(-21)));
    expect((await withDirectory(parts(), openModel)).tensors.size).toBe(21);
  });

  test("asks for its first part, by name", async () => {
    await expect(openPart(parts(), 1)).rejects.toThrow(
      "is part 2 of a model, where part 1 is expected; give m-00001-of-00003.gguf",
    );
  });

  test("is refused when a part is missing, mistaken, or not called as it was", async () => {
    const { [names[2] ?? ""]: _, ...missing } = parts();
    await expect(openPart(missing)).rejects.toThrow("m-00003-of-00003.gguf is missing");
    await expect(openPart(parts({ 2: { "split.no": 1 } }))).rejects.toThrow("is part 2 of a model");
    await expect(openPart(parts({ 0: { "split.tensors.count": 22 } }))).rejects.toThrow(
      "the parts have 21 tensors of 22",
    );
    const renamed = { "m.gguf": parts()[names[0] ?? ""] ?? "" };
    await expect(open(renamed)).rejects.toThrow("is the first of 3 parts");
  });

  test("is refused when two parts have one tensor", async () => {
    const first = parts()[names[0] ?? ""] ?? new Uint8Array();
    const files = { ...parts({ 1: {} }), [names[1] ?? ""]: first };
    await expect(openPart(files)).rejects.toThrow("is part 1 of a model, where part 2 is expected");
    const tensors = ggufFile({ "split.no": 1 }, { "output.weight": blank("F16", [10, 16]) });
    const twice = { ...parts(), [names[1] ?? ""]: tensors };
    await expect(openPart(twice)).rejects.toThrow(/tensor "output.weight" is in both/);
  });
});

test("changed bytes give a model with tensors in its file, or a ModelError", async () => {
  const file = tinyGguf();
  const change = fc.tuple(fc.nat(file.length - 1), fc.nat(255));
  await withDirectory({}, async (directory) => {
    const path = join(directory, "m.gguf");
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const bytes = Uint8Array.from(file);
        for (const [index, value] of changes) bytes[index] = value;
        await Bun.write(path, bytes);
        const outcome = await openModel(path).catch((error: unknown) => error);
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(ModelError);
      }),
      { numRuns: 1000 },
    );
  });
});

test("any value in any key gives a model or a ModelError", async () => {
  const keys = Object.keys(tinyMetadata("llama"));
  keys.push("llama.attention.key_length", "general.alignment", "split.count", "split.no");
  keys.push("tokenizer.ggml.tokens", "tokenizer.ggml.token_type", "general.sampling.temp");
  const value = fc.oneof<fc.Arbitrary<MetadataValue>[]>(
    fc.nat(2 ** 32 - 1),
    fc.constantFrom(2n ** 63n, 2n ** 64n - 1n),
    fc.double().map((number) => new F32(number)),
    fc.string(),
    fc.boolean(),
    fc.array(fc.string()),
    fc.int32Array(),
  );
  await withDirectory({}, async (directory) => {
    const path = join(directory, "m.gguf");
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...keys), value, async (key, changed) => {
        await Bun.write(path, tinyGguf("llama", { [key]: changed }));
        const outcome = await openModel(path).catch((error: unknown) => error);
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(ModelError);
      }),
      { numRuns: 500 },
    );
  });
});
