// Gemma 2 and 3. Their files on the Hugging Face hub have the weights w of all norms as w - 1; the converter to
// GGUF adds the 1.

import { type Family, POST_NORM_TENSORS, type TensorRow } from "./family.ts";
import { LLAMA_TENSORS } from "./llama.ts";

const TENSORS: readonly TensorRow[] = [...LLAMA_TENSORS.map(inGemma), ...POST_NORM_TENSORS];

/** Llama calls the norm before the MLP by its place behind attention, where Gemma has another. */
function inGemma(of: TensorRow): TensorRow {
  if (of.role !== "mlp_norm") return of;
  return { ...of, huggingFace: "model.layers.*.pre_feedforward_layernorm.weight" };
}

const DECODER = {
  postNorms: "besides",
  normOffset: 1,
  activation: "gelu_tanh",
  scaledEmbedding: true,
} as const;

export const GEMMA2: Family = {
  name: "gemma2",
  architecture: "Gemma2ForCausalLM",
  gguf: { architecture: "gemma2", ropeLayout: "halves", globalEvery: 2, layersScaledByHidden: 46 },
  ropeLayout: "halves",
  defaults: {
    ...{ maxPositionEmbeddings: 8192, headSize: 256, tieWordEmbeddings: true },
    ...{ queryPreAttnScalar: 256, attentionSoftcap: 50, logitSoftcap: 30 },
  },
  slidingWindow: { type: "all but every Nth", n: 2 },
  attentionBias: "never",
  qkNorm: false,
  tensors: TENSORS,
  decoder: DECODER,
  keys: [
    ...(["query_pre_attn_scalar", "attn_logit_softcapping", "final_logit_softcapping"] as const),
    "sliding_window_pattern",
  ],
};

export const GEMMA3: Family = {
  name: "gemma3_text",
  architecture: "Gemma3ForCausalLM",
  gguf: { architecture: "gemma3", ropeLayout: "halves", globalEvery: 6, layersScaledByHidden: 62 },
  ropeLayout: "halves",
  defaults: {
    ...{ maxPositionEmbeddings: 131072, headSize: 256, tieWordEmbeddings: true },
    ...{ ropeTheta: 1e6, queryPreAttnScalar: 256, vocabSize: 262208, numHeads: 8, numKvHeads: 4 },
  },
  slidingWindow: { type: "all but every Nth", n: 6 },
  attentionBias: "never",
  qkNorm: true,
  tensors: TENSORS,
  decoder: { ...DECODER, localRope: "own base" },
  keys: [
    ...(["query_pre_attn_scalar", "attn_logit_softcapping", "final_logit_softcapping"] as const),
    ...(["sliding_window_pattern", "rope_local_base_freq"] as const),
  ],
  wrapper: {
    architecture: "Gemma3ForConditionalGeneration",
    modelType: "gemma3",
    prefixes: { "language_model.": "", "model.language_model.": "model." },
    others: [
      ...["vision_tower.", "multi_modal_projector."],
      ...["model.vision_tower.", "model.multi_modal_projector."],
    ],
  },
};
