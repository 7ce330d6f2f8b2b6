// A worker's side of remote prefill: puts prefill requests into the prefill queue, and leases the blocks that are to be
// filled to the prefill worker that takes one.
//
//   pending --lease--> leased --the prefill worker asks for more: all is computed--> over
//      ^                 +------it leaves or dies: the queue gives it to another------+
//      +-------------------------------------------------------------------------------+
//
// The lease's end is the prefill worker's word that it writes no more. If it died, it is the runtime's, which reports an
// end after the running step only.

import { type InstanceId, type ItemId, isUnavailable, type WorkQueue } from "dynamo";

import { errorCode } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import type { KvPool, PoolPart } from "../../engine/open/kv-pool.ts";
import type { PrefillOutcome, PrefillRequest, RemotePrefill } from "../../engine/remote-prefill.ts";
import type { LeasedPrefill, PoolOwner, PrefillRequestId } from "./prefill-messages.ts";

export interface PrefillLimits {
  readonly conditionalDisagg: boolean;
  readonly maxLocalPrefillLength: number;
  readonly maxPrefillQueueSize: number;
}

/** A prefill worker as a worker calls it. */
export interface PrefillWorkerPort {
  /** Opens the pool, and lets go of what it computes there for one who had this part before. Returns its queue. */
  join(pool: KvPool, owner: PoolOwner): Promise<string>;
  drop(id: PrefillRequestId): Promise<void>;
}

export interface PrefillDispatcherOptions {
  /** Id of the worker itself. */
  readonly instance: InstanceId;
  /** Read at each decision: they may change. */
  readonly limits: PrefillLimits;
  readonly peer: (instance: InstanceId) => PrefillWorkerPort;
  readonly queue: (name: string) => WorkQueue;
  readonly log: Logger;
}

/** Prefill workers that may fail at a prompt before it is computed where it is decoded. */
const MAX_LEASES = 3;

interface OpenRequest {
  readonly id: number;
  readonly request: PrefillRequest;
  readonly ended: (outcome: PrefillOutcome) => void;
  itemId: ItemId | undefined;
  /** Who has the lease. */
  holder: InstanceId | undefined;
  /** When the holder has let go. */
  returned: Promise<void>;
  numLeases: number;
  isUnwanted: boolean;
}

export class PrefillDispatcher implements RemotePrefill {
  readonly #options: PrefillDispatcherOptions;
  readonly #open = new Map<number, OpenRequest>();
  /** Prefill workers that have joined our pool. */
  readonly #joined = new Set<InstanceId>();
  #pool: KvPool | undefined;
  #queue: WorkQueue | undefined;
  #lastId = 0;

  constructor(options: PrefillDispatcherOptions) {
    this.#options = options;
  }

  /** Lets every live prefill worker join the pool. No prefill worker writes in `part` any more when it resolves. */
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

  begin(request: PrefillRequest, ended: (outcome: PrefillOutcome) => void): { recall(): void } {
    const open: OpenRequest = {
      id: ++this.#lastId,
      request,
      ended,
      itemId: undefined,
      holder: undefined,
      returned: Promise.resolve(),
      numLeases: 0,
      isUnwanted: false,
    };
    this.#open.set(open.id, open);
    void this.#publish(open);
    return { recall: () => this.#recall(open) };
  }

  /** A prefill lease, for as long as the holder's loop runs; it is empty if the request is not wanted any more. */
  async *lease(id: number, holder: InstanceId): AsyncGenerator<LeasedPrefill> {
    const open = this.#open.get(id);
    // The queue may know of a holder's death before this worker does.
    while (open?.holder !== undefined) await open.returned;
    if (open === undefined || !this.#open.has(id) || this.#pool === undefined) return;
    if (open.numLeases === MAX_LEASES) {
      this.#end(open, "not computed");
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    open.numLeases += 1;
    open.holder = holder;
    open.returned = promise;
    let outcome: PrefillOutcome = "not computed";
    try {
      yield { ...open.request, pool: this.#pool };
      outcome = "computed";
    } finally {
      open.holder = undefined;
      if (outcome === "computed" || open.isUnwanted) this.#end(open, outcome);
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
      if (!isUnavailable(error)) throw error;
    }
  }

  async #publish(open: OpenRequest): Promise<void> {
    const { conditionalDisagg, maxPrefillQueueSize } = this.#options.limits;
    const id: PrefillRequestId = { worker: this.#options.instance, request: open.id };
    open.itemId = await this.#queue?.publish(
      JSON.stringify(id),
      conditionalDisagg ? { maxPending: maxPrefillQueueSize } : {},
    );
    if (open.itemId === undefined) this.#end(open, "not computed");
    else if (!this.#open.has(open.id)) this.#queue?.remove(open.itemId);
    else this.#giveUpIfAlone();
  }

  #recall(open: OpenRequest): void {
    open.isUnwanted = true;
    const { holder, id } = open;
    if (holder === undefined) {
      // Not at once: the scheduler is in the middle of a decision.
      queueMicrotask(() => {
        if (open.holder === undefined) this.#end(open, "not computed");
        else this.#drop(open.holder, id);
      });
    } else this.#drop(holder, id);
  }

  #drop(holder: InstanceId, request: number): void {
    const { peer, instance } = this.#options;
    peer(holder)
      .drop({ worker: instance, request })
      .catch((error: unknown) => {
        // The lease tells what has become of its holder.
        this.#options.log.debug("a prefill worker did not hear", { code: errorCode(error) });
      });
  }

  /** Without prefill workers no pending request is taken, so its prompt is computed here. */
  #giveUpIfAlone(): void {
    if (this.#joined.size > 0) return;
    for (const open of [...this.#open.values()]) {
      if (open.holder === undefined) this.#end(open, "not computed");
    }
  }

  #end(open: OpenRequest, outcome: PrefillOutcome): void {
    if (!this.#open.delete(open.id)) return;
    // An item that a prefill worker has taken stays with it: its lease is then empty.
    if (open.itemId !== undefined) this.#queue?.remove(open.itemId);
    open.ended(outcome);
  }
}
