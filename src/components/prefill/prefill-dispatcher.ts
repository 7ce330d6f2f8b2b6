// A worker's side of disaggregated prefill: sends prompts to the prefill workers by way of their queue, and
// lends them the blocks that they are to fill.
//
//   pending --lease--> leased --the borrower asks for more: all is computed--> over
//      ^                 +------it leaves or dies: the queue gives it to another------+
//      +-------------------------------------------------------------------------------+
//
// The lease's end is the borrower's word that it writes no more; of one that died, the runtime's, which tells
// nobody of an end before a running step is over.

import type { InstanceId, ItemId, WorkQueue } from "dynamo";

import { errorCode } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import type { PrefillJob, PrefillOutcome, RemotePrefill } from "../../engine/remote-prefill.ts";
import type { KvPool, PoolOwner, PoolPart, PrefillTicket, PrefillWork } from "./kv-pool.ts";

export interface PrefillLimits {
  readonly conditionalDisagg: boolean;
  readonly maxLocalPrefillLength: number;
  readonly maxPrefillQueueSize: number;
}

/** A prefill worker as a worker calls it. */
export interface PrefillPeer {
  /** Opens the pool, and lets go of what it computes there for one who had this part before. Returns its queue. */
  join(pool: KvPool, owner: PoolOwner): Promise<string>;
  drop(ticket: PrefillTicket): Promise<void>;
}

export interface PrefillDispatcherOptions {
  /** Of the worker itself. */
  readonly instance: InstanceId;
  /** Read at each decision: they may change. */
  readonly limits: PrefillLimits;
  readonly peer: (instance: InstanceId) => PrefillPeer;
  readonly queue: (name: string) => WorkQueue;
  readonly log: Logger;
}

/** Borrowers that may fail at a prompt before it is computed where it is decoded. */
const MAX_LEASES = 3;

interface Lending {
  readonly id: number;
  readonly job: PrefillJob;
  readonly ended: (outcome: PrefillOutcome) => void;
  itemId: ItemId | undefined;
  borrower: InstanceId | undefined;
  /** When the borrower has let go. */
  returned: Promise<void>;
  numLeases: number;
  isUnwanted: boolean;
}

export class PrefillDispatcher implements RemotePrefill {
  readonly #options: PrefillDispatcherOptions;
  readonly #lendings = new Map<number, Lending>();
  /** Prefill workers that have joined our pool. */
  readonly #joined = new Set<InstanceId>();
  #pool: KvPool | undefined;
  #queue: WorkQueue | undefined;
  #lastId = 0;

  constructor(options: PrefillDispatcherOptions) {
    this.#options = options;
  }

