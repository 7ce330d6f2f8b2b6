import { describe, expect, test } from "bun:test";
import fc from "fast-check";

import { extendChain } from "../../src/kv/block-hash.ts";
import type { StoredBlock } from "../../src/protocol/kv-event.ts";

function chainOf(tokenIds: readonly number[], blockSize: number): StoredBlock[] {
  const chain: StoredBlock[] = [];
  extendChain(chain, Int32Array.from(tokenIds), { blockSize });
  return chain;
}

describe("block hashes", () => {
  // Dynamo, lib/llm/src/tokens.rs: ids 1 to 12 in blocks of 4, seed 1337.
  test("equal Dynamo's vectors", () => {
    expect(chainOf([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], 4)).toEqual([
      { blockHash: 14643705804678351452n, tokensHash: 14643705804678351452n },
      { blockHash: 4945711292740353085n, tokensHash: 16777012769546811212n },
      { blockHash: 12583592247330656132n, tokensHash: 483935686894639516n },
    ]);
  });

  test("leave out the partial tail", () => {
    expect(chainOf([1, 2, 3], 4)).toEqual([]);
    expect(chainOf([1, 2, 3, 4, 5], 4)).toHaveLength(1);
  });

  test("are the same whether a chain grows by tokens or at once", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(200_000), { maxLength: 60 }),
        fc.integer({ min: 1, max: 7 }),
        (tokenIds, blockSize) => {
          const grown: StoredBlock[] = [];
          for (let length = 0; length <= tokenIds.length; length++) {
            extendChain(grown, Int32Array.from(tokenIds.slice(0, length)), { blockSize });
          }
          expect(grown).toEqual(chainOf(tokenIds, blockSize));
        },
      ),
    );
  });

  test("tell prefixes apart, though the block's own tokens are equal", () => {
    const [, left] = chainOf([1, 2, 9, 9], 2);
    const [, right] = chainOf([3, 4, 9, 9], 2);
    expect(left?.tokensHash).toEqual(right?.tokensHash as bigint);
    expect(left?.blockHash).not.toEqual(right?.blockHash as bigint);
  });
});
