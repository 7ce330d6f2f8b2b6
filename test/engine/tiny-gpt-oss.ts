// A tiny gpt-oss with seeded random weights, as the Hugging Face hub has such models and as a GGUF file. Experts are
// MXFP4 in either; in GGUF also the same weights in F32, so that nothing rounds activations.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { F32, ggufFile } from "../model/gguf-writer.ts";
import { safetensorsFile, type TensorSource } from "../model/safetensors-writer.ts";
import { randomNumbers } from "./tiny-model.ts";

/** Experts' rows have 64 and 96 inputs: whole blocks of the packed form, and one and a half. */
export const GPT_OSS = {
  ...{ vocab: 64, hidden: 64, size: 96, layers: 2, heads: 6, kvHeads: 2, headSize: 16 },
  ...{ experts: 5, perToken: 2, window: 8, context: 256, theta: 150000 },
} as const;

const YARN = { factor: 4, original: 64 };
const { vocab, hidden, size, layers, heads, kvHeads, headSize, experts } = GPT_OSS;

type Floats = Float32Array<ArrayBuffer>;

/** Quants are nibbles, low ones first. */
interface Mxfp4 {
  readonly rows: number;
  readonly blocks: Uint8Array; // [experts, rows, inputs / 2]
  readonly scales: Uint8Array; // [experts, rows, inputs / 32]
}

interface Weights {
  /** By the hub's names. */
  readonly floats: ReadonlyMap<
    string,
    { readonly shape: readonly number[]; readonly values: Floats }
  >;
  readonly planes: ReadonlyMap<string, Mxfp4>;
}

function weightsOf(seed: number): Weights {
  const random = randomNumbers(seed);
  const floats = new Map<string, { shape: readonly number[]; values: Floats }>();
  const planes = new Map<string, Mxfp4>();
  const add = (name: string, shape: readonly number[], reach: number, center = 0) => {
    const count = shape.reduce((product, length) => product * length, 1);
    const values = Float32Array.from({ length: count }, () => center + reach * random());
    floats.set(name, { shape, values });
  };
  const matrix = (name: string, rows: number, columns: number) =>
    add(name, [rows, columns], 3 / Math.sqrt(columns));
  const bytes = (length: number, byte: () => number) => Uint8Array.from({ length }, byte);
  const mxfp4 = (name: string, rows: number, inputs: number) => {
    planes.set(name, {
      rows,
      blocks: bytes((experts * rows * inputs) / 2, () => Math.floor((random() + 1) * 128)),
      // Wide enough that gates pass the bounds of the activation.
      scales: bytes((experts * rows * inputs) / 32, () => 125 + Math.floor((random() + 1) * 1.5)),
    });
  };
  matrix("model.embed_tokens.weight", vocab, hidden);
  add("model.norm.weight", [hidden], 0.2, 1);
  matrix("lm_head.weight", vocab, hidden);
  for (let layer = 0; layer < layers; layer++) {
    const at = `model.layers.${layer}`;
    add(`${at}.input_layernorm.weight`, [hidden], 0.2, 1);
    add(`${at}.post_attention_layernorm.weight`, [hidden], 0.2, 1);
    for (const [name, count] of [
      ["q", heads],
      ["k", kvHeads],
      ["v", kvHeads],
    ] as const) {
      matrix(`${at}.self_attn.${name}_proj.weight`, count * headSize, hidden);
      add(`${at}.self_attn.${name}_proj.bias`, [count * headSize], 0.5);
    }
    matrix(`${at}.self_attn.o_proj.weight`, hidden, heads * headSize);
    add(`${at}.self_attn.o_proj.bias`, [hidden], 0.5);
    add(`${at}.self_attn.sinks`, [heads], 3);
    matrix(`${at}.mlp.router.weight`, experts, hidden);
    add(`${at}.mlp.router.bias`, [experts], 1);
    mxfp4(`${at}.mlp.experts.gate_up_proj`, 2 * size, hidden);
    add(`${at}.mlp.experts.gate_up_proj_bias`, [experts, 2 * size], 2);
    mxfp4(`${at}.mlp.experts.down_proj`, hidden, size);
    add(`${at}.mlp.experts.down_proj_bias`, [experts, hidden], 0.5);
  }
  return { floats, planes };
}

