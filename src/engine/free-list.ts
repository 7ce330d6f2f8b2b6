// The blocks that no sequence holds, in the order in which they are to be reused: an intrusive list in
// two arrays, so that any block leaves in constant time when a prefix match revives it.

import { assert } from "../base/assert.ts";

export class FreeList {
  // One more entry than blocks: the last closes the ring, before the first block and after the last.
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #end: number;
  #length = 0;

  /** An empty list for blocks of index 0 to `numBlocks - 1`. */
  constructor(numBlocks: number) {
    this.#end = numBlocks;
    this.#next = new Int32Array(numBlocks + 1);
    this.#previous = new Int32Array(numBlocks + 1);
    this.#next[this.#end] = this.#end;
    this.#previous[this.#end] = this.#end;
  }

  get length(): number {
    return this.#length;
  }

  /** The next to be reused: for blocks that hold nothing of use. */
  pushFront(blockIndex: number): void {
    this.#insert(blockIndex, at(this.#next, this.#end));
  }

  /** The last to be reused: for blocks that were used just now. */
  pushBack(blockIndex: number): void {
    this.#insert(blockIndex, this.#end);
  }

  /** Takes the block that was used longest ago. */
  popFront(): number {
    assert(this.#length > 0, "a block is taken from an empty free list");
    const blockIndex = at(this.#next, this.#end);
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
    for (let i = at(this.#next, this.#end); i !== this.#end; i = at(this.#next, i)) yield i;
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

/** An element that is there: every index in this file is a block's or the ring's end. */
function at(array: Int32Array, index: number): number {
  return array[index] as number;
}
