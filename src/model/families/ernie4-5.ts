import type { Family } from "./family.ts";
import { LLAMA_TENSORS } from "./llama.ts";

/** ERNIE 4.5 without experts. */
export const ERNIE4_5: Family = {
  name: "ernie4_5",
  architecture: "Ernie4_5ForCausalLM",
  gguf: { architecture: "ernie4_5", ropeLayout: "interleaved" },
  ropeLayout: "interleaved",
  defaults: { maxPositionEmbeddings: 131072, headSize: 128 },
  slidingWindow: "none",
  attentionBias: "never",
  qkNorm: false,
  tensors: LLAMA_TENSORS,
};
