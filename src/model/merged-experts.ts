// An expert's tensor as a part of those of all experts of its layer, as gpt-oss' files on the Hugging Face hub have it: E experts,
// O outputs, I inputs, and rows of gate and up that alternate.

import { showFound } from "../base/describe-issue.ts";
import type { NeededTensor } from "./decoder-tensors.ts";
import { DTYPES, isDType } from "./dtype.ts";
import type { MergedExperts } from "./families/family.ts";
import { ModelError, type ModelTensor, type StoredTensor } from "./model-files.ts";

export interface Selected {
  readonly tensor: ModelTensor;
  /** Tensors of the files that it is made of. */
  readonly pieces: readonly StoredTensor[];
}

interface Source {
  readonly place: string;
  readonly stored: ReadonlyMap<string, StoredTensor>;
}

interface NeededPart extends NeededTensor {
  readonly merged: MergedExperts;
}

/** Inputs that share an exponent. */
const GROUP = 32;

export function selectMerged(source: Source, needed: NeededPart): Selected {
  return needed.shape.length === 1 ? selectBias(source, needed) : selectWeight(source, needed);
}

/** `NAME_bias` [E, O of all] in floats. */
function selectBias(source: Source, needed: NeededPart): Selected {
  const { expert, merged, shape, huggingFace: name } = needed;
  const [size = 0] = shape;
  const all = find(source, `${merged.name}_bias`, [expert?.count ?? 0, size * merged.step]);
  const { dtype } = all;
  if (!isDType(dtype) || DTYPES[dtype].blockSize !== 1) throw wrongType(all, "F32, F16 or BF16");
  const part = rowsOf(all, needed, { count: size, rowBytes: DTYPES[dtype].blockBytes });
  return { tensor: { ...part, type: "plain", name, dtype, shape }, pieces: [all] };
}

/** `NAME_blocks` [E, O of all, I / 32, 16] and `NAME_scales` [E, O of all, I / 32] in bytes. */
function selectWeight(source: Source, needed: NeededPart): Selected {
  const { expert, merged, shape, huggingFace: name } = needed;
  const [outputs = 0, inputs = 0] = shape;
  const groups = inputs / GROUP;
  const lead = [expert?.count ?? 0, outputs * merged.step, groups];
  const blocks = find(source, `${merged.name}_blocks`, [...lead, GROUP / 2]);
  const scales = find(source, `${merged.name}_scales`, lead);
  for (const tensor of [blocks, scales]) if (tensor.dtype !== "U8") throw wrongType(tensor, "U8");
  const part = (tensor: StoredTensor, rowBytes: number): StoredTensor => ({
    ...rowsOf(tensor, needed, { count: outputs, rowBytes }),
    shape: [outputs, rowBytes],
  });
  const numBytes = outputs * (inputs / 2 + groups);
  const halves = { blocks: part(blocks, inputs / 2), scales: part(scales, groups) };
  return { tensor: { type: "mxfp4", name, shape, ...halves, numBytes }, pieces: [blocks, scales] };
}

/** The expert's rows of a tensor of all, or its elements. */
function rowsOf(
  tensor: StoredTensor,
  { expert, merged }: NeededPart,
  { count, rowBytes }: { readonly count: number; readonly rowBytes: number },
): StoredTensor {
  const { first, step } = merged;
  const before = (expert?.index ?? 0) * count * step + first;
  return {
    ...{ ...tensor, offset: tensor.offset + before * rowBytes, numBytes: count * rowBytes },
    ...(step > 1 && { rowStride: step * rowBytes }),
  };
}

function find({ place, stored }: Source, name: string, shape: readonly number[]): StoredTensor {
  const tensor = stored.get(name);
  if (tensor === undefined) {
    throw new ModelError(
      `${place}: tensor "${name}" of shape ${showFound(shape)} is in none of its files; supported: experts in MXFP4, ` +
        "as the model's maker has published them, or as a GGUF file",
    );
  }
  if (Bun.deepEquals(tensor.shape, shape)) return tensor;
  throw new ModelError(
    `${tensor.path}: tensor ${showFound(name)} has the shape ${showFound(tensor.shape)}; the model's configuration ` +
      `calls for ${showFound(shape)}`,
  );
}

function wrongType({ path, name, dtype }: StoredTensor, expected: string): ModelError {
  return new ModelError(
    `${path}: tensor ${showFound(name)} is stored as ${dtype}; expected ${expected}`,
  );
}
