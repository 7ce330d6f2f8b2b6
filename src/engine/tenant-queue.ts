// Sequences wait by tenant, and the tenant that was served least goes first.
//
//   add -----> waiting --seat--> seated --unseat--> out
//   resume ------^ ^----requeue----+                 |
//     ^----------------------------------------------+
//
// A tenant's virtual time is the number of tokens that steps have computed for it. A tenant that begins to wait is
// lifted to the system's virtual time, the least of the waiting tenants', so that idle time gives no credit (start-time
// fair queueing, Goyal et al., SIGCOMM 1996; over tokens as in VTC, Sheng et al., OSDI 2024, arXiv:2401.00588).
//
// Bound: while two tenants both wait, the tokens that they are served differ by at most 2 * seats * L, with L the most
// tokens that one sequence costs. The tenant ahead is given no seat, so its lead grows only by
// the sequences that it still runs.

import { assert } from "../base/assert.ts";
import type { QueuedTokens } from "./queue-time.ts";
import type { Sequence } from "./sequence.ts";

/** Tenants without sequences that are remembered for being ahead of the others. */
const MAX_IDLE = 1024;
/** So many tenants for each seat are served in turn without a long wait. */
const CROWD = 1.25;

class Tenant {
  /** Tokens computed for it, and those that it was lifted by. */
  virtualTime = 0;
  /** Sequences that run, or have their prompts computed elsewhere. */
  numSeats = 0;
  /** By priority, then by arrival. A preempted sequence came before all of its priority that never ran. */
  readonly waiting: Sequence[] = [];
  /** Tokens that they are expected to need. */
  queuedTokens = 0;
  /** Likewise, those that are no siblings. */
  headTokens = 0;
}

export class TenantQueue {
  /** Tenants with sequences that wait or have a seat. */
  readonly #active = new Map<number, Tenant>();
  /** Tenants ahead of `#virtualTime` without sequences, the longest idle first. */
  readonly #idle = new Map<number, Tenant>();
  #virtualTime = 0;
  /** The furthest that any tenant had come when it ended. */
  #furthest = 0;
  #numArrived = 0;
  #numWaiting = 0;
  #numCharged = 0;

  /** Tokens that were computed for all tenants, ever. */
  get numCharged(): number {
    return this.#numCharged;
  }

  get numWaiting(): number {
    return this.#numWaiting;
  }

  /** Tenants that are remembered. */
  get numTenants(): number {
    return this.#active.size + this.#idle.size;
  }

  /** A sequence that is new. */
  add(sequence: Sequence): void {
    sequence.arrival = this.#numArrived++;
    this.resume(sequence);
  }

  /** One that was here before, and is neither waiting nor seated: it waits at its old place. */
  resume(sequence: Sequence): void {
    const tenant = this.#activate(sequence.tenant);
    sequence.account = tenant;
    if (tenant.waiting.length === 0) this.#lift(tenant);
    this.#enqueue(tenant, sequence);
  }

  /** A seated one gives its seat up, and waits again. */
  requeue(sequence: Sequence): void {
    const tenant = this.#of(sequence);
    tenant.numSeats -= 1;
    this.#enqueue(tenant, sequence);
  }

  /**
   * The first sequence of the tenant that was served least. Among tenants served alike it is the one
   * with fewer seats, then the one whose sequence is older.
   */
  next(): Sequence | undefined {
    let first: Tenant | undefined;
    for (const tenant of this.#active.values()) {
      if (tenant.waiting.length > 0 && (!first || isBefore(tenant, first))) first = tenant;
    }
    return first?.waiting[0];
  }

