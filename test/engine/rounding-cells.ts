// Whole models over the formats that weights are stored in, the widths and the numbers of heads: for the rounding
// sweep.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { DTYPES, isDType } from "../../src/model/dtype.ts";
import type { ModelFiles } from "../../src/model/model-files.ts";
import { openModel } from "../../src/model/open-model.ts";
import type { Preset } from "../model/llama-quantize.ts";
import { type ModelShape, tinyShape } from "../model/model-shapes.ts";
import { writeRandomDirectory } from "../model/random-directory.ts";
import { writeRandomGguf } from "../model/random-gguf.ts";

/** As files have them; q8 and q4 are made from F16 when the model is loaded. */
export const FORMATS = [
  ...Object.keys(DTYPES).filter(isDType),
  ...(["gptq", "awq", "q8", "q4"] as const),
];
export type Format = (typeof FORMATS)[number];

export const WIDTHS = [32, 64, 96, 256, 576, 896, 1024] as const;
export type Width = (typeof WIDTHS)[number];

/**
 * Numbers of heads, sizes of heads and families change with the width; the second shape of a width has other ones.
 * Rows of `down` and `o` are whole blocks of 256 where K types are to be legal in a narrow model.
 */
const SHAPES: Readonly<Record<Width, readonly [Partial<ModelShape>, Partial<ModelShape>]>> = {
  32: [
    { numHeads: 3, numKvHeads: 1, headSize: 32, intermediateSize: 256 },
    { architecture: "qwen3", numHeads: 4, numKvHeads: 2, headSize: 64, intermediateSize: 256 },
  ],
  64: [
    { numHeads: 5, numKvHeads: 5, headSize: 64, intermediateSize: 256 },
    { architecture: "qwen2", numHeads: 2, numKvHeads: 1, headSize: 128, intermediateSize: 256 },
  ],
  96: [
    { numHeads: 3, numKvHeads: 3, headSize: 96, intermediateSize: 256 },
    { architecture: "qwen3", numHeads: 8, numKvHeads: 4, headSize: 32, intermediateSize: 512 },
  ],
  256: [
    { numHeads: 7, numKvHeads: 7, headSize: 64, intermediateSize: 512 },
    { architecture: "qwen3", numHeads: 4, numKvHeads: 2, headSize: 128, intermediateSize: 768 },
  ],
  576: [
    { numHeads: 9, numKvHeads: 3, headSize: 64, intermediateSize: 768 },
    { architecture: "qwen2", numHeads: 6, numKvHeads: 2, headSize: 80, intermediateSize: 1024 },
  ],
  896: [
    { architecture: "qwen2", numHeads: 14, numKvHeads: 2, headSize: 64, intermediateSize: 1024 },
    { numHeads: 7, numKvHeads: 1, headSize: 128, intermediateSize: 1280 },
  ],
  1024: [
    { architecture: "qwen3", numHeads: 8, numKvHeads: 4, headSize: 64, intermediateSize: 1536 },
    { numHeads: 16, numKvHeads: 4, headSize: 64, intermediateSize: 1280 },
  ],
};

const EXPERTS = { numExperts: 6, numPerToken: 3, size: 64, normTopK: true, mlpLayers: [0] };

export interface Cell {
  readonly format: Format | { readonly preset: Preset };
  readonly width: Width;
  readonly shape: 0 | 1;
  /** As a Qwen3-MoE, in every other layer. */
  readonly hasExperts?: boolean;
}

export interface CellModel {
  readonly files: ModelFiles;
  readonly quantization: "q8" | "q4" | undefined;
}

/** Hands `use` the cell's model; its files are there until `use` is done. */
export async function withCellModel<T>(
  { format, width, shape: index, hasExperts }: Cell,
  use: (model: CellModel) => Promise<T>,
): Promise<T> {
  const shape = tinyShape({
    ...{ hiddenSize: width, numLayers: 2, ...SHAPES[width][index] },
    ...(hasExperts && { architecture: "qwen3_moe", experts: EXPERTS }),
  });
  const seed = 1 + WIDTHS.indexOf(width) + 10 * index;
  const directory = mkdtempSync(join(tmpdir(), "dynamo-rounding-"));
  try {
    const path = join(directory, "m.gguf");
    switch (format) {
      case "gptq":
      case "awq": {
        const groupSize = groupSizeFor(shape);
        writeRandomDirectory(directory, {
          shape,
          dtype: "F16",
          quantization: format,
          groupSize,
          seed,
        });
        return await use({ files: await openModel(directory), quantization: undefined });
      }
      case "q8":
      case "q4":
        writeRandomGguf(path, { shape, type: "F16", seed });
        return await use({ files: await openModel(path), quantization: format });
      default:
        writeRandomGguf(path, { shape, type: format, head: "pure", seed });
        return await use({ files: await openModel(path), quantization: undefined });
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The largest that divides the rows of all matrices. */
function groupSizeFor({ hiddenSize, intermediateSize, numHeads, headSize }: ModelShape) {
  const rows = [hiddenSize, intermediateSize, numHeads * headSize];
  return ([128, 64, 32] as const).find((size) => rows.every((row) => row % size === 0)) ?? 32;
}

/** Within a tile of attention, over its edge, and within the second. */
const PROMPT_LENGTHS = [4, 13, 40, 68];

export function promptsOf(vocabSize: number): readonly (readonly number[])[] {
  return PROMPT_LENGTHS.map((length) =>
    Array.from({ length }, (_, i) => (Math.imul(i + 3, 7919 + 26 * length) >>> 3) % vocabSize),
  );
}
