// A worker's metric families: vLLM's names (vllm/v1/metrics/loggers.py) and labels, so that its dashboards
// and scrapers work, and two of our own; `service` tells the workers of several models apart.

import type { Metrics } from "dynamo";

import type { EngineObserver, EngineStats } from "../../engine/engine-observer.ts";

export interface WorkerLabels {
  readonly service: string;
  readonly model_name: string;
  readonly engine: string;
}

export interface WorkerMetrics {
  readonly observer: EngineObserver;
  /** Source of the gauges and counters, read at each scrape. */
  watch(stats: () => EngineStats): void;
}

const LATENCY_BUCKETS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
  160, 640,
];
const TOKEN_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000];

export function registerWorkerMetrics(metrics: Metrics, labels: WorkerLabels): WorkerMetrics {
  const { Counter, Gauge, Histogram, registry } = metrics;
  const common = { registers: [registry], labelNames: ["service", "model_name", "engine"] };
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name, help, buckets, ...common }).labels(
      labels.service,
      labels.model_name,
      labels.engine,
    );
  const seconds = (name: string, help: string) => {
    const family = histogram(`vllm:${name}_seconds`, help, LATENCY_BUCKETS);
    return (ms: number) => family.observe(ms / 1000);
  };
  const finished = new Counter({
    name: "vllm:request_success_total",
    help: "Sequences that have ended",
    registers: [registry],
    labelNames: ["service", "model_name", "engine", "finished_reason"],
  });
  const endToEnd = seconds("e2e_request_latency", "From arrival to the end of a sequence");
  const promptTokens = histogram("vllm:request_prompt_tokens", "Tokens of a prompt", TOKEN_BUCKETS);
  const outputTokens = histogram(
    "vllm:request_generation_tokens",
    "Tokens of an output",
    TOKEN_BUCKETS,
  );
  return {
    observer: {
      queueTime: seconds("request_queue_time", "From arrival to the first step"),
      timeToFirstToken: seconds("time_to_first_token", "From arrival to the first token"),
      interTokenLatency: seconds("inter_token_latency", "Between two tokens of a sequence"),
      sequenceFinished({ endReason, numPromptTokens, numOutputTokens, totalMs }) {
        finished.inc({ ...labels, finished_reason: endReason });
        endToEnd(totalMs);
        promptTokens.observe(numPromptTokens);
        outputTokens.observe(numOutputTokens);
      },
    },
    watch(stats) {
      for (const { name, help, read } of GAUGES) {
        new Gauge({
          name,
          help,
          ...common,
          collect() {
            this.set({ ...labels }, read(stats()));
          },
        });
      }
      for (const { name, help, read } of COUNTERS) {
        new Counter({
          name,
          help,
          ...common,
          collect() {
            this.reset();
            this.inc({ ...labels }, read(stats()));
          },
        });
      }
    },
  };
}

interface Reading {
  readonly name: string;
  readonly help: string;
  read(stats: EngineStats): number;
}

const GAUGES: readonly Reading[] = [
  {
    name: "vllm:num_requests_running",
    help: "Sequences that run",
    read: (stats) => stats.numRunning,
  },
  {
    name: "vllm:num_requests_waiting",
    help: "Sequences that wait",
    read: (stats) => stats.numWaiting,
  },
  {
    name: "dynamo_num_requests_stalled",
    help: "Sequences whose clients do not read",
    read: (stats) => stats.numStalled,
  },
  {
    name: "dynamo_remote_prefills_running",
    help: "Sequences whose prompts prefill workers have",
    read: (stats) => stats.numLent,
  },
  {
    name: "vllm:kv_cache_usage_perc",
    help: "Share of the KV blocks in use, 0 to 1",
    read: (stats) => stats.numBlocksUsed / stats.numBlocks,
  },
  {
    name: "dynamo_kv_blocks_used",
    help: "KV blocks that sequences hold",
    read: (stats) => stats.numBlocksUsed,
  },
  {
    name: "dynamo_kv_blocks_total",
    help: "KV blocks that there are",
    read: (stats) => stats.numBlocks,
  },
];

const COUNTERS: readonly Reading[] = [
  {
    name: "vllm:num_preemptions_total",
    help: "Sequences that gave their blocks back and began again",
    read: (stats) => stats.preemptionsTotal,
  },
  {
    name: "dynamo_remote_prefills_total",
    help: "Prompts that prefill workers have computed",
    read: (stats) => stats.remotePrefillsTotal,
  },
  {
    name: "vllm:prompt_tokens_total",
    help: "Tokens of prompts that were computed or found in the prefix cache",
    read: (stats) => stats.promptTokensTotal,
  },
  {
    name: "vllm:generation_tokens_total",
    help: "Tokens that were generated",
    read: (stats) => stats.generationTokensTotal,
  },
  {
    name: "vllm:prefix_cache_queries_total",
    help: "Prompt tokens that were looked up in the prefix cache",
    read: (stats) => stats.prefixCacheQueriesTotal,
  },
  {
    name: "vllm:prefix_cache_hits_total",
    help: "Prompt tokens that were found in the prefix cache",
    read: (stats) => stats.prefixCacheHitsTotal,
  },
  {
    name: "vllm:spec_decode_num_drafts_total",
    help: "Steps of a sequence that verified guessed tokens",
    read: (stats) => stats.draftsTotal,
  },
  {
    name: "vllm:spec_decode_num_draft_tokens_total",
    help: "Tokens that were guessed",
    read: (stats) => stats.draftTokensTotal,
  },
  {
    name: "vllm:spec_decode_num_accepted_tokens_total",
    help: "Guessed tokens that were right",
    read: (stats) => stats.acceptedTokensTotal,
  },
  {
    name: "dynamo_engine_steps_total",
    help: "Steps of the engine",
    read: (stats) => stats.stepsTotal,
  },
];
