// The blocks of a prefix cache as a listener can replay them: parents first, runs of blocks in one piece.

import type { BlockHash, StoredBlock, StoredData } from "../protocol/kv-event.ts";

export interface CachedBlock extends StoredBlock {
  /** Absent at the start of a prompt. */
  readonly parentHash: BlockHash | undefined;
}

/** A block whose parent is not cached cannot be found by any prompt, so it is left out. */
export function storedInOrder(blocks: Iterable<CachedBlock>): StoredData[] {
  const childrenOf = new Map<BlockHash | undefined, CachedBlock[]>();
  for (const block of blocks) {
    const siblings = childrenOf.get(block.parentHash);
    if (siblings) siblings.push(block);
    else childrenOf.set(block.parentHash, [block]);
  }
  const stored: StoredData[] = [];
  const heads = [...(childrenOf.get(undefined) ?? [])];
  for (let head = heads.pop(); head !== undefined; head = heads.pop()) {
    const { parentHash } = head;
    const run: StoredBlock[] = [];
    for (let block: CachedBlock | undefined = head; block !== undefined; ) {
      run.push({ blockHash: block.blockHash, tokensHash: block.tokensHash });
      const [next, ...others]: CachedBlock[] = childrenOf.get(block.blockHash) ?? [];
      heads.push(...others);
      block = next;
    }
    stored.push({ type: "stored", ...(parentHash !== undefined && { parentHash }), blocks: run });
  }
  return stored;
}
