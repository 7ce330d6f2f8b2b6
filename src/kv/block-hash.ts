// The names of KV blocks: XXH3-64 with seed 1337 over little-endian ids, chained, as in Dynamo
// (lib/llm/src/kv_router/indexer.rs), so that its workers and routers could talk to ours.
//
//     tokensHash(i) = xxh3(ids of block i)
//     blockHash(0)  = tokensHash(0)
//     blockHash(i)  = xxh3(blockHash(i - 1), tokensHash(i))
//
// A salt stands before the first block, as a parent that no prompt has: tokensHash(0) = xxh3(salt, xxh3(ids)).

import type { BlockHash, StoredBlock } from "../protocol/kv-event.ts";

const SEED = 1337n;

export interface BlockNaming {
  /** Tokens per block. */
  readonly blockSize: number;
  /** Blocks of another salt have other names. */
  readonly salt?: BlockHash | undefined;
}

/**
 * Adds to `chain` the hashes of the full blocks of `tokenIds` that it does not have yet. The tokens
 * behind the last full block have no hash.
 */
export function extendChain(
  chain: StoredBlock[],
  tokenIds: Int32Array,
  { blockSize, salt }: BlockNaming,
): void {
  const numFullBlocks = Math.floor(tokenIds.length / blockSize);
  for (let i = chain.length; i < numFullBlocks; i++) {
    const own = hashTokens(tokenIds.subarray(i * blockSize, (i + 1) * blockSize));
    const tokensHash = i === 0 ? hashBlock(salt, own) : own;
    chain.push({ blockHash: hashBlock(chain[i - 1]?.blockHash, tokensHash), tokensHash });
  }
}

function hashTokens(tokenIds: Int32Array): BlockHash {
  return Bun.hash.xxHash3(tokenIds, SEED);
}

const pair = new BigUint64Array(2);

function hashBlock(parentHash: BlockHash | undefined, tokensHash: BlockHash): BlockHash {
  if (parentHash === undefined) return tokensHash;
  pair[0] = parentHash;
  pair[1] = tokensHash;
  return Bun.hash.xxHash3(pair, SEED);
}
