// Services as the rest of the SDK knows them: their shape and that of their classes, without the class `Service` itself.
// So a client, a graph and a need are typed by what a service declares, and `Service` can build on all three.

import type { SpawnSideThread } from "../actor/side-thread.ts";
import type { Clock } from "../base/clock.ts";
import type { InstanceId } from "../registry/instance-id.ts";

/** Members of every service object that no client calls. The names that are never are those that a client needs. */
export interface AnyService {
  start?(): void | Promise<void>;
  stop?(deadlineMs: number): void | Promise<void>;
  readonly instances?: never;
  readonly waitForInstances?: never;
  readonly watchInstances?: never;
  readonly random?: never;
  readonly roundRobin?: never;
  readonly at?: never;
  readonly all?: never;
  readonly ref?: never;
  readonly instance?: never;
  readonly then?: never;
  readonly toJSON?: never;
}

/** A class that extends `Service`, where each of these is explained; abstract, where a graph is to choose. */
export type ServiceClass<S extends AnyService = AnyService> = (abstract new () => S) &
  ServiceStatics;

interface ServiceStatics {
  readonly isAbstract: boolean;
  readonly implements: readonly ServiceClass[];
  readonly leases: readonly string[];
  readonly startsEarly: boolean;
  readonly live: readonly string[];
  prepare?(config: unknown, environment: Environment, graph: GraphView): unknown;
  release?(prepared: unknown, instance: EndedInstance): void | Promise<void>;
  progress?(prepared: unknown, instance: RunningInstance): number | undefined;
  validate?(config: unknown, graph: GraphView): readonly ConfigProblem[];
  check?(config: unknown, scope: CheckScope): Promise<readonly ConfigProblem[]>;
  footprint?(config: unknown, scale: FootprintScale): Promise<readonly Footprint[]>;
}

/** Tools of a check: it runs before there is an instance. */
export interface CheckScope extends FootprintScale {
  readonly clock: Clock;
  readonly sideThread: SpawnSideThread;
}

export interface FootprintScale {
  readonly numWorkers: number;
  readonly environment: Environment;
  readonly graph: GraphView;
}

/** The environment's variables, as the process was started with them. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface Footprint {
  readonly what: string;
  /** `undefined` where it cannot be known yet. */
  readonly bytes: number | undefined;
}

/** One incarnation: the ids that its own context has. */
export interface RunningInstance {
  readonly instanceId: InstanceId;
  readonly owner: number;
}

export type EndedInstance = RunningInstance;

/** A fault of a value of the configuration. `key` is in camelCase, as in the schema. */
export interface ConfigProblem {
  /** The key at fault; undefined where the fault is in the environment. */
  readonly key: string | undefined;
  readonly message: string;
}

/** The deployment as `validate` sees it. */
export interface GraphView {
  /** The service that is validated. */
  readonly service: string;
  /** The one that the graph starts from. */
  readonly entry: string;
  readonly services: readonly ServiceView[];
  readonly environment: Environment;
}

export interface ServiceView extends ServiceNode {
  readonly numWorkers: number;
  /** GPUs that each worker asks for: `ServiceArgs.resources.gpu`. */
  readonly gpusPerWorker?: number | undefined;
  readonly config: Readonly<Record<string, unknown>>;
  /** True if it is this service, or one that extends it. */
  is(service: ServiceClass): boolean;
}

/** A service of the graph that runs. */
export interface ServiceNode {
  readonly name: string;
  readonly namespace: string;
  readonly endpoints: readonly string[];
  /** Dependency field to the names of the services that are linked there; unbound fields are absent. */
  readonly edges: ReadonlyMap<string, readonly string[]>;
}
