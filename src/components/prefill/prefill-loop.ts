// A prefill worker's side of remote prefill: takes prefill requests from the queue, one after the other, leases the blocks
// of each from its worker, and computes into them.
//
//   queue --request id--> lease of the worker --prompt, blocks--> engine of its pool --done--> the lease is left

import { isUnavailable, type WorkItem, type WorkQueue } from "dynamo";

import type { Clock } from "../../base/clock.ts";
import { CancelledError, errorCode } from "../../base/error.ts";
import type { ModelRunner } from "../../engine/model-runner.ts";
import type { KvPool } from "../../engine/open/kv-pool.ts";
import { PrefillEngine, type PrefillRun } from "../../engine/prefill-engine.ts";
import type { LeasedPrefill, PoolOwner, PrefillRequestId } from "./prefill-messages.ts";

export interface PrefillLoopOptions {
  readonly queue: WorkQueue;
  readonly clock: Clock;
  /** May use every block of the pool. */
  readonly openRunner: (pool: KvPool) => Promise<ModelRunner>;
  /** Asks a worker for a lease: a stream of one or none. */
  readonly lease: (id: PrefillRequestId) => AsyncIterable<LeasedPrefill>;
  /** Follows tasks that the instance cannot live without. */
  readonly follow: (task: Promise<unknown>) => void;
}

/** A worker whose mailbox is full is asked again after this. */
const RETRY_MS = 10;

interface HeldLease {
  readonly id: PrefillRequestId;
  readonly leased: LeasedPrefill;
  run: PrefillRun | undefined;
  isDropped: boolean;
  readonly ended: Promise<void>;
}

export class PrefillLoop {
  readonly #options: PrefillLoopOptions;
  readonly #engines = new Map<string, Promise<PrefillEngine>>();
  readonly #leases = new Set<HeldLease>();
  #isClosed = false;

  constructor(options: PrefillLoopOptions) {
    this.#options = options;
  }

  /** Takes prefill requests until the instance ends. Several may run: while one computes, the next is fetched. */
  async run(): Promise<void> {
    const { queue } = this.#options;
    while (!this.#isClosed) {
      const item = await queue.pull();
      await this.#serve(item);
      // Unfinished items go to another worker when this instance has ended.
      if (!this.#isClosed) queue.ack(item.id);
    }
  }

  /**
   * Opens a pool for a worker that has just begun with its part of it. One that had the part before is dead; what is
   * computed for that one has ended when this resolves.
   */
  async join(pool: KvPool, owner: PoolOwner): Promise<void> {
    const stale = [...this.#leases].filter((one) => isStale(one, pool, owner));
    for (const held of stale) drop(held);
    await Promise.all(stale.map(({ ended }) => ended));
    await this.#engineOf(pool);
  }

  /** The prompt is not wanted any more. */
  drop({ worker, request }: PrefillRequestId): void {
    for (const held of this.#leases) {
      const { id } = held;
      if (id.worker === worker && id.request === request) drop(held);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const engines = await Promise.allSettled(this.#engines.values());
    for (const one of engines) if (one.status === "fulfilled") await one.value.close();
  }

  async #serve({ body }: WorkItem): Promise<void> {
    const id: PrefillRequestId = JSON.parse(body); // a worker of this graph has written it
    for (;;) {
      try {
        for await (const leased of this.#options.lease(id)) await this.#compute(id, leased);
        return;
      } catch (error) {
        const code = errorCode(error);
        if (code === "mailbox_full") await this.#options.clock.sleep(RETRY_MS);
        else if (code === "cancelled" || isUnavailable(error))
          return; // unwanted
        else throw error;
      }
    }
  }

  async #compute(id: PrefillRequestId, leased: LeasedPrefill): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const held: HeldLease = {
      id,
      leased,
      run: undefined,
      isDropped: false,
      ended: promise,
    };
    // Before anything else: from now on drop() and join() must know of it.
    this.#leases.add(held);
    try {
      const engine = await this.#engineOf(leased.pool);
      if (held.isDropped) throw new CancelledError("the prompt was dropped before it began");
      held.run = engine.prefill(leased);
      await held.run.done;
    } finally {
      this.#leases.delete(held);
      resolve();
    }
  }

  #engineOf(pool: KvPool): Promise<PrefillEngine> {
    let engine = this.#engines.get(pool.name);
    if (engine === undefined) {
      engine = this.#openEngine(pool);
      this.#engines.set(pool.name, engine);
      engine.catch(() => this.#engines.delete(pool.name)); // its caller has the error
    }
    return engine;
  }

  async #openEngine(pool: KvPool): Promise<PrefillEngine> {
    const { openRunner, clock, follow } = this.#options;
    const runner = await openRunner(pool);
    const device = pool.engine === "native" ? "shared" : "own";
    const engine = new PrefillEngine({ runner, clock, device });
    follow(engine.run());
    return engine;
  }
}

function drop(held: HeldLease): void {
  held.isDropped = true;
  held.run?.abort();
}

/** A prompt's blocks are all of one part, so the first will do. */
function isStale({ id, leased }: HeldLease, pool: KvPool, owner: PoolOwner): boolean {
  const { firstBlock, numBlocks, worker } = owner;
  const [block = 0] = leased.blockIds;
  const isWithin = block >= firstBlock && block < firstBlock + numBlocks;
  return leased.pool.name === pool.name && isWithin && id.worker !== worker;
}
