// What a caller sees of a service. Types only; `service-client.ts` is the object behind them.

import type { InstanceId } from "../registry/instance-id.ts";
import type { AnyService } from "./service-class.ts";

/**
 * A service as its callers see it. Calling an endpoint picks an instance at random; `roundRobin()`, `at()` and
 * `all()` choose otherwise. A generator streams, anything else is a promise, and leaving the loop cancels.
 */
export type Client<S extends AnyService> = Endpoints<S> & Instances<S> & Dependency<S>;

/** Clients of all services that the graph links to one field, by the services' names, in the order of the links. */
export type Clients<S extends AnyService> = ReadonlyMap<string, Client<S>> & Dependency<S>;

/** How many there are, and which of them gets the call. */
export interface Instances<S extends AnyService> {
  /** The live instances, oldest first, as of now. */
  readonly instances: readonly InstanceId[];
  /** Resolves once at least `count` (1) instances are live. */
  waitForInstances(count?: number): Promise<readonly InstanceId[]>;
  /** The live instances now, and again after each change. */
  watchInstances(): AsyncIterableIterator<readonly InstanceId[]>;
  /** Any live instance: the default, with its name. */
  random(): Endpoints<S>;
  /** The live instances in turn. */
  roundRobin(): Endpoints<S>;
  /** This one and no other, also while it is not in the registry (the call then fails with `actor_down`). */
  at(instance: InstanceId): InstanceClient<S>;
  /**
   * Every instance at once. A stream merges those that are live and those that come later, until it is left; a
   * promise gathers the answers of those that are live now. One that dies on the way is left out.
   */
  all(): EveryInstance<S>;
}

export type InstanceClient<S extends AnyService> = Endpoints<S> & { readonly ref: Ref<S> };

/** A reference to one instance. It travels in messages, and whoever holds it can call it. */
export type Ref<S extends AnyService> = Endpoints<S> & { readonly instance: InstanceId };

/** The public methods of `S`. Methods of `Service` itself are no endpoints; `#private` members do not exist here. */
export type Endpoints<S extends AnyService> = {
  readonly [K in EndpointOf<S>]: Remote<S[K]>;
};

/** What crosses a mailbox: a generator becomes a stream, anything else becomes a promise. */
type Remote<F> = F extends (...args: infer A) => infer R
  ? (
      ...args: A
    ) => IsStream<R> extends true ? AsyncIterableIterator<ItemOf<R>> : Promise<Awaited<R>>
  : never;

export type EveryInstance<S extends AnyService> = {
  readonly [K in EndpointOf<S>]: FromEach<S[K]>;
};

/** A value and the instance that it came from. */
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

/** What `depends()` leaves in a field's type. It exists for the compiler only. */
interface Dependency<S extends AnyService> {
  readonly [DEPENDENCY]: S;
}

/** The services that `S` declares with `depends()`. */
export type DependencyOf<S> = {
  [K in keyof S]-?: S[K] extends Dependency<infer D extends AnyService> ? D : never;
}[keyof S];
