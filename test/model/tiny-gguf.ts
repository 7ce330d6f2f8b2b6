// The tiny Llama of model-directory.ts as a GGUF file, to be changed one thing at a time.

import {
  F32,
  type GgufMetadata,
  ggufFile,
  type MetadataValue,
  tensorBytes,
} from "./gguf-writer.ts";
import type { TensorSource } from "./safetensors-writer.ts";

export type TinyTensors = Readonly<Record<string, TensorSource>>;

/** Metadata of 2 layers with 4 query heads and 2 key-value heads of size 4, and 10 tokens. */
export function tinyMetadata(
  architecture: string,
  changes: Readonly<Record<string, MetadataValue | undefined>> = {},
): GgufMetadata {
  const fields = {
    "general.architecture": architecture,
    [`${architecture}.block_count`]: 2,
    [`${architecture}.context_length`]: 64,
    [`${architecture}.embedding_length`]: 16,
    [`${architecture}.feed_forward_length`]: 24,
    [`${architecture}.attention.head_count`]: 4,
    [`${architecture}.attention.head_count_kv`]: 2,
    [`${architecture}.attention.layer_norm_rms_epsilon`]: 0.0009765625,
    [`${architecture}.rope.freq_base`]: new F32(500000),
    "tokenizer.ggml.bos_token_id": 1,
    "tokenizer.ggml.eos_token_id": 2,
    ...changes,
  };
  return Object.fromEntries(
    Object.entries(fields).filter(
      (field): field is [string, MetadataValue] => field[1] !== undefined,
    ),
  );
}

const NORMS = ["attn_norm", "ffn_norm"];
const MATRICES = {
  attn_q: [16, 16],
  attn_k: [8, 16],
  attn_v: [8, 16],
  attn_output: [16, 16],
  ffn_gate: [24, 16],
  ffn_up: [24, 16],
  ffn_down: [16, 24],
};

/** `extra` are tensors that each layer has beside Llama's, as vectors of that size. */
export function tinyTensors(extra: Readonly<Record<string, number>> = {}): TinyTensors {
  const tensors: Record<string, TensorSource> = {
    "token_embd.weight": blank("F16", [10, 16]),
    "output_norm.weight": blank("F32", [16]),
    "output.weight": blank("F16", [10, 16]),
  };
  for (const layer of [0, 1]) {
    for (const name of NORMS) tensors[`blk.${layer}.${name}.weight`] = blank("F32", [16]);
    for (const [name, shape] of Object.entries(MATRICES)) {
      tensors[`blk.${layer}.${name}.weight`] = blank("F16", shape);
    }
    for (const [name, size] of Object.entries(extra)) {
      tensors[`blk.${layer}.${name}`] = blank("F32", [size]);
    }
  }
  return tensors;
}

/** A tensor of zero bytes. */
export function blank(dtype: string, shape: readonly number[]): TensorSource {
  return { dtype, shape, bytes: new Uint8Array(tensorBytes(dtype, shape)) };
}

export function tinyGguf(
  architecture = "llama",
  changes: Readonly<Record<string, MetadataValue | undefined>> = {},
  tensors: TinyTensors = tinyTensors(),
): Uint8Array {
  return ggufFile(tinyMetadata(architecture, changes), tensors);
}
