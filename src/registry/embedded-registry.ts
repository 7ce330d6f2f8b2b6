// The registry in this process: volatile, but for what a journal keeps. Every operation is done before its promise exists, so operations take
// effect in the order in which they are called.

import type { Clock } from "../base/clock.ts";
import { History } from "./history.ts";
import { LeaseTable } from "./lease-table.ts";
import type {
  GrantOptions,
  KeyValue,
  LeaseId,
  Operation,
  Range,
  Registry,
  Revision,
  Transaction,
  TransactionResult,
  Watch,
  WatchOptions,
} from "./registry.ts";
import { type Applied, Store, type Stored, type StoreLimits } from "./store.ts";

export interface RegistryLimits extends StoreLimits {
  /** Revisions that a watch can go back. */
  readonly maxHistory: number;
}

const DEFAULT_LIMITS: RegistryLimits = {
  maxKeys: 65_536,
  maxLength: 1 << 20,
  maxOperations: 128, // etcd's default
  maxHistory: 10_000,
};

/** Keeps keys without a lease from one process to the next. */
export interface Journal {
  /** The content at its opening. */
  stored(): Stored;
  /** Throws where it cannot be kept; then nothing of it is. */
  append(revision: Revision, change: Pick<Applied, "events" | "replaced">): void;
  /** Idempotent. */
  close(): void;
}

export interface EmbeddedRegistryOptions {
  readonly clock: Clock;
  readonly limits?: Partial<RegistryLimits>;
  readonly journal?: Journal | undefined;
}

export class EmbeddedRegistry implements Registry {
  readonly #store: Store;
  readonly #history: History;
  readonly #leases: LeaseTable;
  readonly #journal: Journal | undefined;

  constructor(options: EmbeddedRegistryOptions) {
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#journal = options.journal;
    this.#store = new Store(limits, this.#journal?.stored());
    this.#history = new History({
      revision: this.#store.revision,
      maxEntries: limits.maxHistory,
    });
    this.#leases = new LeaseTable(options.clock, (lease) => this.#deleteLease(lease));
  }

  async get(key: string): Promise<KeyValue | undefined> {
    return this.#store.get(key);
  }

  async range(prefix: string): Promise<Range> {
    return { revision: this.#store.revision, keyValues: this.#store.range(prefix) };
  }

  async put(
    key: string,
    value: string,
    options: { readonly lease?: LeaseId } = {},
  ): Promise<Revision> {
    this.#apply([{ type: "put", key, value, ...options }]);
    return this.#store.revision;
  }

  async delete(key: string): Promise<Revision> {
    this.#apply([{ type: "delete", key }]);
    return this.#store.revision;
  }

  async txn(transaction: Transaction): Promise<TransactionResult> {
    const succeeded = transaction.compare.every((compare) => this.#store.holds(compare));
    const { ranges } = this.#apply(succeeded ? transaction.success : (transaction.failure ?? []));
    return { succeeded, revision: this.#store.revision, ranges };
  }

  async grant(options: GrantOptions = {}): Promise<LeaseId> {
    return this.#leases.grant(options);
  }

  async renew(lease: LeaseId): Promise<void> {
    this.#leases.renew(lease);
  }

  async revoke(lease: LeaseId): Promise<void> {
    this.#deleteLease(lease);
  }

  watch(prefix: string, { fromRevision }: WatchOptions = {}): Watch {
    return this.#history.watch(prefix, fromRevision ?? this.#store.revision + 1);
  }

  async compact(revision: Revision): Promise<void> {
    this.#history.compact(revision);
  }

  async close(): Promise<void> {
    this.#history.close();
    this.#leases.close();
    this.#journal?.close();
  }

  #apply(operations: readonly Operation[]): Applied {
    for (const operation of operations) {
      if (operation.type === "put" && operation.lease !== undefined) {
        this.#leases.assertAlive(operation.lease);
      }
    }
    const applied = this.#store.apply(operations);
    this.#keep(applied);
    this.#publish(applied);
    return applied;
  }

  /** None is told of what the journal could not keep, and it has not happened. */
  #keep(applied: Applied): void {
    try {
      this.#journal?.append(this.#store.revision, applied);
    } catch (error) {
      this.#store.revert(applied);
      throw error;
    }
  }

  /** The keys of a lease go in one revision, however many they are. */
  #deleteLease(lease: LeaseId): void {
    this.#publish(this.#store.deleteKeys(this.#leases.remove(lease)));
  }

  #publish({ events, replaced }: Applied): void {
    for (const { key, lease } of replaced) {
      if (lease !== undefined) this.#leases.detach(lease, key);
    }
    for (const event of events) {
      if (event.type === "put" && event.keyValue.lease !== undefined) {
        this.#leases.attach(event.keyValue.lease, event.keyValue.key);
      }
    }
    if (events.length > 0) this.#history.append(this.#store.revision, events);
  }
}
