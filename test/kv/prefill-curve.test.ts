import { describe, expect, test } from "bun:test";
import fc from "fast-check";

import { PrefillCurve, sizesOf } from "../../src/kv/prefill-curve.ts";
import { seededRandom } from "../seeded-random.ts";

function learn(lengths: readonly number[], msOf: (numTokens: number) => number): PrefillCurve {
  const curve = new PrefillCurve();
  for (const numTokens of lengths) curve.observe(numTokens, msOf(numTokens));
  return curve;
}

const mixed = (random: () => number) =>
  Array.from({ length: 1000 }, () => Math.ceil(100 * 1000 ** random()));

describe("the curve of prefill times", () => {
  test("is found from prompts of mixed lengths, through noise", () => {
    const random = seededRandom(3);
    const msOf = (n: number) => 0.07 * n + 1.25e-6 * n ** 2;
    const curve = learn(mixed(random), (n) => msOf(n) * (0.8 + 0.4 * random()));
    for (const n of [1000, 10_000, 100_000]) {
      expect(curve.msOf(sizesOf(n)) / msOf(n)).toBeCloseTo(1, 0.5);
    }
  });

  test("is a line where lengths are alike, or where long prompts cost no more a token", () => {
    expect(learn([1000, 1001, 1000], (n) => n / 10).msOf(sizesOf(100_000))).toBeCloseTo(10_000, 3);
    const curve = learn(mixed(seededRandom(4)), (n) => 50 + 0.07 * n);
    expect(curve.msOf(sizesOf(50_000))).toBeCloseTo(0.07 * 50_000, -3);
  });

  test("follows workers that have become slower", () => {
    const curve = learn(mixed(seededRandom(5)), (n) => 0.1 * n);
    for (const n of mixed(seededRandom(6))) curve.observe(n, 0.3 * n);
    expect(curve.msOf(sizesOf(5000))).toBeCloseTo(1500, -2);
  });

  test("counts tokens before anything is observed, and is never negative, whatever is", () => {
    expect(new PrefillCurve().msOf(sizesOf(7))).toBe(7);
    const prompt = fc.tuple(
      fc.integer({ min: 1, max: 2 ** 17 }),
      fc.double({ min: 0, max: 1e6, noNaN: true }),
    );
    fc.assert(
      fc.property(fc.array(prompt, { minLength: 1 }), (prompts) => {
        const curve = new PrefillCurve();
        for (const [numTokens, ms] of prompts) curve.observe(numTokens, ms);
        for (const n of [1, 1000, 2 ** 17]) {
          expect(curve.msOf(sizesOf(n))).toBeGreaterThanOrEqual(0);
          expect(curve.msOf(sizesOf(n))).toBeLessThan(Number.POSITIVE_INFINITY);
        }
      }),
    );
  });
});
