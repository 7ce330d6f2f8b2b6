import { expect, test } from "bun:test";
import fc from "fast-check";

import { withoutOverloaded } from "../../src/components/imbalance.ts";

const allowed = (counts: readonly number[], limit: number) =>
  withoutOverloaded([...counts.keys()], (worker) => counts[worker] ?? 0, limit);

test("a worker is left out when it has twice as many as the least busy one, and so many more", () => {
  expect(allowed([0, 7, 8], 8)).toEqual([0, 1]);
  expect(allowed([10, 18, 19, 20], 8)).toEqual([0, 1, 2]);
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
        expect(Math.max(...counts)).toBeLessThanOrEqual(Math.max(least + limit, 2 * least));
      },
    ),
  );
});
