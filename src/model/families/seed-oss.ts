import type { Family, TensorRow } from "./family.ts";
import { LLAMA_TENSORS } from "./llama.ts";

export const SEED_OSS: Family = {
  name: "seed_oss",
  architecture: "SeedOssForCausalLM",
  gguf: { architecture: "seed_oss", ropeLayout: "halves" },
  ropeLayout: "halves",
  defaults: { maxPositionEmbeddings: 524288, headSize: 128 },
  slidingWindow: "none",
  attentionBias: "asked",
  qkNorm: false,
  tensors: LLAMA_TENSORS.map(inGguf),
};

/** GGUF files call the norm before the MLP by its place behind attention. */
function inGguf(row: TensorRow): TensorRow {
  return row.role === "mlp_norm" ? { ...row, gguf: "blk.*.post_attention_norm.weight" } : row;
}
