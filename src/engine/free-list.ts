// The blocks that no sequence holds, in the order in which they are to be reused: intrusive lists in two
// arrays, so that any block leaves in constant time when a prefix match revives it.
//
// Blocks without content come first. The others go by how many sequences have had them and how long ago: LFU with
// dynamic aging (Arlitt et al., "Evaluating content management techniques for Web proxy caches", 2000). A block's rank
// is its number of uses above the rank that was reused last, so what many had outlives what one had, but not for ever.
//
//     without content | rank a: oldest ... youngest | rank a + 1: ... | ... | rank a + MAX_USES
//
// No sequence has a block without those before it, and gives its last block back first: so a block's rank is never
// above that of the one before it, and a prefix is reused from its end.

import { assert } from "../base/assert.ts";

/** Further uses count no more, so that the lists are few. On traces of conversations more would make no difference. */
const MAX_USES = 7;
const NUM_RANKS = MAX_USES + 1;

export class FreeList {
  // Behind the blocks, an end for each list: it closes the ring, before the first block and after the last.
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** The end of the list of blocks without content; those of the ranks follow, each at its rank modulo their number. */
  readonly #withoutContent: number;
  #lowestRank = 0;
  #length = 0;

  /** An empty list for blocks of index 0 to `numBlocks - 1`. */
  constructor(numBlocks: number) {
    this.#withoutContent = numBlocks;
    this.#next = Int32Array.from({ length: numBlocks + 1 + NUM_RANKS }, (_, i) => i);
    this.#previous = this.#next.slice();
  }

  get length(): number {
    return this.#length;
  }

  /** For a block that holds nothing of use: the next to be reused. */
  pushWithoutContent(blockIndex: number): void {
    this.#insert(blockIndex, at(this.#next, this.#withoutContent));
  }

  /** For a block that `numUses` sequences have had. */
  push(blockIndex: number, numUses: number): void {
    assert(numUses > 0, "a block has content that no sequence has computed");
    this.#insert(blockIndex, this.#endOf(this.#lowestRank + Math.min(numUses, MAX_USES)));
  }

  /** Takes the next to be reused. */
  pop(): number {
    assert(this.#length > 0, "a block is taken from an empty free list");
    let end = this.#withoutContent;
    if (this.#isEmpty(end)) {
      while (this.#isEmpty(this.#endOf(this.#lowestRank))) this.#lowestRank += 1;
      end = this.#endOf(this.#lowestRank);
    }
    const blockIndex = at(this.#next, end);
    this.remove(blockIndex);
    return blockIndex;
  }

  remove(blockIndex: number): void {
    const next = at(this.#next, blockIndex);
    const previous = at(this.#previous, blockIndex);
    this.#next[previous] = next;
    this.#previous[next] = previous;
    this.#length -= 1;
  }

  /** From the next to be reused to the last. */
  *[Symbol.iterator](): IterableIterator<number> {
    yield* this.#blocksBefore(this.#withoutContent);
    for (let i = 0; i < NUM_RANKS; i++)
      yield* this.#blocksBefore(this.#endOf(this.#lowestRank + i));
  }

  *#blocksBefore(end: number): IterableIterator<number> {
    for (let i = at(this.#next, end); i !== end; i = at(this.#next, i)) yield i;
  }

  #endOf(rank: number): number {
    return this.#withoutContent + 1 + (rank % NUM_RANKS);
  }

  #isEmpty(end: number): boolean {
    return this.#next[end] === end;
  }

  #insert(blockIndex: number, next: number): void {
    const previous = at(this.#previous, next);
    this.#next[previous] = blockIndex;
    this.#previous[blockIndex] = previous;
    this.#next[blockIndex] = next;
    this.#previous[next] = blockIndex;
    this.#length += 1;
  }
}

/** An element that is there: every index in this file is a block's or a ring's end. */
function at(array: Int32Array, index: number): number {
  return array[index] as number;
}
