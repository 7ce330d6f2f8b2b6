// Tiny Llamas with seeded random weights, written as Hugging Face writes models: config.json and
// model.safetensors. Real enough for every path of the engine, small enough for a slow reference.

import assert from "node:assert";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { safetensorsFile, type TensorSource } from "../model/safetensors-writer.ts";

export interface TinyModelOptions {
  readonly seed?: number;
  readonly dtype?: "F32" | "F16" | "BF16";
  readonly vocabSize?: number;
  readonly hiddenSize?: number;
  readonly intermediateSize?: number;
  readonly numLayers?: number;
  readonly numHeads?: number;
  readonly numKvHeads?: number;
  readonly headSize?: number;
  readonly maxPositionEmbeddings?: number;
  readonly ropeTheta?: number;
  /** As in config.json. */
  readonly ropeScaling?: Readonly<Record<string, string | number>>;
  /** As Mistral has it. */
  readonly slidingWindow?: number;
  readonly tieWordEmbeddings?: boolean;
  /** As Qwen2 has it. */
  readonly attentionBias?: boolean;
  /** As Qwen3 has it. */
  readonly qkNorm?: boolean;
  readonly eosTokenId?: number;
  /** A weight that is NaN: the tensor's name and the element's index. */
  readonly nan?: readonly [string, number];
}

/** Writes a model into `directory`, which is made if need be. Equal options give equal files. */
export function writeTinyModel(directory: string, options: TinyModelOptions = {}): void {
  const { seed = 1, dtype = "F32", nan, ...config } = options;
  const full = withDefaults(config);
  const weights = tensors(full, seed, dtype);
  if (nan !== undefined) breakWeight(weights, ...nan);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "config.json"), JSON.stringify(configJson(full, dtype)));
  writeFileSync(join(directory, "model.safetensors"), safetensorsFile(weights));
}

type Shape = ReturnType<typeof withDefaults>;
type DType = NonNullable<TinyModelOptions["dtype"]>;

function withDefaults(options: Omit<TinyModelOptions, "seed" | "dtype" | "nan">) {
  return {
    vocabSize: 64,
    hiddenSize: 32,
    intermediateSize: 48,
    numLayers: 2,
    numHeads: 4,
    numKvHeads: 2,
    headSize: 8,
    maxPositionEmbeddings: 256,
    ropeTheta: 10000,
    ropeScaling: undefined,
    slidingWindow: undefined,
    tieWordEmbeddings: true,
    attentionBias: false,
    qkNorm: false,
    eosTokenId: 2,
    ...options,
  };
}

const TORCH_DTYPES = { F32: "float32", F16: "float16", BF16: "bfloat16" } as const;

function configJson(shape: Shape, dtype: DType) {
  return {
    ...family(shape),
    torch_dtype: TORCH_DTYPES[dtype],
    hidden_act: "silu",
    vocab_size: shape.vocabSize,
    hidden_size: shape.hiddenSize,
    intermediate_size: shape.intermediateSize,
    num_hidden_layers: shape.numLayers,
    num_attention_heads: shape.numHeads,
    num_key_value_heads: shape.numKvHeads,
    head_dim: shape.headSize,
    max_position_embeddings: shape.maxPositionEmbeddings,
    rms_norm_eps: 1e-5,
    rope_theta: shape.ropeTheta,
    rope_scaling: shape.ropeScaling ?? null,
    sliding_window: shape.slidingWindow ?? null,
    tie_word_embeddings: shape.tieWordEmbeddings,
    bos_token_id: 1,
    eos_token_id: shape.eosTokenId,
  };
}

function family({ attentionBias, qkNorm, slidingWindow }: Shape) {
  if (qkNorm) return { architectures: ["Qwen3ForCausalLM"], model_type: "qwen3" };
  if (attentionBias) return { architectures: ["Qwen2ForCausalLM"], model_type: "qwen2" };
  if (slidingWindow !== undefined) {
    return { architectures: ["MistralForCausalLM"], model_type: "mistral" };
  }
  return { architectures: ["LlamaForCausalLM"], model_type: "llama" };
}

function tensors(shape: Shape, seed: number, dtype: DType): Record<string, TensorSource> {
  const random = randomNumbers(seed);
  const q = shape.numHeads * shape.headSize;
  const kv = shape.numKvHeads * shape.headSize;
  const { hiddenSize: hidden, intermediateSize: intermediate, vocabSize: vocab } = shape;
  const all: Record<string, TensorSource> = {};
  const matrix = (name: string, rows: number, columns: number) => {
    // Large enough that the next token depends on all of the prompt, not on the last token alone.
    const values = Array.from({ length: rows * columns }, () => random() / Math.sqrt(columns));
    const scaled = values.map((value) => 3 * value);
    all[`${name}.weight`] = { dtype, shape: [rows, columns], bytes: toBytes(scaled, dtype) };
  };
  const vector = (name: string, length: number, center: number) => {
    const values = Array.from({ length }, () => center + 0.2 * random());
    all[name] = { dtype, shape: [length], bytes: toBytes(values, dtype) };
  };
  const norm = (name: string, length = hidden) => vector(`${name}.weight`, length, 1);
  matrix("model.embed_tokens", vocab, hidden);
  norm("model.norm");
  if (!shape.tieWordEmbeddings) matrix("lm_head", vocab, hidden);
  for (let layer = 0; layer < shape.numLayers; layer++) {
    const prefix = `model.layers.${layer}`;
    norm(`${prefix}.input_layernorm`);
    matrix(`${prefix}.self_attn.q_proj`, q, hidden);
    matrix(`${prefix}.self_attn.k_proj`, kv, hidden);
    matrix(`${prefix}.self_attn.v_proj`, kv, hidden);
    matrix(`${prefix}.self_attn.o_proj`, hidden, q);
    if (shape.attentionBias) {
      vector(`${prefix}.self_attn.q_proj.bias`, q, 0);
      vector(`${prefix}.self_attn.k_proj.bias`, kv, 0);
      vector(`${prefix}.self_attn.v_proj.bias`, kv, 0);
    }
    if (shape.qkNorm) {
      norm(`${prefix}.self_attn.q_norm`, shape.headSize);
      norm(`${prefix}.self_attn.k_norm`, shape.headSize);
    }
    norm(`${prefix}.post_attention_layernorm`);
    matrix(`${prefix}.mlp.gate_proj`, intermediate, hidden);
    matrix(`${prefix}.mlp.up_proj`, intermediate, hidden);
    matrix(`${prefix}.mlp.down_proj`, hidden, intermediate);
  }
  return all;
}

function breakWeight(
  weights: Readonly<Record<string, TensorSource>>,
  name: string,
  element: number,
) {
  const { dtype, bytes } = weights[name] ?? assert.fail(`no tensor ${name}`);
  const nan = toBytes([Number.NaN], dtype as DType);
  bytes.set(nan, element * nan.length);
}

/** Uniform in [-1, 1), the same for a seed everywhere (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}

function toBytes(values: readonly number[], dtype: DType): Uint8Array {
  switch (dtype) {
    case "F32":
      return new Uint8Array(new Float32Array(values).buffer);
    case "F16":
      return new Uint8Array(new Float16Array(values).buffer);
    case "BF16": {
      const words = new Uint32Array(new Float32Array(values).buffer);
      return new Uint8Array(Uint16Array.from(words, (bits) => bits >>> 16).buffer);
    }
  }
}
