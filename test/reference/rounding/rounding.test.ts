// The rounding reference by itself: what it reads is what the other reference reads, and what it loses is known.

import { describe, expect, test } from "bun:test";

import { DTYPES, type DType, isDType } from "../../../src/model/dtype.ts";
import { randomBytes } from "../../model/random-weights.ts";
import { seededRandom } from "../../seeded-random.ts";
import { dequantise } from "../dequantise.ts";
import { FACTS, LLAMA_CPP, type RoundingFacts } from "./facts.ts";
import { expF32, roundEven, toBf16 } from "./floats.ts";
import { multiply, type RoundedMatrix, rowOf, toLevels, weightsOf } from "./matrix.ts";
import { matrixOf } from "./stored-matrix.ts";

const TYPES = Object.keys(DTYPES).filter(isDType);

function bytesOf(dtype: DType, numElements: number): Uint8Array {
  const pieces = [...randomBytes({ dtype, numElements, reach: 1, seed: 5 })];
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}

describe("a stored matrix", () => {
  test.each(TYPES)("of %s has the weights of the double-precision reference", (dtype) => {
    const bytes = bytesOf(dtype, 4 * 512);
    const matrix = matrixOf({ dtype, bytes, numInputs: 512 }, undefined);
    expect([...weightsOf(matrix)]).toEqual([...dequantise(dtype, bytes)]);
    const row = weightsOf(matrix).slice(2 * 512, 3 * 512);
    for (const [k, weight] of rowOf(matrix, 2, 512).entries()) {
      expect(Math.abs(weight - (row[k] as number))).toBeLessThan(1e-6);
    }
  });

  test.each(["q8", "q4"] as const)("made into %s is within a level of what it was", (to) => {
    const bytes = bytesOf("F32", 8 * 96);
    const exact = dequantise("F32", bytes);
    const weights = weightsOf(matrixOf({ dtype: "F32", bytes, numInputs: 96 }, to));
    const level = to === "q8" ? 1 / 127 : 1 / 8;
    for (const [i, weight] of weights.entries()) {
      expect(Math.abs(weight - (exact[i] as number))).toBeLessThanOrEqual(1.01 * level);
    }
  });
});

describe("activations in levels", () => {
  test("have the largest of 32 at 127, ties at the even level, and zeros where all is zero", () => {
    const x = new Float32Array(64);
    x.set([127, -126.5, 0.5, 1.5, -2.5]);
    const { levels, scales } = toLevels(x, FACTS.AVX2);
    expect([...levels.subarray(0, 5)]).toEqual([127, -126, 0, 2, -2]);
    expect([...scales]).toEqual([1, 0]);
  });

  // Loss of a product beside the exact one, relative to its size: half a per cent, as in llama.cpp.
  test.each([32, 64, 96, 256, 576, 896])(
    "cost a product of %d inputs what they cost llama.cpp",
    (size) => {
      const random = seededRandom(size);
      const gaussian = () => Array.from({ length: 12 }, random).reduce((sum, x) => sum + x, -6);
      const bytes = bytesOf("Q4_0", 512 * size);
      const matrix = matrixOf({ dtype: "Q4_0", bytes, numInputs: size }, undefined);
      const errors = Array.from({ length: 8 }, () => {
        const x = Float32Array.from({ length: size }, gaussian);
        return [errorOf(matrix, x, FACTS.AVX2), errorOf(matrix, x, LLAMA_CPP)] as const;
      });
      const mean = (which: 0 | 1) => errors.reduce((sum, error) => sum + error[which], 0) / 8;
      expect(mean(0)).toBeLessThan(0.0065);
      expect(mean(0) / mean(1)).toBeLessThan(1.05);
    },
  );
});

/** Root mean square of the difference from the exact product, in parts of the product's. */
function errorOf(
  matrix: RoundedMatrix,
  x: Float32Array<ArrayBuffer>,
  facts: RoundingFacts,
): number {
  const weights = weightsOf(matrix);
  let [difference, total] = [0, 0];
  for (const [row, value] of multiply(matrix, x, facts).entries()) {
    const own = weights.subarray(row * x.length, (row + 1) * x.length);
    const exact = own.reduce((sum, weight, k) => sum + weight * (x[k] as number), 0);
    difference += (value - exact) ** 2;
    total += exact ** 2;
  }
  return Math.sqrt(difference / total);
}

test("numbers of 16 bits and whole numbers are rounded to nearest, ties to even", () => {
  expect([2.5, 3.5, -2.5, 2.51].map(roundEven)).toEqual([2, 4, -2, 3]);
  expect(toBf16(1 + 2 ** -8)).toBe(1);
  expect(toBf16(1 + 3 * 2 ** -8)).toBe(1 + 2 ** -6);
});

test.each([false, true])("e^x is within 2e-7, fused %p", (isFused) => {
  for (let x = -86; x < 88; x += 0.37) {
    const exact = Math.exp(Math.fround(x));
    expect(Math.abs(expF32(Math.fround(x), isFused) / exact - 1)).toBeLessThan(2e-7);
  }
  expect(expF32(-Infinity, isFused)).toBe(0);
});
