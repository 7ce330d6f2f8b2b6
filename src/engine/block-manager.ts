// Who holds which KV block. Blocks are counted, not copied: sequences with a common prefix share its
// blocks, and a freed block keeps its content until it is reused, so that the next prompt finds it.
//
//     findPrefix -> numBlocksToTake -> allocate -> (step) -> cacheFullBlocks, freeLeading -> ... -> free
//
// A block is in one of three states. `used`: some table holds it. `free with content`: no table does,
// but the prefix cache knows its hash; the least used, oldest block is evicted first (free-list.ts). `free without
// content`: reused before all others. Names follow vLLM's v1/core/block_pool.py and kv_cache_manager.py.
//
// A table's blocks may be lent to a prefill worker that computes the prompt. Until they are taken back, the
// prefill worker alone writes behind the cached ones, and all of them stay where they are.
//
//     allocate -> lend -> (written elsewhere) -> takeBack -> cacheFullBlocks -> ... -> free
//
// Unlike there, a sequence that computes a block which the cache already has swaps its own for the
// cached one. Hence every full block of a running sequence can be shared, and no hash has two blocks.

import { AssertionError, assert } from "../base/assert.ts";
import { extendChain } from "../kv/block-hash.ts";
import type {
  BlockHash,
  KvEvent,
  KvEventData,
  KvSnapshot,
  StoredBlock,
} from "../protocol/kv-event.ts";
import type { BlockTable } from "./block-table.ts";
import { FreeList } from "./free-list.ts";
import { type CachedBlock, storedInOrder } from "./kv-snapshot.ts";
import type { BlockRun } from "./model-runner.ts";

export interface BlockManagerOptions {
  /** The pool is the block ids [firstBlock, firstBlock + numBlocks). */
  readonly firstBlock: number;
  readonly numBlocks: number;
  /** Tokens per block. */
  readonly blockSize: number;
  readonly enablePrefixCaching: boolean;
  /** Told of each change of the prefix cache, in order. */
  readonly onKvEvent?: ((event: KvEvent) => void) | undefined;
}

/** The leading blocks of a sequence that the prefix cache has. */
export interface PrefixMatch {
  readonly numBlocks: number;
  /** How many of them no sequence holds, so that sharing them takes them from the free ones. */
  readonly numFreeBlocks: number;
}

export const NO_PREFIX: PrefixMatch = { numBlocks: 0, numFreeBlocks: 0 };

export class BlockManager {
  readonly numBlocks: number;
  readonly blockSize: number;
  readonly #firstBlock: number;
  readonly #enablePrefixCaching: boolean;
  readonly #onKvEvent: ((event: KvEvent) => void) | undefined;

  // Inside, a block is its index in the pool: blockId - firstBlock.
  readonly #free: FreeList;
  readonly #refCounts: Int32Array;
  /** Sequences that have had the block since it got its content. */
  readonly #numUses: Int32Array;
  readonly #hashes: (BlockHash | undefined)[];
  readonly #cached = new Map<BlockHash, number>();
  /** Other facts of each cached block for a snapshot; other blocks have any. */
  readonly #tokensHashes: BigUint64Array;
  readonly #parentHashes: (BlockHash | undefined)[];
  /** The tokens and the salt of each cached block, so that a collision of hashes is a miss and not another's text. */
  readonly #tokenIds: Int32Array;
  readonly #salts: (BlockHash | undefined)[];
  readonly #lent = new Set<BlockTable>();
  #nextEventId = 0;

  constructor(options: BlockManagerOptions) {
    this.numBlocks = options.numBlocks;
    this.blockSize = options.blockSize;
    this.#firstBlock = options.firstBlock;
    this.#enablePrefixCaching = options.enablePrefixCaching;
    this.#onKvEvent = options.onKvEvent;
    this.#free = new FreeList(options.numBlocks);
    this.#refCounts = new Int32Array(options.numBlocks);
    this.#numUses = new Int32Array(options.numBlocks);
    this.#hashes = new Array(options.numBlocks).fill(undefined);
    this.#parentHashes = new Array(options.numBlocks).fill(undefined);
    this.#salts = new Array(options.numBlocks).fill(undefined);
    this.#tokensHashes = new BigUint64Array(options.numBlocks);
    this.#tokenIds = new Int32Array(options.enablePrefixCaching ? this.numTokens : 0);
    for (let i = options.numBlocks - 1; i >= 0; i--) this.#free.pushWithoutContent(i);
  }