export interface GptOssOptions {
  readonly seed?: number;
  /** True: the bounds of YaRN are whole pairs, as in GGUF files; the hub's files say false. */
  readonly truncate?: boolean;
}

export function writeGptOss(directory: string, { seed = 1, truncate = false }: GptOssOptions = {}) {
  const { floats, planes } = weightsOf(seed);
  const tensors: Record<string, TensorSource> = {};
  for (const [name, { shape, values }] of floats) tensors[name] = f32(shape, values);
  for (const [name, { rows, blocks, scales }] of planes) {
    const groups = scales.length / experts / rows;
    const lead = [experts, rows, groups];
    tensors[`${name}_blocks`] = { dtype: "U8", shape: [...lead, 16], bytes: blocks };
    tensors[`${name}_scales`] = { dtype: "U8", shape: lead, bytes: scales };
  }
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "config.json"), JSON.stringify(configJson(truncate)));
  writeFileSync(join(directory, "model.safetensors"), safetensorsFile(tensors));
}

/** The keys of gpt-oss-20b. */
function configJson(truncate: boolean) {
  return {
    ...{ architectures: ["GptOssForCausalLM"], model_type: "gpt_oss", hidden_act: "silu" },
    ...{ attention_bias: true, attention_dropout: 0, initializer_range: 0.02, pad_token_id: 3 },
    ...{ vocab_size: vocab, hidden_size: hidden, intermediate_size: size, head_dim: headSize },
    ...{ num_hidden_layers: layers, num_attention_heads: heads, num_key_value_heads: kvHeads },
    ...{ num_local_experts: experts, num_experts_per_tok: GPT_OSS.perToken, swiglu_limit: 7.0 },
    ...{ experts_per_token: GPT_OSS.perToken, initial_context_length: YARN.original },
    ...{ sliding_window: GPT_OSS.window, max_position_embeddings: GPT_OSS.context },
    layer_types: ["sliding_attention", "full_attention"],
    rms_norm_eps: 1e-5,
    rope_theta: GPT_OSS.theta,
    rope_scaling: {
      ...{ rope_type: "yarn", factor: YARN.factor, beta_fast: 32.0, beta_slow: 1.0, truncate },
      original_max_position_embeddings: YARN.original,
    },
    quantization_config: {
      quant_method: "mxfp4",
      modules_to_not_convert: ["model.layers.*.self_attn", "model.layers.*.mlp.router"],
    },
    ...{ tie_word_embeddings: false, use_cache: true, output_router_logits: false },
    ...{ router_aux_loss_coef: 0.9, eos_token_id: 2, transformers_version: "4.55.0" },
  };
}

export function writeGptOssGguf(path: string, type: "MXFP4" | "F32", seed = 1): void {
  const { floats, planes } = weightsOf(seed);
  const tensors: Record<string, TensorSource> = {};
  for (const [name, { shape, values }] of floats) {
    if (name.endsWith("gate_up_proj_bias")) {
      const at = `blk.${/\d+/.exec(name)?.[0]}`;
      for (const [half, part] of [
        ["gate", 0],
        ["up", 1],
      ] as const) {
        const own = values.filter((_, i) => i % 2 === part);
        tensors[`${at}.ffn_${half}_exps.bias`] = f32([experts, size], own);
      }
    } else tensors[ggufName(name)] = f32(shape, values);
  }
  for (const [name, plane] of planes) {
    const at = `blk.${/\d+/.exec(name)?.[0]}`;
    if (name.endsWith("down_proj")) {
      tensors[`${at}.ffn_down_exps.weight`] = blocksOf(plane, type, () => true);
    } else {
      tensors[`${at}.ffn_gate_exps.weight`] = blocksOf(plane, type, (row) => row % 2 === 0);
      tensors[`${at}.ffn_up_exps.weight`] = blocksOf(plane, type, (row) => row % 2 === 1);
    }
  }
  writeFileSync(path, ggufFile(metadata(), tensors));
}

