// The number of each element type in a GGUF file: enum ggml_type in ggml/include/ggml.h of llama.cpp; its
// gaps are types that were withdrawn. Those that the engine does not take are here so that a file's layout
// can be checked, and the type be named.

import { type BlockFormat, DTYPES } from "./dtype.ts";

export interface GgmlType extends BlockFormat {
  readonly name: string;
}

type Row = readonly [id: number, name: string, blockSize: number, blockBytes: number];

const OTHERS: readonly Row[] = [
  [3, "Q4_1", 32, 20],
  [6, "Q5_0", 32, 22],
  [7, "Q5_1", 32, 24],
  [9, "Q8_1", 32, 36],
  [10, "Q2_K", 256, 84],
  [11, "Q3_K", 256, 110],
  [15, "Q8_K", 256, 292],
  [16, "IQ2_XXS", 256, 66],
  [17, "IQ2_XS", 256, 74],
  [18, "IQ3_XXS", 256, 98],
  [19, "IQ1_S", 256, 50],
  [20, "IQ4_NL", 32, 18],
  [21, "IQ3_S", 256, 110],
  [22, "IQ2_S", 256, 82],
  [23, "IQ4_XS", 256, 136],
  [24, "I8", 1, 1],
  [25, "I16", 1, 2],
  [26, "I32", 1, 4],
  [27, "I64", 1, 8],
  [28, "F64", 1, 8],
  [29, "IQ1_M", 256, 56],
  [34, "TQ1_0", 256, 54],
  [35, "TQ2_0", 256, 66],
  [39, "MXFP4", 32, 17],
  [40, "NVFP4", 64, 36],
  [41, "Q1_0", 128, 18],
  [42, "Q2_0", 64, 18],
];

export const GGML_TYPES: ReadonlyMap<number, GgmlType> = new Map<number, GgmlType>([
  [0, { name: "F32", ...DTYPES.F32 }],
  [1, { name: "F16", ...DTYPES.F16 }],
  [2, { name: "Q4_0", ...DTYPES.Q4_0 }],
  [8, { name: "Q8_0", ...DTYPES.Q8_0 }],
  [12, { name: "Q4_K", ...DTYPES.Q4_K }],
  [13, { name: "Q5_K", ...DTYPES.Q5_K }],
  [14, { name: "Q6_K", ...DTYPES.Q6_K }],
  [30, { name: "BF16", ...DTYPES.BF16 }],
  ...OTHERS.map(([id, name, blockSize, blockBytes]): [number, GgmlType] => [
    id,
    { name, blockSize, blockBytes },
  ]),
]);
