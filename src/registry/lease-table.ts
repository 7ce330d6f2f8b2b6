// Leases and the keys that hang on them.

import { afterAwake } from "../base/awake-timer.ts";
import type { Clock, Timer } from "../base/clock.ts";
import { LeaseExistsError, LeaseExpiredError } from "./error.ts";
import type { GrantOptions, LeaseId } from "./registry.ts";

interface Lease {
  readonly ttlMs: number | undefined;
  readonly keys: Set<string>;
  timer: Timer | undefined;
}

export class LeaseTable {
  readonly #clock: Clock;
  readonly #onExpired: (lease: LeaseId) => void;
  readonly #leases = new Map<LeaseId, Lease>();
  #lastId: LeaseId = 0;

  constructor(clock: Clock, onExpired: (lease: LeaseId) => void) {
    this.#clock = clock;
    this.#onExpired = onExpired;
  }

  grant({ id, ttlMs }: GrantOptions): LeaseId {
    if (id !== undefined && this.#leases.has(id)) throw new LeaseExistsError(id);
    const lease = id ?? this.#unusedId();
    this.#leases.set(lease, { ttlMs, keys: new Set(), timer: undefined });
    this.renew(lease);
    return lease;
  }

  renew(id: LeaseId): void {
    const lease = this.#existing(id);
    lease.timer?.cancel();
    if (lease.ttlMs !== undefined) {
      lease.timer = afterAwake(this.#clock, lease.ttlMs, () => this.#onExpired(id));
    }
  }

  /** Forgets the lease and returns its keys. */
  remove(id: LeaseId): readonly string[] {
    const lease = this.#existing(id);
    lease.timer?.cancel();
    this.#leases.delete(id);
    return [...lease.keys];
  }

  assertAlive(id: LeaseId): void {
    this.#existing(id);
  }

  attach(id: LeaseId, key: string): void {
    this.#existing(id).keys.add(key);
  }

  detach(id: LeaseId, key: string): void {
    this.#leases.get(id)?.keys.delete(key);
  }

  close(): void {
    for (const { timer } of this.#leases.values()) timer?.cancel();
    this.#leases.clear();
  }

  #existing(id: LeaseId): Lease {
    const lease = this.#leases.get(id);
    if (!lease) throw new LeaseExpiredError(id);
    return lease;
  }

  #unusedId(): LeaseId {
    do this.#lastId++;
    while (this.#leases.has(this.#lastId));
    return this.#lastId;
  }
}
