// Log of an engine's prefix cache, told to any number of listeners:
//
//     block manager --record--> events of this step --flush--> listener's queue --> KvReport
//
// A listener begins with a snapshot, then gets every event. One that is so far behind that a snapshot says it in
// fewer words gets that instead, so its queue is bounded and it never sees a gap.

import type { KvEvent, KvReport, KvSnapshot } from "../protocol/kv-event.ts";
import { PulledStream } from "./pulled-stream.ts";

export interface KvEventLogOptions {
  /** All that the cache holds now, and the id of the next event. */
  readonly snapshot: () => KvSnapshot;
  /** Blocks that events may name while they wait for one listener. */
  readonly maxQueuedBlocks: number;
}

export class KvEventLog {
  readonly #options: KvEventLogOptions;
  readonly #listeners = new Set<Listener>();
  #recorded: KvEvent[] = [];

  constructor(options: KvEventLogOptions) {
    this.#options = options;
  }

  record(event: KvEvent): void {
    if (this.#listeners.size > 0) this.#recorded.push(event);
  }

  /** Hands on what was recorded, all of it at once. */
  flush(): void {
    if (this.#recorded.length === 0) return;
    for (const listener of this.#listeners) listener.push(this.#recorded);
    this.#recorded = [];
  }

  /** A snapshot, then events; now and then a snapshot again. */
  listen(): AsyncIterableIterator<KvReport> {
    const listener = new Listener(this.#options, () => this.#listeners.delete(listener));
    this.#listeners.add(listener);
    return listener.stream;
  }

  close(): void {
    this.flush();
    for (const { stream } of [...this.#listeners]) stream.end();
  }
}

class Listener {
  readonly stream: PulledStream<KvReport>;
  readonly #options: KvEventLogOptions;
  #queue: KvEvent[] = [];
  #numQueuedBlocks = 0;
  /** The first event that the listener has not; undefined while it wants a snapshot. */
  #nextEventId: number | undefined;

  constructor(options: KvEventLogOptions, onEnd: () => void) {
    this.#options = options;
    this.stream = new PulledStream({ take: () => this.#take(), onEnd });
  }

  push(events: readonly KvEvent[]): void {
    if (this.#nextEventId === undefined) return;
    for (const event of events) {
      if (event.eventId < this.#nextEventId) continue; // A snapshot was taken after it.
      this.#queue.push(event);
      this.#numQueuedBlocks += numBlocksOf(event);
    }
    if (this.#numQueuedBlocks > this.#options.maxQueuedBlocks) {
      this.#nextEventId = undefined;
      this.#clear();
    }
    this.stream.wake();
  }

  #take(): KvReport | undefined {
    if (this.#nextEventId === undefined) {
      const snapshot = this.#options.snapshot();
      this.#nextEventId = snapshot.nextEventId;
      return { type: "snapshot", snapshot };
    }
    const events = this.#queue;
    if (events.length === 0) return undefined;
    this.#clear();
    return { type: "events", events };
  }

  #clear(): void {
    this.#queue = [];
    this.#numQueuedBlocks = 0;
  }
}

/** At least 1, so that no queue of events about nothing grows. */
function numBlocksOf({ data }: KvEvent): number {
  switch (data.type) {
    case "stored":
      return data.blocks.length;
    case "removed":
      return data.blockHashes.length;
    case "cleared":
      return 1;
  }
}
