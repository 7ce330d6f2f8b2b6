// Streams that decode beside long prompts that keep coming, in virtual time: workers and prefill workers as they
// are deployed, each over a mocked engine with Dynamo's timing, which is that of a GPU of its own.

import * as v from "valibot";
import { PrefillWorker, VllmWorker } from "../../../src/components/index.ts";
import { PrefillWorkerConfig } from "../../../src/components/prefill/config.ts";
import { VllmWorkerConfig } from "../../../src/components/worker/config.ts";
import type { Client } from "../../../src/sdk/client.ts";
import { depends, Graph, Service } from "../../../src/sdk/index.ts";
import { requestOf } from "../../engine/requests.ts";
import { deployInProcess } from "../../sdk/deploy-in-process.ts";
import { VirtualClock } from "./virtual-clock.ts";

export interface Scenario {
  readonly graph: "agg" | "disagg";
  readonly numStreams: number;
  /** Milliseconds from one long prompt to the next; undefined: there are none. */
  readonly promptEveryMs: number | undefined;
  readonly promptTokens: number;
  readonly durationMs: number;
}

export interface Latencies {
  /** Between two tokens of a stream, all streams together. */
  readonly itlMs: readonly number[];
  /** Times of the long prompts. */
  readonly ttftMs: readonly number[];
}

/** Before it is measured: until the prompts of all streams are computed. */
const WARM_UP_MS = 5000;
/** Number of tokens of the mocked model. */
const VOCAB_SIZE = 89;
const OUTPUT_TOKENS = 32;
/** For what still runs to notice that it is over, as often as it takes: prompts may have queued up. */
const GRACE_MS = 10_000;

/** Who asks, as a service. */
class Asker extends Service {
  worker = depends(VllmWorker);
  #asker = true;
  override start() {
    asked = this.worker;
  }
  isAsker() {
    return this.#asker;
  }
}

let asked: Client<VllmWorker>;

export async function simulate(scenario: Scenario): Promise<Latencies> {
  const isDisagg = scenario.graph === "disagg";
  const common = { engine: "mocker", model: "mock", maxModelLen: 16384, blockSize: 64 } as const;
  const graph = Graph.of(Asker).link(VllmWorker);
  const clock = new VirtualClock();
  const deploying = deployInProcess(isDisagg ? graph.link(PrefillWorker) : graph, {
    clock,
    config: {
      VllmWorker: v.parse(VllmWorkerConfig, {
        ...{ ...common, maxNumBatchedTokens: 8192, remotePrefill: isDisagg },
        ...{ conditionalDisagg: true, maxLocalPrefillLength: 1000, maxPrefillQueueSize: 100 },
      }),
      PrefillWorker: v.parse(PrefillWorkerConfig, { ...common, maxNumBatchedTokens: 8192 }),
    },
  });
  await clock.run(0);
  const deployment = await deploying;
  const latencies = { itlMs: [] as number[], ttftMs: [] as number[] };
  const reading: Promise<void>[] = [];
  const until = WARM_UP_MS + scenario.durationMs;
  for (let i = 0; i < scenario.numStreams; i++)
    reading.push(readStream({ clock, until, latencies }, i));
  await clock.run(WARM_UP_MS);
  for (let n = 0; scenario.promptEveryMs && n * scenario.promptEveryMs < scenario.durationMs; n++) {
    clock.after(n * scenario.promptEveryMs, () => {
      reading.push(readPrompt({ clock, until, latencies }, scenario, n));
    });
  }
  latencies.itlMs.length = 0;
  await clock.run(until);
  let isRead = false;
  const allRead = Promise.all(reading).then(() => {
    isRead = true;
  });
  while (!isRead) await clock.run(clock.now() + GRACE_MS);
  await allRead;
  const stopping = deployment.stop();
  await clock.run(clock.now() + GRACE_MS);
  await stopping;
  return latencies;
}

interface Run {
  readonly clock: VirtualClock;
  /** When readers leave. */
  readonly until: number;
  readonly latencies: { readonly itlMs: number[]; readonly ttftMs: number[] };
}

async function readStream({ clock, until, latencies }: Run, seed: number): Promise<void> {
  const tokenIds = Array.from({ length: 128 }, (_, i) => (i * 7 + seed) % VOCAB_SIZE);
  let lastAt: number | undefined;
  for await (const _ of asked.generate(requestOf(tokenIds, { stop: { maxTokens: 16_000 } }))) {
    const now = clock.now();
    if (lastAt !== undefined) latencies.itlMs.push(now - lastAt);
    if (now > until) break;
    lastAt = now;
  }
}

async function readPrompt(run: Run, { promptTokens }: Scenario, seed: number): Promise<void> {
  const { clock, until, latencies } = run;
  const begun = clock.now();
  const tokenIds = Array.from(
    { length: promptTokens },
    (_, i) => (i * 13 + seed * 31) % VOCAB_SIZE,
  );
  const request = requestOf(tokenIds, { stop: { maxTokens: OUTPUT_TOKENS } });
  let isFirst = true;
  for await (const _ of asked.generate(request)) {
    if (isFirst) latencies.ttftMs.push(clock.now() - begun);
    isFirst = false;
    if (clock.now() > until) break;
  }
}
