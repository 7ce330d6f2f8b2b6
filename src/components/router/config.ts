// The keys of the Router, and what must fit the rest of the graph.

import type { ConfigProblem, GraphView } from "dynamo";
import * as v from "valibot";

import { count, key } from "../fields.ts";
import { workersOf } from "../graph-paths.ts";
import { ROUTER_MODES } from "./routing-modes.ts";

export const RouterConfig = v.strictObject({
  router: key(
    "How a worker is chosen where the processor's `router` is not set. Changes while it serves.",
    v.optional(v.picklist(ROUTER_MODES), "kv"),
  ),
  blockSize: key("Tokens per KV block. Default: the workers'.", v.optional(count())),
  minWorkers: key("Workers that must be live before it routes.", v.optional(count(), 1)),
  overlapScoreWeight: key(
    "A factor to the price of what a worker has to compute for a prompt, beside what it has queued. Higher: more reuse, less balance. Changes while it serves.",
    v.optional(v.pipe(v.number(), v.minValue(0)), 1),
  ),
  routerTemperature: key(
    "0 takes the cheapest worker. The higher, the more evenly all are taken. Changes while it serves.",
    v.optional(v.pipe(v.number(), v.minValue(0)), 0),
  ),
  busyThreshold: key(
    "A worker with more than this share of its KV blocks in use gets no requests; 503 if all have. Changes while it serves.",
    v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
  ),
  imbalanceLimit: key(
    "A worker with so many requests more than the least busy one, and four times as many, gets no more. Changes while it serves.",
    v.optional(count(), 8),
  ),
  explainRouting: key(
    "Logs each decision with all that was weighed; `--explain-routing` for short. Changes while it serves.",
    v.optional(v.boolean(), false),
  ),
});

export type RouterConfig = v.InferOutput<typeof RouterConfig>;

export function validateRouter(config: RouterConfig, graph: GraphView): readonly ConfigProblem[] {
  const problems = blockSizeProblems(config.blockSize, graph);
  const worker = workerOf(graph.service, graph);
  if (worker === undefined || worker.numWorkers >= config.minWorkers) return problems;
  const message =
    `${config.minWorkers} workers are waited for, and there are ${worker.numWorkers} of ${worker.name}; ` +
    `set ${worker.name}.ServiceArgs.workers to ${config.minWorkers} or more`;
  return [...problems, { key: "minWorkers", message }];
}

/** Blocks of another size have other hashes, so no prefix would ever be found. */
export function blockSizeProblems(
  blockSize: number | undefined,
  graph: GraphView,
): readonly ConfigProblem[] {
  const worker = workerOf(graph.service, graph);
  const theirs = worker?.config["blockSize"];
  if (!worker || blockSize === undefined || theirs === undefined || blockSize === theirs) return [];
  const message =
    `${blockSize} tokens, but the KV blocks of ${worker.name} have ${theirs}, so no prefix would ever be found; ` +
    `set both to one value, or leave this one out`;
  return [{ key: "blockSize", message }];
}

function workerOf(service: string, { services }: GraphView) {
  const worker = workersOf(services, service);
  return services.find(({ name }) => name === worker);
}