  /** Tokens that wait, as a request of tenant `number` that needs `ownTokens` finds them. O(tenants). */
  queuedTokens(number: number, ownTokens: number): QueuedTokens {
    const own = this.#active.get(number) ?? this.#idle.get(number) ?? new Tenant();
    const isWaiting = own.waiting.length > 0;
    const begin = isWaiting ? own.virtualTime : Math.max(own.virtualTime, this.#floor(own));
    // While its own are served, each other tenant is served up to the same virtual time, and one sequence beyond it.
    const until = begin + own.queuedTokens;
    let numAhead = own.queuedTokens;
    for (const other of this.#active.values()) {
      const [first] = other.waiting;
      if (other === own || first === undefined || other.virtualTime > until) continue;
      if (other.virtualTime === until && other.numSeats > own.numSeats) continue;
      const served = until - other.virtualTime + first.queuedTokens;
      numAhead += Math.min(other.queuedTokens, served);
    }
    const numOwn = Math.min(own.queuedTokens, ownTokens);
    return { numAhead, numOwn, numTotal: numOwn + this.#othersTokens(own, ownTokens) };
  }

  /**
   * True for a tenant that has nothing here while there are hardly more tenants than seats: those with several owe it one
   * at once, or it gets one in turn.
   */
  isOwedSeat(number: number, numSeats: number): boolean {
    return !this.#active.has(number) && this.#active.size < CROWD * numSeats;
  }

  /** Tokens that keep the first sequence of a request that waits. Its siblings do not, nor do those of its tenant's others. */
  tokensBeside(sequence: Sequence): number {
    const own = this.#of(sequence);
    return own.headTokens + this.#othersTokens(own, sequence.queuedTokens * sequence.numInRequest);
  }

  /**
   * Tokens that wait of other tenants, of each no more than `ownTokens`: a request that needs so many is served alike by
   * then, and what others want beyond that keeps it from nothing.
   */
  #othersTokens(own: Tenant, ownTokens: number): number {
    let total = 0;
    for (const tenant of this.#active.values()) {
      if (tenant !== own) total += Math.min(tenant.queuedTokens, ownTokens);
    }
    return total;
  }

  /** The oldest that came before `time`: among those that may be refused, or all but siblings. */
  oldest(which: "refusable" | "head", time: number): Sequence | undefined {
    const isMeant = which === "head" ? isHead : isRefusable;
    let oldest: Sequence | undefined;
    for (const { waiting, headTokens } of this.#active.values()) {
      if (headTokens === 0) continue;
      const own = waiting.find(isMeant);
      if (own === undefined || own.arrivedAt >= time) continue;
      if (oldest === undefined || own.arrival < oldest.arrival) oldest = own;
    }
    return oldest;
  }

  /** The youngest that may be refused before its time, of the tenant that has most waiting. */
  youngestOfMost(): Sequence | undefined {
    let most: Tenant | undefined;
    for (const tenant of this.#active.values()) {
      const isMore = tenant.headTokens > (most?.headTokens ?? 0);
      if (isMore && tenant.waiting.some(isSurplus)) most = tenant;
    }
    return most?.waiting.findLast(isSurplus);
  }

  /** True if a waiting sequence's tenant is another than the seated one's, and comes before it. */
  precedes(waiting: Sequence, seated: Sequence): boolean {
    if (waiting.tenant === seated.tenant) return false;
    return this.compare(waiting, seated) < 0;
  }

  /** Negative if the tenant of `a` was served less. */
  compare(a: Sequence, b: Sequence): number {
    const [first, second] = [this.#of(a), this.#of(b)];
    return first.virtualTime - second.virtualTime || first.numSeats - second.numSeats;
  }

  /**
   * The tenant that has to give `sequence` a seat, if it waits for want of one: the tenant with most seats, provided that it
   * has at least twice as many as the other will have. So seats are not taken back and forth, nor by
   * a tenant that has its share.
   */
  debtorOf(sequence: Sequence): number | undefined {
    const { numSeats } = this.#of(sequence);
    let debtor: number | undefined;
    let most: Tenant | undefined;
    for (const [number, tenant] of this.#active) {
      if (tenant.numSeats < 2 * (numSeats + 1) || (most && !hasMore(tenant, most))) continue;
      most = tenant;
      debtor = number;
    }
    return debtor;
  }

  /** True if the tenant of a waiting sequence has no seat, and was served less than that of a seated one. */
  isBehind(waiting: Sequence, seated: Sequence): boolean {
    const tenant = this.#of(waiting);
    return tenant.numSeats === 0 && tenant.virtualTime < this.#of(seated).virtualTime;
  }

  /** A waiting sequence gets a seat. */
  seat(sequence: Sequence): void {
    this.#dequeue(sequence);
    this.#of(sequence).numSeats += 1;
  }

  /** A seated one has ended, or stalls. */
  unseat(sequence: Sequence): void {
    const tenant = this.#of(sequence);
    assert(tenant.numSeats > 0, "a seat is given up that no sequence has");
    tenant.numSeats -= 1;
    this.#deactivate(sequence.tenant, tenant);
  }

  /** A waiting one has ended. */
  remove(sequence: Sequence): void {
    this.#dequeue(sequence);
    this.#deactivate(sequence.tenant, this.#of(sequence));
  }

  /** `numTokens` are computed for a seated sequence. Per step, 256 sequences: < 2 µs. */
  charge({ account }: Sequence, numTokens: number): void {
    assert(account !== undefined, "a sequence is computed that belongs to no tenant");
    account.virtualTime += numTokens;
    this.#numCharged += numTokens;
  }

  /** Asserts that `seated` are the sequences with seats, and that each queue is in order. */
  checkIntegrity(seated: Iterable<Sequence>): void {
    const numSeats = new Map<number, number>();
    for (const { tenant } of seated) numSeats.set(tenant, (numSeats.get(tenant) ?? 0) + 1);
    let numWaiting = 0;
    for (const [number, tenant] of this.#active) {
      assert(tenant.numSeats === (numSeats.get(number) ?? 0), "a tenant's seats are miscounted");
      numSeats.delete(number);
      numWaiting += tenant.waiting.length;
      for (const [i, sequence] of tenant.waiting.entries()) {
        assert(sequence.status === "waiting", `a sequence waits that is ${sequence.status}`);
        const before = tenant.waiting[i - 1];
        assert(before === undefined || isEarlier(before, sequence), "a queue is out of order");
      }
      assert(tenant.queuedTokens === sum(tenant.waiting), "a tenant's queue is mismeasured");
      const heads = tenant.waiting.filter(isHead);
      assert(tenant.headTokens === sum(heads), "a tenant's heads are mismeasured");
    }
    assert(numSeats.size === 0, "a seat belongs to no tenant");
    assert(numWaiting === this.#numWaiting, "the waiting are miscounted");
  }

  #of({ tenant }: Sequence): Tenant {
    const found = this.#active.get(tenant);
    assert(found !== undefined, "a sequence belongs to no tenant");
    return found;
  }

  #enqueue(tenant: Tenant, sequence: Sequence): void {
    const { waiting } = tenant;
    let index = waiting.length;
    while (index > 0 && isEarlier(sequence, waiting[index - 1] as Sequence)) index--;
    waiting.splice(index, 0, sequence);
    this.#numWaiting += 1;
    const numToCome = Math.max(1, sequence.expectedOutput - sequence.numOutputTokens);
    sequence.queuedTokens = sequence.numUncomputedTokens + numToCome;
    measure(tenant, sequence, sequence.queuedTokens);
  }

  #dequeue(sequence: Sequence): void {
    const tenant = this.#of(sequence);
    const { waiting } = tenant;
    const index = waiting.indexOf(sequence);
    assert(index >= 0, "a sequence leaves a queue that it is not in");
    waiting.splice(index, 1);
    this.#numWaiting -= 1;
    measure(tenant, sequence, -sequence.queuedTokens);
  }

