// What an engine takes of memory beside its KV blocks: packed weights (native/src/pack/family.h) and workspace
// (native/src/graph/decoder.cc lays it out).

import type { ModelConfig, ModelTensor } from "../model/model-files.ts";
import type { OnlineQuantization } from "./native-model.ts";

// A group of 32 weights with its scale.
const W8_BYTES = 34 / 32;
const W4_BYTES = 18 / 32;

/** Where packing changes the size: a 6-bit scale or minimum takes a byte. */
const REPACKED_BYTES: Readonly<Record<string, number>> = { Q4_K: 18.5 / 32, Q5_K: 22.5 / 32 };

/** Weights as the engine holds them: about as large as they are stored, unless they are made smaller at load. */
export function packedBytes(
  tensors: Iterable<ModelTensor>,
  quantization: OnlineQuantization,
): number {
  let bytes = 0;
  for (const tensor of tensors) {
    const perWeight = bytesPerWeight(tensor, quantization);
    const numWeights = tensor.shape.reduce((product, size) => product * size, 1);
    bytes += perWeight === undefined ? tensor.numBytes : numWeights * perWeight;
  }
  return bytes;
}

/** `undefined` for what takes as much as in its file. */
function bytesPerWeight(tensor: ModelTensor, quantization: OnlineQuantization): number | undefined {
  // 4 bits, and a scale and a zero point of 16.
  if (tensor.type !== "plain") return 1 / 2 + 4 / tensor.groupSize;
  const { name, dtype, shape } = tensor;
  const isMade = quantization !== undefined && isFloat(tensor) && shape.length === 2;
  if (!isMade) return REPACKED_BYTES[dtype];
  const isVocabulary = name === "model.embed_tokens.weight" || name === "lm_head.weight";
  return quantization === "q4" && !isVocabulary ? W4_BYTES : W8_BYTES;
}

export interface WorkspaceLimits {
  /** Of logits; see RunnerLimits. */
  readonly maxNumRows: number;
  readonly maxNumBatchedTokens: number;
  readonly maxModelLen: number;
}

/** Attention of so many tokens may be cut into spans of so many positions (native/src/graph/attention_plan.cc). */
const SPLIT_TOKENS = 8;
const SPAN = 512;

/**
 * An upper bound for one worker: pages that no step has touched take nothing. `inputBytes` are those of one
 * activation that goes into a product.
 */
export function workspaceBytes(
  config: ModelConfig,
  inputBytes: number,
  { maxNumRows, maxNumBatchedTokens, maxModelLen }: WorkspaceLimits,
): number {
  const { hiddenSize, intermediateSize, vocabSize, numHeads, numKvHeads, headSize } = config;
  const q = numHeads * headSize;
  const kv = numKvHeads * headSize;
  // Residual stream and its norm, q and what is attended, k and v, and the angles of RoPE: F32.
  const floats = 2 * hiddenSize + 2 * q + 2 * kv + headSize;
  const inputs = hiddenSize + q + intermediateSize;
  const numSpans = Math.ceil(maxModelLen / SPAN) + 1;
  const parts = numSpans * SPLIT_TOKENS * 4 * (q + 16 * numHeads);
  const logits = maxNumRows * 4 * vocabSize;
  return maxNumBatchedTokens * (4 * floats + inputBytes * inputs) + parts + logits;
}

/** 8 bits, and for 32 of them a scale, three sums in integers and one in F32. */
const S8_BYTES = 1 + 20 / 32;

/** Bytes of one activation in all the forms that the weights want: F32, BF16, or levels of 8 bits. */
export function inputBytes(
  tensors: Iterable<ModelTensor>,
  quantization: OnlineQuantization,
): number {
  const forms = new Set<number>();
  for (const { shape, ...tensor } of tensors) {
    if (shape.length !== 2) continue;
    if (quantization !== undefined || !isFloat(tensor)) forms.add(S8_BYTES);
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
