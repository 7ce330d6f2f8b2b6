// A linear layer's weight in 4 bits, as GPTQ and AWQ store it: several tensors, each checked.

import { showFound } from "../base/describe-issue.ts";
import { isDType } from "./dtype.ts";
import { readRange } from "./file-bytes.ts";
import {
  type GroupedWeight,
  ModelError,
  type ModelTensor,
  type StoredTensor,
  type TensorSlice,
} from "./model-files.ts";
import type { WeightQuantization } from "./weight-quantization.ts";

/** 4-bit numbers in a 32-bit one. */
const PER_WORD = 8;
/** Inputs that activations share a scale for. */
const MIN_GROUP = 32;

export interface NeededWeight {
  /** `model.layers.0.mlp.up_proj.weight` */
  readonly name: string;
  /** [outputs, inputs] */
  readonly shape: readonly number[];
}

/** The tensors that stand for the weight; `undefined` where it is not quantized. */
export function selectGroupedWeight(
  stored: ReadonlyMap<string, StoredTensor>,
  { name, shape }: NeededWeight,
  quantization: WeightQuantization,
): GroupedWeight | undefined {
  const prefix = name.replace(/weight$/, "");
  const qweight = stored.get(`${prefix}qweight`);
  const [outputs = 0, inputs = 0, ...more] = shape;
  if (qweight === undefined || more.length > 0 || inputs === 0) return undefined;

  const { type, zeroOffset } = quantization;
  const groupSize = quantization.groupSize === "row" ? inputs : quantization.groupSize;
  if (inputs % groupSize !== 0 || groupSize % MIN_GROUP !== 0 || outputs % PER_WORD !== 0) {
    throw new ModelError(
      `${qweight.path}: ${name} of shape ${showFound(shape)} is no whole groups of ${groupSize} inputs and ` +
        `${PER_WORD} outputs`,
    );
  }
  const numGroups = inputs / groupSize;
  const part = (suffix: string) => {
    const tensor = stored.get(prefix + suffix);
    if (tensor !== undefined) return tensor;
    throw new ModelError(`${qweight.path}: tensor ${showFound(prefix + suffix)} is missing`);
  };
  const packedShape = type === "gptq" ? [inputs / PER_WORD, outputs] : [inputs, outputs / PER_WORD];
  const qzeros = part("qzeros");
  const scales = part("scales");
  checkInts(qweight, packedShape);
  checkInts(qzeros, [numGroups, outputs / PER_WORD]);
  const groupIndex = type === "gptq" ? stored.get(`${prefix}g_idx`) : undefined;
  if (groupIndex !== undefined) checkInts(groupIndex, [inputs]);
  return {
    type,
    name,
    shape,
    groupSize,
    zeroOffset,
    qweight,
    qzeros,
    scales: checkScales(scales, [numGroups, outputs]),
    groupIndex,
    numBytes: qweight.numBytes + qzeros.numBytes + scales.numBytes,
  };
}

/**
 * Reads the group of each input, where a file has them, and refuses inputs that are out of order: what the
 * configuration says of it is not always true.
 */
export async function checkGroupOrder(tensors: Iterable<ModelTensor>): Promise<void> {
  for (const tensor of tensors) {
    if (tensor.type === "plain" || tensor.type === "mxfp4") continue;
    if (tensor.groupIndex === undefined) continue;
    const { path, name } = tensor.groupIndex;
    const groups = new Int32Array((await readRange(tensor.groupIndex)).buffer);
    if (groups.every((group, input) => group === Math.floor(input / tensor.groupSize))) continue;
    throw new ModelError(
      `${path}: tensor ${showFound(name)} has inputs out of order (desc_act); supported: quantized without it, by AWQ, or as GGUF`,
    );
  }
}

function checkInts(tensor: StoredTensor, shape: readonly number[]): void {
  checkShape(tensor, shape);
  if (tensor.dtype === "I32") return;
  throw new ModelError(
    `${tensor.path}: tensor ${showFound(tensor.name)} is stored as ${tensor.dtype}; expected I32`,
  );
}

function checkScales(tensor: StoredTensor, shape: readonly number[]): TensorSlice {
  checkShape(tensor, shape);
  const { dtype } = tensor;
  if (isDType(dtype)) return { ...tensor, type: "plain", dtype };
  throw new ModelError(
    `${tensor.path}: tensor ${showFound(tensor.name)} is stored as ${dtype}; expected F16, BF16 or F32`,
  );
}

function checkShape({ path, name, shape: found }: StoredTensor, shape: readonly number[]): void {
  if (found.length === shape.length && found.every((size, index) => size === shape[index])) return;
  throw new ModelError(
    `${path}: tensor ${showFound(name)} has the shape ${showFound(found)}; expected ${showFound(shape)}`,
  );
}
