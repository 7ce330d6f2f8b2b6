// Tiny models with seeded random weights of the families with local layers or norms behind a block: as a
// directory of the Hugging Face hub has them, and as the GGUF file that llama.cpp's converter makes of it.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { randomNumbers } from "../engine/tiny-model.ts";
import type { GemmaConfig } from "../reference/gemma.ts";
import { F32, type GgufMetadata, ggufFile } from "./gguf-writer.ts";
import { safetensorsFile, type TensorSource } from "./safetensors-writer.ts";

export type TinyFamily = "gemma2" | "gemma3_text" | "olmo2" | "olmo3" | "exaone4";

const CLASSES = {
  gemma2: "Gemma2ForCausalLM",
  gemma3_text: "Gemma3ForCausalLM",
  olmo2: "Olmo2ForCausalLM",
  olmo3: "Olmo3ForCausalLM",
  exaone4: "Exaone4ForCausalLM",
} as const;

/** Local layers between global ones. */
const EVERY: Readonly<Record<TinyFamily, number>> = {
  ...{ gemma2: 2, gemma3_text: 6, olmo2: Infinity, olmo3: 4, exaone4: 4 },
};

export interface TinyFamilyOptions extends Partial<GemmaConfig> {
  readonly family: TinyFamily;
  readonly dtype?: "F32" | "BF16";
  readonly seed?: number;
  readonly intermediate_size?: number;
  /** Only other layers than the family's. */
  readonly layer_types?: readonly string[];
}

type FullConfig = GemmaConfig & {
  readonly architectures: readonly string[];
  readonly intermediate_size: number;
  readonly max_position_embeddings: number;
  readonly layer_types?: readonly string[];
};

/** config.json of such a model. */
export function tinyFamilyConfig(options: TinyFamilyOptions): FullConfig {
  const { family, dtype = "F32", seed: _, ...changes } = options;
  const isGemma = family.startsWith("gemma");
  const numLayers = changes.num_hidden_layers ?? Math.min(EVERY[family], 6);
  const types = Array.from({ length: numLayers }, (__, layer) =>
    family !== "olmo2" && (layer + 1) % EVERY[family] !== 0
      ? "sliding_attention"
      : "full_attention",
  );
  return {
    architectures: [CLASSES[family]],
    model_type: family,
    torch_dtype: dtype === "BF16" ? "bfloat16" : "float32",
    vocab_size: 64,
    hidden_size: 32,
    intermediate_size: 48,
    num_hidden_layers: numLayers,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 8,
    rms_norm_eps: isGemma ? 1e-6 : 1e-5,
    rope_theta: family === "gemma3_text" ? 1e6 : 500,
    max_position_embeddings: 256,
    tie_word_embeddings: isGemma,
    ...(family !== "olmo2" && { sliding_window: 16, layer_types: types }),
    ...(isGemma && { query_pre_attn_scalar: 24, hidden_activation: "gelu_pytorch_tanh" }),
    ...(family === "gemma2" && { attn_logit_softcapping: 5, final_logit_softcapping: 4 }),
    ...(family === "gemma3_text" && { rope_local_base_freq: 100 }),
    ...changes,
  };
}

/** Writes a directory. Equal options give equal files. */
export function writeTinyFamily(directory: string, options: TinyFamilyOptions): FullConfig {
  const config = tinyFamilyConfig(options);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "config.json"), JSON.stringify(config));
  writeFileSync(join(directory, "model.safetensors"), safetensorsFile(tinyFamilyTensors(options)));
  return config;
}

/** The tensors of such a model, by their names on the hub. */
export function tinyFamilyTensors(options: TinyFamilyOptions): Record<string, TensorSource> {
  const { family, dtype = "F32", seed = 1 } = options;
  const config = tinyFamilyConfig(options);
  const random = randomNumbers(seed);
  const isGemma = family.startsWith("gemma");
  const all: Record<string, TensorSource> = {};
  const put = (name: string, shape: readonly number[], values: readonly number[]) => {
    all[`${name}.weight`] = { dtype, shape, bytes: toBytes(values, dtype) };
  };
  const matrix = (name: string, rows: number, columns: number, scale = 3) => {
    const values = Array.from(
      { length: rows * columns },
      () => (scale * random()) / Math.sqrt(columns),
    );
    put(name, [rows, columns], values);
  };
  const norm = (name: string, length = config.hidden_size) => {
    const center = isGemma ? 0 : 1;
    put(
      name,
      [length],
      Array.from({ length }, () => center + 0.3 * random()),
    );
  };
  const { hidden_size: hidden, intermediate_size: intermediate, head_dim: size } = config;
  const q = config.num_attention_heads * size;
  const kv = config.num_key_value_heads * size;
  matrix("model.embed_tokens", config.vocab_size, hidden);
  norm("model.norm");
  if (!config.tie_word_embeddings) matrix("lm_head", config.vocab_size, hidden);
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const prefix = `model.layers.${layer}`;
    if (isGemma) norm(`${prefix}.input_layernorm`);
    matrix(`${prefix}.self_attn.q_proj`, q, hidden);
    matrix(`${prefix}.self_attn.k_proj`, kv, hidden);
    matrix(`${prefix}.self_attn.v_proj`, kv, hidden);
    matrix(`${prefix}.self_attn.o_proj`, hidden, q);
    if (family !== "gemma2") {
      const isRows = family.startsWith("olmo");
      norm(`${prefix}.self_attn.q_norm`, isRows ? q : size);
      norm(`${prefix}.self_attn.k_norm`, isRows ? kv : size);
    }
    norm(`${prefix}.post_attention_layernorm`);
    if (isGemma) norm(`${prefix}.pre_feedforward_layernorm`);
    matrix(`${prefix}.mlp.gate_proj`, intermediate, hidden);
    matrix(`${prefix}.mlp.up_proj`, intermediate, hidden);
    matrix(`${prefix}.mlp.down_proj`, hidden, intermediate);
    norm(`${prefix}.post_feedforward_layernorm`);
  }
  return all;
}

