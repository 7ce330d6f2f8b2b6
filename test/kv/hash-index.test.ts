import { describe, expect, test } from "bun:test";
import fc from "fast-check";

import { HashIndex } from "../../src/kv/hash-index.ts";

const hash = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
/** Few and alike, so that they meet in the table. */
const crowdedHash = fc.oneof(
  fc.constantFrom(0n, 1n, 2n, 2n ** 32n, 2n ** 64n - 1n),
  fc.integer({ min: 0, max: 40 }).map((i) => BigInt(i) << 32n),
);

describe("a hash index", () => {
  test("finds what a map of (scope, hash) finds, through any additions and deletions", () => {
    const key = fc.tuple(fc.nat(3), fc.oneof(hash, crowdedHash));
    fc.assert(
      fc.property(fc.array(key, { maxLength: 200 }), (keys) => {
        const index = new HashIndex(16);
        const map = new Map<string, number>();
        for (const [scope, value] of keys) {
          const name = `${scope}:${value}`;
          const id = map.get(name);
          expect(index.find(scope, value)).toBe(id);
          if (id !== undefined) {
            expect(index.scopeOf(id)).toBe(scope);
            expect(index.hashOf(id)).toBe(value);
            index.delete(id);
            map.delete(name);
          } else if (map.size < 16) {
            map.set(name, index.add(scope, value));
          }
          expect(index.size).toBe(map.size);
          expect([...index].toSorted()).toEqual([...map.values()].toSorted());
        }
      }),
    );
  });

  test("gives out ids below its capacity, each to one thing, and refuses more", () => {
    const index = new HashIndex(3);
    const ids = [1n, 2n, 3n].map((value) => index.add(0, value));
    expect(ids.toSorted()).toEqual([0, 1, 2]);
    expect(() => index.add(0, 4n)).toThrow("full index");
  });
});
