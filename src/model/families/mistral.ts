import type { Family } from "./family.ts";
import { LLAMA_TENSORS } from "./llama.ts";

export const MISTRAL: Family = {
  name: "mistral",
  architecture: "MistralForCausalLM",
  gguf: undefined, // its files say "llama"
  ropeLayout: "halves",
  defaults: { maxPositionEmbeddings: 131072 },
  slidingWindow: "all layers",
  attentionBias: "never",
  qkNorm: false,
  tensors: LLAMA_TENSORS,
};
