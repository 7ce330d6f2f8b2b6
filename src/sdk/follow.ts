// Background work with an owner: whatever fails here ends the instance.

export interface Follow {
  (task: PromiseLike<unknown>): void;
  <T>(stream: AsyncIterable<T>, onItem: (item: T) => void | Promise<void>): void;
}

/** The followed work of one instance. */
export class Follower {
  readonly #detach: <T>(task: () => T) => T;
  readonly #fail: (error: unknown) => void;
  readonly #open = new Set<AsyncIterator<unknown>>();
  #leaving = false;

  constructor(options: {
    /** Runs a task outside of the call that is running, so that a cancel of that call does not reach it. */
    readonly detach: <T>(task: () => T) => T;
    /** Ends the instance. */
    readonly fail: (error: unknown) => void;
  }) {
    this.#detach = options.detach;
    this.#fail = options.fail;
  }

  readonly follow: Follow = <T>(
    work: PromiseLike<unknown> | AsyncIterable<T>,
    onItem?: (item: T) => void | Promise<void>,
  ): void => {
    this.#detach(() => {
      const ended = onItem && isStream(work) ? this.#consume(work, onItem) : work;
      Promise.resolve(ended).catch((error) => {
        if (!this.#leaving) this.#fail(error);
      });
    });
  };

  /** Leaves the loops over streams. A failure from now on comes of the instance's stop. */
  leave(): void {
    this.#leaving = true;
    for (const iterator of this.#open) {
      // Not awaited: a generator that waits for its own source would keep the instance from stopping.
      Promise.resolve(iterator.return?.()).catch(() => undefined);
    }
  }

  async #consume<T>(
    stream: AsyncIterable<T>,
    onItem: (item: T) => void | Promise<void>,
  ): Promise<void> {
    const iterator = stream[Symbol.asyncIterator]();
    this.#open.add(iterator);
    try {
      for await (const item of { [Symbol.asyncIterator]: () => iterator }) await onItem(item);
    } finally {
      this.#open.delete(iterator);
    }
  }
}

function isStream<T>(work: PromiseLike<unknown> | AsyncIterable<T>): work is AsyncIterable<T> {
  return Symbol.asyncIterator in work;
}
