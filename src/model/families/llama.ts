import type { ModelConfig } from "../model-files.ts";
import { type Family, row } from "./family.ts";

const isUntied = (config: ModelConfig) => !config.tieWordEmbeddings;
const hasBias = (config: ModelConfig) => config.attentionBias;
const hasQkNorm = (config: ModelConfig) => config.qkNorm;
const hasMlp = (config: ModelConfig, layer: number) => !config.experts?.layers[layer];

/** Llama's decoder, with what its descendants add. */
export const LLAMA_TENSORS = [
  row("embedding", ["V", "H"], "model.embed_tokens.weight", "token_embd.weight"),
  row("final_norm", ["H"], "model.norm.weight", "output_norm.weight"),
  row("head", ["V", "H"], "lm_head.weight", "output.weight", isUntied),

  row("attention_norm", ["H"], "model.layers.*.input_layernorm.weight", "blk.*.attn_norm.weight"),
  row("q", ["Q", "H"], "model.layers.*.self_attn.q_proj.weight", "blk.*.attn_q.weight"),
  row("k", ["K", "H"], "model.layers.*.self_attn.k_proj.weight", "blk.*.attn_k.weight"),
  row("v", ["K", "H"], "model.layers.*.self_attn.v_proj.weight", "blk.*.attn_v.weight"),
  row("o", ["H", "Q"], "model.layers.*.self_attn.o_proj.weight", "blk.*.attn_output.weight"),
  row("mlp_norm", ["H"], "model.layers.*.post_attention_layernorm.weight", "blk.*.ffn_norm.weight"),
  row("gate", ["I", "H"], "model.layers.*.mlp.gate_proj.weight", "blk.*.ffn_gate.weight", hasMlp),
  row("up", ["I", "H"], "model.layers.*.mlp.up_proj.weight", "blk.*.ffn_up.weight", hasMlp),
  row("down", ["H", "I"], "model.layers.*.mlp.down_proj.weight", "blk.*.ffn_down.weight", hasMlp),

  row(
    "q_norm",
    ["D"],
    "model.layers.*.self_attn.q_norm.weight",
    "blk.*.attn_q_norm.weight",
    hasQkNorm,
  ),
  row(
    "k_norm",
    ["D"],
    "model.layers.*.self_attn.k_norm.weight",
    "blk.*.attn_k_norm.weight",
    hasQkNorm,
  ),

  row("q_bias", ["Q"], "model.layers.*.self_attn.q_proj.bias", "blk.*.attn_q.bias", hasBias),
  row("k_bias", ["K"], "model.layers.*.self_attn.k_proj.bias", "blk.*.attn_k.bias", hasBias),
  row("v_bias", ["K"], "model.layers.*.self_attn.v_proj.bias", "blk.*.attn_v.bias", hasBias),
];

export const LLAMA: Family = {
  name: "llama",
  architecture: "LlamaForCausalLM",
  gguf: { architecture: "llama", ropeLayout: "interleaved" },
  ropeLayout: "halves",
  defaults: { maxPositionEmbeddings: 2048 },
  slidingWindow: "none",
  attentionBias: "never",
  qkNorm: false,
  tensors: LLAMA_TENSORS,
};
