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

/** Of a matrix. */
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

/** Where it is not what the preset begins with. */
function layerType(
  { name, layer = 0 }: ShapedTensor,
  { numHeads, numKvHeads, numLayers }: ModelShape,
  preset: Preset,
): DType | undefined {
  const isShared = numHeads / numKvHeads >= 4;
  const isEarly = layer < Math.floor(numLayers / 8);
  if (name.endsWith(".v_proj.weight")) {
    switch (preset) {
      case "Q2_K":
        return isShared ? "Q4_K" : "Q3_K";
      case "Q2_K_S":
        return isShared ? "Q4_K" : undefined;
      case "Q3_K_M":
        return layer < 2 ? "Q5_K" : "Q4_K";
      case "Q3_K_L":
        return "Q5_K";
      case "IQ4_NL":
      case "IQ4_XS":
        return isShared ? "Q5_K" : undefined;
      case "Q4_K_S":
        return layer < 4 ? "Q5_K" : undefined;
    }
  }
  if (name.endsWith(".down_proj.weight")) {
    switch (preset) {
      case "Q2_K":
        return "Q3_K";
      case "Q2_K_S":
        return isEarly ? "Q4_K" : undefined;
      case "Q3_K_M":
        return layer < Math.floor(numLayers / 16) ? "Q5_K" : "Q4_K";
      case "Q3_K_L":
        return "Q5_K";
      case "IQ4_NL":
      case "IQ4_XS":
      case "Q4_K_S":
        return isEarly ? "Q5_K" : undefined;
    }
  }
  if (name.endsWith(".o_proj.weight")) {
    if (preset === "Q2_K") return "Q3_K";
    if (preset === "Q3_K_M") return "Q4_K";
    if (preset === "Q3_K_L") return "Q5_K";
  }
  const isSensitive = /\.(v_proj|down_proj)\.weight$/.test(name);
  const isMixed = preset === "Q4_K_M" || preset === "Q5_K_M";
  return isMixed && isSensitive && hasMoreBits(layer, numLayers) ? "Q6_K" : undefined;
}

function hasMoreBits(layer: number, numLayers: number): boolean {
  const eighth = Math.floor(numLayers / 8);
  return (
    layer < eighth || layer >= Math.floor((7 * numLayers) / 8) || (layer - eighth) % 3 === 2
  );
}
