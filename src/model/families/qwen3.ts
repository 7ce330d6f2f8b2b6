import type { Family } from "./family.ts";
import { LLAMA_TENSORS } from "./llama.ts";

export const QWEN3: Family = {
  name: "qwen3",
  architecture: "Qwen3ForCausalLM",
  gguf: { architecture: "qwen3", ropeLayout: "halves" },
  ropeLayout: "halves",
  defaults: { maxPositionEmbeddings: 32768, headSize: 128 },
  slidingWindow: "upper layers",
  attentionBias: "never",
  qkNorm: true,
  tensors: LLAMA_TENSORS,
};
