// Byte-pair encoding of one word: the merge of the lowest rank first, of equals the leftmost, until none is left.
// O(n log n) over typed arrays, and it can be stopped between two merges and go on, since a word may have a million
// characters.

import { assert } from "../base/assert.ts";
import type { MergeTable } from "./merge-table.ts";

/** Ranks times this, plus a position, are exact in a double: 2^25 ranks and 2^26 positions. */
const POSITIONS = 2 ** 26;

export class PairMerger {
  readonly #table: MergeTable;
  #length = 0;
  #symbols = new Int32Array(64);
  #next = new Int32Array(64);
  #previous = new Int32Array(64);
  /** Rank of the pair that begins at a position; -1: none. An entry of the heap that says otherwise is stale. */
  #ranks = new Int32Array(64);
  /** The position in the word where each symbol begins. */
  #begins = new Int32Array(64);
  #end = 0;
  #heap = new Float64Array(64);
  #heapSize = 0;

  constructor(table: MergeTable) {
    this.#table = table;
  }

  /** Begins a word of at most `length` symbols. Memory is 28 bytes a symbol and more. */
  begin(length: number): void {
    assert(length < POSITIONS, "a word has fewer than 67 million characters");
    if (length > this.#symbols.length) this.#grow(length);
    this.#heapSize = 0;
    this.#length = 0;
    this.#end = length;
  }

  add(symbol: number, begin: number): void {
    this.#symbols[this.#length] = symbol;
    this.#begins[this.#length++] = begin;
  }

  /** After all symbols were added, before the first `run`. The caller may stop after each `numSteps`. */
  *link(numSteps: number): Generator<void> {
    const length = this.#length;
    for (let at = 0; at < length; at++) {
      this.#next[at] = at + 1;
      this.#previous[at] = at - 1;
    }
    for (let at = 0; at < length; at++) {
      this.#rank(at);
      if (at % numSteps === numSteps - 1) yield;
    }
  }

  /** Up to `numSteps` merges; true when none is left. */
  run(numSteps: number): boolean {
    for (let step = 0; step < numSteps; step++) {
      if (this.#heapSize === 0) return true;
      const key = this.#pop();
      const rank = Math.floor(key / POSITIONS);
      const at = key - rank * POSITIONS;
      if (this.#ranks[at] === rank) this.#merge(at);
    }
    return this.#heapSize === 0;
  }

  /** The symbols that are left: the first one's position, and the one after it. */
  get first(): number | undefined {
    return this.#length > 0 ? 0 : undefined;
  }

  after(at: number): number | undefined {
    const next = this.#next[at] ?? this.#length;
    return next < this.#length ? next : undefined;
  }

  symbolAt(at: number): number {
    return this.#symbols[at] ?? -1;
  }

  beginOf(at: number): number {
    return this.#begins[at] ?? this.#end;
  }

  endOf(at: number): number {
    const next = this.after(at);
    return next === undefined ? this.#end : this.beginOf(next);
  }

  #merge(at: number): void {
    const right = this.#next[at] ?? 0;
    const after = this.#next[right] ?? 0;
    const slot = this.#table.find(this.#symbols[at] ?? -1, this.#symbols[right] ?? -1);
    this.#symbols[at] = this.#table.mergedAt(slot);
    this.#ranks[right] = -1;
    this.#next[at] = after;
    if (after < this.#length) this.#previous[after] = at;
    this.#rank(at);
    const before = this.#previous[at] ?? -1;
    if (before >= 0) this.#rank(before);
  }

  #rank(at: number): void {
    const right = this.#next[at] ?? this.#length;
    let rank = -1;
    if (right < this.#length) {
      const slot = this.#table.find(this.#symbols[at] ?? -1, this.#symbols[right] ?? -1);
      if (slot >= 0) rank = this.#table.rankAt(slot);
    }
    this.#ranks[at] = rank;
    if (rank >= 0) this.#push(rank * POSITIONS + at);
  }

  #push(key: number): void {
    if (this.#heapSize === this.#heap.length) {
      const heap = new Float64Array(2 * this.#heapSize);
      heap.set(this.#heap);
      this.#heap = heap;
    }
    const heap = this.#heap;
    let at = this.#heapSize++;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = heap[parent] ?? 0;
      if (above <= key) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = key;
  }

  #pop(): number {
    const heap = this.#heap;
    const top = heap[0] ?? 0;
    const size = --this.#heapSize;
    const key = heap[size] ?? 0;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && (heap[child + 1] ?? 0) < (heap[child] ?? 0)) child++;
      const below = heap[child] ?? 0;
      if (below >= key) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = key;
    return top;
  }

  #grow(length: number): void {
    const capacity = 2 ** Math.ceil(Math.log2(length));
    this.#symbols = new Int32Array(capacity);
    this.#next = new Int32Array(capacity);
    this.#previous = new Int32Array(capacity);
    this.#ranks = new Int32Array(capacity);
    this.#begins = new Int32Array(capacity);
  }
}
