import { expect, test } from "bun:test";
import fc from "fast-check";

import { withoutOverloaded } from "../../../src/components/router/imbalance.ts";

const allowed = (counts: readonly number[], limit: number) =>
  withoutOverloaded([...counts.keys()], (worker) => counts[worker] ?? 0, limit);

test("a worker is left out when it has four times as many as the least busy one, and so many more", () => {
  expect(allowed([0, 7, 8], 8)).toEqual([0, 1]);
  expect(allowed([10, 18, 39, 40], 8)).toEqual([0, 1, 2]);
  expect(allowed([100, 120], 8)).toEqual([0, 1]);
});

test("the least busy ones are never left out, and requests lie within the bound for ever", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.nat(), { maxLength: 200 }),
      (numWorkers, limit, picks) => {
        const counts = new Array<number>(numWorkers).fill(0);
        for (const pick of picks) {
          const workers = allowed(counts, limit);
          expect(workers).toContain(counts.indexOf(Math.min(...counts)));
          const chosen = workers[pick % workers.length] as number;
          counts[chosen] = (counts[chosen] ?? 0) + 1;
        }
        const least = Math.min(...counts);
        expect(Math.max(...counts)).toBeLessThanOrEqual(Math.max(least + limit, 4 * least));
      },
    ),
  );
});

test("one prompt that all share does not send all to one of two, four or eight workers", () => {
  for (const numWorkers of [2, 4, 8]) {
    const counts = new Array<number>(numWorkers).fill(0);
    for (let i = 0; i < 64; i++) {
      // The first that may have it, as if it alone held the prompt.
      const chosen = allowed(counts, 8)[0] as number;
      counts[chosen] = (counts[chosen] ?? 0) + 1;
    }
    expect(Math.max(...counts)).toBeLessThanOrEqual(52);
    expect(counts.filter((count) => count > 0).length).toBeGreaterThan(numWorkers / 2);
  }
});
