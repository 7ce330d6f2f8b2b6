// The live instances of a service as a stream: now, and after each change. A reader that is behind sees the
// last list and not those between.

import type { InstanceId } from "../registry/instance-id.ts";
import type { InstanceList } from "./instance-list.ts";

type Live = readonly InstanceId[];

export class InstanceChanges implements AsyncIterableIterator<Live> {
  readonly #list: InstanceList;
  readonly #forget: () => void;
  #seen: Live | undefined;
  #waiting: ((result: IteratorResult<Live>) => void) | undefined;
  #ended = false;

  constructor(list: InstanceList) {
    this.#list = list;
    this.#forget = list.onChange(() => this.#tell());
  }

  next(): Promise<IteratorResult<Live>> {
    const { promise, resolve } = Promise.withResolvers<IteratorResult<Live>>();
    this.#waiting?.(END); // Two readers at once: the earlier one has nothing to wait for.
    this.#waiting = resolve;
    this.#tell();
    return promise;
  }

  async return(): Promise<IteratorResult<Live>> {
    this.#ended = true;
    this.#forget();
    this.#tell();
    return END;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #tell(): void {
    const { live } = this.#list;
    if (!this.#waiting || (!this.#ended && live === this.#seen)) return;
    const resolve = this.#waiting;
    this.#waiting = undefined;
    this.#seen = live;
    resolve(this.#ended ? END : { done: false, value: live });
  }
}

const END: IteratorReturnResult<undefined> = { done: true, value: undefined };
