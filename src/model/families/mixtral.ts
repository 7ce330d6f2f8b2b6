import { expertTensors } from "./experts.ts";
import type { Family } from "./family.ts";
import { LLAMA_TENSORS } from "./llama.ts";

export const MIXTRAL: Family = {
  name: "mixtral",
  architecture: "MixtralForCausalLM",
  gguf: { architecture: "llama", ropeLayout: "interleaved" },
  ropeLayout: "halves",
  defaults: { maxPositionEmbeddings: 131072 },
  slidingWindow: "where asked",
  attentionBias: "never",
  qkNorm: false,
  experts: {
    count: { key: "num_local_experts", default: 8 },
    perToken: { key: "num_experts_per_tok", default: 2 },
    size: { key: "intermediate_size" },
    normTopK: "always",
    layers: "all",
  },
  tensors: [
    ...LLAMA_TENSORS,
    ...expertTensors({
      router: "block_sparse_moe.gate",
      gate: "block_sparse_moe.experts.*.w1",
      up: "block_sparse_moe.experts.*.w3",
      down: "block_sparse_moe.experts.*.w2",
    }),
  ],
};
