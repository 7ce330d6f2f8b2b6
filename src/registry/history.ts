// Events revision by revision, as far back as the limit allows; and the watches, each a cursor in it. A
// watch buffers nothing of its own, so a slow reader costs no memory and learns of its fate by CompactedError.

import { CompactedError, FutureRevisionError } from "./error.ts";
import type { Revision, Watch, WatchEvent, WatchResponse } from "./registry.ts";

interface Entry {
  readonly revision: Revision;
  readonly events: readonly WatchEvent[];
}

export class History {
  readonly #maxEntries: number;
  readonly #entries: Entry[];
  readonly #watches = new Set<HistoryWatch>();
  #revision: Revision;
  #oldestRevision: Revision;

  constructor(options: { readonly revision: Revision; readonly maxEntries: number }) {
    this.#entries = [{ revision: options.revision, events: [] }];
    this.#revision = options.revision;
    this.#oldestRevision = options.revision;
    this.#maxEntries = options.maxEntries;
  }

  get revision(): Revision {
    return this.#revision;
  }

  append(revision: Revision, events: readonly WatchEvent[]): void {
    this.#entries.push({ revision, events });
    this.#revision = revision;
    if (this.#entries.length > this.#maxEntries) {
      this.#entries.splice(0, this.#entries.length - this.#maxEntries);
      this.#oldestRevision = this.#entries[0]?.revision ?? revision + 1;
    }
    for (const watch of this.#watches) watch.advance();
  }

  compact(revision: Revision): void {
    if (revision > this.#revision) throw new FutureRevisionError(revision, this.#revision);
    if (revision < this.#oldestRevision) throw new CompactedError(revision, this.#oldestRevision);
    this.#entries.splice(0, revision - this.#oldestRevision);
    this.#oldestRevision = revision;
    for (const watch of this.#watches) watch.advance();
  }

  watch(prefix: string, fromRevision: Revision): Watch {
    const watch = new HistoryWatch(this, prefix, fromRevision, () => this.#watches.delete(watch));
    this.#watches.add(watch);
    return watch;
  }

  close(): void {
    for (const watch of this.#watches) watch.end();
  }

  /** The entry at `revision`. Revisions in it are consecutive, so it is found by its index. */
  at(revision: Revision): Entry | undefined {
    if (revision < this.#oldestRevision) throw new CompactedError(revision, this.#oldestRevision);
    return this.#entries[revision - this.#oldestRevision];
  }
}

type Waiter = PromiseWithResolvers<IteratorResult<WatchResponse>>;

class HistoryWatch implements Watch {
  readonly #history: History;
  readonly #prefix: string;
  readonly #onEnd: () => void;
  readonly #waiters: Waiter[] = [];
  #nextRevision: Revision;
  #progressRequested = false;
  #ended = false;

  constructor(history: History, prefix: string, fromRevision: Revision, onEnd: () => void) {
    this.#history = history;
    this.#prefix = prefix;
    this.#nextRevision = fromRevision;
    this.#onEnd = onEnd;
  }

  next(): Promise<IteratorResult<WatchResponse>> {
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    const waiter: Waiter = Promise.withResolvers();
    this.#waiters.push(waiter);
    this.advance();
    return waiter.promise;
  }

  return(): Promise<IteratorResult<WatchResponse>> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  requestProgress(): void {
    this.#progressRequested = true;
    this.advance();
  }

  /** Serves those who wait, as far as there is something for them. */
  advance(): void {
    while (this.#waiters.length > 0) {
      let response: WatchResponse | undefined;
      try {
        response = this.#read();
      } catch (error) {
        this.#waiters.shift()?.reject(error);
        this.end();
        return;
      }
      if (!response) return;
      this.#waiters.shift()?.resolve({ done: false, value: response });
    }
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnd();
    for (const waiter of this.#waiters.splice(0)) waiter.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #read(): WatchResponse | undefined {
    for (let entry = this.#nextEntry(); entry; entry = this.#nextEntry()) {
      this.#nextRevision = entry.revision + 1;
      const events = entry.events.filter((event) => keyOf(event).startsWith(this.#prefix));
      if (events.length > 0) return { revision: entry.revision, events };
    }
    if (!this.#progressRequested) return undefined;
    this.#progressRequested = false;
    return { revision: this.#history.revision, events: [] };
  }

  #nextEntry(): Entry | undefined {
    return this.#nextRevision > this.#history.revision
      ? undefined
      : this.#history.at(this.#nextRevision);
  }
}

function keyOf(event: WatchEvent): string {
  return event.type === "put" ? event.keyValue.key : event.key;
}
