// One ordered store of keys that services find each other by. etcd's words and rules; embedded-registry.ts keeps
// it in this process, and test/registry/registry.suite.ts is what any other implementation must pass as well.

/** Counts changes of the whole store. A fresh store is at 1; all writes of one transaction share a revision. */
export type Revision = number;

export type LeaseId = number;

export interface KeyValue {
  readonly key: string;
  readonly value: string;
  /** When the key came to be. A key that was deleted begins anew. */
  readonly createRevision: Revision;
  /** When it was last put. */
  readonly modRevision: Revision;
  /** Puts since it came to be: 1 for the first. */
  readonly version: number;
  /** The key vanishes with this lease. */
  readonly lease: LeaseId | undefined;
}

/** Keys in the order of their code points, as of one revision of the store. */
export interface Range {
  readonly revision: Revision;
  readonly keyValues: readonly KeyValue[];
}

export type Operation =
  | { readonly type: "put"; readonly key: string; readonly value: string; readonly lease?: LeaseId }
  | { readonly type: "delete"; readonly key: string }
  | { readonly type: "deletePrefix"; readonly prefix: string }
  | { readonly type: "range"; readonly prefix: string };

/** Holds or not. A key that does not exist has version, createRevision and modRevision 0 and no value. */
export type Compare =
  | {
      readonly key: string;
      readonly target: "version" | "createRevision" | "modRevision";
      readonly operator: Operator;
      readonly operand: number;
    }
  | {
      readonly key: string;
      readonly target: "value";
      readonly operator: Operator;
      readonly operand: string;
    };

type Operator = "=" | "!=" | "<" | ">";

/** All of `compare` holds: `success` is done; otherwise `failure`. At once, in one revision, no key written twice. */
export interface Transaction {
  readonly compare: readonly Compare[];
  readonly success: readonly Operation[];
  readonly failure?: readonly Operation[];
}

export interface TransactionResult {
  readonly succeeded: boolean;
  /** The store's revision afterwards. Unchanged if nothing was written. */
  readonly revision: Revision;
  /** Key-values that the ranges among the operations saw, in their order. */
  readonly ranges: readonly (readonly KeyValue[])[];
}

export interface GrantOptions {
  /** Chosen by the registry unless given. */
  readonly id?: LeaseId;
  /** The lease expires unless renewed in time. Without it, it lives until revoked or the registry closes. */
  readonly ttlMs?: number;
}

export type WatchEvent =
  | { readonly type: "put"; readonly keyValue: KeyValue }
  | { readonly type: "delete"; readonly key: string; readonly modRevision: Revision };

/** All that one revision did to the watched keys. No events: a bookmark, as `requestProgress` asked for. */
export interface WatchResponse {
  /** Everything up to and with this revision has been delivered: a new watch goes on from the next. */
  readonly revision: Revision;
  readonly events: readonly WatchEvent[];
}

export interface WatchOptions {
  /** The first revision to deliver; may lie in the past, as far as it was not compacted. Now, unless given. */
  readonly fromRevision?: Revision;
}

/**
 * The changes of all keys with a prefix, with etcd's guarantees: ordered by revision, each once, none left out, a
 * revision never split, resumable from any revision that is not compacted, and bookmarked on request.
 * `next()` rejects with `CompactedError` when the reader has fallen behind what the store remembers.
 */
export interface Watch extends AsyncIterableIterator<WatchResponse> {
  /** Makes the watch deliver a bookmark once it has delivered all that there is. */
  requestProgress(): void;
  /** Ends the watch at once, also for a `next()` that waits. */
  return(): Promise<IteratorResult<WatchResponse>>;
}

export interface Registry {
  get(key: string): Promise<KeyValue | undefined>;
  range(prefix: string): Promise<Range>;
  put(key: string, value: string, options?: { readonly lease?: LeaseId }): Promise<Revision>;
  /** Deleting what does not exist changes nothing, not even the revision. */
  delete(key: string): Promise<Revision>;
  txn(transaction: Transaction): Promise<TransactionResult>;
  grant(options?: GrantOptions): Promise<LeaseId>;
  /** Begins the lease's time anew. Rejects with `LeaseExpiredError` if it is gone. */
  renew(lease: LeaseId): Promise<void>;
  /** Deletes the lease's keys, in one revision. Rejects with `LeaseExpiredError` if it is gone. */
  revoke(lease: LeaseId): Promise<void>;
  watch(prefix: string, options?: WatchOptions): Watch;
  /** Forgets what happened before `revision`. Keys and values stay. */
  compact(revision: Revision): Promise<void>;
  /** Ends all watches and forgets all timers. */
  close(): Promise<void>;
}
