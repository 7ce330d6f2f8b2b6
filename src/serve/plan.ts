// A plan of what to run: the outcome of loading a graph and resolving its configuration. deploy.ts starts it.

import type { RestartLimits } from "../actor/restart-budget.ts";
import { assert } from "../base/assert.ts";
import { DynamoError } from "../base/error.ts";
import type { LogLevel } from "../base/log.ts";
import { didYouMean } from "../base/nearest.ts";
import type { Graph } from "../sdk/graph.ts";
import type { ServiceClass } from "../sdk/service-class.ts";
import type { ResolvedConfig } from "./resolve-config.ts";
import type { ServiceArgs } from "./service-args.ts";

export interface DeploymentPlan {
  readonly source: GraphSource;
  /** The name of the service that the graph starts from, where requests enter. */
  readonly entry: string;
  /** Dependencies before dependents, so the entry comes last. */
  readonly services: readonly ServicePlan[];
}

export interface ServicePlan {
  readonly name: string;
  readonly service: ServiceClass;
  readonly namespace: string;
  readonly numWorkers: number;
  readonly gpusPerWorker?: number | undefined;
  /** Keys in camel case: the validated output of the service's schema, defaults applied. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Environment variables of this service's threads, beside those of the process. */
  readonly env: Readonly<Record<string, string>>;
  /** Calls that one instance may hold, waiting or running; one more is answered `mailbox_full`. */
  readonly maxCalls: number;
  /** Restarts at once: what its instances together may have within the period. */
  readonly restarts: RestartLimits;
  /** An instance that does not answer for so long is killed and started again; undefined: never. */
  readonly heartbeatTimeoutMs: number | undefined;
  /** Undefined: that of the deployment. */
  readonly logLevel?: LogLevel | undefined;
  /** Dependency field to the names of the services linked there; fields that the graph leaves unbound are absent. */
  readonly edges: ReadonlyMap<string, readonly string[]>;
}

/** Source from which a thread loads the graph again: threads share no classes, so each imports its own. */
export type GraphSource =
  | { readonly type: "file"; readonly path: string }
  | { readonly type: "built-in"; readonly name: string };

export interface PlanInput {
  readonly graph: Graph;
  readonly source: GraphSource;
  readonly config: ResolvedConfig;
  readonly only: string | undefined;
}

/** With `only`, the plan of that one service; its dependencies are then unbound. */
export function planDeployment({ graph, source, config, only }: PlanInput): DeploymentPlan {
  const chosen = only === undefined ? graph.services : [serviceNamed(graph, only)];
  const running = new Set(chosen.map(({ name }) => name));
  const services = chosen.map(({ name, service, edges }) => {
    const resolved = config.services.get(name);
    assert(resolved, `the configuration of ${name} was resolved`);
    return {
      name,
      service,
      namespace: resolved.namespace,
      numWorkers: resolved.args.workers,
      gpusPerWorker: gpusOf(resolved.args),
      config: resolved.config,
      env: resolved.args.envs,
      maxCalls: resolved.args.mailbox,
      restarts: {
        intensity: resolved.args["max-restarts"],
        periodMs: resolved.args["restart-period-ms"],
      },
      heartbeatTimeoutMs: resolved.args["heartbeat-timeout-ms"] || undefined,
      logLevel: resolved.args["log-level"],
      edges: runningEdges(edges, running),
    };
  });
  return { source, entry: only ?? graph.entry.name, services };
}

function runningEdges(
  edges: ServicePlan["edges"],
  running: ReadonlySet<string>,
): ServicePlan["edges"] {
  const bound = [...edges].map(
    ([field, targets]) => [field, targets.filter((name) => running.has(name))] as const,
  );
  return new Map(bound.filter(([, targets]) => targets.length > 0));
}

function serviceNamed(graph: Graph, wanted: string) {
  const names = graph.services.map(({ name }) => name);
  const found = graph.services.find(({ name }) => name === wanted);
  if (found) return found;
  throw new UnknownServiceError(
    `--service-name ${wanted}: this graph has no such service; it has ${names.join(", ")}.${didYouMean(wanted, names)}`,
  );
}

/** A service that the graph does not have was asked for. */
export class UnknownServiceError extends DynamoError {
  override readonly code = "unknown_service";
}

/** A number, or one that is written as a text; anything else asks for nothing that could be counted. */
function gpusOf({ resources }: ServiceArgs): number | undefined {
  const number = Number(resources?.gpu ?? Number.NaN);
  return Number.isInteger(number) && number > 0 ? number : undefined;
}