  /** Tokens that the pool holds at most. */
  get numTokens(): number {
    return this.numBlocks * this.blockSize;
  }

  get numFreeBlocks(): number {
    return this.#free.length;
  }

  /** Blocks that some sequence holds. */
  get numUsedBlocks(): number {
    return this.numBlocks - this.#free.length;
  }

  /**
   * Looks up the leading blocks of `tokenIds`. The last token is never found, even where its block is
   * full: it has to be computed, since what it predicts is not in the cache.
   */
  findPrefix(table: BlockTable, tokenIds: Int32Array): PrefixMatch {
    if (!this.#enablePrefixCaching) return NO_PREFIX;
    this.#extendChain(table, tokenIds);
    const maxBlocks = Math.floor((tokenIds.length - 1) / this.blockSize);
    let numBlocks = 0;
    let numFreeBlocks = 0;
    while (numBlocks < maxBlocks) {
      const block = this.#cached.get(hashAt(table, numBlocks));
      if (block === undefined || !this.#isTwin(block, table, tokenIds, numBlocks)) break;
      if (this.#refCounts[block] === 0) numFreeBlocks += 1;
      numBlocks += 1;
    }
    return { numBlocks, numFreeBlocks };
  }

  /** How many free blocks it takes until `table` has room for `numTokens`, with `prefix` shared. */
  numBlocksToTake(table: BlockTable, numTokens: number, prefix: PrefixMatch = NO_PREFIX): number {
    const numShared = prefix.numBlocks - prefix.numFreeBlocks;
    const numNeeded = Math.ceil(numTokens / this.blockSize);
    return Math.max(0, numNeeded - table.numBlocks - numShared);
  }

  /** Makes room for `numTokens` in `table`. A `prefix` is for a table without blocks. */
  allocate(table: BlockTable, numTokens: number, prefix: PrefixMatch = NO_PREFIX): void {
    const numToTake = this.numBlocksToTake(table, numTokens, prefix);
    assert(!table.isLent, "a table grows whose blocks are lent");
    assert(numToTake <= this.numFreeBlocks, "blocks are allocated that are not free");
    assert(prefix.numBlocks === 0 || table.numBlocks === 0, "a prefix comes before all blocks");
    // First the prefix, so that taking new blocks does not reuse the very ones that were found.
    for (let i = 0; i < prefix.numBlocks; i++) {
      const block = this.#cached.get(hashAt(table, i));
      assert(block !== undefined, "a prefix is taken after the cache has changed");
      this.#share(block);
      table.push(this.#firstBlock + block);
    }
    table.numCachedBlocks = Math.max(table.numCachedBlocks, prefix.numBlocks);
    this.#takeNew(table, Math.ceil(numTokens / this.blockSize));
  }

  /** Lets a prefill worker write into the blocks behind the cached ones, until `takeBack`. */
  lend(table: BlockTable): void {
    assert(!table.isLent, "blocks are lent twice");
    table.isLent = true;
    this.#lent.add(table);
  }

  /** The prefill worker has said, or its end has, that it writes no more. */
  takeBack(table: BlockTable): void {
    assert(this.#lent.delete(table), "blocks are taken back that were not lent");
    table.isLent = false;
  }

  /** Lets others share the blocks that the first `numComputedTokens` of `tokenIds` have filled. */
  cacheFullBlocks(table: BlockTable, tokenIds: Int32Array, numComputedTokens: number): void {
    const numFullBlocks = Math.floor(numComputedTokens / this.blockSize);
    assert(!table.isLent, "blocks are shared that somebody else writes to");
    if (!this.#enablePrefixCaching || numFullBlocks === table.numCachedBlocks) return;
    if (table.numCachedBlocks < table.numFreedBlocks) return; // as below, and those blocks are gone
    this.#extendChain(table, tokenIds.subarray(0, numComputedTokens));
    let stored: StoredBlock[] = [];
    for (let i = table.numCachedBlocks; i < numFullBlocks; i++) {
      const own = table.blockIdAt(i) - this.#firstBlock;
      const twin = this.#cached.get(hashAt(table, i));
      if (twin === undefined) {
        this.#enterCache(own, table, i, tokenIds);
        stored.push(table.chain[i] as StoredBlock);
      } else if (this.#isTwin(twin, table, tokenIds, i)) {
        this.#emitStored(table, i, stored);
        stored = [];
        this.#share(twin);
        table.blockIds[i] = this.#firstBlock + twin;
        this.#release(own);
      } else {
        break; // Another prefix has the same hash: this sequence is not cached from here on.
      }
      table.numCachedBlocks = i + 1;
    }
    this.#emitStored(table, table.numCachedBlocks, stored);
  }

  /** Gives those blocks back that hold nothing but some of the first `numTokens`: no later token attends to them. */
  freeLeading(table: BlockTable, numTokens: number): void {
    assert(!table.isLent, "blocks are freed that are lent");
    const end = Math.floor(numTokens / this.blockSize);
    for (; table.numFreedBlocks < end; table.numFreedBlocks++) {
      this.#release(table.blockIdAt(table.numFreedBlocks) - this.#firstBlock);
    }
  }

  /** Gives all blocks of `table` back. The end of a sequence is reused before its beginning. */
  free(table: BlockTable): void {
    assert(!table.isLent, "blocks are freed that are lent");
    for (let i = table.numBlocks - 1; i >= table.numFreedBlocks; i--) {
      this.#release(table.blockIdAt(i) - this.#firstBlock);
    }
    table.clear();
  }

  /** Forgets what no sequence holds; the runs are all blocks that hold nothing now. */
  shed(): readonly BlockRun[] {
    const removed: BlockHash[] = [];
    const isFree = new Uint8Array(this.numBlocks);
    for (const block of [...this.#free]) {
      isFree[block] = 1;
      const hash = this.#hashes[block];
      if (hash === undefined) continue;
      this.#cached.delete(hash);
      this.#hashes[block] = undefined;
      this.#free.remove(block);
      this.#free.pushWithoutContent(block);
      removed.push(hash);
    }
    if (removed.length > 0) this.#emit({ type: "removed", blockHashes: removed });
    return runsOf(isFree, this.#firstBlock);
  }

  /** Forgets all content. No sequence may hold a block. */
  clear(): void {
    assert(this.numUsedBlocks === 0, "the prefix cache is cleared while blocks are in use");
    for (const block of this.#cached.values()) {
      this.#hashes[block] = undefined;
      this.#free.remove(block);
      this.#free.pushWithoutContent(block);
    }
    this.#cached.clear();
    this.#emit({ type: "cleared" });
  }

  /** All that the prefix cache holds, and how its events go on. */
  snapshot(): KvSnapshot {
    return { nextEventId: this.#nextEventId, stored: storedInOrder(this.#cachedBlocks()) };
  }

  /**
   * Asserts that the books agree with `tables`, which are all that hold blocks: each reference is
   * counted, each block is either used or free, once, and what is lent has one table and no readers.
   */
  checkIntegrity(tables: Iterable<BlockTable>): void {
    const references = new Int32Array(this.numBlocks);
    let numLent = 0;
    for (const table of tables) {
      this.#countReferences(table, references);
      if (table.isLent) numLent += 1;
    }
    assert(numLent === this.#lent.size, "blocks are lent that no table holds");

    const isFree = new Uint8Array(this.numBlocks);
    for (const block of this.#free) {
      assert(isFree[block] === 0, "a block is in the free list twice");
      isFree[block] = 1;
    }
    let numHashed = 0;
    for (let block = 0; block < this.numBlocks; block++) {
      const numHeld = references[block] as number;
      const fault = this.#findFault(block, numHeld, isFree[block] === 1);
      if (fault !== undefined)
        throw new AssertionError(`block ${this.#firstBlock + block} ${fault}`);
      if (this.#hashes[block] !== undefined) numHashed += 1;
    }
    assert(numHashed === this.#cached.size, "the prefix cache has a block without hash");
    for (const table of this.#lent) this.#checkLent(table);
  }

  #extendChain({ chain, salt }: BlockTable, tokenIds: Int32Array): void {
    extendChain(chain, tokenIds, { blockSize: this.blockSize, salt });
  }

  *#cachedBlocks(): Iterable<CachedBlock> {
    for (const [blockHash, block] of this.#cached) {
      const tokensHash = this.#tokensHashes[block] as bigint;
      yield { blockHash, tokensHash, parentHash: this.#parentHashes[block] };
    }
  }

  #checkLent(table: BlockTable): void {
    for (let i = table.numCachedBlocks; i < table.numBlocks; i++) {
      const block = table.blockIdAt(i) - this.#firstBlock;
      assert(this.#refCounts[block] === 1, "a block that is written elsewhere is shared");
      assert(this.#hashes[block] === undefined, "a block that is written elsewhere can be found");
    }
  }

  #countReferences(table: BlockTable, references: Int32Array): void {
    for (let i = table.numFreedBlocks; i < table.numBlocks; i++) {
      const block = table.blockIdAt(i) - this.#firstBlock;
      assert(block >= 0 && block < this.numBlocks, "a table holds a block outside the pool");
      references[block] = (references[block] as number) + 1;
      const isCached = i < table.numCachedBlocks;
      assert(!isCached || this.#hashes[block] === hashAt(table, i), "a table's hash is another's");
    }
  }

  #findFault(block: number, numHeld: number, isFree: boolean): string | undefined {
    const refCount = this.#refCounts[block];
    if (refCount !== numHeld) return `is counted ${refCount} times and held ${numHeld} times`;
    if (isFree !== (numHeld === 0)) return isFree ? "is both used and free" : "is lost";
    const hash = this.#hashes[block];
    const isFound = hash === undefined || this.#cached.get(hash) === block;
    return isFound ? undefined : "has a hash by which it is not found";
  }

  #takeNew(table: BlockTable, numBlocks: number): void {
    const removed: BlockHash[] = [];
    while (table.numBlocks < numBlocks) {
      const block = this.#free.pop();
      const hash = this.#hashes[block];
      if (hash !== undefined) {
        this.#cached.delete(hash);
        this.#hashes[block] = undefined;
        removed.push(hash);
      }
      this.#refCounts[block] = 1;
      table.push(this.#firstBlock + block);
    }
    if (removed.length > 0) this.#emit({ type: "removed", blockHashes: removed });
  }

  #share(block: number): void {
    if (this.#refCounts[block] === 0) this.#free.remove(block);
    this.#refCounts[block] = (this.#refCounts[block] as number) + 1;
    this.#numUses[block] = (this.#numUses[block] as number) + 1;
  }

  #release(block: number): void {
    const refCount = (this.#refCounts[block] as number) - 1;
    assert(refCount >= 0, "a block is freed that nobody holds");
    this.#refCounts[block] = refCount;
    if (refCount > 0) return;
    if (this.#hashes[block] === undefined) this.#free.pushWithoutContent(block);
    else this.#free.push(block, this.#numUses[block] as number);
  }

  #enterCache(block: number, table: BlockTable, blockIndex: number, tokenIds: Int32Array): void {
    const hash = hashAt(table, blockIndex);
    this.#hashes[block] = hash;
    this.#numUses[block] = 1;
    this.#tokensHashes[block] = (table.chain[blockIndex] as StoredBlock).tokensHash;
    this.#salts[block] = table.salt;
    this.#parentHashes[block] = table.chain[blockIndex - 1]?.blockHash;
    this.#cached.set(hash, block);
    const start = blockIndex * this.blockSize;
    this.#tokenIds.set(tokenIds.subarray(start, start + this.blockSize), block * this.blockSize);
  }

  /** True if the cached `block` is what `table` has at `blockIndex`, and not only of the same hash. */
  #isTwin(block: number, table: BlockTable, tokenIds: Int32Array, blockIndex: number): boolean {
    if (this.#salts[block] !== table.salt) return false;
    const own = block * this.blockSize;
    const other = blockIndex * this.blockSize;
    for (let i = 0; i < this.blockSize; i++) {
      if (this.#tokenIds[own + i] !== tokenIds[other + i]) return false;
    }
    return true;
  }

  /** Tells of `blocks`, which end before the block at `endIndex`. */
  #emitStored(table: BlockTable, endIndex: number, blocks: readonly StoredBlock[]): void {
    if (blocks.length === 0) return;
    const parent = table.chain[endIndex - blocks.length - 1];
    if (parent === undefined) this.#emit({ type: "stored", blocks });
    else this.#emit({ type: "stored", parentHash: parent.blockHash, blocks });
  }

  #emit(data: KvEventData): void {
    this.#onKvEvent?.({ eventId: this.#nextEventId++, data });
  }
}

function hashAt(table: BlockTable, blockIndex: number): BlockHash {
  const entry = table.chain[blockIndex];
  assert(entry !== undefined, "a block's hash is asked for before its tokens are known");
  return entry.blockHash;
}

/** Runs of blocks that are marked, as block ids. */
function runsOf(marks: Uint8Array, firstBlock: number): readonly BlockRun[] {
  const runs: BlockRun[] = [];
  for (let start = marks.indexOf(1); start >= 0; ) {
    const end = marks.indexOf(0, start);
    const numBlocks = (end < 0 ? marks.length : end) - start;
    runs.push({ firstBlock: firstBlock + start, numBlocks });
    start = end < 0 ? -1 : marks.indexOf(1, end);
  }
  return runs;
}
