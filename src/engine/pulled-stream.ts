// A stream whose items are made when the reader asks: what has changed in the meantime is in the next item, so
// nothing is queued here. `return()` takes effect at once, also while a `next()` waits.

export interface PulledStreamOptions<T> {
  /** The next item, or `undefined` to wait for `wake()`. */
  readonly take: () => T | undefined;
  /** Called once, however it ends. */
  readonly onEnd: () => void;
}

export class PulledStream<T> implements AsyncIterableIterator<T> {
  readonly #options: PulledStreamOptions<T>;
  #waiting: ((result: IteratorResult<T>) => void) | undefined;
  #hasEnded = false;

  constructor(options: PulledStreamOptions<T>) {
    this.#options = options;
  }

  next(): Promise<IteratorResult<T>> {
    this.#waiting?.(END); // Two readers at once: the earlier one has nothing to wait for.
    const { promise, resolve } = Promise.withResolvers<IteratorResult<T>>();
    this.#waiting = resolve;
    this.wake();
    return promise;
  }

  /** There may be an item now. */
  wake(): void {
    const resolve = this.#waiting;
    if (resolve === undefined) return;
    const value = this.#hasEnded ? undefined : this.#options.take();
    if (value === undefined && !this.#hasEnded) return;
    this.#waiting = undefined;
    resolve(value === undefined ? END : { done: false, value });
  }

  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.wake();
    this.#options.onEnd();
  }

  async return(): Promise<IteratorResult<T>> {
    this.end();
    return END;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

const END: IteratorReturnResult<undefined> = { done: true, value: undefined };
