// Prometheus metrics of an instance, and of all of them together. prom-client is loaded when first asked for.

import type { Registry as MetricsRegistry } from "prom-client";

import type { ActorStats } from "../actor/actor.ts";
import type { ClusterReport, MetricsReport } from "./instance-control.ts";

/** The prom-client registry of one instance. */
export class InstanceMetrics {
  #registry: Promise<MetricsRegistry> | undefined;

  registry(): Promise<MetricsRegistry> {
    this.#registry ??= import("prom-client").then(({ Registry }) => new Registry());
    return this.#registry;
  }

  async report(stats: ActorStats): Promise<MetricsReport> {
    const registry = await this.#registry;
    return { stats, families: (await registry?.getMetricsAsJSON()) ?? [] };
  }
}

/** The text of all instances' metrics, added up as each metric's `aggregator` says, and of the runtime's own. */
export async function clusterText(report: ClusterReport): Promise<string> {
  const { AggregatorRegistry } = await import("prom-client");
  const families = report.instances.map((instance) => [...instance.families]);
  return AggregatorRegistry.aggregate([...families, runtimeFamilies(report)]).metrics();
}

const INSTANCE_FAMILIES: readonly {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly count: (stats: ActorStats) => number;
}[] = [
  {
    name: "dynamo_runtime_mailbox_depth",
    help: "Calls that the instance has accepted and not yet ended.",
    type: "gauge",
    count: (stats) => stats.mailboxDepth,
  },
  {
    name: "dynamo_runtime_open_lanes",
    help: "Lanes between the instance and others.",
    type: "gauge",
    count: (stats) => stats.openLanes,
  },
  {
    name: "dynamo_runtime_open_streams",
    help: "Streams that the instance produces and that have not ended.",
    type: "gauge",
    count: (stats) => stats.openStreams,
  },
  {
    name: "dynamo_runtime_calls_total",
    help: "Calls that the instance has accepted.",
    type: "counter",
    count: (stats) => stats.callsTotal,
  },
  {
    name: "dynamo_runtime_endpoint_errors_total",
    help: "Calls that the instance answered with an error.",
    type: "counter",
    count: (stats) => stats.errorsTotal,
  },
];

function runtimeFamilies({ instances, restarts }: ClusterReport): object[] {
  const families = INSTANCE_FAMILIES.map(({ count, ...family }) => ({
    ...family,
    aggregator: "sum",
    values: instances.map(({ service, workerId, stats }) => ({
      labels: { service, worker: workerId },
      value: count(stats),
    })),
  }));
  const restartFamily = {
    name: "dynamo_runtime_restarts_total",
    help: "Instances of the service that were started again after they had ended.",
    type: "counter",
    aggregator: "sum",
    values: Object.entries(restarts).map(([service, value]) => ({ labels: { service }, value })),
  };
  return [...families, restartFamily];
}
