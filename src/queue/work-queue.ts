// Work that any member of a group may do: each item goes to one of those who pull, in order, and again to another if its
// consumer ends before it has acked it. The words are NATS JetStream's. embedded-queue.ts keeps queues in this process, and
// test/queue/queue.suite.ts is what any other implementation must pass as well.
//
//     publish --> [ pending ] --pull--> with a consumer --ack--> gone
//                     ^                       |
//                     +------ its end --------+     at the front again

/** Unique in its queue, rising. */
export type ItemId = number;

export interface WorkItem {
  readonly id: ItemId;
  readonly body: string;
}

export interface PublishOptions {
  /** Refuses the item if so many are pending already; a queue has a limit of its own besides. */
  readonly maxPending?: number;
}

/** One queue as a consumer sees it. Its promises reject with `actor_down` when the instance ends meanwhile. */
export interface WorkQueue {
  /** Appends an item, or resolves with undefined where too many are pending. */
  publish(body: string, options?: PublishOptions): Promise<ItemId | undefined>;
  /** Waits for the oldest pending item, for ever once the consumer drains. It is the caller's until `ack`, or its end. */
  pull(): Promise<WorkItem>;
  /** The work is done, or no longer wanted. An item that is not the caller's is ignored. */
  ack(id: ItemId): void;
  /** Takes back an item that is pending; one that a consumer has stays with it. */
  remove(id: ItemId): void;
}

/** Who pulls: unique in the cluster. */
export type Consumer = number;

/** All work queues of a cluster, by name. One that was never used is empty. */
export interface WorkQueues {
  /** Once for each consumer. */
  join(consumer: Consumer): QueueMember;
  /** Items that no consumer has taken yet, by queue. */
  numPending(): Promise<Readonly<Record<string, number>>>;
}

/** One consumer's part in all queues. */
export interface QueueMember {
  queue(name: string): WorkQueue;
  /** It drains and gets nothing more. It may still ack what it has. Idempotent. */
  leave(): void;
  /** It has ended: what it had is pending again, before all others. Idempotent. */
  end(): void;
}
