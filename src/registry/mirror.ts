// A copy of the registry under a prefix that stays true: first all of it, then each change; all of it again where the
// reader has fallen behind what the store remembers. The word is that of etcd's clients.

import { errorCode } from "../base/error.ts";
import type { Range, Watch, WatchEvent, WatchOptions } from "./registry.ts";

export interface MirrorUpdate {
  /** "base": a put of each key that there is; whatever the reader knew before is void. */
  readonly type: "base" | "changes";
  readonly events: readonly WatchEvent[];
}

interface Source {
  range(prefix: string): Promise<Range>;
  watch(prefix: string, options: WatchOptions): Watch;
}

export class Mirror implements AsyncIterableIterator<MirrorUpdate> {
  readonly #source: Source;
  readonly #prefix: string;
  /** None while all is yet to be read. */
  #watch: Watch | undefined;
  #hasEnded = false;

  constructor(source: Source, prefix: string) {
    this.#source = source;
    this.#prefix = prefix;
  }

  async next(): Promise<IteratorResult<MirrorUpdate>> {
    try {
      const update = await this.#read();
      if (!this.#hasEnded && update !== undefined) return { done: false, value: update };
    } catch (error) {
      if (!this.#hasEnded) throw error;
    }
    return this.return(); // A watch that was opened meanwhile is left, too.
  }

  /** Ends it, also for a `next()` that waits. */
  async return(): Promise<IteratorResult<MirrorUpdate>> {
    this.#hasEnded = true;
    await this.#watch?.return();
    return END;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #read(): Promise<MirrorUpdate | undefined> {
    if (this.#hasEnded) return undefined;
    if (this.#watch === undefined) return this.#readAll();
    try {
      const { done, value } = await this.#watch.next();
      return done ? undefined : { type: "changes", events: value.events };
    } catch (error) {
      if (errorCode(error) !== "compacted") throw error;
      return this.#readAll();
    }
  }

  async #readAll(): Promise<MirrorUpdate> {
    const { revision, keyValues } = await this.#source.range(this.#prefix);
    this.#watch = this.#source.watch(this.#prefix, { fromRevision: revision + 1 });
    return { type: "base", events: keyValues.map((keyValue) => ({ type: "put", keyValue })) };
  }
}

const END: IteratorReturnResult<undefined> = { done: true, value: undefined };
