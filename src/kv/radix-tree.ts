// Which worker holds which prefix, as a tree of blocks: a node is a block after all blocks above it.
//
//     root --tokensHash--> node --tokensHash--> node ...      what a prompt is matched against
//     (worker, blockHash) --> holding --> node                what events speak of
//
// The shape is Dynamo's (lib/llm/src/kv_router/indexer.rs): children by the hash of their own tokens,
// blocks by the name that their worker gave them, which may differ between workers. Unlike there a
// match must be unbroken from the root, and the tree is bounded: when it is full, blocks that no prompt
// has matched for longest are forgotten, leaves first (the CLOCK approximation of LRU).
//
// A look-up allocates nothing but its answer.

import { assert } from "../base/assert.ts";
import type { BlockHash, StoredBlock } from "../protocol/kv-event.ts";
import { HashIndex, withLength } from "./hash-index.ts";
import { WorkerNumbers } from "./worker-numbers.ts";

/** No node and no holding; they are numbered from 1 in the columns. */
const NONE = 0;
const ROOT = 0;

/** One block, behind another or at the root. */
export interface ToldBlock {
  readonly parentHash?: BlockHash;
  readonly block: StoredBlock;
}

export class RadixTree<W> {
  readonly #workers = new WorkerNumbers<W>();
  /** How far the chain of the running look-up is held, by worker number. */
  #depths = new Uint32Array(8);

  /** Nodes by (parent, tokensHash); a node is its id plus 1. */
  readonly #nodes: HashIndex;
  #firstHolding = new Uint32Array(1);
  #numChildren = new Uint32Array(1);
  /** 1 if a prompt has matched the node, or a worker has stored it, since the hand last passed. */
  #isRecent = new Uint32Array(1);
  #hand = 1;

  /** A worker's block, by (worker, blockHash); a holding is its id plus 1. Those of a node are a list. */
  readonly #holdings: HashIndex;
  #nodeOf = new Uint32Array(1);
  #nextHolding = new Uint32Array(1);

  /** `maxBlocks` bounds the blocks that are known, one that is held by two workers counted twice. */
  constructor(maxBlocks: number) {
    this.#nodes = new HashIndex(maxBlocks);
    this.#holdings = new HashIndex(maxBlocks);
  }

  /** Blocks that are known, once for each worker that holds them. */
  get numBlocks(): number {
    return this.#holdings.size;
  }