  /** Lets every live prefill worker join the pool. Nobody writes in `part` any more when it resolves. */
  async open(pool: KvPool, part: PoolPart, live: readonly InstanceId[]): Promise<void> {
    this.#pool = pool;
    await Promise.all(live.map((instance) => this.#join(pool, part, instance)));
  }

  /** Keeps up with the prefill workers that come and go. A new one that cannot join is not used. */
  async update(pool: KvPool, part: PoolPart, live: readonly InstanceId[]): Promise<void> {
    for (const instance of this.#joined)
      if (!live.includes(instance)) this.#joined.delete(instance);
    this.#giveUpIfAlone();
    for (const instance of live) {
      if (this.#joined.has(instance)) continue;
      await this.#join(pool, part, instance).catch((error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        this.#options.log.warn("a prefill worker cannot be used", { instance, reason });
      });
    }
  }

  /** Upstream's rule, its first half: the queue itself refuses what is too much for it. */
  takes(numTokens: number): boolean {
    const { conditionalDisagg, maxLocalPrefillLength } = this.#options.limits;
    return this.#joined.size > 0 && (!conditionalDisagg || numTokens > maxLocalPrefillLength);
  }

  begin(job: PrefillJob, ended: (outcome: PrefillOutcome) => void): { recall(): void } {
    const lending: Lending = {
      id: ++this.#lastId,
      job,
      ended,
      itemId: undefined,
      borrower: undefined,
      returned: Promise.resolve(),
      numLeases: 0,
      isUnwanted: false,
    };
    this.#lendings.set(lending.id, lending);
    void this.#publish(lending);
    return { recall: () => this.#recall(lending) };
  }

  /** The work of a ticket, for as long as the borrower's loop runs; nothing if it is not wanted any more. */
  async *lease(id: number, borrower: InstanceId): AsyncGenerator<PrefillWork> {
    const lending = this.#lendings.get(id);
    // Of a borrower that has died: the queue may know before we do.
    while (lending?.borrower !== undefined) await lending.returned;
    if (lending === undefined || !this.#lendings.has(id) || this.#pool === undefined) return;
    if (lending.numLeases === MAX_LEASES) {
      this.#end(lending, "not computed");
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    lending.numLeases += 1;
    lending.borrower = borrower;
    lending.returned = promise;
    let outcome: PrefillOutcome = "not computed";
    try {
      yield { ...lending.job, pool: this.#pool };
      outcome = "computed";
    } finally {
      lending.borrower = undefined;
      if (outcome === "computed" || lending.isUnwanted) this.#end(lending, outcome);
      else this.#giveUpIfAlone();
      resolve();
    }
  }

  async #join(pool: KvPool, part: PoolPart, instance: InstanceId): Promise<void> {
    try {
      const queue = await this.#options
        .peer(instance)
        .join(pool, { ...part, worker: this.#options.instance });
      this.#queue ??= this.#options.queue(queue);
      this.#joined.add(instance);
    } catch (error) {
      // It has died or is about to: the next list of instances tells.
      const code = errorCode(error);
      if (code !== "actor_down" && code !== "actor_stopping") throw error;
    }
  }

  async #publish(lending: Lending): Promise<void> {
    const { conditionalDisagg, maxPrefillQueueSize } = this.#options.limits;
    const ticket: PrefillTicket = { worker: this.#options.instance, job: lending.id };
    lending.itemId = await this.#queue?.publish(
      JSON.stringify(ticket),
      conditionalDisagg ? { maxPending: maxPrefillQueueSize } : {},
    );
    if (lending.itemId === undefined) this.#end(lending, "not computed");
    else if (!this.#lendings.has(lending.id)) this.#queue?.remove(lending.itemId);
    else this.#giveUpIfAlone();
  }

  #recall(lending: Lending): void {
    lending.isUnwanted = true;
    const { borrower, id } = lending;
    if (borrower === undefined) {
      // Not at once: whoever recalls is in the middle of a decision.
      queueMicrotask(() => {
        if (lending.borrower === undefined) this.#end(lending, "not computed");
        else this.#drop(lending.borrower, id);
      });
    } else this.#drop(borrower, id);
  }

  #drop(borrower: InstanceId, job: number): void {
    const { peer, instance } = this.#options;
    peer(borrower)
      .drop({ worker: instance, job })
      .catch((error: unknown) => {
        // What has become of the borrower, its lease tells.
        this.#options.log.debug("a prefill worker did not hear", { code: errorCode(error) });
      });
  }

  /** Without prefill workers nobody takes what is pending, so it is computed here. */
  #giveUpIfAlone(): void {
    if (this.#joined.size > 0) return;
    for (const lending of [...this.#lendings.values()]) {
      if (lending.borrower === undefined) this.#end(lending, "not computed");
    }
  }

  #end(lending: Lending, outcome: PrefillOutcome): void {
    if (!this.#lendings.delete(lending.id)) return;
    // An item that somebody has stays with him: he is told then that there is nothing to do.
    if (lending.itemId !== undefined) this.#queue?.remove(lending.itemId);
    lending.ended(outcome);
  }
}
