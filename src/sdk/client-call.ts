// A client's call: a promise and an async iterable in one, like the actor's own.

import type { Call } from "../actor/call.ts";

/** The promise half, from `settle()`: it begins to wait only when the caller does. */
export abstract class ClientCall implements Call {
  abstract settle(): Promise<unknown>;
  abstract next(): Promise<IteratorResult<unknown>>;
  abstract return(): Promise<IteratorResult<unknown>>;
  abstract cancel(): void;
  abstract kind(): Promise<"value" | "stream">;

  /** Answer of an endpoint that returns this call: the value, or the stream. */
  async answer(): Promise<unknown> {
    if ((await this.kind()) === "value") return this.settle();
    return { [Symbol.asyncIterator]: () => this }; // not thenable, or the promise would await it
  }

  // biome-ignore lint/suspicious/noThenProperty: a call is a promise, if its callee answers so
  then<A = unknown, B = never>(
    onFulfilled?: ((value: unknown) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.settle().then(onFulfilled, onRejected);
  }

  catch<B = never>(
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<unknown> {
    return this.settle().catch(onRejected);
  }

  finally(onFinally?: (() => void) | null): Promise<unknown> {
    return this.settle().finally(onFinally);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  get [Symbol.toStringTag](): string {
    return "Call";
  }
}

/** A call to one instance. Each value passes through `receive`; a failure is told to `onFailure`, then thrown. */
export class InstanceCall extends ClientCall {
  readonly #call: Call;
  readonly #receive: (value: unknown) => unknown;
  readonly #onFailure: (error: unknown) => void;

  constructor(options: {
    readonly call: Call;
    readonly receive: (value: unknown) => unknown;
    readonly onFailure: (error: unknown) => void;
  }) {
    super();
    this.#call = options.call;
    this.#receive = options.receive;
    this.#onFailure = options.onFailure;
  }

  async settle(): Promise<unknown> {
    try {
      return this.#receive(await this.#call);
    } catch (error) {
      this.#onFailure(error);
      throw error;
    }
  }

  // per item of a stream: one promise more than the actor's own, < 1 µs
  async next(): Promise<IteratorResult<unknown>> {
    try {
      const result = await this.#call.next();
      return result.done ? result : { done: false, value: this.#receive(result.value) };
    } catch (error) {
      this.#onFailure(error);
      throw error;
    }
  }

  async return(): Promise<IteratorResult<unknown>> {
    await this.#call.return?.();
    return END;
  }

  cancel(): void {
    this.#call.cancel();
  }

  kind(): Promise<"value" | "stream"> {
    return this.#call.kind();
  }
}

/** A call that no instance could take. */
export class FailedCall extends ClientCall {
  readonly #error: unknown;
  #told = false;

  constructor(error: unknown) {
    super();
    this.#error = error;
  }

  async settle(): Promise<unknown> {
    throw this.#error;
  }

  async next(): Promise<IteratorResult<unknown>> {
    if (this.#told) return END;
    this.#told = true;
    throw this.#error;
  }

  async return(): Promise<IteratorResult<unknown>> {
    this.#told = true;
    return END;
  }

  cancel(): void {
    this.#told = true;
  }

  async kind(): Promise<never> {
    throw this.#error;
  }
}

export const END: IteratorReturnResult<undefined> = { done: true, value: undefined };
