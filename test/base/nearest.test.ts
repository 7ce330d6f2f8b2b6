import { expect, test } from "bun:test";
import fc from "fast-check";

import { didYouMean, nearest } from "../../src/base/nearest.ts";

const KEYS = ["model", "block-size", "max-model-len", "max-num-seqs", "enforce-eager"];

test("one slip of the pen finds the name that was meant", () => {
  const slip = fc.constantFrom(...KEYS).chain((key) =>
    fc.nat(key.length - 2).map((at) => ({
      key,
      dropped: key.slice(0, at) + key.slice(at + 1),
      swapped: key.slice(0, at) + key[at + 1] + key[at] + key.slice(at + 2),
      doubled: key.slice(0, at) + key[at] + key.slice(at),
    })),
  );
  fc.assert(
    fc.property(slip, ({ key, dropped, swapped, doubled }) => {
      for (const typed of [dropped, swapped, doubled]) expect(nearest(typed, KEYS)).toBe(key);
    }),
  );
});

test("what resembles nothing has no suggestion", () => {
  for (const word of ["temperature", "x", "", "zzzzzzzzzzzz"])
    expect(nearest(word, KEYS)).toBeUndefined();
  expect(didYouMean("temperature", KEYS)).toBe("");
});

test("case and separators count nothing", () => {
  expect(nearest("Max_Num_Seqs", KEYS)).toBe("max-num-seqs");
  expect(didYouMean("BLOCKSIZE", KEYS)).toBe(' Did you mean "block-size"?');
});
