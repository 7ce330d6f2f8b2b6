// A service as its callers see it. Types only; `service-client.ts` is the object behind them.

import type { InstanceId } from "../registry/instance-id.ts";
import type { AnyService } from "./service-class.ts";

/**
 * A service as its callers see it. Calling an endpoint picks an instance at random; `roundRobin()`, `at()` and
 * `all()` choose otherwise. A generator streams, anything else is a promise, and leaving the loop cancels.
 *
 * A call never throws; its promise rejects, or the next item of its stream does:
 *
 * @throws {NoWorkersError} (`no_workers`) while no instance is live
 * @throws {DynamoError} with code `actor_down` if the instance ends before the answer or between two items: see `actorEnding`
 * @throws {DynamoError} with code `actor_stopping` if the instance drains
 * @throws {DynamoError} with code `mailbox_full` if the instance has as many calls as it takes, or the link to it is full
 * @throws {DynamoError} with code `message_too_large` for arguments or an answer beyond 63 MiB
 * @throws {DynamoError} with code `wrong_reply` if a stream is awaited, or a value iterated
 * @throws {DynamoError} with code `cancelled` if the call within which it was made is cancelled
 * @throws {RemoteError} for what the endpoint throws: a `DynamoError` with its code, anything else with code `internal`
 */
export type Client<S extends AnyService> = Endpoints<S> & Instances<S> & Dependency<S>;

/** Clients of all services that the graph links to one field, by the services' names, in the order of the links. */
export type Clients<S extends AnyService> = ReadonlyMap<string, Client<S>> & Dependency<S>;

/** How many there are, and which of them gets the call. */
export interface Instances<S extends AnyService> {
  /** The live instances, oldest first, as of now. */
  readonly instances: readonly InstanceId[];
  /** Resolves once at least `count` (1) instances are live. Never rejects; it waits for as long as it takes. */
  waitForInstances(count?: number): Promise<readonly InstanceId[]>;
  /** The live instances now, and again after each change. A reader that is behind gets the latest list only. Gives no error. */
  watchInstances(): AsyncIterableIterator<readonly InstanceId[]>;
  /** Any live instance: the default, with its name. */
  random(): Endpoints<S>;
  /** The live instances in turn. */
  roundRobin(): Endpoints<S>;
  /** This one and no other, also while it drains and is not in the registry. Its calls do not give `no_workers`. */
  at(instance: InstanceId): InstanceClient<S>;
  /**
   * Every instance at once. A stream merges those that are live and those that come later, until it is left; a
   * promise gathers the answers of those that are live now. One that dies or drains on the way is left out; any other
   * error of one instance is the call's.
   *
   * @example
   * const counts = await this.worker.all().count();              // one FromInstance for each live instance
   * for await (const { instance, value } of this.worker.all().events()) this.apply(instance, value);
   */
  all(): EveryInstance<S>;
}

export type InstanceClient<S extends AnyService> = Endpoints<S> & { readonly ref: Ref<S> };

/** A reference to one instance. It travels in messages, and each service that holds it can call it. Errors are a client's, but for `no_workers`. */
export type Ref<S extends AnyService> = Endpoints<S> & { readonly instance: InstanceId };

/** The public methods of `S`. Methods of `Service` itself are no endpoints; `#private` members do not exist here. */
export type Endpoints<S extends AnyService> = {
  readonly [K in EndpointOf<S>]: Remote<S[K]>;
};

/** Methods as they cross a mailbox: a generator becomes a stream, anything else becomes a promise. */
type Remote<F> = F extends (...args: infer A) => infer R
  ? (
      ...args: A
    ) => IsStream<R> extends true ? AsyncIterableIterator<ItemOf<R>> : Promise<Awaited<R>>
  : never;

export type EveryInstance<S extends AnyService> = {
  readonly [K in EndpointOf<S>]: FromEach<S[K]>;
};

/**
 * A value and the instance that it came from, which `at()` takes.
 *
 * @example
 * const loads = await this.worker.all().load();
 * const [least] = loads.toSorted((a, b) => a.value - b.value);
 * if (least) await this.worker.at(least.instance).generate(request);
 */
export interface FromInstance<T> {
  readonly instance: InstanceId;
  readonly value: T;
}

type FromEach<F> = F extends (...args: infer A) => infer R
  ? (
      ...args: A
    ) => IsStream<R> extends true
      ? AsyncIterableIterator<FromInstance<ItemOf<R>>>
      : Promise<readonly FromInstance<Awaited<R>>[]>
  : never;

/** `never`, what a method that always throws returns, is no stream. */
type IsStream<R> = [R] extends [never]
  ? false
  : [R] extends [AsyncIterable<unknown>]
    ? true
    : false;
type ItemOf<R> = R extends AsyncIterable<infer T> ? T : never;

type EndpointOf<S extends AnyService> = {
  [K in Exclude<keyof S, keyof AnyService>]: S[K] extends (...args: never[]) => unknown ? K : never;
}[Exclude<keyof S, keyof AnyService>];

declare const DEPENDENCY: unique symbol;

/** The type that `depends()` gives a field. It exists for the compiler only. */
interface Dependency<S extends AnyService> {
  readonly [DEPENDENCY]: S;
}

/** The services that `S` declares with `depends()`. */
export type DependencyOf<S> = {
  [K in keyof S]-?: S[K] extends Dependency<infer D extends AnyService> ? D : never;
}[keyof S];
