// A work queue in the main thread's memory, for the actors of one process. It hears of each end, so an item
// needs no timer to find its way back.

import { assert } from "../base/assert.ts";
import type {
  Consumer,
  ItemId,
  PublishOptions,
  QueueMember,
  WorkItem,
  WorkQueue,
  WorkQueues,
} from "./work-queue.ts";

/** Items that may be pending in one queue. */
export const MAX_PENDING = 4096;

interface Pull {
  readonly consumer: Consumer;
  readonly resolve: (item: WorkItem) => void;
}

class EmbeddedQueue {
  /** By age. */
  readonly #pending: WorkItem[] = [];
  /** In order of their coming. Empty while an item is pending. */
  #pulls: Pull[] = [];
  readonly #delivered = new Map<ItemId, { readonly item: WorkItem; readonly consumer: Consumer }>();
  #lastId: ItemId = 0;

  /** Items that no consumer has taken yet. */
  get numPending(): number {
    return this.#pending.length;
  }

  publish(body: string, { maxPending = MAX_PENDING }: PublishOptions = {}): ItemId | undefined {
    if (this.#pending.length >= Math.min(maxPending, MAX_PENDING)) return undefined;
    const item: WorkItem = { id: ++this.#lastId, body };
    this.#pending.push(item);
    this.#deliver();
    return item.id;
  }

  pull(consumer: Consumer): Promise<WorkItem> {
    const { promise, resolve } = Promise.withResolvers<WorkItem>();
    this.#pulls.push({ consumer, resolve });
    this.#deliver();
    return promise;
  }

  ack(id: ItemId, consumer: Consumer): void {
    if (this.#delivered.get(id)?.consumer === consumer) this.#delivered.delete(id);
  }

  remove(id: ItemId): void {
    const index = this.#pending.findIndex((item) => item.id === id);
    if (index >= 0) this.#pending.splice(index, 1);
  }

  /** Gives the consumer nothing more. It may still ack what it has. */
  leave(consumer: Consumer): void {
    this.#pulls = this.#pulls.filter((pull) => pull.consumer !== consumer);
  }

  /** The consumer has ended: what it had is pending again, before all others. */
  end(consumer: Consumer): void {
    this.leave(consumer);
    const back = [...this.#delivered.values()].filter((one) => one.consumer === consumer);
    for (const { item } of back) this.#delivered.delete(item.id);
    this.#pending.push(...back.map(({ item }) => item));
    this.#pending.sort((a, b) => a.id - b.id);
    this.#deliver();
  }

  #deliver(): void {
    while (this.#pending.length > 0 && this.#pulls.length > 0) {
      const item = this.#pending.shift();
      const pull = this.#pulls.shift();
      assert(item !== undefined && pull !== undefined, "there was one of each");
      this.#delivered.set(item.id, { item, consumer: pull.consumer });
      pull.resolve(item);
    }
  }
}

/** All queues of a process. */
export class EmbeddedQueues implements WorkQueues {
  readonly #queues = new Map<string, EmbeddedQueue>();

  join(consumer: Consumer): QueueMember {
    return new EmbeddedMember(consumer, this.#queues);
  }

  async numPending(): Promise<Readonly<Record<string, number>>> {
    const byName = [...this.#queues].map(([name, { numPending }]) => [name, numPending] as const);
    return Object.fromEntries(byName);
  }
}

class EmbeddedMember implements QueueMember {
  readonly #consumer: Consumer;
  readonly #queues: Map<string, EmbeddedQueue>;
  #hasLeft = false;

  constructor(consumer: Consumer, queues: Map<string, EmbeddedQueue>) {
    this.#consumer = consumer;
    this.#queues = queues;
  }

  queue(name: string): WorkQueue {
    const queue = this.#queueOf(name);
    return {
      publish: async (body, options) => queue.publish(body, options),
      pull: () => (this.#hasLeft ? new Promise(() => {}) : queue.pull(this.#consumer)),
      ack: (id) => queue.ack(id, this.#consumer),
      remove: (id) => queue.remove(id),
    };
  }

  leave(): void {
    this.#hasLeft = true;
    for (const queue of this.#queues.values()) queue.leave(this.#consumer);
  }

  end(): void {
    this.#hasLeft = true;
    for (const queue of this.#queues.values()) queue.end(this.#consumer);
  }

  #queueOf(name: string): EmbeddedQueue {
    let queue = this.#queues.get(name);
    if (queue === undefined) {
      queue = new EmbeddedQueue();
      this.#queues.set(name, queue);
    }
    return queue;
  }
}
