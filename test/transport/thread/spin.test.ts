import { expect, test } from "bun:test";

import { Spin } from "../../../src/transport/thread/spin.ts";

test("where spinning is forbidden nothing is looked at twice", () => {
  const spin = new Spin("forbidden");
  expect(occasions(spin, 200, () => true)).toBe(0);
});

test("while the peer answers at once every occasion is taken", () => {
  const spin = new Spin("allowed");
  expect(occasions(spin, 200, () => true)).toBe(200);
});

test("after a few misses only one occasion in 64 is tried, and a hit brings all back", () => {
  const spin = new Spin("allowed");
  expect(occasions(spin, 4, () => false)).toBe(4);
  expect(occasions(spin, 640, () => false)).toBe(10);
  expect(occasions(spin, 64, () => true)).toBe(1);
  expect(occasions(spin, 100, () => true)).toBe(100);
});

/** How many of `count` occasions were taken. */
function occasions(spin: Spin, count: number, isReady: () => boolean): number {
  let taken = 0;
  for (let i = 0; i < count; i++) {
    if (!spin.isWorthIt()) continue;
    taken++;
    spin.until(isReady);
  }
  return taken;
}
