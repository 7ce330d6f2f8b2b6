// Salts of the prefix cache, and the names that blocks get by them.

import { expect, test } from "bun:test";

import { extendChain } from "../../src/kv/block-hash.ts";
import { cacheSaltOf } from "../../src/kv/cache-salt.ts";
import type { StoredBlock } from "../../src/protocol/kv-event.ts";

const TOKENS = Int32Array.from([1, 2, 3, 4, 5, 6]);

function chainOf(salt: bigint | undefined): readonly StoredBlock[] {
  const chain: StoredBlock[] = [];
  extendChain(chain, TOKENS, { blockSize: 2, salt });
  return chain;
}

test("owner and salt each make another one, and neither stands for the other", () => {
  const scopes = [
    ...[{ owner: "ann" }, { owner: "bob" }, { salt: "ann" }, { owner: "ann", salt: "x" }],
    ...[{ owner: "bob", salt: "x" }, { owner: '["ann","x"]' }, { owner: "null" }, { salt: "null" }],
  ];
  const salts = scopes.map(cacheSaltOf);
  expect(new Set(salts).size).toBe(scopes.length);
  expect(scopes.map(cacheSaltOf)).toEqual(salts);
  expect(salts.every((salt) => salt !== undefined && salt < 2n ** 64n)).toBe(true);
});

test("a prompt without owner and salt has none, and its blocks have Dynamo's names", () => {
  expect(cacheSaltOf({})).toBeUndefined();
  const [first] = chainOf(undefined);
  expect(first?.blockHash).toBe(first?.tokensHash as bigint);
});

test("no block has its name under another salt, and the first differs in both hashes", () => {
  const chains = [undefined, 0n, 7n, 8n].map(chainOf);
  const names = chains.flat().map(({ blockHash }) => blockHash);
  expect(new Set(names).size).toBe(names.length);
  const begins = chains.map(([first]) => first?.tokensHash);
  expect(new Set(begins).size).toBe(chains.length);
});
