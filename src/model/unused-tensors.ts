// A tensor that the decoder has no use for means that the model computes more than it, so it is refused by name.

import { showFound } from "../base/describe-issue.ts";
import { readRange } from "./file-bytes.ts";
import { ModelError, type StoredTensor } from "./model-files.ts";

/** Tables that some savers keep beside the weights, made of the configuration. */
const TABLES = /(^|\.)(rotary_emb\.(inv_freq|cos_cached|sin_cached)|self_attn\.(masked_)?bias)$/;

const BIAS = /\.bias$/;
/** A bias is one row of a matrix. */
const MAX_BIAS_BYTES = 4 << 20;

export interface UsedTensors {
  readonly stored: ReadonlyMap<string, StoredTensor>;
  /** Names in the files of what the model is made of. */
  readonly used: ReadonlySet<string>;
  /** Likewise of what was read beside the weights, or is equal to what was. */
  readonly others: readonly string[];
}

/** Throws `ModelError` at a tensor that was not selected, unless it changes nothing. */
export async function checkAllUsed({ stored, used, others }: UsedTensors): Promise<void> {
  for (const tensor of stored.values()) {
    const { name, path } = tensor;
    if (used.has(name) || others.includes(name) || TABLES.test(name)) continue;
    if (await isFiller(tensor, stored)) continue;
    throw new ModelError(
      `${path}: tensor ${showFound(name)} has no place in this family's decoder; the model is of a kind that ` +
        "is not supported, or its configuration does not say what it is",
    );
  }
}

/** GPTQ's first tools gave every layer that they quantized a bias, of zeros where the model has none. */
async function isFiller(
  tensor: StoredTensor,
  stored: ReadonlyMap<string, StoredTensor>,
): Promise<boolean> {
  const { name, numBytes } = tensor;
  const isQuantized = BIAS.test(name) && stored.has(name.replace(BIAS, ".qweight"));
  if (!isQuantized || numBytes > MAX_BIAS_BYTES) return false;
  return (await readRange(tensor)).every((byte) => byte === 0);
}
