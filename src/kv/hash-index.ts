// Numbers for things that are known by a scope and a 64-bit hash: (parent node, hash) or (worker, hash).
// The number, an id below the capacity, stays until the thing is deleted, so that columns beside this
// index (typed arrays by id) can hold what is known of it.
//
// An open-addressing table over three 32-bit columns. A Map keyed by bigint takes 135 ns a look-up and
// 270 ns a change, mostly for the bigints that hashing them makes; this takes 10 to 30 ns.

import { assert } from "../base/assert.ts";

/** A power of two. */
const MIN_IDS = 1024;

export class HashIndex {
  /** Most ids at once. */
  readonly capacity: number;

  // Per id, grown as ids are used. A free id holds the next free one in `scopes`.
  #scopes = new Uint32Array(MIN_IDS);
  #lows = new Uint32Array(MIN_IDS);
  #highs = new Uint32Array(MIN_IDS);
  /** Ids plus 1, where their hash says or behind it; 0 is empty. At most half full. */
  #slots = new Uint32Array(2 * MIN_IDS);
  #mask = 2 * MIN_IDS - 1;
  #size = 0;
  /** Ids from here on were never given out. */
  #numUsedIds = 0;
  /** Plus 1; 0 is none. */
  #firstFreeId = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get size(): number {
    return this.#size;
  }

  find(scope: number, hash: bigint): number | undefined {
    scratch.setBigUint64(0, hash, true);
    const low = scratch.getUint32(0, true);
    const high = scratch.getUint32(4, true);
    for (let slot = this.#home(scope, low, high); ; slot = (slot + 1) & this.#mask) {
      const entry = this.#slots[slot] as number;
      if (entry === 0) return undefined;
      const id = entry - 1;
      if (this.#lows[id] === low && this.#scopes[id] === scope && this.#highs[id] === high) {
        return id;
      }
    }
  }

  /** The id of a thing that is not in the index yet. */
  add(scope: number, hash: bigint): number {
    assert(this.#size < this.capacity, "a hash is added to a full index");
    const id = this.#takeId();
    scratch.setBigUint64(0, hash, true);
    this.#scopes[id] = scope;
    this.#lows[id] = scratch.getUint32(0, true);
    this.#highs[id] = scratch.getUint32(4, true);
    this.#enter(id);
    this.#size += 1;
    return id;
  }

  delete(id: number): void {
    let slot = this.#homeOf(id);
    while (this.#slots[slot] !== id + 1) {
      assert(this.#slots[slot] !== 0, "a hash is deleted that is not in the index");
      slot = (slot + 1) & this.#mask;
    }
    this.#closeGap(slot);
    this.#scopes[id] = this.#firstFreeId;
    this.#firstFreeId = id + 1;
    this.#size -= 1;
  }

  scopeOf(id: number): number {
    return this.#scopes[id] as number;
  }

  hashOf(id: number): bigint {
    scratch.setUint32(0, this.#lows[id] as number, true);
    scratch.setUint32(4, this.#highs[id] as number, true);
    return scratch.getBigUint64(0, true);
  }

  /** All ids, in no order that means anything. */
  *[Symbol.iterator](): IterableIterator<number> {
    for (const entry of this.#slots) if (entry !== 0) yield entry - 1;
  }

  /** The ids of one scope, as they are now: for what is rare, since it looks at all. */
  idsOf(scope: number): number[] {
    return [...this].filter((id) => this.#scopes[id] === scope);
  }

  #enter(id: number): void {
    let slot = this.#homeOf(id);
    while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask;
    this.#slots[slot] = id + 1;
  }

  #takeId(): number {
    if (this.#firstFreeId === 0) {
      if (this.#numUsedIds === this.#scopes.length) this.#grow();
      return this.#numUsedIds++;
    }
    const id = this.#firstFreeId - 1;
    this.#firstFreeId = this.#scopes[id] as number;
    return id;
  }

  /** No id is free: all of them are in the table. */
  #grow(): void {
    this.#scopes = withLength(this.#scopes, 2 * this.#numUsedIds);
    this.#lows = withLength(this.#lows, 2 * this.#numUsedIds);
    this.#highs = withLength(this.#highs, 2 * this.#numUsedIds);
    this.#slots = new Uint32Array(4 * this.#numUsedIds);
    this.#mask = this.#slots.length - 1;
    for (let id = 0; id < this.#numUsedIds; id++) this.#enter(id);
  }

  #homeOf(id: number): number {
    return this.#home(
      this.#scopes[id] as number,
      this.#lows[id] as number,
      this.#highs[id] as number,
    );
  }

  /** Hashes of other origin may be small numbers, so they are mixed (multipliers of MurmurHash3). */
  #home(scope: number, low: number, high: number): number {
    let h = Math.imul(scope, 0x9e37_79b1) ^ Math.imul(low, 0x85eb_ca6b);
    h = Math.imul(h ^ (h >>> 15) ^ high, 0xc2b2_ae35);
    return (h ^ (h >>> 16)) & this.#mask;
  }

  /** Moves up what stands behind `gap` only because `gap` was taken, so that no search ends too early. */
  #closeGap(freed: number): void {
    let gap = freed;
    for (let slot = (gap + 1) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const entry = this.#slots[slot] as number;
      if (entry === 0) break;
      const home = this.#homeOf(entry - 1);
      // Distances round the ring: an entry may move to the gap unless its home lies behind the gap.
      if (((slot - home) & this.#mask) < ((slot - gap) & this.#mask)) continue;
      this.#slots[gap] = entry;
      gap = slot;
    }
    this.#slots[gap] = 0;
  }
}

/** A column with room for `length` elements: itself, or a longer copy. */
export function withLength(
  column: Uint32Array<ArrayBuffer>,
  length: number,
): Uint32Array<ArrayBuffer> {
  if (length <= column.length) return column;
  const longer = new Uint32Array(Math.max(length, 2 * column.length));
  longer.set(column);
  return longer;
}

/** Splits and joins hashes without making bigints. */
const scratch = new DataView(new ArrayBuffer(8));
