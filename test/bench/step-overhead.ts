// Cost of a step beside the model: scheduling, filling the batch, taking the results in and giving
// them to their readers. Measured as the engine really runs: from the end of one step of an instant
// runner to the start of the next, the turn of the event loop included.
//
//     npx bun test/bench/step-overhead.ts

import { systemClock } from "../../src/base/clock.ts";
import { LLMEngine } from "../../src/engine/llm-engine.ts";
import type { ModelRunner, RunnerLimits, StepShape } from "../../src/engine/model-runner.ts";
import { createStepBatch } from "../../src/engine/step-batch.ts";
import type { PreprocessedRequest, SamplingOptions, TokenOutput } from "../../src/protocol/llm.ts";
import { GREEDY } from "../engine/requests.ts";

const BUDGET_US = 200;
const NUM_WARM_UP_STEPS = 500;
const NUM_STEPS = 1000;
const PROMPT_TOKENS = 500;

const SAMPLING: SamplingOptions = { ...GREEDY, temperature: 0.7, topP: 0.9, topK: 40, seed: 1n };

interface Case {
  readonly name: string;
  readonly readers: "none" | "one each";
  readonly sampling: SamplingOptions;
}

const CASES: readonly Case[] = [
  { name: "engine alone", readers: "none", sampling: SAMPLING },
  { name: "with penalties", readers: "none", sampling: { ...SAMPLING, presencePenalty: 1 } },
  { name: "with readers", readers: "one each", sampling: SAMPLING },
];

export async function run(): Promise<void> {
  console.log(`step overhead: decode steps at ${PROMPT_TOKENS} tokens and more, µs`);
  console.log("sequences  case              median     p99   share of 200 µs");
  for (const numSeqs of [1, 32, 256]) {
    for (const { name, readers, sampling } of CASES) {
      const gapsUs = await measure(numSeqs, readers, sampling);
      const median = quantile(gapsUs, 0.5);
      const columns = [
        `${numSeqs}`.padStart(9),
        name.padEnd(15),
        median.toFixed(1).padStart(8),
        quantile(gapsUs, 0.99).toFixed(1).padStart(7),
        `${((100 * median) / BUDGET_US).toFixed(0)} %`.padStart(8),
      ];
      console.log(columns.join("  "));
    }
  }
}

/** The gaps between steps in which `numSeqs` sequences decode, in µs. */
async function measure(
  numSeqs: number,
  readers: Case["readers"],
  sampling: SamplingOptions,
): Promise<number[]> {
  const runner = new InstantRunner({
    maxNumSeqs: numSeqs,
    maxNumBatchedTokens: 8192,
    maxModelLen: 4096,
    blockSize: 16,
    firstBlock: 0,
    numBlocks: numSeqs * 256,
    vocabSize: 32_000,
  });
  const config = { enablePrefixCaching: true, maxWaiting: 0, maxStalled: numSeqs };
  // A second is a thousand by this clock: a missing reader is never noticed.
  const slowClock = { ...systemClock, now: () => systemClock.now() / 1000 };
  const clock = readers === "none" ? slowClock : systemClock;
  const engine = new LLMEngine({ runner, config, clock });
  const streams = Array.from({ length: numSeqs }, (_, i) => engine.generate(request(i, sampling)));
  const running = engine.run();
  // Closing ends them with an error.
  const reading = Promise.allSettled(readers === "one each" ? streams.map(readAll) : []);
  await runner.enoughSteps;
  await engine.close();
  await Promise.all([running, reading]);
  return runner.gapsUs.slice(NUM_WARM_UP_STEPS);
}

function request(i: number, sampling: SamplingOptions): PreprocessedRequest {
  return {
    tenant: i % 8,
    tokenIds: Int32Array.from({ length: PROMPT_TOKENS }, (_, t) => (t * 31 + i * 7) % 32_000),
    sampling,
    stop: { maxTokens: 3000, minTokens: 0, stopTokenIds: [2] },
  };
}

async function readAll(stream: AsyncIterable<TokenOutput>): Promise<void> {
  for await (const _ of stream);
}

/** Takes no time. Notes how long the engine took between two steps that were decodes only. */
class InstantRunner implements ModelRunner {
  readonly limits: RunnerLimits;
  readonly batch;
  readonly gapsUs: number[] = [];
  readonly #enough = Promise.withResolvers<void>();
  #endedAt: number | undefined;

  constructor(limits: RunnerLimits) {
    this.limits = limits;
    this.batch = createStepBatch(limits);
  }

  get enoughSteps(): Promise<void> {
    return this.#enough.promise;
  }

  submit({ numTokens, numRows }: StepShape): void {
    const now = performance.now();
    const isDecode = numTokens === this.limits.maxNumSeqs && numRows === numTokens;
    if (isDecode && this.#endedAt !== undefined) this.gapsUs.push((now - this.#endedAt) * 1000);
    for (let row = 0; row < numRows; row++) {
      // 500 distinct ids, about what a text of this length has: penalties pay for each.
      this.batch.sampledIds[row] = 100 + ((this.gapsUs.length + row) % 500);
    }
    if (this.gapsUs.length === NUM_WARM_UP_STEPS + NUM_STEPS) this.#enough.resolve();
  }

  wait(): Promise<void> {
    this.#endedAt = performance.now();
    return Promise.resolve();
  }

  close(): void {
    this.#endedAt = undefined;
  }
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
}

if (import.meta.main) await run();
