// Types of a tensor's elements, and what they take in a file. A quantized type stores blocks of elements that
// share scales; a row is whole blocks. Layouts: ggml/src/ggml-common.h of llama.cpp, and
// test/reference/dequantise.ts, which decodes each.

export interface BlockFormat {
  /** Elements. */
  readonly blockSize: number;
  readonly blockBytes: number;
}

export const DTYPES = {
  F32: { blockSize: 1, blockBytes: 4 },
  F16: { blockSize: 1, blockBytes: 2 },
  BF16: { blockSize: 1, blockBytes: 2 },
  /** One F16 scale for 32 signed bytes. */
  Q8_0: { blockSize: 32, blockBytes: 34 },
  /** One F16 scale for 32 nibbles, each 8 too high. */
  Q4_0: { blockSize: 32, blockBytes: 18 },
  /** An F16 scale and an F16 minimum for 32 nibbles. */
  Q4_1: { blockSize: 32, blockBytes: 20 },
  /** One F16 scale for 32 elements of 5 bits, each 16 too high. */
  Q5_0: { blockSize: 32, blockBytes: 22 },
  /** As Q4_1, with a fifth bit for each element. */
  Q5_1: { blockSize: 32, blockBytes: 24 },
  /** One F16 scale for 32 nibbles, each the number of one of 16 levels. */
  IQ4_NL: { blockSize: 32, blockBytes: 18 },
  /** A power of two for 32 floats of 4 bits (E2M1): the OCP's microscaling format. */
  MXFP4: { blockSize: 32, blockBytes: 17 },
  /** 16 x 16 elements of 2 bits, each 16 with a 4-bit scale and minimum; an F16 scale for either. */
  Q2_K: { blockSize: 256, blockBytes: 84 },
  /** 16 x 16 elements of 3 bits, each 16 with a scale of 6 bits, and an F16 scale for those. */
  Q3_K: { blockSize: 256, blockBytes: 110 },
  /** 8 x 32 nibbles, each 32 with a 6-bit scale and minimum; an F16 scale for either. */
  Q4_K: { blockSize: 256, blockBytes: 144 },
  /** As Q4_K, with a fifth bit for each element. */
  Q5_K: { blockSize: 256, blockBytes: 176 },
  /** 16 x 16 elements of 6 bits, each 16 with a signed byte as scale, and an F16 scale for those. */
  Q6_K: { blockSize: 256, blockBytes: 210 },
  /** 8 x 32 nibbles as in IQ4_NL, each 32 with a scale of 6 bits, and an F16 scale for those. */
  IQ4_XS: { blockSize: 256, blockBytes: 136 },
} as const satisfies Readonly<Record<string, BlockFormat>>;

export type DType = keyof typeof DTYPES;

export function isDType(name: string): name is DType {
  return Object.hasOwn(DTYPES, name);
}
