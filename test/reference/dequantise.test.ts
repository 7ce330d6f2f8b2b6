import { describe, expect, test } from "bun:test";

import { DTYPES } from "../../src/model/dtype.ts";
import { dequantise } from "./dequantise.ts";

/** A block of zeros, less these bytes. */
function block(numBytes: number, bytes: Readonly<Record<number, number>>): Uint8Array {
  const out = new Uint8Array(numBytes);
  for (const [index, byte] of Object.entries(bytes)) out[Number(index)] = byte;
  return out;
}

// The upper bytes of F16 numbers whose lower byte is 0.
const ONE = 0x3c;
const TWO = 0x40;
const HALF = 0x38;

describe("by hand", () => {
  test("F32, F16 and BF16 are numbers", () => {
    expect([...dequantise("F32", Uint8Array.of(0, 0, 0x80, 0xbf, 0, 0, 0x20, 0x41))]).toEqual([
      -1, 10,
    ]);
    const f16 = Uint8Array.of(0, ONE, 0, 0xc0, 1, 0, 0xff, 0x7b, 0, 0x7c, 0, 0x80, 1, 0x7c);
    expect([...dequantise("F16", f16)]).toEqual([
      1,
      -2,
      2 ** -24,
      65504,
      Number.POSITIVE_INFINITY,
      -0,
      Number.NaN,
    ]);
    expect([...dequantise("BF16", Uint8Array.of(0x80, 0x3f, 0x20, 0xc1))]).toEqual([1, -10]);
  });

  test("Q8_0 is a scale and signed bytes", () => {
    const values = dequantise("Q8_0", block(34, { 1: HALF, 2: 0x80, 3: 127, 33: 1 }));
    expect([values[0], values[1], values[2], values[31]]).toEqual([-64, 63.5, 0, 0.5]);
  });

  test("Q4_0 has two elements in a byte, 16 apart, each less 8", () => {
    const values = dequantise("Q4_0", block(18, { 1: TWO, 2: 0xf0, 17: 0x9f }));
    expect([values[0], values[16], values[15], values[31], values[1]]).toEqual([
      -16, 14, 14, 2, -16,
    ]);
  });

  test("Q4_K has eight groups, whose scales and minimums are spread over 12 bytes", () => {
    const values = dequantise(
      "Q4_K",
      block(144, {
        1: ONE, // d
        3: TWO, // m
        4: 0b11_000001, // group 0: scale 1. Group 4: 3 above the scale's lower bits
        8: 0b10_000010, // group 0: minimum 2. Group 4: 2 above the minimum's lower bits
        12: 0x5a, // group 4: scale 10 + 48, minimum 5 + 32
        16: 0x21, // elements 0 and 32
        [16 + 64]: 0x07, // elements 128 and 160
      }),
    );
    expect(values[0]).toBe(1 * 1 - 2 * 2);
    expect(values[1]).toBe(-2 * 2);
    expect(values[32]).toBe(0); // group 1 has scale 0
    expect(values[128]).toBe(58 * 7 - 2 * 37);
    expect(values[159]).toBe(-2 * 37);
    expect(values[160]).toBe(0);
  });

  test("Q5_K has a fifth bit for each element, a bit of each byte for each group", () => {
    const values = dequantise(
      "Q5_K",
      block(176, {
        1: ONE,
        [4 + 1]: 3, // group 1: scale 3
        [4 + 9]: 2, // group 5: scale 2
        [16 + 3]: 0b0010_0010, // elements 35 and 163
        [48 + 3]: 0x40, // elements 3 and 35
        [48 + 64 + 3]: 0xf0, // elements 131 and 163
      }),
    );
    expect(values[35]).toBe(3 * (4 + 16));
    expect(values[163]).toBe(2 * (15 + 16));
    expect(values[3]).toBe(0);
    expect(values[36]).toBe(0);
  });

  test("Q6_K has four quarters of 32 in each half, and a scale for 16 elements", () => {
    const values = dequantise(
      "Q6_K",
      block(210, {
        209: HALF,
        [192 + 12]: 3, // elements 192 to 207
        [192 + 0]: 0xfe, // elements 0 to 15: -2
        [64 + 8]: 0x50, // the second half's elements 8 and 72: 136 and 200
        [128 + 32 + 8]: 0b00_10_00_00, // element 200: 2 above its lower bits
        [0]: 0x0f, // element 0
      }),
    );
    expect(values[200]).toBe(0.5 * 3 * (5 + 32 - 32));
    expect(values[201]).toBe(0.5 * 3 * -32);
    expect(values[0]).toBe(0.5 * -2 * (15 - 32));
    expect(values[16]).toBeCloseTo(0, 15);
  });
});

describe("beside another implementation", () => {
  // Sums as dequantize() of gguf-py 0.19 gives them, for one block of bytes that hit every bit.
  test.each([
    ["Q8_0", [0], { sum: -4, weighted: 198, max: 63 }],
    ["Q4_0", [0], { sum: -7.5, weighted: -200.5, max: 4 }],
    ["Q4_1", [0, 2], { sum: 133, weighted: 2220, max: 7.75 }],
    ["Q5_0", [0], { sum: 17.5, weighted: 464, max: 8 }],
    ["Q5_1", [0, 2], { sum: 261.5, weighted: 4027, max: 15.75 }],
    ["IQ4_NL", [0], { sum: -88.5, weighted: -2653, max: 63.5 }],
    ["MXFP4", [], { sum: 0, weighted: 51, max: 3 }],
    ["Q2_K", [80, 82], { sum: 1139, weighted: 133838.5, max: 21.5 }],
    ["Q3_K", [108], { sum: -26, weighted: -3575, max: 60 }],
    ["IQ4_XS", [0], { sum: 12985, weighted: 2293097, max: 1841.5 }],
    ["Q4_K", [0, 2], { sum: 30639, weighted: 3714865.5, max: 457.75 }],
    ["Q5_K", [0, 2], { sum: 65775, weighted: 8007925.5, max: 953.75 }],
    ["Q6_K", [208], { sum: 5331.5, weighted: 415607.5, max: 1708 }],
  ] as const)("%s gives the same", (type, scales, expected) => {
    const bytes = Uint8Array.from(
      { length: DTYPES[type].blockBytes },
      (_, i) => (37 * i + 11 * (i >> 3) + 5) % 256,
    );
    const view = new DataView(bytes.buffer);
    for (const [index, at] of scales.entries()) view.setFloat16(at, index === 0 ? 0.5 : 0.25, true);
    if (type === "MXFP4") bytes[0] = 126;
    const values = [...dequantise(type, bytes)];
    expect({
      sum: values.reduce((sum, value) => sum + value, 0),
      weighted: values.reduce((sum, value, index) => sum + value * (index + 1), 0),
      max: Math.max(...values.map(Math.abs)),
    }).toEqual(expected);
  });
});

describe("a reference", () => {
  test("exists for each type that models are stored in", () => {
    for (const [type, { blockSize, blockBytes }] of Object.entries(DTYPES)) {
      expect(dequantise(type, new Uint8Array(3 * blockBytes))).toHaveLength(3 * blockSize);
    }
  });

  test("takes whole blocks only, wherever they lie", () => {
    expect(() => dequantise("Q8_0", new Uint8Array(35))).toThrow("are no blocks of Q8_0");
    expect(() => dequantise("Q9_9", new Uint8Array(0))).toThrow("no reference");
    const inLarger = new Uint8Array(40).fill(1);
    expect(dequantise("Q8_0", inLarger.subarray(3, 37))[31]).toBe(
      dequantise("F16", Uint8Array.of(1, 1))[0] ?? 0,
    );
  });
});
