// The number of each element type in a GGUF file: enum ggml_type in ggml/include/ggml.h of llama.cpp; its
// gaps are types that were withdrawn. Those that the engine does not take are here so that a file's layout
// can be checked, and the type be named.

import { type BlockFormat, DTYPES, type DType } from "./dtype.ts";

export interface GgmlType extends BlockFormat {
  readonly name: string;
}

type Row = readonly [id: number, name: string, blockSize: number, blockBytes: number];

const OTHERS: readonly Row[] = [
  [9, "Q8_1", 32, 36],
  [15, "Q8_K", 256, 292],
  [16, "IQ2_XXS", 256, 66],
  [17, "IQ2_XS", 256, 74],
  [18, "IQ3_XXS", 256, 98],
  [19, "IQ1_S", 256, 50],
  [21, "IQ3_S", 256, 110],
  [22, "IQ2_S", 256, 82],
  [24, "I8", 1, 1],
  [25, "I16", 1, 2],
  [26, "I32", 1, 4],
  [27, "I64", 1, 8],
  [28, "F64", 1, 8],
  [29, "IQ1_M", 256, 56],
  [34, "TQ1_0", 256, 54],
  [35, "TQ2_0", 256, 66],
  [40, "NVFP4", 64, 36],
  [41, "Q1_0", 128, 18],
  [42, "Q2_0", 64, 18],
];

const SUPPORTED: Readonly<Record<DType, number>> = {
  F32: 0,
  F16: 1,
  Q4_0: 2,
  Q4_1: 3,
  Q5_0: 6,
  Q5_1: 7,
  Q8_0: 8,
  Q2_K: 10,
  Q3_K: 11,
  Q4_K: 12,
  Q5_K: 13,
  Q6_K: 14,
  IQ4_NL: 20,
  IQ4_XS: 23,
  BF16: 30,
  MXFP4: 39,
};

export const GGML_TYPES: ReadonlyMap<number, GgmlType> = new Map<number, GgmlType>([
  ...Object.entries(DTYPES).map(([name, format]): [number, GgmlType] => [
    SUPPORTED[name as DType],
    { name, ...format },
  ]),
  ...OTHERS.map(([id, name, blockSize, blockBytes]): [number, GgmlType] => [
    id,
    { name, blockSize, blockBytes },
  ]),
]);
