// Prometheus metrics of an instance, and of all of them together. prom-client is loaded when first asked for.

import type * as Prometheus from "prom-client";

import type { ActorStats } from "../actor/actor.ts";
import type { ClusterReport, MetricsReport } from "./instance-control.ts";

/** prom-client's classes, and the registry of one instance: what is registered there shows in every scrape. */
export interface Metrics extends Pick<typeof Prometheus, "Counter" | "Gauge" | "Histogram"> {
  readonly registry: Prometheus.Registry;
}

export class InstanceMetrics {
  #metrics: Promise<Metrics> | undefined;

  metrics(): Promise<Metrics> {
    this.#metrics ??= import("../base/prometheus.ts").then(
      ({ Counter, Gauge, Histogram, Registry }) => {
        return { Counter, Gauge, Histogram, registry: new Registry() };
      },
    );
    return this.#metrics;
  }

  async report(stats: ActorStats): Promise<MetricsReport> {
    const metrics = await this.#metrics;
    return { stats, families: (await metrics?.registry.getMetricsAsJSON()) ?? [] };
  }
}

/** The text of all instances' metrics, added up as each metric's `aggregator` says, and of the runtime's own. */
export async function clusterText(report: ClusterReport): Promise<string> {
  const { AggregatorRegistry } = await import("../base/prometheus.ts");
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
    count: (stats) => stats.openLinks,
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

/** A restart does not move an instance's rows. */
function inOrder(instances: ClusterReport["instances"]): ClusterReport["instances"] {
  return instances.toSorted(
    (a, b) => a.service.localeCompare(b.service) || a.workerId - b.workerId,
  );
}

function runtimeFamilies({ instances, restarts, parked, queues }: ClusterReport): object[] {
  const families = INSTANCE_FAMILIES.map(({ count, ...family }) => ({
    ...family,
    aggregator: "sum",
    values: inOrder(instances).map(({ service, workerId, stats }) => ({
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
  const parkedFamily = {
    name: "dynamo_runtime_parked_instances",
    help: "Instances of the service that have failed too often and wait for their next start.",
    type: "gauge",
    aggregator: "sum",
    values: Object.entries(parked).map(([service, value]) => ({ labels: { service }, value })),
  };
  const queueFamily = {
    name: "dynamo_runtime_queue_depth",
    help: "Items of the work queue that nobody has taken yet.",
    type: "gauge",
    aggregator: "sum",
    values: Object.entries(queues).map(([queue, value]) => ({ labels: { queue }, value })),
  };
  return [...families, restartFamily, parkedFamily, queueFamily];
}
