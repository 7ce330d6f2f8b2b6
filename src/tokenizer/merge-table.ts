// The merges of a BPE vocabulary as numbers: a pair of symbols to the rank of its merge and what it becomes. Symbols
// are token ids; spellings that only merges know have ids after them.

import { assert } from "../base/assert.ts";

/** Ranks and symbols stay under it, so that a pair of them is exact in a double. */
const MAX_SYMBOLS = 2 ** 25;

export class MergeTable {
  readonly #vocabulary: ReadonlyMap<string, number>;
  /** Spellings that only merges know. */
  readonly #others = new Map<string, number>();
  readonly #numTokens: number;
  /** Open addressing: left, right, rank, merged; a left of -1 is free. */
  readonly #slots: Int32Array;
  readonly #mask: number;
  readonly #joints = new JointSet();

  /** `merges` in the order of their ranks; of a pair that is there twice, the last counts. */
  constructor(
    vocabulary: ReadonlyMap<string, number>,
    merges: readonly (readonly [string, string])[],
  ) {
    this.#vocabulary = vocabulary;
    this.#numTokens = 1 + maxOf(vocabulary.values());
    const capacity = 2 ** Math.ceil(Math.log2(2 * merges.length + 2));
    this.#slots = new Int32Array(4 * capacity).fill(-1);
    this.#mask = capacity - 1;
    for (const [rank, [left, right]] of merges.entries()) {
      this.#joints.add(lastCharOf(left), right.codePointAt(0) ?? 0);
      const merged = this.#intern(left + right);
      this.#put([this.#intern(left), this.#intern(right), rank, merged]);
    }
    assert(
      this.#numTokens + this.#others.size < MAX_SYMBOLS,
      "spellings are fewer than 33 million",
    );
  }

  /** The symbol of a spelling; undefined where neither tokens nor merges have it. */
  symbolOf(spelling: string): number | undefined {
    return this.#vocabulary.get(spelling) ?? this.#others.get(spelling);
  }

  /** True if the symbol is a token of the vocabulary. */
  isToken(symbol: number): boolean {
    return symbol >= 0 && symbol < this.#numTokens;
  }

  /** False only if no token can span these two characters, so that a text may be cut between them. */
  canJoin(left: number, right: number): boolean {
    return this.#joints.mayHave(left, right);
  }

  /** The place of the pair's entry, for `rankAt` and `mergedAt`; -1 where there is no such merge. */
  find(left: number, right: number): number {
    const slots = this.#slots;
    for (let index = hash(left, right) & this.#mask; ; index = (index + 1) & this.#mask) {
      const slot = 4 * index;
      if (slots[slot] === left && slots[slot + 1] === right) return slot;
      if (slots[slot] === -1) return -1;
    }
  }

  rankAt(slot: number): number {
    return this.#slots[slot + 2] ?? -1;
  }

  mergedAt(slot: number): number {
    return this.#slots[slot + 3] ?? -1;
  }

  #intern(spelling: string): number {
    const known = this.symbolOf(spelling);
    if (known !== undefined) return known;
    const symbol = this.#numTokens + this.#others.size;
    this.#others.set(spelling, symbol);
    return symbol;
  }

  #put(entry: readonly [left: number, right: number, rank: number, merged: number]): void {
    const [left, right] = entry;
    let index = hash(left, right) & this.#mask;
    const isOther = (slot: number) =>
      this.#slots[slot] !== -1 && (this.#slots[slot] !== left || this.#slots[slot + 1] !== right);
    while (isOther(4 * index)) index = (index + 1) & this.#mask;
    this.#slots.set(entry, 4 * index);
  }
}

/** Pairs of characters that stand side by side inside a token. It may say yes for others, never no for these. */
export class JointSet {
  readonly #bits = new Uint32Array(2 ** 15);

  add(left: number, right: number): void {
    const bit = hash(left, right) >>> 12;
    this.#bits[bit >>> 5] = (this.#bits[bit >>> 5] ?? 0) | (1 << (bit & 31));
  }

  mayHave(left: number, right: number): boolean {
    const bit = hash(left, right) >>> 12;
    return ((this.#bits[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0;
  }
}

function hash(left: number, right: number): number {
  const mixed = Math.imul(left, 0x9e3779b1) ^ Math.imul(right + 0x7f4a7c15, 0x85ebca6b);
  return Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d) >>> 0;
}

export function lastCharOf(text: string): number {
  const last = text.charCodeAt(text.length - 1);
  const isLow = last >= 0xdc00 && last < 0xe000 && text.length > 1;
  return (isLow ? text.codePointAt(text.length - 2) : last) ?? 0;
}

function maxOf(values: Iterable<number>): number {
  let max = -1;
  for (const value of values) max = Math.max(max, value);
  return max;
}
