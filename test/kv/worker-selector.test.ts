import { describe, expect, test } from "bun:test";

import { NO_LOAD } from "../../src/kv/active-load.ts";
import {
  type Candidate,
  chooseByCost,
  costsOf,
  type RoutingPolicy,
} from "../../src/kv/worker-selector.ts";
import { seededRandom } from "../seeded-random.ts";

const IDLE: Candidate<string> = {
  worker: "a",
  overlapBlocks: 0,
  newTokens: 640,
  newBlocks: 10,
  load: NO_LOAD,
  newMs: 640,
  queuedMs: 0,
  blockMs: 64,
  busyShare: 0,
  cacheUsage: 0,
};

function costs(policy: RoutingPolicy, candidates: readonly Candidate<string>[], turn = 0) {
  return costsOf(policy, candidates, { overlapScoreWeight: 1, blockSize: 64 }, turn);
}

/** How often each is chosen of 1,000 times. */
function frequencies(all: readonly number[], temperature: number): number[] {
  const random = seededRandom(1);
  const counts = all.map(() => 0);
  for (let i = 0; i < 1000; i++) {
    const choice = chooseByCost(all, { temperature, random });
    counts[choice] = (counts[choice] ?? 0) + 1;
  }
  return counts;
}

describe("costs", () => {
  test("of kv-blocks are Dynamo's: weight * prefill blocks + decode blocks", () => {
    const load = { numRequests: 3, numPrefills: 1, prefillTokens: 320, activeBlocks: 40 };
    const candidates = [IDLE, { ...IDLE, overlapBlocks: 8, newTokens: 128, newBlocks: 2, load }];
    expect(costs("kv-blocks", candidates)).toEqual([10 + 10, 7 + 42]);
    const double = { overlapScoreWeight: 2, blockSize: 64 };
    expect(costsOf("kv-blocks", candidates, double, 0)).toEqual([20 + 10, 14 + 42]);
  });

  test("of kv take a queue for a prefix that takes as long, and not for one that is much shorter", () => {
    const holds = (newMs: number, queuedMs: number) => ({ ...IDLE, newMs, queuedMs });
    const [none = 0, all = 0, little = 0] = costs("kv", [IDLE, holds(64, 570), holds(570, 640)]);
    expect(all).toBeLessThan(none);
    expect(little).toBeGreaterThan(none);
  });

  test("of kv count time to compute for the more, the busier the workers are", () => {
    const holds = { ...IDLE, newMs: 64, queuedMs: 1200 };
    const preferred = (busyShare: number) => {
      const [none = 0, all = 0] = costs("kv", [
        { ...IDLE, busyShare },
        { ...holds, busyShare },
      ]);
      return all < none ? "who holds it" : "who is idle";
    };
    expect(preferred(0)).toBe("who is idle"); // 640 beside 64 + 1,200
    expect(preferred(0.6)).toBe("who holds it"); // 2.5 * 640 beside 2.5 * 64 + 1,200
    const [cost = 0] = costs("kv", [{ ...IDLE, busyShare: 1 }]);
    expect(cost).toBe(20 * 640);
  });

  test("of kv-load are what workers say of their KV blocks", () => {
    expect(costs("kv-load", [{ ...IDLE, cacheUsage: 0.5 }, IDLE])).toEqual([0.5, 0]);
  });

  test("of round-robin take turns", () => {
    const turns = [0, 1, 2, 3].map((turn) => {
      const all = costs("round-robin", [IDLE, IDLE, IDLE], turn);
      return chooseByCost(all, { temperature: 0, random: () => 0 });
    });
    expect(turns).toEqual([0, 1, 2, 0]);
  });

  test("of least-loaded do not know who holds what", () => {
    const holds = { ...IDLE, overlapBlocks: 9, newTokens: 64, newBlocks: 1 };
    expect(costs("least-loaded", [IDLE, holds])).toEqual([0, 0]);
  });
});

describe("the choice", () => {
  test("is the cheapest at temperature 0, and one of them at random if there are more", () => {
    expect(frequencies([3, 1, 2], 0)).toEqual([0, 1000, 0]);
    const [first = 0, second = 0, third = 0] = frequencies([1, 5, 1], 0);
    expect(second).toBe(0);
    expect(Math.min(first, third)).toBeGreaterThan(400);
  });

  test("is spread by temperature, as a softmax of costs over their spread", () => {
    const [first = 0, second = 0, third = 0] = frequencies([0, 50, 100], 1);
    // exp(0), exp(-1/2), exp(-1), normalised
    expect(first / 1000).toBeCloseTo(0.506, 1);
    expect(second / 1000).toBeCloseTo(0.307, 1);
    expect(third / 1000).toBeCloseTo(0.186, 1);
  });

  test("is even among equals, whatever the temperature", () => {
    for (const temperature of [0, 0.5, 10]) {
      for (const count of frequencies([7, 7, 7, 7], temperature)) {
        expect(count).toBeGreaterThan(180);
      }
    }
  });
});
