// Finds the tensors that a model needs among those that its files store, and checks each.

import { showFound } from "../base/describe-issue.ts";
import { type NeededTensor, neededTensors } from "./decoder-tensors.ts";
import { DTYPES, isDType } from "./dtype.ts";
import { type FileFormat, tensorName } from "./families/family.ts";
import { familyOf } from "./families.ts";
import { selectGroupedWeight } from "./grouped-weight.ts";
import { type Selected, selectMerged } from "./merged-experts.ts";
import {
  type ModelConfig,
  ModelError,
  type ModelTensor,
  type StoredTensor,
  type TensorSlice,
} from "./model-files.ts";
import type { WeightQuantization } from "./weight-quantization.ts";

export interface TensorSource {
  /** The model's place, for error messages. */
  readonly place: string;
  readonly format: FileFormat;
  readonly config: ModelConfig;
  readonly stored: ReadonlyMap<string, StoredTensor>;
  readonly quantization: WeightQuantization | undefined;
}

export interface SelectedTensors {
  /** By the names that Hugging Face gives them. */
  readonly tensors: ReadonlyMap<string, ModelTensor>;
  /** Names in the files of what they are made of. */
  readonly used: ReadonlySet<string>;
}

/** The tensors that the configuration calls for. Throws `ModelError` at one that is missing, or not as it should be. */
export function selectTensors(source: TensorSource): SelectedTensors {
  const tensors = new Map<string, ModelTensor>();
  const used = new Set<string>();
  for (const needed of neededTensors(source.config)) {
    const { tensor, pieces } = selectTensor(source, needed);
    tensors.set(needed.huggingFace, tensor);
    for (const { name } of pieces) used.add(name);
  }
  return { tensors, used };
}

function selectTensor(source: TensorSource, needed: NeededTensor): Selected {
  const { format, stored, quantization } = source;
  const { shape, huggingFace: name } = needed;
  if (format === "huggingFace" && needed.merged !== undefined) {
    return selectMerged(source, { ...needed, merged: needed.merged });
  }
  const whole = storedTensor(source, needed) ?? tiedTwin(source, needed);
  if (whole !== undefined)
    return { tensor: { ...checkTensor(whole, shape, format), name }, pieces: [whole] };
  const grouped = quantization && selectGroupedWeight(stored, { name, shape }, quantization);
  if (grouped === undefined) throw missing(source, needed);
  const { qweight, qzeros, scales, groupIndex } = grouped;
  const pieces = [qweight, qzeros, scales, ...(groupIndex ? [groupIndex] : [])];
  return { tensor: grouped, pieces };
}

/** The tensor, or its part of one that is of all experts. */
function storedTensor(
  { format, stored }: TensorSource,
  needed: NeededTensor,
): StoredTensor | undefined {
  const { shape, expert } = needed;
  const tensor = stored.get(needed[format]);
  if (tensor === undefined || !expert?.mergedIn.includes(format)) return tensor;
  const { index, count } = expert;
  checkShape(tensor, [count, ...shape]);
  const numBytes = tensor.numBytes / count;
  return { ...tensor, shape, numBytes, offset: tensor.offset + index * numBytes };
}

/** A tied model's one matrix is stored under either name: some savers keep the head's. */
function tiedTwin(
  { format, config, stored }: TensorSource,
  { role }: NeededTensor,
): StoredTensor | undefined {
  if (role !== "embedding" || !config.tieWordEmbeddings) return undefined;
  return stored.get(tensorName(familyOf(config), "head", format));
}

function checkTensor(
  tensor: StoredTensor,
  shape: readonly number[],
  format: FileFormat,
): TensorSlice {
  const { name, path, dtype } = tensor;
  const place = `${path}: tensor ${showFound(name)}`;
  if (!isDType(dtype)) {
    const supported = Object.keys(DTYPES).join(", ");
    const cure = format === "gguf" ? ". Use the model's Q4_K_M file, or one of those types" : "";
    throw new ModelError(`${place} is stored as ${dtype}; supported: ${supported}${cure}`);
  }
  checkShape(tensor, shape);
  return { ...tensor, type: "plain", dtype };
}

function checkShape({ path, name, shape: found }: StoredTensor, shape: readonly number[]): void {
  if (found.length === shape.length && found.every((size, i) => size === shape[i])) return;
  throw new ModelError(
    `${path}: tensor ${showFound(name)} has the shape ${showFound(found)}; the model's configuration calls for ` +
      showFound(shape),
  );
}

function missing(source: TensorSource, needed: NeededTensor): ModelError {
  const { place, format } = source;
  const { shape } = needed;
  return new ModelError(
    `${place}: tensor "${needed[format]}" of shape ${showFound(shape)} is in none of its files${cureOf(source, needed)}`,
  );
}

function cureOf({ stored, quantization }: TensorSource, needed: NeededTensor): string {
  if (needed.role === "head") {
    return '; if the model ties it to the embedding, config.json must say "tie_word_embeddings": true';
  }
  if (quantization === undefined && stored.has(needed.huggingFace.replace(/weight$/, "qweight"))) {
    return "; it is there in 4 bits, but config.json has no quantization_config that says how";
  }
  return "";
}
