// Model directories made for tests: a tiny Llama, its files to be changed one at a time.

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import type { ModelTensor, TensorSlice } from "../../src/model/model-files.ts";
import { safetensorsFile, type TensorSource, zeros } from "./safetensors-writer.ts";

/** Runs `use` with a directory that holds `files` by name, and removes it. */
export async function withDirectory<T>(
  files: Readonly<Record<string, string | Uint8Array>>,
  use: (directory: string) => Promise<T>,
): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), "dynamo-model-"));
  try {
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(join(directory, name)), { recursive: true });
      await writeFile(join(directory, name), content);
    }
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** A model's tensors, none of which is in several pieces. */
export function plain(tensors: ReadonlyMap<string, ModelTensor>): readonly TensorSlice[] {
  return [...tensors.values()].map((tensor) => {
    if (tensor.type === "plain") return tensor;
    throw new Error(`${tensor.name} is in pieces`);
  });
}

/** config.json of a model with 4 query heads and 2 key-value heads of size 4. */
export const TINY_CONFIG = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  vocab_size: 10,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  bos_token_id: 1,
  eos_token_id: 2,
  tie_word_embeddings: false,
} as const;

export function tinyTensors(dtype: "F32" | "F16" | "BF16" = "F32"): Record<string, TensorSource> {
  const tensors: Record<string, TensorSource> = {
    "model.embed_tokens.weight": zeros(dtype, [10, 16]),
    "model.norm.weight": zeros(dtype, [16]),
    "lm_head.weight": zeros(dtype, [10, 16]),
  };
  for (const layer of [0, 1]) {
    const shapes = {
      "input_layernorm.weight": [16],
      "self_attn.q_proj.weight": [16, 16],
      "self_attn.k_proj.weight": [8, 16],
      "self_attn.v_proj.weight": [8, 16],
      "self_attn.o_proj.weight": [16, 16],
      "post_attention_layernorm.weight": [16],
      "mlp.gate_proj.weight": [24, 16],
      "mlp.up_proj.weight": [24, 16],
      "mlp.down_proj.weight": [16, 24],
    };
    for (const [name, shape] of Object.entries(shapes)) {
      tensors[`model.layers.${layer}.${name}`] = zeros(dtype, shape);
    }
  }
  return tensors;
}

/** The files of the tiny model, some of them replaced or added. */
export function tinyModel(
  files: Readonly<Record<string, string | Uint8Array>> = {},
): Record<string, string | Uint8Array> {
  return {
    "config.json": JSON.stringify(TINY_CONFIG),
    "model.safetensors": safetensorsFile(tinyTensors()),
    ...files,
  };
}
