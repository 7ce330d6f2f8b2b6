import { describe, expect, test } from "bun:test";

import { decodeMs, prefillMs } from "../../src/engine/mock-runner.ts";
import { PrefillPacer } from "../../src/engine/prefill-pacer.ts";

/** Prefills with as many tokens as the pacer allows; returns the last step's time. */
function settle(pacer: PrefillPacer, numDecodes: number, stepMs: (numTokens: number) => number) {
  let elapsedMs = 0;
  for (let step = 0; step < 20; step++) {
    const numPrefillTokens = pacer.maxPrefillTokens(numDecodes);
    elapsedMs = stepMs(numPrefillTokens);
    pacer.observe({ numDecodes, numPrefillTokens, elapsedMs });
  }
  return elapsedMs;
}

describe("the prefill pacer", () => {
  test("starts with a small chunk, since a token may cost 10 ms", () => {
    expect(new PrefillPacer().maxPrefillTokens(0)).toBeLessThanOrEqual(64);
  });

  test("settles at half a second for a prompt alone, however fast the model is", () => {
    for (const msPerToken of [0.01, 1, 10]) {
      const elapsedMs = settle(new PrefillPacer(), 0, (numTokens) => numTokens * msPerToken);
      expect(elapsedMs).toBeGreaterThan(400);
      expect(elapsedMs).toBeLessThan(600);
    }
  });

  test("at most doubles the step of those who decode", () => {
    const pacer = new PrefillPacer();
    pacer.observe({ numDecodes: 4, numPrefillTokens: 0, elapsedMs: 200 });
    const elapsedMs = settle(pacer, 4, (numTokens) => 200 + numTokens * 2);
    expect(elapsedMs).toBeGreaterThan(350);
    expect(elapsedMs).toBeLessThanOrEqual(400);
  });

  test("adds 50 ms where decoding is quicker than anyone reads", () => {
    const pacer = new PrefillPacer();
    pacer.observe({ numDecodes: 4, numPrefillTokens: 0, elapsedMs: 1 });
    const elapsedMs = settle(pacer, 4, (numTokens) => 1 + numTokens * 0.05);
    expect(elapsedMs).toBeGreaterThan(40);
    expect(elapsedMs).toBeLessThanOrEqual(51);
  });

  test("copes with a step's fixed costs, as the mocked runner has them", () => {
    const pacer = new PrefillPacer();
    const decodingMs = decodeMs(0.1);
    pacer.observe({ numDecodes: 8, numPrefillTokens: 0, elapsedMs: decodingMs });
    const elapsedMs = settle(pacer, 8, (numTokens) => decodingMs + prefillMs(numTokens));
    expect(elapsedMs).toBeGreaterThan(decodingMs + 40);
    expect(elapsedMs).toBeLessThanOrEqual(decodingMs + 55);
  });

  test("forgets a stall within a few chunks", () => {
    const pacer = new PrefillPacer();
    settle(pacer, 0, (numTokens) => numTokens);
    pacer.observe({ numDecodes: 0, numPrefillTokens: 5, elapsedMs: 5000 });
    expect(settle(pacer, 0, (numTokens) => numTokens)).toBeGreaterThan(400);
  });

  test("sets no limit by a clock that stands still, and is never below 16 tokens", () => {
    const still = new PrefillPacer();
    still.observe({ numDecodes: 0, numPrefillTokens: 64, elapsedMs: 0 });
    expect(still.maxPrefillTokens(1)).toBe(Infinity);
    const slow = new PrefillPacer();
    slow.observe({ numDecodes: 0, numPrefillTokens: 64, elapsedMs: 1e6 });
    expect(slow.maxPrefillTokens(1)).toBe(16);
  });
});
