// A prefill worker's side: takes tickets from the queue, one after the other, borrows the blocks that each is
// about, and computes into them.
//
//   queue --ticket--> lease of the worker --work--> engine of its pool --done--> the lease is left

import type { WorkItem, WorkQueue } from "dynamo";

import type { Clock } from "../../base/clock.ts";
import { CancelledError, errorCode } from "../../base/error.ts";
import type { ModelRunner } from "../../engine/model-runner.ts";
import { PrefillEngine, type PrefillTask } from "../../engine/prefill-engine.ts";
import type { KvPool, PoolOwner, PrefillTicket, PrefillWork } from "./kv-pool.ts";

export interface PrefillLoopOptions {
  readonly queue: WorkQueue;
  readonly clock: Clock;
  /** May use every block of the pool. */
  readonly openRunner: (pool: KvPool) => Promise<ModelRunner>;
  /** Asks a worker for the work of a ticket: a stream of one or none. */
  readonly lease: (ticket: PrefillTicket) => AsyncIterable<PrefillWork>;
  /** What the instance cannot live without. */
  readonly follow: (task: Promise<unknown>) => void;
}

/** A worker whose mailbox is full is asked again after this. */
const RETRY_MS = 10;

interface Borrowing {
  readonly ticket: PrefillTicket;
  readonly work: PrefillWork;
  task: PrefillTask | undefined;
  isDropped: boolean;
  readonly ended: Promise<void>;
}

export class PrefillLoop {
  readonly #options: PrefillLoopOptions;
  readonly #engines = new Map<string, Promise<PrefillEngine>>();
  readonly #borrowings = new Set<Borrowing>();
  #isClosed = false;

  constructor(options: PrefillLoopOptions) {
    this.#options = options;
  }

  /** Takes tickets until the instance ends. Several may run: while one computes, the next is fetched. */
  async run(): Promise<void> {
    const { queue } = this.#options;
    while (!this.#isClosed) {
      const item = await queue.pull();
      await this.#serve(item);
      // What was left undone goes to another when this instance has ended.
      if (!this.#isClosed) queue.ack(item.id);
    }
  }

  /**
   * Opens a pool for a worker that has just begun with its part of it. One that had the part before is dead; what is
   * computed for that one has ended when this resolves.
   */
  async join(pool: KvPool, owner: PoolOwner): Promise<void> {
    const stale = [...this.#borrowings].filter((one) => isStale(one, pool, owner));
    for (const borrowing of stale) drop(borrowing);
    await Promise.all(stale.map(({ ended }) => ended));
    await this.#engineOf(pool);
  }

  /** The prompt is not wanted any more. */
  drop({ worker, job }: PrefillTicket): void {
    for (const borrowing of this.#borrowings) {
      const { ticket } = borrowing;
      if (ticket.worker === worker && ticket.job === job) drop(borrowing);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const engines = await Promise.allSettled(this.#engines.values());
    for (const one of engines) if (one.status === "fulfilled") await one.value.close();
  }

  async #serve({ body }: WorkItem): Promise<void> {
    const ticket: PrefillTicket = JSON.parse(body); // a worker of this graph has written it
    for (;;) {
      try {
        for await (const work of this.#options.lease(ticket)) await this.#compute(ticket, work);
        return;
      } catch (error) {
        const code = errorCode(error);
        if (code === "mailbox_full") await this.#options.clock.sleep(RETRY_MS);
        else if (UNWANTED.has(code)) return;
        else throw error;
      }
    }
  }

  async #compute(ticket: PrefillTicket, work: PrefillWork): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const borrowing: Borrowing = {
      ticket,
      work,
      task: undefined,
      isDropped: false,
      ended: promise,
    };
    // Before anything else: from now on drop() and join() must know of it.
    this.#borrowings.add(borrowing);
    try {
      const engine = await this.#engineOf(work.pool);
      if (borrowing.isDropped) throw new CancelledError("the prompt was dropped before it began");
      borrowing.task = engine.prefill(work);
      await borrowing.task.done;
    } finally {
      this.#borrowings.delete(borrowing);
      resolve();
    }
  }

  #engineOf(pool: KvPool): Promise<PrefillEngine> {
    let engine = this.#engines.get(pool.name);
    if (engine === undefined) {
      engine = this.#openEngine(pool);
      this.#engines.set(pool.name, engine);
      engine.catch(() => this.#engines.delete(pool.name)); // whoever asked has the error
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

/** The worker or its client has gone, or does without. */
const UNWANTED: ReadonlySet<string> = new Set(["cancelled", "actor_down", "actor_stopping"]);

function drop(borrowing: Borrowing): void {
  borrowing.isDropped = true;
  borrowing.task?.abort();
}

/** A prompt's blocks are all of one part, so the first will do. */
function isStale({ ticket, work }: Borrowing, pool: KvPool, owner: PoolOwner): boolean {
  const { firstBlock, numBlocks, worker } = owner;
  const [block = 0] = work.blockIds;
  const isWithin = block >= firstBlock && block < firstBlock + numBlocks;
  return work.pool.name === pool.name && isWithin && ticket.worker !== worker;
}
