import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";

import { ModelError, ModelNotFoundError } from "../../src/model/model-files.ts";
import { openModel, openModelConfig } from "../../src/model/open-model.ts";
import { TINY_CONFIG, tinyModel, tinyTensors, withDirectory } from "./model-directory.ts";
import { safetensorsFile, zeros } from "./safetensors-writer.ts";

const TINYSTORIES = join(import.meta.dir, "../../../shared/data/tinystories-656k");

type Files = Readonly<Record<string, string | Uint8Array>>;

const open = (files: Files) => withDirectory(files, openModel);

function withConfig(changes: object): Files {
  return { "config.json": JSON.stringify({ ...TINY_CONFIG, ...changes }) };
}

function without(name: string) {
  const { [name]: _, ...rest } = tinyTensors();
  return { "model.safetensors": safetensorsFile(rest) };
}

/** The tiny model in two shards, and the index that says which tensor is where. */
function sharded(): Record<string, string | Uint8Array> {
  const entries = Object.entries(tinyTensors());
  const names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] as const;
  const halves = [entries.slice(0, 8), entries.slice(8)] as const;
  const pairs = halves.flatMap((half, i) => half.map(([tensor]) => [tensor, names[i]]));
  return {
    "config.json": JSON.stringify(TINY_CONFIG),
    "model.safetensors.index.json": JSON.stringify({
      metadata: { total_size: 1 },
      weight_map: Object.fromEntries(pairs),
    }),
    [names[0]]: safetensorsFile(Object.fromEntries(halves[0])),
    [names[1]]: safetensorsFile(Object.fromEntries(halves[1])),
  };
}

describe("a model directory", () => {
  test.each(["F32", "F16", "BF16"] as const)("with weights in %s opens", async (dtype) => {
    const weights = safetensorsFile(tinyTensors(dtype));
    const { tensors, config } = await open(tinyModel({ "model.safetensors": weights }));
    expect(tensors.size).toBe(3 + 2 * 9);
    expect(tensors.get("model.layers.1.mlp.down_proj.weight")).toMatchObject({
      dtype,
      shape: [16, 24],
      numBytes: 16 * 24 * (dtype === "F32" ? 4 : 2),
    });
    expect(config.numLayers).toBe(2);
  });

  test("in shards opens like one in a single file", async () => {
    const shards = await open(sharded());
    const single = await open(tinyModel());
    const numBytes = ({ tensors }: typeof single) =>
      [...tensors].map(([name, tensor]) => [name, tensor.numBytes]);
    expect(numBytes(shards)).toEqual(numBytes(single));
  });

  test("keeps sampling defaults and end tokens of generation_config.json", async () => {
    const generation = { eos_token_id: [2, 7], temperature: 0.6, top_p: 0.9, top_k: -1 };
    const files = tinyModel({ "generation_config.json": JSON.stringify(generation) });
    await withDirectory(files, async (directory) => {
      const card = await openModelConfig(directory);
      expect(card.config.eosTokenIds).toEqual([2, 7]);
      expect(card.generationDefaults).toEqual({ temperature: 0.6, topP: 0.9, topK: 0 });
      expect(card.path).toBe(directory);
    });
  });

  test("has the configuration read without any weights there", async () => {
    const { vocabSize } = (await withDirectory(withConfig({}), openModelConfig)).config;
    expect(vocabSize).toBe(10);
  });

  test("leaves tables out that follow from the configuration", async () => {
    const tables = ["model.rotary_emb.inv_freq", "model.layers.0.self_attn.rotary_emb.inv_freq"];
    const extra = Object.fromEntries(tables.map((name) => [name, zeros("F32", [2])]));
    const weights = safetensorsFile({ ...tinyTensors(), ...extra });
    const { tensors } = await open(tinyModel({ "model.safetensors": weights }));
    for (const name of tables) expect(tensors.has(name)).toBe(false);
  });

  test("may be made of links, as the hub's cache is", async () => {
    await withDirectory(tinyModel(), (blobs) =>
      withDirectory({}, async (directory) => {
        for (const name of ["config.json", "model.safetensors"]) {
          await symlink(join(blobs, name), join(directory, name));
        }
        expect((await openModel(directory)).tensors.size).toBe(21);
      }),
    );
  });
});

