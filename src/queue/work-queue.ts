// Work that anybody of a group may do: each item goes to one of those who pull, in order, and again to
// another if whoever had it ends before it said that the work is done. The words are NATS JetStream's.
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

export interface WorkQueue {
  /** Appends an item, or resolves with undefined where too many are pending. */
  publish(body: string, options?: PublishOptions): Promise<ItemId | undefined>;
  /** Waits for the oldest pending item. It is the caller's until `ack`, or its end. */
  pull(): Promise<WorkItem>;
  /** The work is done, or nobody wants it any more. */
  ack(id: ItemId): void;
  /** Takes back an item that is pending; one that a consumer has stays with it. */
  remove(id: ItemId): void;
}
