// How the engine holds K and V, and what they take. native/src/cpu/attention/kv_layer.h lays them out.

import type { ModelConfig, ModelTensor } from "../model/model-files.ts";

export const KV_CACHE_DTYPES = ["float32", "bfloat16", "int8"] as const;

export type KvCacheDType = (typeof KV_CACHE_DTYPES)[number];

/** What `auto` means: as exact as the weights. A model of F32 keeps F32, any other gets BF16. */
export function kvCacheDTypeFor(tensors: Iterable<ModelTensor>): KvCacheDType {
  for (const tensor of tensors) {
    if (tensor.type !== "plain" || tensor.dtype !== "F32") return "bfloat16";
  }
  return "float32";
}

const ELEMENT_BYTES = { float32: 4, bfloat16: 2, int8: 1 } as const;

/** Positions of a block that lie together; a block is filled up to whole strips, a head likewise. */
const STRIP = 16;

/** Scales of a token's K and V, for each KV head. */
const INT8_SCALE_BYTES = 8;

/** K and V of one block, in all layers. */
export function kvBlockBytes(
  { numLayers, numKvHeads, headSize }: Pick<ModelConfig, "numLayers" | "numKvHeads" | "headSize">,
  blockSize: number,
  dtype: KvCacheDType,
): number {
  const roundUp = (count: number) => Math.ceil(count / STRIP) * STRIP;
  const headBytes = 2 * roundUp(headSize) * ELEMENT_BYTES[dtype];
  const scaleBytes = dtype === "int8" ? INT8_SCALE_BYTES : 0;
  return numLayers * numKvHeads * roundUp(blockSize) * (headBytes + scaleBytes);
}
