// transformers holds the factor of a scaled embedding in the type of the embedding's weights, and so do vLLM and the
// models' own training: sqrt(1152) is 34 beside BF16.

import { tensorName } from "./families/family.ts";
import { familyOf } from "./families.ts";
import type { ModelConfig, StoredTensor } from "./model-files.ts";

/** Bits of a significand, the first included. */
const PRECISION: Readonly<Record<string, number>> = { F16: 11, BF16: 8 };

/** The configuration as the files have it: its factor rounded to their type. */
export function roundEmbeddingScale(
  config: ModelConfig,
  stored: ReadonlyMap<string, StoredTensor>,
): ModelConfig {
  const { embeddingScale } = config;
  const embedding = stored.get(tensorName(familyOf(config), "embedding", "huggingFace"));
  const precision = PRECISION[embedding?.dtype ?? ""];
  if (embeddingScale === undefined || precision === undefined) return config;
  const unit = 2 ** (Math.floor(Math.log2(embeddingScale)) - precision + 1);
  return { ...config, embeddingScale: Math.round(embeddingScale / unit) * unit };
}
