// One call to every instance of a service. Awaited, it gathers the answers of those that are live; iterated, it
// merges their streams and those of instances that come later, one item of each held at a time.

import { AsyncLocalStorage } from "node:async_hooks";

import type { Call } from "../actor/call.ts";
import { ActorDownError } from "../actor/error.ts";
import { errorCode } from "../base/error.ts";
import type { InstanceId } from "../registry/instance-id.ts";
import type { FromInstance } from "./client.ts";
import { ClientCall, END } from "./client-call.ts";
import { NoWorkersError } from "./error.ts";
import type { InstanceList } from "./instance-list.ts";
import { isUnavailable } from "./unavailable.ts";

type Waiter = PromiseWithResolvers<IteratorResult<FromInstance<unknown>>>;

export class EveryCall extends ClientCall {
  readonly #instances: InstanceList;
  readonly #open: (instance: InstanceId) => Call;
  /** Restores where the call was made, so that a cancel of the caller reaches also what is opened later. */
  readonly #atOrigin = AsyncLocalStorage.snapshot();
  readonly #calls = new Map<InstanceId, Call>();
  /** Items that wait for a reader: at most one of each instance. */
  readonly #items: FromInstance<unknown>[] = [];
  readonly #waiters: Waiter[] = [];
  #stopListening: (() => void) | undefined;
  #failure: { readonly error: unknown } | undefined;
  #ended = false;

  constructor(instances: InstanceList, open: (instance: InstanceId) => Call) {
    super();
    this.#instances = instances;
    this.#open = open;
    for (const instance of instances.live) this.#calls.set(instance, open(instance));
  }

  async settle(): Promise<readonly FromInstance<unknown>[]> {
    const answers = await Promise.allSettled(this.#calls.values());
    const values: FromInstance<unknown>[] = [];
    for (const [index, instance] of [...this.#calls.keys()].entries()) {
      const answer = answers[index];
      if (answer?.status === "fulfilled") values.push({ instance, value: answer.value });
      else if (!hasLeft(answer?.reason)) throw answer?.reason;
    }
    return values;
  }

  next(): Promise<IteratorResult<unknown>> {
    if (this.#ended) return Promise.resolve(END);
    if (!this.#stopListening) this.#begin();
    const waiter: Waiter = Promise.withResolvers();
    this.#waiters.push(waiter);
    this.#serve();
    return waiter.promise;
  }

  async return(): Promise<IteratorResult<unknown>> {
    this.cancel();
    return END;
  }

  cancel(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopListening?.();
    for (const call of this.#calls.values()) void call.return?.();
    for (const waiter of this.#waiters.splice(0)) waiter.resolve(END);
  }

  async kind(): Promise<"value" | "stream"> {
    const [call] = this.#calls.values();
    if (!call) throw new NoWorkersError(this.#instances.service);
    return call.kind();
  }

  #begin(): void {
    for (const [instance, call] of this.#calls) this.#pull(instance, call);
    this.#stopListening = this.#instances.onChange(() => {
      for (const instance of this.#instances.live) {
        if (this.#calls.has(instance)) continue;
        const call = this.#atOrigin(() => this.#open(instance));
        this.#calls.set(instance, call);
        this.#pull(instance, call);
      }
    });
  }

  #pull(instance: InstanceId, call: Call): void {
    call.next().then(
      (result) => {
        if (result.done) return; // it stays in #calls: a stream that has ended is not opened again
        this.#items.push({ instance, value: result.value });
        this.#serve();
      },
      (error) => {
        if (hasLeft(error)) return;
        this.#failure ??= { error };
        this.#serve();
      },
    );
  }

  #serve(): void {
    while (this.#waiters.length > 0 && !this.#ended) {
      const item = this.#items.shift();
      if (item) {
        this.#waiters.shift()?.resolve({ done: false, value: item });
        const call = this.#calls.get(item.instance);
        if (call) this.#pull(item.instance, call);
      } else if (this.#failure) {
        this.#waiters.shift()?.reject(this.#failure.error);
        this.cancel();
      } else {
        return;
      }
    }
  }
}

/** The instance has ended or is about to, as the registry says too. That an actor behind it is down is its answer. */
function hasLeft(error: unknown): boolean {
  return (
    error instanceof ActorDownError || (isUnavailable(error) && errorCode(error) !== "actor_down")
  );
}
