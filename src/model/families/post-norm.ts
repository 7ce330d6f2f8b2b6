// Families whose only norms of the residual stream are behind attention and MLP: OLMo 2 and 3, EXAONE 4.

import { type Extent, type Family, POST_NORM_TENSORS, type TensorRow } from "./family.ts";
import { LLAMA_TENSORS } from "./llama.ts";

const TENSORS: readonly TensorRow[] = [
  ...LLAMA_TENSORS.filter(({ role }) => role !== "attention_norm" && role !== "mlp_norm"),
  ...POST_NORM_TENSORS,
];

/** OLMo norms all heads of q, and of k, as one. */
const ROW_EXTENTS: Readonly<Record<string, Extent>> = { q_norm: "Q", k_norm: "K" };

function inOlmo(of: TensorRow): TensorRow {
  const extent = ROW_EXTENTS[of.role];
  return extent === undefined ? of : { ...of, shape: [extent] };
}

export const OLMO2: Family = {
  name: "olmo2",
  architecture: "Olmo2ForCausalLM",
  gguf: { architecture: "olmo2", ropeLayout: "halves", globalEvery: 4 },
  ropeLayout: "halves",
  defaults: { maxPositionEmbeddings: 2048, rmsNormEps: 1e-5 },
  slidingWindow: "none",
  attentionBias: "never",
  qkNorm: true,
  tensors: TENSORS.map(inOlmo),
  decoder: { postNorms: "instead", qkNormRows: true, localRope: "unscaled" },
};

export const OLMO3: Family = {
  ...OLMO2,
  name: "olmo3",
  architecture: "Olmo3ForCausalLM",
  gguf: undefined, // its files say "olmo2", and have a window
  slidingWindow: { type: "all but every Nth", n: 4 },
};

export const EXAONE4: Family = {
  name: "exaone4",
  architecture: "Exaone4ForCausalLM",
  gguf: { architecture: "exaone4", ropeLayout: "halves", globalEvery: 4 },
  ropeLayout: "halves",
  defaults: { maxPositionEmbeddings: 2048, rmsNormEps: 1e-5 },
  slidingWindow: { type: "all but every Nth", n: 4 },
  attentionBias: "never",
  qkNorm: true,
  tensors: TENSORS,
  decoder: { postNorms: "instead", localRope: "alone" },
  keys: ["sliding_window_pattern"],
};