function metadata() {
  const name = "gpt-oss";
  return {
    "general.architecture": name,
    [`${name}.block_count`]: layers,
    [`${name}.context_length`]: GPT_OSS.context,
    [`${name}.embedding_length`]: hidden,
    [`${name}.feed_forward_length`]: size,
    [`${name}.attention.head_count`]: heads,
    [`${name}.attention.head_count_kv`]: kvHeads,
    [`${name}.attention.key_length`]: headSize,
    [`${name}.attention.value_length`]: headSize,
    [`${name}.attention.layer_norm_rms_epsilon`]: new F32(1e-5),
    [`${name}.attention.sliding_window`]: GPT_OSS.window,
    [`${name}.rope.freq_base`]: new F32(GPT_OSS.theta),
    [`${name}.rope.scaling.type`]: "yarn",
    [`${name}.rope.scaling.factor`]: new F32(YARN.factor),
    [`${name}.rope.scaling.original_context_length`]: YARN.original,
    [`${name}.expert_count`]: experts,
    [`${name}.expert_used_count`]: GPT_OSS.perToken,
    [`${name}.expert_feed_forward_length`]: size,
    "tokenizer.ggml.eos_token_id": 2,
  };
}

const GGUF_NAMES: readonly (readonly [RegExp, string])[] = [
  [/^model\.embed_tokens/, "token_embd"],
  [/^model\.norm/, "output_norm"],
  [/^lm_head/, "output"],
  [/^model\.layers\.(\d+)\./, "blk.$1."],
  [/input_layernorm/, "attn_norm"],
  [/post_attention_layernorm/, "post_attention_norm"],
  [/self_attn\.([qkv])_proj/, "attn_$1"],
  [/self_attn\.o_proj/, "attn_output"],
  [/self_attn\.sinks/, "attn_sinks.weight"],
  [/mlp\.router/, "ffn_gate_inp"],
  [/mlp\.experts\.down_proj_bias/, "ffn_down_exps.bias"],
];

function ggufName(name: string): string {
  return GGUF_NAMES.reduce((text, [from, to]) => text.replace(from, to), name);
}

const E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6];

/** The rows that `isOwn`, of all experts, in GGUF's order of halves or in F32. */
function blocksOf(
  { rows, blocks, scales }: Mxfp4,
  type: "MXFP4" | "F32",
  isOwn: (row: number) => boolean,
): TensorSource {
  const groups = scales.length / experts / rows;
  const bytes: number[] = [];
  const values: number[] = [];
  for (let row = 0; row < experts * rows; row++) {
    if (!isOwn(row % rows)) continue;
    for (let group = row * groups; group < (row + 1) * groups; group++) {
      const own = blocks.subarray(16 * group, 16 * (group + 1));
      const quants = [...own].flatMap((two) => [two & 15, two >> 4]);
      const exponent = scales[group] as number;
      values.push(...quants.map((quant) => (E2M1[quant] as number) * 2 ** (exponent - 127)));
      const halves = quants.slice(0, 16).map((low, i) => low | ((quants[16 + i] as number) << 4));
      bytes.push(exponent, ...halves);
    }
  }
  const inputs = 32 * groups;
  const shape = [experts, values.length / inputs / experts, inputs];
  return type === "F32"
    ? f32(shape, values)
    : { dtype: type, shape, bytes: Uint8Array.from(bytes) };
}

function f32(shape: readonly number[], values: readonly number[] | Floats): TensorSource {
  return { dtype: "F32", shape, bytes: new Uint8Array(Float32Array.from(values).buffer) };
}