describe("a family with tensors of its own", () => {
  const vector = (size: number) => zeros("F32", [size]);

  /** The tiny model as another family, with `extra` tensors in both layers. */
  function family(name: string, extra: Readonly<Record<string, number>>): Files {
    const layers = [0, 1].flatMap((layer) =>
      Object.entries(extra).map(([tensor, size]) => [
        `model.layers.${layer}.self_attn.${tensor}`,
        vector(size),
      ]),
    );
    const weights = safetensorsFile({ ...tinyTensors(), ...Object.fromEntries(layers) });
    const config = withConfig({ architectures: [name], head_dim: 4 });
    return tinyModel({ ...config, "model.safetensors": weights });
  }

  const biases = { "q_proj.bias": 16, "k_proj.bias": 8, "v_proj.bias": 8 };
  const norms = { "q_norm.weight": 4, "k_norm.weight": 4 };

  test.each([
    ["Qwen2ForCausalLM", biases],
    ["Qwen3ForCausalLM", norms],
  ])("%s has them checked and listed", async (name, extra) => {
    const { tensors } = await open(family(name, extra));
    for (const [tensor, size] of Object.entries(extra)) {
      expect(tensors.get(`model.layers.1.self_attn.${tensor}`)).toMatchObject({ shape: [size] });
    }
    expect(tensors.size).toBe(21 + 2 * Object.keys(extra).length);
  });

  test.each([
    ["Qwen2ForCausalLM", {}, '"model.layers.0.self_attn.q_proj.bias" of shape [16] is in none'],
    ["Qwen2ForCausalLM", { ...biases, "k_proj.bias": 16 }, "has the shape [16]"],
    ["Qwen3ForCausalLM", {}, '"model.layers.0.self_attn.q_norm.weight" of shape [4] is in none'],
    ["Qwen3ForCausalLM", { ...norms, "k_norm.weight": 8 }, "has the shape [8]"],
  ])("%s without them, or with others, is refused: %j", async (name, extra, message) => {
    await expect(open(family(name, extra))).rejects.toThrow(message);
  });

  test.each([
    ["LlamaForCausalLM", { "q_proj.bias": 16 }],
    ["LlamaForCausalLM", { "q_norm.weight": 4 }],
    ["MistralForCausalLM", { "k_norm.weight": 4 }],
    ["Qwen2ForCausalLM", { ...biases, "o_proj.bias": 16 }],
    ["Qwen3ForCausalLM", { ...norms, "v_proj.bias": 8 }],
    ["LlamaForCausalLM", { sinks: 4 }],
  ])("%s is refused with those of others, by name: %j", async (name, extra) => {
    const tensor = Object.keys(extra).at(-1);
    await expect(open(family(name, extra))).rejects.toThrow(
      new RegExp(`model.safetensors: tensor "model.layers.0.self_attn.${tensor}" has no place`),
    );
  });

  test("is refused with layers that its configuration does not count", async () => {
    const files = tinyModel(withConfig({ num_hidden_layers: 1 }));
    await expect(open(files)).rejects.toThrow(/tensor "model\.layers\.1\..*" has no place/);
  });
});

describe("a tied model", () => {
  const tied = withConfig({ tie_word_embeddings: true });

  test.each([
    ["both matrices", tinyModel(tied)],
    ["the embedding only", tinyModel({ ...tied, ...without("lm_head.weight") })],
    ["the head only", tinyModel({ ...tied, ...without("model.embed_tokens.weight") })],
  ])("that stores %s has one, as the embedding", async (_, files) => {
    const { tensors } = await open(files);
    expect(tensors.get("model.embed_tokens.weight")).toMatchObject({
      name: "model.embed_tokens.weight",
      shape: [10, 16],
    });
    expect(tensors.has("lm_head.weight")).toBe(false);
  });

  test("whose files have a head that differs from the embedding has both", async () => {
    const head = zeros("F32", [10, 16]);
    head.bytes[10 * 16 * 4 - 1] = 1;
    const weights = safetensorsFile({ ...tinyTensors(), "lm_head.weight": head });
    const { tensors, config } = await open(tinyModel({ ...tied, "model.safetensors": weights }));
    expect(config.tieWordEmbeddings).toBe(false);
    expect(tensors.get("lm_head.weight")).toMatchObject({ shape: [10, 16] });
  });

  test("is what the cure for a missing head speaks of", async () => {
    await expect(open(tinyModel(without("lm_head.weight")))).rejects.toThrow(
      'config.json must say "tie_word_embeddings": true',
    );
  });
});

