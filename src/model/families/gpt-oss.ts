// gpt-oss: experts in MXFP4, sinks, a window in every other layer. The hub's files have one tensor for all experts, in which
// rows of gate and up alternate.

import type { ModelConfig } from "../model-files.ts";
import { expertTensors } from "./experts.ts";
import { type Family, type MergedExperts, row, type TensorRow } from "./family.ts";
import { LLAMA_TENSORS } from "./llama.ts";

const hasExperts = (config: ModelConfig, layer: number) => config.experts?.layers[layer] === true;

const GATE_UP = "model.layers.*.mlp.experts.gate_up_proj";
const MERGED = {
  gate: { name: GATE_UP, first: 0, step: 2 },
  up: { name: GATE_UP, first: 1, step: 2 },
  down: { name: "model.layers.*.mlp.experts.down_proj", first: 0, step: 1 },
} as const satisfies Readonly<Record<string, MergedExperts>>;

type Matrix = keyof typeof MERGED;

function bias(of: Matrix, size: "M" | "H"): TensorRow {
  const hub = `model.layers.*.mlp.experts.*.${of}_proj.bias`;
  return row(`expert_${of}_bias`, [size], hub, `blk.*.ffn_${of}_exps.bias`, hasExperts);
}

const TENSORS: readonly TensorRow[] = [
  ...LLAMA_TENSORS.map(inGguf),
  row("o_bias", ["H"], "model.layers.*.self_attn.o_proj.bias", "blk.*.attn_output.bias"),
  row("sinks", ["N"], "model.layers.*.self_attn.sinks", "blk.*.attn_sinks.weight"),
  row(
    "router_bias",
    ["E"],
    "model.layers.*.mlp.router.bias",
    "blk.*.ffn_gate_inp.bias",
    hasExperts,
  ),
  ...[
    ...expertTensors({
      router: "mlp.router",
      gate: "mlp.experts.*.gate_proj",
      up: "mlp.experts.*.up_proj",
      down: "mlp.experts.*.down_proj",
    }),
    ...[bias("gate", "M"), bias("up", "M"), bias("down", "H")],
  ].map(merged),
];

/** GGUF files call the norm before the MLP by its place behind attention. */
function inGguf(of: TensorRow): TensorRow {
  return of.role === "mlp_norm" ? { ...of, gguf: "blk.*.post_attention_norm.weight" } : of;
}

function merged(of: TensorRow): TensorRow {
  const matrix = /(?<=^expert_)[a-z]+/.exec(of.role)?.[0];
  return matrix === undefined ? of : { ...of, merged: MERGED[matrix as Matrix] };
}

export const GPT_OSS: Family = {
  name: "gpt_oss",
  architecture: "GptOssForCausalLM",
  gguf: { architecture: "gpt-oss", ropeLayout: "halves", globalEvery: 2 },
  ropeLayout: "halves",
  defaults: { maxPositionEmbeddings: 131072, headSize: 64, ropeTheta: 150000 },
  slidingWindow: { type: "all but every Nth", n: 2 },
  attentionBias: "always",
  qkNorm: false,
  decoder: { activation: "clamped_swiglu", outputBias: true, attentionSinks: true },
  experts: {
    count: { key: "num_local_experts", default: 128 },
    perToken: { key: "num_experts_per_tok", default: 4 },
    size: { key: "intermediate_size" },
    normTopK: "always",
    layers: "all",
    bias: true,
    limit: { key: "swiglu_limit", value: 7 },
    others: ["experts_per_token", "initial_context_length", "swiglu_alpha"],
  },
  tensors: TENSORS,
};
