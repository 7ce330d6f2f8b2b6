// Numbers of F32 and of 16 bits in JavaScript's doubles, rounded to nearest, ties to even.

import type { RoundingFacts } from "./facts.ts";

export type Floats = Float32Array<ArrayBuffer>;

export const { fround } = Math;

/** To a whole number, for magnitudes below 2^51. */
export function roundEven(x: number): number {
  return x + 2 ** 52 * 1.5 - 2 ** 52 * 1.5;
}

const f32 = new Float32Array(1);
const bits = new Uint32Array(f32.buffer);

export function toBf16(x: number): number {
  f32[0] = x;
  const word = bits[0] as number;
  bits[0] = (word + 0x7fff + ((word >>> 16) & 1)) & 0xffff0000;
  return f32[0];
}

const f16 = new Float16Array(1);

export function toF16(x: number): number {
  f16[0] = x;
  return f16[0];
}

/**
 * a b + c as the instruction set adds it. The product of two F32 is exact in a double; the sum is rounded to a double
 * and then to F32, which differs from one rounding once in 2^29 sums.
 */
export function addProduct(isFused: boolean, a: number, b: number, c: number): number {
  return isFused ? fround(a * b + c) : fround(fround(a * b) + c);
}

const LOG2_E = fround(Math.LOG2E);
const LN2_HIGH = fround(0.693359375);
const LN2_LOW = fround(-2.1219444e-4);
const POLYNOMIAL = [
  1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1,
  5.0000001201e-1,
].map(fround);

/** e^x by Cephes' polynomial, as native/src/base/exp.h; 0 below -87. `isFused`: as AVX-512's attention has it. */
export function expF32(x: number, isFused = false): number {
  if (!(x >= -87)) return 0;
  const clamped = Math.min(x, 88);
  const n = roundEven(fround(clamped * LOG2_E));
  const high = addProduct(isFused, -n, LN2_HIGH, clamped);
  const r = addProduct(isFused, -n, LN2_LOW, high);
  let p = POLYNOMIAL[0] as number;
  for (let i = 1; i < POLYNOMIAL.length; i++) {
    p = addProduct(isFused, p, r, POLYNOMIAL[i] as number);
  }
  p = fround(addProduct(isFused, p, fround(r * r), r) + 1);
  return fround(p * 2 ** n);
}

/** Adds what four vectors hold, one after the other in `sums`, by the instruction set's tree. */
export function addFourVectors(sums: readonly number[], { tree, lanes }: RoundingFacts): number {
  const at = (vector: number, lane: number) => sums[vector * lanes + lane] as number;
  let row = Array.from({ length: lanes }, (_, i) =>
    fround(fround(at(0, i) + at(1, i)) + fround(at(2, i) + at(3, i))),
  );
  while (row.length > 1) {
    const half = row.length / 2;
    const previous = row;
    row = Array.from({ length: half }, (_, i) => {
      const [a, b] = tree === "halves" ? [i, i + half] : [2 * i, 2 * i + 1];
      return fround((previous[a] as number) + (previous[b] as number));
    });
  }
  return row[0] as number;
}

/** In four vectors, whole fours of them first. The length is a multiple of a vector's. */
export function sumOfSquares(x: Floats, facts: RoundingFacts): number {
  const { lanes, isFused } = facts;
  const sums = Array.from({ length: 4 * lanes }, () => 0);
  const inFours = x.length - (x.length % (4 * lanes));
  for (let i = 0; i < x.length; i++) {
    const to = i < inFours ? i % (4 * lanes) : i % lanes;
    const value = x[i] as number;
    sums[to] = addProduct(isFused, value, value, sums[to] as number);
  }
  return addFourVectors(sums, facts);
}
