// The tensors of one model: the rows of its family's table, with the model's own numbers.

import type { Extent, TensorRole, TensorRow } from "./families/family.ts";
import { familyOf } from "./families.ts";
import type { ModelConfig } from "./model-files.ts";

export interface NeededTensor {
  readonly role: TensorRole;
  /** 0 for what is no layer's. */
  readonly layer: number;
  readonly shape: readonly number[];
  /** Name in Hugging Face's files. A model's tensors are known by it, whatever its files are. */
  readonly huggingFace: string;
  readonly gguf: string;
}

/** Whole rows of the table first, then layer by layer. */
export function* neededTensors(config: ModelConfig): Generator<NeededTensor> {
  const extents = extentsOf(config);
  const rows = familyOf(config).tensors.filter(({ isThere }) => isThere(config));
  for (const row of rows) if (!isOfLayers(row)) yield tensorOf(row, 0, extents);
  for (let layer = 0; layer < config.numLayers; layer++) {
    for (const row of rows) if (isOfLayers(row)) yield tensorOf(row, layer, extents);
  }
}

type Extents = Readonly<Record<Extent, number>>;

function extentsOf(config: ModelConfig): Extents {
  const { vocabSize, hiddenSize, intermediateSize, numHeads, numKvHeads, headSize } = config;
  return {
    ...{ V: vocabSize, H: hiddenSize, I: intermediateSize, D: headSize },
    ...{ Q: numHeads * headSize, K: numKvHeads * headSize },
  };
}

const LAYER = "*";

function isOfLayers({ huggingFace }: TensorRow): boolean {
  return huggingFace.includes(LAYER);
}

function tensorOf(row: TensorRow, layer: number, extents: Extents): NeededTensor {
  return {
    ...{ role: row.role, layer, shape: row.shape.map((extent) => extents[extent]) },
    huggingFace: row.huggingFace.replace(LAYER, String(layer)),
    gguf: row.gguf.replace(LAYER, String(layer)),
  };
}
