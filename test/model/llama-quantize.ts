// The types that llama-quantize gives the tensors of a dense model, without an importance matrix: src/llama-quant.cpp
// of llama.cpp, llama_tensor_get_type_impl and tensor_type_fallback.

import { DTYPES, type DType } from "../../src/model/dtype.ts";
import type { ModelShape, ShapedTensor } from "./model-shapes.ts";

/** The types that its presets begin with. Those whose types the engine does not take are left out. */
const PRESETS = {
  Q2_K: "Q2_K",
  Q2_K_S: "Q2_K",
  Q3_K_S: "Q3_K",
  Q3_K_M: "Q3_K",
  Q3_K_L: "Q3_K",
  Q4_0: "Q4_0",
  Q4_1: "Q4_1",
  IQ4_NL: "IQ4_NL",
  IQ4_XS: "IQ4_XS",
  Q4_K_S: "Q4_K",
  Q4_K_M: "Q4_K",
  Q5_0: "Q5_0",
  Q5_1: "Q5_1",
  Q5_K_S: "Q5_K",
  Q5_K_M: "Q5_K",
  Q6_K: "Q6_K",
  Q8_0: "Q8_0",
} as const satisfies Readonly<Record<string, DType>>;

export type Preset = keyof typeof PRESETS;

export const PRESET_NAMES = Object.keys(PRESETS) as readonly Preset[];

/** The type of a matrix. */
export function presetType(tensor: ShapedTensor, shape: ModelShape, preset: Preset): DType {
  const base = PRESETS[preset];
  const rowSize = tensor.shape.at(-1) ?? 1;
  if (tensor.name === (shape.isTied ? "model.embed_tokens.weight" : "lm_head.weight")) {
    return headType(base, rowSize);
  }
  return fallback(layerType(tensor, shape, preset) ?? base, rowSize);
}

/** The type of 32 for one of 256 whose blocks a row is no multiple of. */
export function fallback(type: DType, rowSize: number): DType {
  if (rowSize % DTYPES[type].blockSize === 0) return type;
  const smaller = FALLBACKS[type] ?? "F16";
  return rowSize % DTYPES[smaller].blockSize === 0 ? smaller : "F16";
}

const FALLBACKS: Readonly<Partial<Record<DType, DType>>> = {
  Q2_K: "Q4_0",
  Q3_K: "Q4_0",
  Q4_K: "Q5_0",
  Q5_K: "Q5_1",
  Q6_K: "Q8_0",
  IQ4_XS: "IQ4_NL",
};

/** Output, or the embedding that stands for it. */
export function headType(base: DType, rowSize: number): DType {
  const { blockSize } = DTYPES[base];
  if (blockSize === 1) return base;
  return base === "Q8_0" || rowSize % blockSize !== 0 ? "Q8_0" : fallback("Q6_K", rowSize);
}

interface Place {
  readonly layer: number;
  readonly numLayers: number;
  /** Four heads of q or more share one of k and v. */
  readonly isShared: boolean;
}

type Choices = Readonly<Partial<Record<Preset, (place: Place) => DType | undefined>>>;

const isWithin = ({ layer, numLayers }: Place, share: number) =>
  layer < Math.floor(numLayers / share);

function hasMoreBits(place: Place): boolean {
  const { layer, numLayers } = place;
  const isLast = layer >= Math.floor((7 * numLayers) / 8);
  return isWithin(place, 8) || isLast || (layer - Math.floor(numLayers / 8)) % 3 === 2;
}

const sharedQ5 = ({ isShared }: Place) => (isShared ? "Q5_K" : undefined);
const earlyQ5 = (place: Place) => (isWithin(place, 8) ? "Q5_K" : undefined);
const mixedQ6 = (place: Place) => (hasMoreBits(place) ? "Q6_K" : undefined);

/** By the ends of names: what is not as the preset begins. */
const CHOICES: Readonly<Record<string, Choices>> = {
  v_proj: {
    Q2_K: ({ isShared }) => (isShared ? "Q4_K" : "Q3_K"),
    Q2_K_S: ({ isShared }) => (isShared ? "Q4_K" : undefined),
    Q3_K_M: ({ layer }) => (layer < 2 ? "Q5_K" : "Q4_K"),
    Q3_K_L: () => "Q5_K",
    IQ4_NL: sharedQ5,
    IQ4_XS: sharedQ5,
    Q4_K_S: ({ layer }) => (layer < 4 ? "Q5_K" : undefined),
    Q4_K_M: mixedQ6,
    Q5_K_M: mixedQ6,
  },
  down_proj: {
    Q2_K: () => "Q3_K",
    Q2_K_S: (place) => (isWithin(place, 8) ? "Q4_K" : undefined),
    Q3_K_M: (place) => (isWithin(place, 16) ? "Q5_K" : "Q4_K"),
    Q3_K_L: () => "Q5_K",
    IQ4_NL: earlyQ5,
    IQ4_XS: earlyQ5,
    Q4_K_S: earlyQ5,
    Q4_K_M: mixedQ6,
    Q5_K_M: mixedQ6,
  },
  o_proj: { Q2_K: () => "Q3_K", Q3_K_M: () => "Q4_K", Q3_K_L: () => "Q5_K" },
};

function layerType(
  { name, layer = 0 }: ShapedTensor,
  { numHeads, numKvHeads, numLayers }: ModelShape,
  preset: Preset,
): DType | undefined {
  const end = /[a-z]+_proj(?=\.weight$)/.exec(name)?.[0] ?? "";
  const place = { layer, numLayers, isShared: numHeads / numKvHeads >= 4 };
  return CHOICES[end]?.[preset]?.(place);
}
