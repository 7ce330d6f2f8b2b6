// The tensors of one model: the rows of its family's table, with the model's own numbers.

import type {
  Extent,
  FileFormat,
  MergedExperts,
  TensorRole,
  TensorRow,
} from "./families/family.ts";
import { familyOf } from "./families.ts";
import type { ModelConfig } from "./model-files.ts";

export interface NeededTensor extends Readonly<Record<FileFormat, string>> {
  readonly role: TensorRole;
  /** 0 for what is no layer's. */
  readonly layer: number;
  readonly expert: ExpertPlace | undefined;
  readonly shape: readonly number[];
  /** Its place in the hub's files, if it is a part of other tensors there. */
  readonly merged: MergedExperts | undefined;
}

/** The expert that a tensor is of. */
export interface ExpertPlace {
  readonly index: number;
  /** Experts in its layer. */
  readonly count: number;
  /** Kinds of files whose tensor of this name is that of all of them, one behind the other. */
  readonly mergedIn: readonly FileFormat[];
}

/**
 * Whole rows of the table first, then layer by layer. A model's tensors are known by the names that Hugging Face's
 * files have, whatever its files are.
 */
export function* neededTensors(config: ModelConfig): Generator<NeededTensor> {
  const extents = extentsOf(config);
  const { tensors } = familyOf(config);
  for (const row of tensors) {
    if (!isOfLayers(row) && row.isThere(config, 0)) yield tensorOf(row, 0, extents);
  }
  const ofLayers = tensors.filter(isOfLayers);
  for (let layer = 0; layer < config.numLayers; layer++) {
    const there = ofLayers.filter(({ isThere }) => isThere(config, layer));
    for (const row of there) if (!isOfExperts(row)) yield tensorOf(row, layer, extents);
    yield* expertTensors(there.filter(isOfExperts), layer, extents);
  }
}

function* expertTensors(rows: readonly TensorRow[], layer: number, extents: Extents) {
  if (rows.length === 0) return;
  for (let expert = 0; expert < extents.E; expert++) {
    for (const row of rows) yield tensorOf(row, layer, extents, expert);
  }
}

type Extents = Readonly<Record<Extent, number>>;

function extentsOf(config: ModelConfig): Extents {
  const { vocabSize, hiddenSize, intermediateSize, numHeads, numKvHeads, headSize } = config;
  return {
    ...{ V: vocabSize, H: hiddenSize, I: intermediateSize, D: headSize },
    ...{ Q: numHeads * headSize, K: numKvHeads * headSize },
    ...{ N: numHeads, E: config.experts?.numExperts ?? 0, M: config.experts?.expertSize ?? 0 },
  };
}

const INDEX = "*";
const FORMATS: readonly FileFormat[] = ["huggingFace", "gguf"];

function isOfLayers({ huggingFace }: TensorRow): boolean {
  return huggingFace.includes(INDEX);
}

function isOfExperts({ huggingFace }: TensorRow): boolean {
  return countIndices(huggingFace) > 1;
}

function countIndices(name: string): number {
  return name.split(INDEX).length - 1;
}

function tensorOf(row: TensorRow, layer: number, extents: Extents, expert?: number): NeededTensor {
  const named = (name: string) =>
    name.replace(INDEX, String(layer)).replace(INDEX, String(expert ?? 0));
  return {
    ...{ role: row.role, layer, shape: row.shape.map((extent) => extents[extent]) },
    expert: expert === undefined ? undefined : placeOf(row, expert, extents.E),
    huggingFace: named(row.huggingFace),
    gguf: named(row.gguf),
    merged: row.merged && { ...row.merged, name: named(row.merged.name) },
  };
}

function placeOf(row: TensorRow, index: number, count: number): ExpertPlace {
  const mergedIn = FORMATS.filter((format) => countIndices(row[format]) < 2);
  return { index, count, mergedIn };
}
