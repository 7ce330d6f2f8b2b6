// A service: a class whose fields say what it needs and whose public methods are its endpoints.

import { assert } from "../base/assert.ts";
import type { Logger } from "../base/log.ts";
import type { DependencyOf } from "./client.ts";
import type { ServiceContext } from "./context.ts";
import { SERVICE } from "./describe.ts";
import type { Follow } from "./follow.ts";
import { Graph } from "./graph.ts";
import type {
  AnyService,
  CheckScope,
  ConfigProblem,
  EndedInstance,
  Environment,
  Footprint,
  FootprintScale,
  GraphView,
  RunningInstance,
  ServiceClass,
} from "./service-class.ts";

/** For the runtime only: `Service` keeps its binding private. */
export let bindService: (service: AnyService, binding: ServiceBinding) => void;

/**
 * The class that users extend. `Prepared` is what the class's own static `prepare` returns, if it has one.
 *
 * The object is built once more to read its fields, so building it must have no side effects: what a service
 * does at its beginning belongs in `start()`. Give every service a `#private` member; a class without one is
 * matched by its shape alone.
 */
export abstract class Service<Prepared = unknown> implements AnyService {
  /** For the runtime: tells service classes from other functions. */
  static readonly [SERVICE] = true;

  /** Set by a class that only others extend, and no graph runs: `Object.hasOwn` tells it from those. */
  static readonly isAbstract: boolean = false;

  /** Services in whose place a graph may link this one, though it does not extend them. It has their endpoints. */
  static readonly implements: readonly ServiceClass[] = [];

  /**
   * Endpoints whose stream is a lease: the generator goes on only when the caller asks for the next item. It holds
   * what it has between `yield` and `finally` for as long as the caller's loop body runs, however that ends.
   *
   * @example
   * static override leases = ["reserve"] as const;
   *
   * async *reserve() {
   *   const seat = this.#take();
   *   try {
   *     yield seat; // until the caller's body has ended, thrown or been cancelled, or its thread has died
   *   } finally {
   *     this.#free(seat);
   *   }
   * }
   *
   * // The caller:
   * for await (const seat of this.theatre.reserve()) await this.perform(seat);
   */
  static readonly leases: readonly string[] = [];

  /**
   * True if `start()` may run before the services that this one calls are there. It then finds none of them at
   * first, but its door is open early. A stop is in order all the same.
   */
  static readonly startsEarly: boolean = false;

  /**
   * Keys of the configuration (in camelCase) that may change while the service runs: the `configured()` field
   * then has the new value, so read it when you decide. `context.settings` changes them, within their schema
   * and what `validate` says.
   */
  static readonly live: readonly string[] = [];

  /**
   * Runs in the main thread, once in the life of the process and before the first instance starts; it is told
   * the environment, which no other part reads, and what else runs. Its result,
   * which must be structured-cloneable, is `context.prepared` in every instance.
   */
  static prepare?(config: unknown, environment: Environment, graph: GraphView): unknown;

  /** Runs in the main thread after the thread of an instance has ended, however it ended. */
  static release?(prepared: unknown, instance: EndedInstance): void | Promise<void>;

  /**
   * Runs in the main thread while an instance does not answer the heartbeat: a number that changes for as long as work
   * goes on for it where it cannot answer, as in native code; undefined where no such work is under way. An instance
   * whose number stands still for the heartbeat timeout hangs.
   */
  static progress?(prepared: unknown, instance: RunningInstance): number | undefined;

  /** Finds what the schema cannot see, before anything starts: values that do not fit one another or the graph. */
  static validate?(config: unknown, graph: GraphView): readonly ConfigProblem[];

  /**
   * Finds what would keep instances from starting, as far as the main thread can tell before: a file that
   * is not there, a port that is taken. Under `--dry-run` it is told, and no error. It must hold nothing afterwards.
   */
  static check?(config: unknown, scope: CheckScope): Promise<readonly ConfigProblem[]>;

  /** Memory that all instances together fill, for `--explain`. Loads nothing. */
  static footprint?(config: unknown, scale: FootprintScale): Promise<readonly Footprint[]>;

  /**
   * Adds the edge from this service to one that it declares with `depends()`, and goes on from there:
   * `A.link(B).link(C)` is A to B and B to C.
   *
   * @throws {GraphError} if this service declares no such dependency, the target is abstract or no service, the edge
   *   would close a cycle, or the field is linked to another service already
   * @throws {ServiceDefinitionError} if a class cannot be a service
   */
  static link<S extends AnyService, D extends DependencyOf<S>>(
    this: ServiceClass<S>,
    target: ServiceClass<D>,
  ): Graph<D> {
    return Graph.of(this).link(target);
  }

  /** Runs before any caller can find this instance. A throw ends the instance. */
  start?(): void | Promise<void>;

  /**
   * Runs when the instance stops: clients find it no more, and the calls that ran have ended. The thread is
   * ended `deadlineMs` from now, done or not. A stop that comes while `start()` runs waits for it; it is not
   * called where `start()` threw or does not end in time.
   */
  stop?(deadlineMs: number): void | Promise<void>;

  #binding: ServiceBinding<Prepared> | undefined;

  /** The context of this instance. Use it in `start()` or later: before, it fails an assertion. */
  protected get context(): ServiceContext<Prepared> {
    return this.#bound.context;
  }

  /** Lines tagged with this service and worker. */
  protected get log(): Logger {
    return this.#bound.log;
  }

  /**
   * Background work that this instance cannot live without: a promise, or a stream with what to do for each
   * item. Its failure is the instance's failure. On stop, the loop over a stream is left.
   */
  protected get follow(): Follow {
    return this.#bound.follow;
  }

  get #bound(): ServiceBinding<Prepared> {
    assert(this.#binding, `${this.constructor.name} is not running: use this in start() or later`);
    return this.#binding;
  }

  static {
    bindService = (service, binding) => {
      assert(#binding in service, `${service.constructor.name} extends Service`);
      // Its class's own `prepare` made what is prepared.
      (service as Service).#binding = binding;
    };
  }

  // Names that a client needs for itself. An endpoint so named would be out of reach, hence an error.
  declare readonly instances?: never;
  declare readonly waitForInstances?: never;
  declare readonly watchInstances?: never;
  declare readonly random?: never;
  declare readonly roundRobin?: never;
  declare readonly at?: never;
  declare readonly all?: never;
  declare readonly ref?: never;
  declare readonly instance?: never;
  // biome-ignore lint/suspicious/noThenProperty: it is declared to forbid it
  declare readonly then?: never;
  declare readonly toJSON?: never;
}

/** Objects that the runtime gives an instance before its `start()`. */
export interface ServiceBinding<Prepared = unknown> {
  readonly context: ServiceContext<Prepared>;
  readonly log: Logger;
  readonly follow: Follow;
}
