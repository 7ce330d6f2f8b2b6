// Events of the KV blocks that a worker holds. Event ids of one worker rise by one, so that a
// listener sees a gap. Field names and meanings follow Dynamo's KV events.

/** A 64-bit XXH3 hash. */
export type BlockHash = bigint;

export interface KvEvent {
  readonly eventId: number;
  readonly data: KvEventData;
}

export type KvEventData =
  | StoredData
  | { readonly type: "removed"; readonly blockHashes: readonly BlockHash[] }
  | { readonly type: "cleared" };

/** The blocks follow one another, the first behind `parentHash` or, without one, at the start of a prompt. */
export interface StoredData {
  readonly type: "stored";
  readonly parentHash?: BlockHash;
  readonly blocks: readonly StoredBlock[];
}

/** All that a worker holds, for a listener who came late or has missed an event. */
export interface KvSnapshot {
  /** The id of the first event that is not in it. */
  readonly nextEventId: number;
  /** In an order that can be replayed: each parent before its children. */
  readonly stored: readonly StoredData[];
}

/** Reports to a listener, one at a time: first a snapshot, then the events of each step. */
export type KvReport =
  | { readonly type: "snapshot"; readonly snapshot: KvSnapshot }
  | { readonly type: "events"; readonly events: readonly KvEvent[] };

export interface StoredBlock {
  /** Hash of this block and all before it: its identity in the cache. */
  readonly blockHash: BlockHash;
  /** Hash of this block's own tokens. */
  readonly tokensHash: BlockHash;
}
