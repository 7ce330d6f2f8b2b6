import { expertTensors } from "./experts.ts";
import type { Family } from "./family.ts";
import { LLAMA_TENSORS } from "./llama.ts";

export const QWEN3_MOE: Family = {
  name: "qwen3_moe",
  architecture: "Qwen3MoeForCausalLM",
  gguf: { architecture: "qwen3moe", ropeLayout: "halves" },
  ropeLayout: "halves",
  defaults: { maxPositionEmbeddings: 32768 },
  slidingWindow: "upper layers",
  attentionBias: "never",
  qkNorm: true,
  experts: {
    count: { key: "num_experts", default: 128 },
    perToken: { key: "num_experts_per_tok", default: 8 },
    size: { key: "moe_intermediate_size", default: 768 },
    normTopK: "asked",
    layers: "some",
  },
  tensors: [
    ...LLAMA_TENSORS,
    ...expertTensors({
      router: "mlp.gate",
      gate: "mlp.experts.*.gate_proj",
      up: "mlp.experts.*.up_proj",
      down: "mlp.experts.*.down_proj",
    }),
  ],
};
