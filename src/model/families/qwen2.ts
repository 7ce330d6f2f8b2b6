import type { Family } from "./family.ts";
import { LLAMA_TENSORS } from "./llama.ts";

export const QWEN2: Family = {
  name: "qwen2",
  architecture: "Qwen2ForCausalLM",
  gguf: { architecture: "qwen2", ropeLayout: "halves" },
  ropeLayout: "halves",
  defaults: { maxPositionEmbeddings: 32768 },
  slidingWindow: "upper layers",
  attentionBias: "always",
  qkNorm: false,
  tensors: LLAMA_TENSORS,
};