/** Names of the converter, where they are not those of all families. */
const GGUF_NAMES: Readonly<Record<string, string>> = {
  "model.embed_tokens": "token_embd",
  "model.norm": "output_norm",
  lm_head: "output",
  input_layernorm: "attn_norm",
  post_attention_layernorm: "post_attention_norm",
  pre_feedforward_layernorm: "ffn_norm",
  post_feedforward_layernorm: "post_ffw_norm",
  "self_attn.q_proj": "attn_q",
  "self_attn.k_proj": "attn_k",
  "self_attn.v_proj": "attn_v",
  "self_attn.o_proj": "attn_output",
  "self_attn.q_norm": "attn_q_norm",
  "self_attn.k_norm": "attn_k_norm",
  "mlp.gate_proj": "ffn_gate",
  "mlp.up_proj": "ffn_up",
  "mlp.down_proj": "ffn_down",
};

function ggufName(name: string): string {
  const [, layer, part = name] = /^model\.layers\.(\d+)\.(.*)\.weight$/.exec(name) ?? [];
  const own = GGUF_NAMES[part.replace(/\.weight$/, "")];
  if (own === undefined) throw new Error(`no name for ${name}`);
  return `${layer === undefined ? "" : `blk.${layer}.`}${own}.weight`;
}

/** Such a model as a GGUF file. */
export function tinyFamilyGguf(
  options: TinyFamilyOptions,
  changes: Readonly<Record<string, GgufMetadata[string] | undefined>> = {},
): Uint8Array {
  const config = tinyFamilyConfig(options);
  const isGemma = options.family.startsWith("gemma");
  const tensors = Object.entries(tinyFamilyTensors(options)).map(([name, tensor]) => {
    const isVector = tensor.shape.length === 1;
    const bytes = isVector ? asF32(tensor, isGemma ? 1 : 0) : tensor.bytes;
    return [ggufName(name), { ...tensor, ...(isVector && { dtype: "F32" }), bytes }] as const;
  });
  return ggufFile(ggufMetadata(config, changes), Object.fromEntries(tensors));
}

function ggufMetadata(
  config: FullConfig,
  changes: Readonly<Record<string, GgufMetadata[string] | undefined>>,
): GgufMetadata {
  const name = { gemma3_text: "gemma3", olmo3: "olmo2" }[config.model_type] ?? config.model_type;
  const { attn_logit_softcapping: cap, final_logit_softcapping: finalCap } = config;
  const fields: Record<string, GgufMetadata[string] | undefined> = {
    "general.architecture": name,
    [`${name}.block_count`]: config.num_hidden_layers,
    [`${name}.context_length`]: config.max_position_embeddings,
    [`${name}.embedding_length`]: config.hidden_size,
    [`${name}.feed_forward_length`]: config.intermediate_size,
    [`${name}.attention.head_count`]: config.num_attention_heads,
    [`${name}.attention.head_count_kv`]: config.num_key_value_heads,
    [`${name}.attention.key_length`]: config.head_dim,
    [`${name}.attention.value_length`]: config.head_dim,
    [`${name}.attention.layer_norm_rms_epsilon`]: new F32(config.rms_norm_eps),
    [`${name}.rope.freq_base`]: new F32(config.rope_theta),
    [`${name}.attention.sliding_window`]: config.sliding_window ?? undefined,
    [`${name}.attn_logit_softcapping`]: cap == null ? undefined : new F32(cap),
    [`${name}.final_logit_softcapping`]: finalCap == null ? undefined : new F32(finalCap),
    "tokenizer.ggml.bos_token_id": 1,
    "tokenizer.ggml.eos_token_id": 2,
    ...changes,
  };
  const there = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(there) as GgufMetadata; // of which `filter` does not know
}

function asF32({ bytes, dtype }: TensorSource, offset: number): Uint8Array {
  const copy = bytes.slice().buffer;
  const values =
    dtype === "F32"
      ? new Float32Array(copy)
      : new Float32Array(Uint32Array.from(new Uint16Array(copy), (bits) => bits << 16).buffer);
  return new Uint8Array(values.map((value) => value + offset).buffer);
}

function toBytes(values: readonly number[], dtype: "F32" | "BF16"): Uint8Array {
  const floats = new Float32Array(values);
  if (dtype === "F32") return new Uint8Array(floats.buffer);
  const halves = Uint16Array.from(new Uint32Array(floats.buffer), (bits) => bits >>> 16);
  return new Uint8Array(halves.buffer);
}
