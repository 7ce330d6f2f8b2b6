// Cost of having a prompt computed elsewhere, beside computing it: workers and prefill workers with their
// queue and leases, as deployed, but on one thread and over a runner that computes nothing. So what is measured
// is the work of both sides, and no waiting for the other's step.

import { createLogger } from "../../../src/base/log.ts";
import { PrefillDispatcher } from "../../../src/components/prefill/prefill-dispatcher.ts";
import { PrefillLoop } from "../../../src/components/prefill/prefill-loop.ts";
import { LLMEngine } from "../../../src/engine/llm-engine.ts";
import type { ModelRunner, RunnerLimits, StepShape } from "../../../src/engine/model-runner.ts";
import type { KvPool } from "../../../src/engine/open/kv-pool.ts";
import type { RemotePrefill } from "../../../src/engine/remote-prefill.ts";
import { createStepBatch } from "../../../src/engine/step-batch.ts";
import { depends, Graph, type InstanceId, Service } from "../../../src/sdk/index.ts";
import { answerOf, requestOf } from "../../engine/requests.ts";
import { deployInProcess } from "../../sdk/deploy-in-process.ts";

export interface HandOver {
  /** From a prompt's admission to the first step that computes it: request, lease, tokens, the first batch. */
  readonly toPrefillMicros: number;
  /** From the end of its last step to its place among those who decode. */
  readonly handOverMicros: number;
}

export interface HandOvers {
  readonly each: readonly HandOver[];
  /** Slots that any runner has written, and tokens that there were: all that is more has been written twice. */
  readonly numWritten: number;
  readonly numTokens: number;
}

const LIMITS: RunnerLimits = {
  maxNumSeqs: 2,
  maxNumBatchedTokens: 1 << 17,
  maxModelLen: 1 << 17,
  blockSize: 64,
  firstBlock: 0,
  numBlocks: 2048,
  vocabSize: 32_000,
};

interface Bench {
  admittedAt: number;
  firstStepAt: number;
  lastStepAt: number;
  readonly each: HandOver[];
  numWritten: number;
  engine: LLMEngine | undefined;
}

let bench: Bench;

/** `rounds` prompts of `promptTokens` each, one after the other; nothing of one is in the cache for the next. */
export async function measureHandOvers(promptTokens: number, rounds: number): Promise<HandOvers> {
  bench = {
    ...{ admittedAt: 0, firstStepAt: 0, lastStepAt: 0, numWritten: 0 },
    ...{ each: [], engine: undefined },
  };
  const deployment = await deployInProcess(Graph.of(Decoder).link(Prefiller));
  const { engine } = bench;
  if (engine === undefined) throw new Error("no worker has started");
  for (let round = 0; round < rounds; round++) {
    const tokenIds = Array.from({ length: promptTokens }, (_, i) => (i * 31 + round * 7) % 32_000);
    await answerOf(engine.generate(requestOf(tokenIds, { stop: { maxTokens: 1 } })));
  }
  await deployment.stop();
  return { each: bench.each, numWritten: bench.numWritten, numTokens: rounds * promptTokens };
}

class Prefiller extends Service {
  #loop!: PrefillLoop;
  override start() {
    const { context } = this;
    this.#loop = new PrefillLoop({
      queue: context.queue("prompts"),
      clock: context.clock,
      openRunner: async () => new IdleRunner("prefill"),
      lease: ({ worker, request }) =>
        context.refOf<Decoder>(worker).lease(request, context.instanceId),
      follow: (task) => this.follow(task),
    });
    for (let n = 0; n < 2; n++) this.follow(this.#loop.run());
  }
  override stop() {
    return this.#loop.close();
  }
  async join(...args: Parameters<PrefillLoop["join"]>) {
    await this.#loop.join(...args);
    return "prompts";
  }
  async drop(...args: Parameters<PrefillLoop["drop"]>) {
    this.#loop.drop(...args);
  }
}

class Decoder extends Service {
  prefiller = depends(Prefiller);
  #engine!: LLMEngine;
  #dispatcher!: PrefillDispatcher;

  static override readonly leases = ["lease"];

  override async start() {
    const { context, prefiller } = this;
    const { blockSize, maxModelLen, numBlocks, vocabSize } = LIMITS;
    const pool: KvPool = {
      ...{ name: "pool", engine: "mocker", model: "none", quantization: undefined },
      ...{ kvCacheDType: "float32", totalBlocks: numBlocks, blockSize, maxModelLen, vocabSize },
    };
    this.#dispatcher = new PrefillDispatcher({
      instance: context.instanceId,
      limits: { conditionalDisagg: false, maxLocalPrefillLength: 0, maxPrefillQueueSize: 0 },
      peer: (instance) => prefiller.at(instance),
      queue: (name) => context.queue(name),
      log: createLogger("bench", "error"),
    });
    this.#engine = new LLMEngine({
      runner: new IdleRunner("decode"),
      config: { enablePrefixCaching: false, maxWaiting: 10, maxStalled: 10 },
      clock: context.clock,
      remotePrefill: timed(this.#dispatcher),
    });
    await this.#dispatcher.open(pool, { firstBlock: 0, numBlocks }, prefiller.instances);
    this.follow(this.#engine.run());
    bench.engine = this.#engine;
  }
  override stop() {
    return this.#engine.close();
  }
  lease(request: number, prefillWorker: InstanceId) {
    return this.#dispatcher.lease(request, prefillWorker);
  }
}

/** Notes when a prompt is given away and when it is back. */
function timed(remote: RemotePrefill): RemotePrefill {
  return {
    takes: (numTokens) => remote.takes(numTokens),
    begin(job, ended) {
      bench.admittedAt = performance.now();
      bench.firstStepAt = 0;
      return remote.begin(job, (outcome) => {
        ended(outcome);
        bench.each.push({
          toPrefillMicros: 1000 * (bench.firstStepAt - bench.admittedAt),
          handOverMicros: 1000 * (performance.now() - bench.lastStepAt),
        });
      });
    },
  };
}

/** Computes nothing, and counts what it would have written. */
class IdleRunner implements ModelRunner {
  readonly limits = LIMITS;
  readonly batch = createStepBatch(LIMITS);
  readonly #kind: "prefill" | "decode";

  constructor(kind: "prefill" | "decode") {
    this.#kind = kind;
  }

  submit({ numTokens }: StepShape): void {
    bench.numWritten += numTokens;
    if (this.#kind === "prefill" && bench.firstStepAt === 0) bench.firstStepAt = performance.now();
  }

  async wait(): Promise<void> {
    if (this.#kind === "prefill") bench.lastStepAt = performance.now();
  }

  close(): void {
    this.batch.sampledIds.fill(0);
  }
}
