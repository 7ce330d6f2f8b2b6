// What an engine takes of memory beside its KV blocks: packed weights (native/src/pack/family.h) and workspace
// (native/src/graph/decoder.cc lays it out).

import type { ModelConfig, ModelTensor } from "../model/model-files.ts";
import type { OnlineQuantization } from "./native-model.ts";

// A group of 32 weights with its scale.
const W8_BYTES = 34 / 32;
const W4_BYTES = 18 / 32;

/** Weights as the engine holds them: as large as they are stored, unless they are made smaller at load. */
export function packedBytes(
  tensors: Iterable<ModelTensor>,
  quantization: OnlineQuantization,
): number {
  let bytes = 0;
  for (const { name, shape, numBytes, ...tensor } of tensors) {
    const isMade = quantization !== undefined && isFloat(tensor) && shape.length === 2;
    const isVocabulary = name === "model.embed_tokens.weight" || name === "lm_head.weight";
    const perWeight = quantization === "q4" && !isVocabulary ? W4_BYTES : W8_BYTES;
    bytes += isMade ? shape.reduce((product, size) => product * size, 1) * perWeight : numBytes;
  }
  return bytes;
}

export interface WorkspaceLimits {
  readonly maxNumSeqs: number;
  readonly maxNumBatchedTokens: number;
}

/**
 * An upper bound for one worker: pages that no step has touched take nothing. `inputBytes` are those of one
 * activation that goes into a product.
 */
export function workspaceBytes(
  config: ModelConfig,
  inputBytes: number,
  { maxNumSeqs, maxNumBatchedTokens }: WorkspaceLimits,
): number {
  const { hiddenSize, intermediateSize, vocabSize, numHeads, numKvHeads, headSize } = config;
  const q = numHeads * headSize;
  const kv = numKvHeads * headSize;
  // Residual stream and its norm, q and what is attended, k and v, and the angles of RoPE: F32.
  const floats = 2 * hiddenSize + 2 * q + 2 * kv + headSize;
  const inputs = hiddenSize + q + intermediateSize;
  return maxNumBatchedTokens * (4 * floats + inputBytes * inputs) + maxNumSeqs * 4 * vocabSize;
}

/** Bytes of one activation in all the forms that the weights want: F32, BF16, or 8 bits and a share of a scale. */
export function inputBytes(
  tensors: Iterable<ModelTensor>,
  quantization: OnlineQuantization,
): number {
  const forms = new Set<number>();
  for (const { shape, ...tensor } of tensors) {
    if (shape.length !== 2) continue;
    if (quantization !== undefined || !isFloat(tensor)) forms.add(1.25);
    else forms.add(tensor.dtype === "BF16" ? 2 : 4);
  }
  return [...forms].reduce((sum, bytes) => sum + bytes, 0);
}

type Stored =
  | { readonly type: "plain"; readonly dtype: string }
  | { readonly type: "gptq" | "awq" };

function isFloat(tensor: Stored): tensor is Stored & { readonly type: "plain" } {
  return tensor.type === "plain" && ["F32", "F16", "BF16"].includes(tensor.dtype);
}
