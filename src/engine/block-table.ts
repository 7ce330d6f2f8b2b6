// The blocks of one sequence, in its order, and what is known of their names. Written by the block
// manager only; read by those that fill a batch.

import type { BlockHash, StoredBlock } from "../protocol/kv-event.ts";
import { withCapacity } from "./int-array.ts";

export class BlockTable {
  /** Only tables of the same salt share blocks. */
  readonly salt: BlockHash | undefined;
  /** Ids in sequence order; valid up to `numBlocks`. */
  blockIds = new Int32Array(8);
  numBlocks = 0;
  /** Leading blocks that the prefix cache knows by their hash: computed, full and shareable. */
  numCachedBlocks = 0;
  /** Leading blocks that the sequence has given back: a window has left them. Their ids may be another's by now. */
  numFreedBlocks = 0;
  /** A prefill worker writes into the blocks behind the cached ones: none may be freed, added or reused. */
  isLent = false;
  /** Hashes of the leading full blocks of the sequence's tokens, whether computed or not. */
  readonly chain: StoredBlock[] = [];

  constructor(salt?: BlockHash) {
    this.salt = salt;
  }

  push(blockId: number): void {
    this.blockIds = withCapacity(this.blockIds, this.numBlocks + 1);
    this.blockIds[this.numBlocks++] = blockId;
  }

  /** The block at `blockIndex` of this sequence, which the table holds. */
  blockIdAt(blockIndex: number): number {
    return this.blockIds[blockIndex] as number;
  }

  clear(): void {
    this.numBlocks = 0;
    this.numCachedBlocks = 0;
    this.numFreedBlocks = 0;
  }
}
