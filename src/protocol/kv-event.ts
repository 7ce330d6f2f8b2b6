// What a worker says about the KV blocks it holds. Event ids of one worker rise by one, so that a
// listener sees a gap. Field names and meanings follow Dynamo's KV events.

/** A 64-bit XXH3 hash. */
export type BlockHash = bigint;

export interface KvEvent {
  readonly eventId: number;
  readonly data: KvEventData;
}

export type KvEventData =
  | {
      readonly type: "stored";
      readonly parentHash?: BlockHash;
      readonly blocks: readonly StoredBlock[];
    }
  | { readonly type: "removed"; readonly blockHashes: readonly BlockHash[] }
  | { readonly type: "cleared" };

export interface StoredBlock {
  /** Hash of this block and all before it: its identity in the cache. */
  readonly blockHash: BlockHash;
  /** Hash of this block's own tokens. */
  readonly tokensHash: BlockHash;
}
