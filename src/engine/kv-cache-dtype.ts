// How the engine holds K and V. native/src/cpu/attention/kv_layer.h lays them out, and native/src/cuda/kv_layer.h for GPUs.

import type { ModelTensor } from "../model/model-files.ts";

export const KV_CACHE_DTYPES = ["float32", "bfloat16", "int8"] as const;

export type KvCacheDType = (typeof KV_CACHE_DTYPES)[number];

/** Meaning of `auto`: as exact as the weights. A model of F32 keeps F32, any other gets BF16. */
export function kvCacheDTypeFor(tensors: Iterable<ModelTensor>): KvCacheDType {
  for (const tensor of tensors) {
    if (tensor.type !== "plain" || tensor.dtype !== "F32") return "bfloat16";
  }
  return "float32";
}
