// A router's metric families. `llm_*` are the names of Dynamo's metrics service (components/metrics), which adds
// up the ForwardPassMetrics of all workers; `worker_id` is the instance, in decimal.

import type { InstanceId, Metrics } from "dynamo";

import type { WorkerLoad } from "../../kv/active-load.ts";
import type { Routing } from "../../kv/kv-router.ts";
import type { ForwardPassMetrics } from "../../protocol/metrics.ts";
import type { RouterMode } from "./routing-modes.ts";

export interface RouterMetrics {
  routed(mode: RouterMode, numBlocks: number, routing: Routing<InstanceId>): void;
}

export interface RouterReadings {
  readonly loads: ReadonlyMap<InstanceId, ForwardPassMetrics>;
  booked(worker: InstanceId): WorkerLoad;
}

export function registerRouterMetrics(
  { Counter, Gauge, registry }: Metrics,
  { loads, booked }: RouterReadings,
): RouterMetrics {
  const registers = [registry];
  const counter = (name: string, help: string, label: string) =>
    new Counter({ name, help, registers, labelNames: [label] });
  const requests = counter(
    "dynamo_router_requests_total",
    "Sequences that were routed, by mode",
    "mode",
  );
  const promptBlocks = counter(
    "llm_kv_hit_rate_isl_blocks",
    "Full blocks of the prompts that the worker was sent",
    "worker_id",
  );
  const overlapBlocks = counter(
    "llm_kv_hit_rate_overlap_blocks",
    "Those that it held already",
    "worker_id",
  );

  for (const { name, help, read } of WORKER_GAUGES) {
    new Gauge({
      name,
      help,
      registers,
      labelNames: ["worker_id"],
      aggregator: "max", // of several routers, each of which hears the same
      collect() {
        this.reset();
        for (const [worker, metrics] of loads) {
          this.set({ worker_id: worker }, read(metrics, booked(worker)));
        }
      },
    });
  }
  const loadOf = () => [...loads.values()].map(({ kvStats }) => kvStats.cacheUsage);
  for (const { name, help, read } of LOAD_GAUGES) {
    new Gauge({
      name,
      help,
      registers,
      aggregator: "average",
      collect() {
        this.set(read(loadOf()));
      },
    });
  }

  let numBlocksRouted = 0;
  let numBlocksHeld = 0;
  new Gauge({
    name: "llm_kv_hit_rate_percent",
    help: "Full blocks of prompts that the chosen workers held already, in percent",
    registers,
    aggregator: "average",
    collect() {
      this.set(numBlocksRouted === 0 ? 0 : (100 * numBlocksHeld) / numBlocksRouted);
    },
  });
  return {
    routed(mode, numBlocks, routing) {
      requests.inc({ mode });
      promptBlocks.inc({ worker_id: routing.worker }, numBlocks);
      overlapBlocks.inc({ worker_id: routing.worker }, routing.overlapBlocks);
      numBlocksRouted += numBlocks;
      numBlocksHeld += routing.overlapBlocks;
    },
  };
}

interface WorkerGauge {
  readonly name: string;
  readonly help: string;
  read(metrics: ForwardPassMetrics, booked: WorkerLoad): number;
}

const WORKER_GAUGES: readonly WorkerGauge[] = [
  {
    name: "llm_kv_blocks_active",
    help: "KV blocks that sequences of the worker hold",
    read: ({ kvStats }) => kvStats.kvActiveBlocks,
  },
  {
    name: "llm_kv_blocks_total",
    help: "KV blocks that the worker has",
    read: ({ kvStats }) => kvStats.kvTotalBlocks,
  },
  {
    name: "llm_requests_active_slots",
    help: "Sequences that run on the worker",
    read: ({ workerStats }) => workerStats.requestActiveSlots,
  },
  {
    name: "llm_requests_total_slots",
    help: "Sequences that may run on the worker",
    read: ({ workerStats }) => workerStats.requestTotalSlots,
  },
  {
    name: "dynamo_router_booked_requests",
    help: "Sequences that were sent to the worker and have not ended",
    read: (_, booked) => booked.numRequests,
  },
  {
    name: "dynamo_router_booked_blocks",
    help: "KV blocks of their prompts; those that they share count once",
    read: (_, booked) => booked.activeBlocks,
  },
  {
    name: "dynamo_router_booked_prefill_tokens",
    help: "Prompt tokens that the worker has yet to compute for them",
    read: (_, booked) => booked.prefillTokens,
  },
];

const LOAD_GAUGES: readonly { name: string; help: string; read(loads: number[]): number }[] = [
  { name: "llm_load_avg", help: "Mean share of KV blocks in use, over the workers", read: mean },
  {
    name: "llm_load_std",
    help: "Standard deviation of that share",
    read: (loads) => Math.sqrt(mean(loads.map((load) => (load - mean(loads)) ** 2))),
  },
];

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