  #activate(number: number): Tenant {
    const known = this.#active.get(number);
    if (known) return known;
    const tenant = this.#idle.get(number) ?? new Tenant();
    this.#idle.delete(number);
    this.#active.set(number, tenant);
    return tenant;
  }

  #deactivate(number: number, tenant: Tenant): void {
    if (tenant.numSeats > 0 || tenant.waiting.length > 0) return;
    this.#active.delete(number);
    this.#furthest = Math.max(this.#furthest, tenant.virtualTime);
    this.#idle.set(number, tenant);
    if (this.#active.size === 0) this.#virtualTime = this.#furthest;
    this.#forget();
  }

  #lift(tenant: Tenant): void {
    this.#virtualTime = this.#floor(tenant);
    tenant.virtualTime = Math.max(tenant.virtualTime, this.#virtualTime);
    this.#forget();
  }

  /** The system's virtual time as `tenant` begins to wait. */
  #floor(tenant: Tenant): number {
    let least = Number.POSITIVE_INFINITY;
    let most = 0;
    for (const other of this.#active.values()) {
      if (other === tenant) continue;
      if (other.waiting.length > 0) least = Math.min(least, other.virtualTime);
      most = Math.max(most, other.virtualTime);
    }
    // While none waits, each gets what it asks for, and none is owed anything.
    const current = least === Number.POSITIVE_INFINITY ? most : least;
    return Math.max(this.#virtualTime, current);
  }

  /** Forgets idle tenants that a return would lift; beyond the limit, the longest idle ones too. */
  #forget(): void {
    for (const [number, { virtualTime }] of this.#idle) {
      if (virtualTime > this.#virtualTime && this.#idle.size <= MAX_IDLE) return;
      this.#idle.delete(number);
    }
  }
}

/** For sequences of one tenant: a priority takes nothing from other tenants. */
function isEarlier(a: Sequence, b: Sequence): boolean {
  return a.priority === b.priority ? a.arrival < b.arrival : a.priority < b.priority;
}

function measure(tenant: Tenant, { isSibling }: Sequence, numTokens: number): void {
  tenant.queuedTokens += numTokens;
  if (!isSibling) tenant.headTokens += numTokens;
}

function isHead({ isSibling }: Sequence): boolean {
  return !isSibling;
}

function isSurplus({ mayBeRefused, isOwedSeat }: Sequence): boolean {
  return mayBeRefused && !isOwedSeat;
}

function isRefusable({ mayBeRefused }: Sequence): boolean {
  return mayBeRefused;
}

function sum(waiting: readonly Sequence[]): number {
  return waiting.reduce((total, { queuedTokens }) => total + queuedTokens, 0);
}

function isBefore(a: Tenant, b: Tenant): boolean {
  if (a.virtualTime !== b.virtualTime) return a.virtualTime < b.virtualTime;
  if (a.numSeats !== b.numSeats) return a.numSeats < b.numSeats;
  return (a.waiting[0] as Sequence).arrival < (b.waiting[0] as Sequence).arrival;
}

function hasMore(a: Tenant, b: Tenant): boolean {
  return a.numSeats > b.numSeats || (a.numSeats === b.numSeats && a.virtualTime > b.virtualTime);
}
