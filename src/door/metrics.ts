// The frontend's own metric families, under Dynamo's names. A model's name becomes a label only once
// it is known to be served: what a client made up counts as "unknown".

import type { Clock } from "../base/clock.ts";
import { Counter, Gauge, Histogram, Registry } from "../base/prometheus.ts";
import type { TextOutput } from "../protocol/llm.ts";
import type { Tally } from "./tally.ts";

export interface RequestLabels {
  readonly model: string;
  readonly endpoint: Endpoint;
  readonly request_type: "stream" | "unary";
}

type Endpoint =
  | "chat_completions"
  | "completions"
  | "responses"
  | "messages"
  | "ollama_chat"
  | "ollama_generate";

export type RequestStatus = "success" | "error";

export class FrontendMetrics {
  readonly registry = new Registry();
  readonly requests;
  readonly inflight;
  readonly queued;
  readonly duration;
  readonly inputTokens;
  readonly outputTokens;
  readonly timeToFirstToken;
  readonly interTokenLatency;

  constructor() {
    const registers = [this.registry];
    const labelNames: "model"[] = ["model"];
    const byModel = { registers, labelNames };
    this.requests = new Counter({ ...REQUESTS, registers });
    this.inflight = new Gauge({ ...INFLIGHT, ...byModel });
    this.queued = new Gauge({ ...QUEUED, ...byModel });
    this.duration = new Histogram({ ...DURATION, ...byModel });
    this.inputTokens = new Histogram({ ...INPUT_TOKENS, ...byModel });
    this.outputTokens = new Histogram({ ...OUTPUT_TOKENS, ...byModel });
    this.timeToFirstToken = new Histogram({ ...TIME_TO_FIRST_TOKEN, ...byModel });
    this.interTokenLatency = new Histogram({ ...INTER_TOKEN_LATENCY, ...byModel });
  }

  /** A request that did not get as far as the backend. */
  refused(labels: RequestLabels): void {
    this.requests.inc({ ...labels, status: "error" });
  }
}

const REQUESTS = {
  name: "dynamo_frontend_requests_total",
  help: "Requests that were answered, refused ones and those whose client left included",
  labelNames: ["model", "endpoint", "request_type", "status"] as const,
};

const INFLIGHT = {
  name: "dynamo_frontend_inflight_requests",
  help: "Requests whose answer has not ended",
};

const QUEUED = {
  name: "dynamo_frontend_queued_requests",
  help: "Requests that wait for their first token",
};

const DURATION = {
  name: "dynamo_frontend_request_duration_seconds",
  help: "From the parsed request to the end of its answer",
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320],
};

const INPUT_TOKENS = {
  name: "dynamo_frontend_input_sequence_tokens",
  help: "Tokens of a prompt",
  buckets: powersOfTwo(17),
};

const OUTPUT_TOKENS = {
  name: "dynamo_frontend_output_sequence_tokens",
  help: "Tokens of a choice",
  buckets: powersOfTwo(15),
};

const TIME_TO_FIRST_TOKEN = {
  name: "dynamo_frontend_time_to_first_token_seconds",
  help: "From the parsed request to the first token of any of its choices",
  buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80],
};

const INTER_TOKEN_LATENCY = {
  name: "dynamo_frontend_inter_token_latency_seconds",
  help: "Between two tokens of a choice; tokens that come together share their time",
  buckets: [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
  ],
};

/** Measures one request, from the call of the backend on. */
export class RequestMeter {
  readonly #metrics: FrontendMetrics;
  readonly #labels: RequestLabels;
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #latency;
  #hasFirstToken = false;
  #hasEnded = false;
  /** By choice: when its latest token came. */
  readonly #lastTokenAt: number[] = [];

  constructor(metrics: FrontendMetrics, labels: RequestLabels, clock: Clock) {
    this.#metrics = metrics;
    this.#labels = labels;
    this.#clock = clock;
    this.#startedAt = clock.now();
    const { model } = labels;
    this.#latency = metrics.interTokenLatency.labels(model);
    metrics.inflight.inc({ model });
    metrics.queued.inc({ model });
  }

  // per output: < 1 µs for one token
  output({ index, numTokens }: TextOutput): void {
    if (numTokens === 0) return;
    const now = this.#clock.now();
    if (!this.#hasFirstToken) this.#firstToken(now);
    const lastAt = this.#lastTokenAt[index];
    this.#lastTokenAt[index] = now;
    if (lastAt === undefined) return;
    const seconds = (now - lastAt) / numTokens / 1000;
    for (let token = 0; token < numTokens; token++) this.#latency.observe(seconds);
  }

  /** Ends the measurement; a second call does nothing. */
  end(status: RequestStatus, tally: Tally): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const metrics = this.#metrics;
    const { model } = this.#labels;
    if (!this.#hasFirstToken) metrics.queued.dec({ model });
    metrics.inflight.dec({ model });
    metrics.requests.inc({ ...this.#labels, status });
    metrics.duration.observe({ model }, (this.#clock.now() - this.#startedAt) / 1000);
    for (const tokens of tally.promptTokens) metrics.inputTokens.observe({ model }, tokens ?? 0);
    for (const tokens of tally.choiceTokens) {
      if (tokens > 0) metrics.outputTokens.observe({ model }, tokens);
    }
  }

  #firstToken(now: number): void {
    this.#hasFirstToken = true;
    const { model } = this.#labels;
    this.#metrics.queued.dec({ model });
    this.#metrics.timeToFirstToken.observe({ model }, (now - this.#startedAt) / 1000);
  }
}

/** 1, 2, 4 ... 2^last. */
function powersOfTwo(last: number): number[] {
  return Array.from({ length: last + 1 }, (_, power) => 2 ** power);
}