  /** How many leading blocks of `chain` each worker holds, for those that hold any. */
  overlaps(chain: readonly StoredBlock[]): ReadonlyMap<W, number> {
    this.#match(chain);
    const overlaps = new Map<W, number>();
    for (let number = 0; number < this.#workers.end; number++) {
      const depth = at(this.#depths, number);
      if (depth > 0) overlaps.set(this.#workers.at(number), depth);
    }
    return overlaps;
  }

  /**
   * The worker holds `blocks`, one after the other, behind its block `parentHash` or at the root. Blocks
   * behind one that is not known (it was forgotten, or never told) are not entered.
   */
  store(worker: W, parentHash: BlockHash | undefined, blocks: readonly StoredBlock[]): void {
    const number = this.#workers.add(worker);
    let node = ROOT;
    if (parentHash !== undefined) {
      const parent = this.#holdings.find(number, parentHash);
      if (parent === undefined) return;
      node = at(this.#nodeOf, parent + 1);
    }
    for (const block of blocks) {
      const child = this.#storeChild(number, node, block);
      if (child === undefined) return;
      node = child;
    }
  }

  /** The worker holds the block no more. Unknown blocks are ignored. */
  remove(worker: W, blockHash: BlockHash): void {
    const number = this.#workers.find(worker);
    const id = number === undefined ? undefined : this.#holdings.find(number, blockHash);
    if (id !== undefined) this.#drop(id + 1);
  }

  /** The worker holds nothing any more. */
  removeWorker(worker: W): void {
    const number = this.#workers.find(worker);
    if (number === undefined) return;
    for (const id of this.#holdings.idsOf(number)) this.#drop(id + 1);
    this.#workers.delete(worker);
  }

  /**
   * Blocks to tell `store`, in this order, so that it knows the worker's blocks again. Those behind a
   * block that it does not hold are left out: no prompt matches them.
   */
  *blocksOf(worker: W): IterableIterator<ToldBlock> {
    const number = this.#workers.find(worker);
    if (number === undefined) return;
    const untold = new Map<number, number>();
    for (const id of this.#holdings.idsOf(number)) untold.set(at(this.#nodeOf, id + 1), id + 1);
    const path: number[] = [];
    for (const start of untold.keys()) {
      // Up to the first block whose parent is not to be told, then down again.
      for (let node = start; untold.has(node); node = this.#parentOf(node)) path.push(node);
      for (let node = path.pop(); node !== undefined; node = path.pop()) {
        const told = this.#tell(number, node, untold.get(node) as number);
        untold.delete(node);
        if (told !== undefined) yield told;
      }
    }
  }

  /** Asserts that nodes, holdings and their counts agree. */
  checkIntegrity(): void {
    const numChildren = new Uint32Array(this.#numChildren.length);
    let numListed = 0;
    for (const id of this.#nodes) {
      const node = id + 1;
      const parent = this.#parentOf(node);
      numChildren[parent] = at(numChildren, parent) + 1;
      for (let h = at(this.#firstHolding, node); h !== NONE; h = at(this.#nextHolding, h)) {
        assert(this.#nodeOf[h] === node, "a node lists a holding of another node");
        numListed += 1;
      }
    }
    assert(numListed === this.#holdings.size, "a holding is in no node's list");
    for (const id of this.#nodes) {
      const node = id + 1;
      assert(this.#numChildren[node] === numChildren[node], "a node's children are miscounted");
      const isOfUse = numChildren[node] !== 0 || this.#firstHolding[node] !== NONE;
      assert(isOfUse, "a node is kept without children and without a worker");
    }
    assert(this.#numChildren[ROOT] === numChildren[ROOT], "the root's children are miscounted");
  }

  #match(chain: readonly StoredBlock[]): void {
    this.#depths = withLength(this.#depths, this.#workers.end);
    this.#depths.fill(0);
    let node = ROOT;
    for (let depth = 0; depth < chain.length; depth++) {
      const id = this.#nodes.find(node, (chain[depth] as StoredBlock).tokensHash);
      if (id === undefined) return;
      node = id + 1;
      let isHeld = false;
      for (let h = at(this.#firstHolding, node); h !== NONE; h = at(this.#nextHolding, h)) {
        const number = this.#holdings.scopeOf(h - 1);
        if (this.#depths[number] !== depth) continue;
        this.#depths[number] = depth + 1;
        isHeld = true;
      }
      if (!isHeld) return;
      this.#isRecent[node] = 1;
    }
  }

  /** The child of `node` with this block, held by the worker; undefined if there is no room for it. */
  #storeChild(worker: number, node: number, block: StoredBlock): number | undefined {
    const known = this.#holdings.find(worker, block.blockHash);
    if (known !== undefined) return at(this.#nodeOf, known + 1);
    // A full tree may have to forget the very node that was found, so look it up after making room.
    if (!this.#makeRoom(node)) return undefined;
    const found = this.#nodes.find(node, block.tokensHash);
    const child = found === undefined ? this.#addNode(node, block.tokensHash) : found + 1;
    const holding = this.#holdings.add(worker, block.blockHash) + 1;
    this.#nodeOf = withLength(this.#nodeOf, holding + 1);
    this.#nextHolding = withLength(this.#nextHolding, holding + 1);
    this.#nodeOf[holding] = child;
    this.#nextHolding[holding] = at(this.#firstHolding, child);
    this.#firstHolding[child] = holding;
    this.#isRecent[child] = 1;
    return child;
  }

  #addNode(parent: number, tokensHash: BlockHash): number {
    const node = this.#nodes.add(parent, tokensHash) + 1;
    this.#firstHolding = withLength(this.#firstHolding, node + 1);
    this.#numChildren = withLength(this.#numChildren, node + 1);
    this.#isRecent = withLength(this.#isRecent, node + 1);
    this.#firstHolding[node] = NONE;
    this.#numChildren[node] = 0;
    this.#numChildren[parent] = at(this.#numChildren, parent) + 1;
    return node;
  }

  #drop(holding: number): void {
    const node = at(this.#nodeOf, holding);
    const next = at(this.#nextHolding, holding);
    if (this.#firstHolding[node] === holding) {
      this.#firstHolding[node] = next;
    } else {
      let before = at(this.#firstHolding, node);
      while (this.#nextHolding[before] !== holding) before = at(this.#nextHolding, before);
      this.#nextHolding[before] = next;
    }
    this.#holdings.delete(holding - 1);
    this.#prune(node);
  }

  /** Removes the node and those above it as far as nothing hangs on them. */
  #prune(start: number): void {
    let node = start;
    while (node !== ROOT && this.#numChildren[node] === 0 && this.#firstHolding[node] === NONE) {
      const parent = this.#parentOf(node);
      this.#nodes.delete(node - 1);
      this.#isRecent[node] = 0;
      this.#numChildren[parent] = at(this.#numChildren, parent) - 1;
      node = parent;
    }
  }

  /** Room for one more block, forgetting leaves if need be, but not `kept`. False if there is none. */
  #makeRoom(kept: number): boolean {
    const { capacity } = this.#holdings;
    // Once round takes all marks away, once more finds a leaf, if there is another than `kept`.
    let numSteps = 2 * capacity;
    while (this.#holdings.size === capacity || this.#nodes.size === capacity) {
      if (numSteps-- === 0) return false;
      this.#moveHand(kept);
    }
    return true;
  }

  /** Forgets the block at the hand if it is a leaf that is not recent, and moves on. */
  #moveHand(kept: number): void {
    const node = this.#hand;
    const isLeaf =
      node < this.#firstHolding.length &&
      this.#numChildren[node] === 0 &&
      this.#firstHolding[node] !== NONE;
    if (isLeaf && node !== kept && this.#isRecent[node] === 0) {
      const parent = this.#parentOf(node);
      for (let h = at(this.#firstHolding, node); h !== NONE; h = at(this.#firstHolding, node)) {
        this.#drop(h);
      }
      // The parent may be a leaf now. It would be far behind the hand: blocks come in their order.
      if (parent !== ROOT) {
        this.#hand = parent;
        return;
      }
    }
    this.#isRecent[node] = 0;
    this.#hand = node === this.#holdings.capacity ? 1 : node + 1;
  }

  /** Undefined if the worker does not hold the block before it. */
  #tell(worker: number, node: number, holding: number): ToldBlock | undefined {
    const blockHash = this.#holdings.hashOf(holding - 1);
    const block = { blockHash, tokensHash: this.#nodes.hashOf(node - 1) };
    const parent = this.#parentOf(node);
    if (parent === ROOT) return { block };
    let h = at(this.#firstHolding, parent);
    while (h !== NONE && this.#holdings.scopeOf(h - 1) !== worker) h = at(this.#nextHolding, h);
    return h === NONE ? undefined : { parentHash: this.#holdings.hashOf(h - 1), block };
  }

  #parentOf(node: number): number {
    return this.#nodes.scopeOf(node - 1);
  }
}

function at(column: Uint32Array, index: number): number {
  return column[index] as number;
}