describe("what is not there", () => {
  test("a missing directory is named", async () => {
    await expect(openModel("/no/such/model")).rejects.toThrow(ModelNotFoundError);
    await expect(openModel("/no/such/model")).rejects.toThrow(
      "no model at /no/such/model. Give the path of a Hugging Face model directory, or of a GGUF file",
    );
  });

  test("a repository of the hub gets told how to fetch it", async () => {
    await expect(openModelConfig("deepseek-ai/DeepSeek-R1-Distill-Llama-8B")).rejects.toThrow(
      "dynamo pull deepseek-ai/DeepSeek-R1-Distill-Llama-8B",
    );
  });

  test("a file that is no model is told so", async () => {
    await withDirectory({ "model.bin": "BIN is not GGUF" }, async (directory) => {
      await expect(openModel(join(directory, "model.bin"))).rejects.toThrow("is no GGUF file");
    });
    await expect(openModel("/dev/null")).rejects.toThrow("is neither a directory nor a file");
  });

  test.each([
    "config.json",
    "generation_config.json",
    "model.safetensors.index.json",
    "model.safetensors",
  ])("a pipe, a device or a folder in the place of %s is named, and not read", async (name) => {
    const makers = [
      (path: string) => void Bun.spawnSync(["mkfifo", path]),
      (path: string) => symlink("/dev/zero", path),
      (path: string) => mkdir(path),
    ];
    for (const make of makers) {
      const { [name]: _, ...files } = tinyModel();
      await withDirectory(files, async (directory) => {
        await make(join(directory, name));
        await expect(openModel(directory)).rejects.toThrow(`${name} is not a regular file`);
      });
    }
  });

  test("a pipe as a GGUF file is named, and not read", async () => {
    await withDirectory({}, async (directory) => {
      const path = join(directory, "m.gguf");
      Bun.spawnSync(["mkfifo", path]);
      await expect(openModel(path)).rejects.toThrow("is neither a directory nor a file");
      await expect(openModel(directory)).rejects.toThrow(`${path} is not a regular file`);
    });
  });

  test.each([
    ["config.json", {}, "has no config.json"],
    ["weights", withConfig({}), "has no model.safetensors"],
    ["index", { ...withConfig({}), "model-1.safetensors": "" }, "no model.safetensors.index.json"],
  ])("a missing %s is named", async (_, files, message) => {
    await expect(open(files)).rejects.toThrow(ModelNotFoundError);
    await expect(open(files)).rejects.toThrow(message);
  });

  test("pickles are refused with the way to convert them", async () => {
    const files = { ...withConfig({}), "pytorch_model.bin": "PK" };
    await expect(open(files)).rejects.toThrow("pytorch_model.bin only. That is a pickle");
    await expect(open(files)).rejects.toThrow("safe_serialization=True");
  });
});

describe("weights that do not fit", () => {
  test("a missing tensor is named with the shape it should have", async () => {
    await expect(open(tinyModel(without("model.layers.1.mlp.up_proj.weight")))).rejects.toThrow(
      'tensor "model.layers.1.mlp.up_proj.weight" of shape [24, 16] is in none',
    );
  });

  test("a tensor of another shape is named with both shapes", async () => {
    await expect(open(tinyModel(withConfig({ intermediate_size: 25 })))).rejects.toThrow(
      '"model.layers.0.mlp.gate_proj.weight" has the shape [24, 16]; ' +
        "the model's configuration calls for [25, 16]",
    );
  });

  test("a tensor of a dtype that is not computed with is named", async () => {
    const norm = { dtype: "I8", shape: [16], bytes: new Uint8Array(16) };
    const file = safetensorsFile({ ...tinyTensors(), "model.norm.weight": norm });
    await expect(open(tinyModel({ "model.safetensors": file }))).rejects.toThrow(
      "is stored as I8; supported: F32, F16, BF16",
    );
  });
});

describe("a shard index", () => {
  function indexed(map: Readonly<Record<string, unknown>>): Files {
    return { ...sharded(), "model.safetensors.index.json": JSON.stringify({ weight_map: map }) };
  }

  test.each([
    "../secret.safetensors",
    "/etc/secret.safetensors",
    "a/b.safetensors",
    "a\\b.safetensors",
    "a\0.safetensors",
  ])("cannot lead out of its directory: %p", async (shard) => {
    await expect(open(indexed({ a: shard }))).rejects.toThrow("only plain file names");
  });

  test.each([
    ["not in a .safetensors file", { a: "pytorch_model.bin" }],
    ["a is 1; expected a string", { a: 1 }],
    ["is missing", { a: "model-00003-of-00002.safetensors" }],
    ["which does not have it", { "model.norm.weight": "model-00002-of-00002.safetensors" }],
  ])("that is wrong is refused: %s", async (message, map) => {
    await expect(open(indexed(map))).rejects.toThrow(ModelError);
    await expect(open(indexed(map))).rejects.toThrow(message);
  });

  test("without a weight_map is refused", async () => {
    const files = { ...sharded(), "model.safetensors.index.json": "{}" };
    await expect(open(files)).rejects.toThrow("weight_map is missing");
  });

  test("whose shards have a tensor twice is refused", async () => {
    const all = safetensorsFile(tinyTensors());
    const files = { ...sharded(), "model-00002-of-00002.safetensors": all };
    await expect(open(files)).rejects.toThrow("is in both");
  });
});

test.skipIf(!existsSync(TINYSTORIES))("a real model opens (needs shared/data)", async () => {
  const { config, tensors } = await openModel(TINYSTORIES);
  expect(config).toMatchObject({ numLayers: 2, numKvHeads: 4, tieWordEmbeddings: true });
  // This file stores the tied matrix as the head.
  expect(tensors.get("model.embed_tokens.weight")).toMatchObject({ shape: [2048, 128] });
});
