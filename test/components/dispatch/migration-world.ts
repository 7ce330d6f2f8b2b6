// A processor, a router and workers as they are deployed, on the test's own thread and with a fake model: each of its
// tokens depends on all tokens before it, on seed, penalties and stop tokens. So a migrated sequence that is not what it
// was has another text.

import type { EndedInstance, InstanceId } from "dynamo";
import * as v from "valibot";

import { createLogger } from "../../../src/base/log.ts";
import {
  PrefillWorker,
  PrefillWorkerConfig,
  Processor,
  ProcessorConfig,
  Router,
  RouterConfig,
  VllmWorker,
  VllmWorkerConfig,
} from "../../../src/components/index.ts";
import { PrefillDispatcher } from "../../../src/components/prefill/prefill-dispatcher.ts";
import { PrefillLoop } from "../../../src/components/prefill/prefill-loop.ts";
import type {
  PoolOwner,
  PrefillRequestId,
} from "../../../src/components/prefill/prefill-messages.ts";
import { LLMEngine } from "../../../src/engine/llm-engine.ts";
import type { KvPool } from "../../../src/engine/open/kv-pool.ts";
import { MOCK_VOCAB_SIZE } from "../../../src/model/mock-model.ts";
import type { PreprocessedRequest } from "../../../src/protocol/llm.ts";
import { sumSamples } from "../../e2e/server.ts";
import { FakeMemory, SMALL_LIMITS } from "../../engine/fake-runner.ts";
import { deployInProcess, type InProcessDeployment } from "../../sdk/deploy-in-process.ts";
import { type Life, MortalRunner } from "../prefill/mortal-runner.ts";
import { Door } from "../processor-door.ts";

export const NUM_WORKERS = 4;

const LIMITS = {
  ...SMALL_LIMITS,
  ...{ maxNumSeqs: 24, maxNumBatchedTokens: 96, maxModelLen: 256, numBlocks: 512 },
  vocabSize: MOCK_VOCAB_SIZE,
};

let lives = new Map<InstanceId, Life>();
let engines = new Map<InstanceId, LLMEngine>();
let memory = new FakeMemory(0);

function lifeOf(instance: InstanceId): Life {
  const life = lives.get(instance) ?? { isOver: false, step: undefined };
  lives.set(instance, life);
  return life;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** As the native library does: waits for the running step, after which there is none. */
async function release(_: unknown, { instanceId }: EndedInstance): Promise<void> {
  engines.delete(instanceId);
  const life = lifeOf(instanceId);
  life.isOver = true;
  await life.step;
}

class FakePrefillWorker extends PrefillWorker {
  #fakeLoop!: PrefillLoop;

  static override release = release;

  override async start() {
    const { context } = this;
    const limits = { ...LIMITS, numBlocks: NUM_WORKERS * LIMITS.numBlocks };
    this.#fakeLoop = new PrefillLoop({
      queue: context.queue("prompts"),
      clock: context.clock,
      openRunner: async () => new MortalRunner(limits, turn, memory, lifeOf(context.instanceId)),
      lease: ({ worker, request }) =>
        context.refOf<VllmWorker>(worker).leasePrefill(request, context.instanceId),
      follow: (task) => this.follow(task),
    });
    for (let n = 0; n < 2; n++) this.follow(this.#fakeLoop.run());
  }
  override stop() {
    return this.#fakeLoop.close();
  }
  override async join(pool: KvPool, owner: PoolOwner) {
    await this.#fakeLoop.join(pool, owner);
    return "prompts";
  }
  override async drop(id: PrefillRequestId) {
    this.#fakeLoop.drop(id);
  }
}

class FakeWorker extends VllmWorker {
  #fakeEngine!: LLMEngine;
  #dispatcher: PrefillDispatcher | undefined;

  static override release = release;

  override async start() {
    const { context, prefillWorker } = this;
    const { numBlocks } = LIMITS;
    const { instanceId, workerId } = context;
    const part = { firstBlock: (workerId - 1) * numBlocks, numBlocks };
    const dispatcher = this.config.remotePrefill
      ? new PrefillDispatcher({
          instance: instanceId,
          limits: { conditionalDisagg: false, maxLocalPrefillLength: 0, maxPrefillQueueSize: 99 },
          peer: (instance) => prefillWorker.at(instance),
          queue: (name) => context.queue(name),
          log: createLogger("test", "error"),
        })
      : undefined;
    const limits = { ...LIMITS, firstBlock: part.firstBlock };
    this.#dispatcher = dispatcher;
    this.#fakeEngine = new LLMEngine({
      runner: new MortalRunner(limits, turn, memory, lifeOf(instanceId)),
      config: { enablePrefixCaching: true, maxWaiting: 1000, maxStalled: 100 },
      clock: context.clock,
      remotePrefill: dispatcher,
      streamsOfFailed: "open",
    });
    if (dispatcher) {
      const pool: KvPool = {
        ...{ name: "pool", engine: "mocker", model: "fake", quantization: undefined },
        ...{ kvCacheDType: "float32", totalBlocks: NUM_WORKERS * numBlocks },
        ...{ blockSize: LIMITS.blockSize, maxModelLen: LIMITS.maxModelLen },
        vocabSize: LIMITS.vocabSize,
      };
      await dispatcher.open(pool, part, prefillWorker.instances);
      const changes = prefillWorker.watchInstances();
      this.follow(changes, (live) => dispatcher.update(pool, part, live));
    }
    this.follow(this.#fakeEngine.run());
    // Killed at its start, it would not have come this far: its thread would be gone.
    if (!lifeOf(instanceId).isOver) engines.set(instanceId, this.#fakeEngine);
  }
  override stop() {
    return this.#fakeEngine.close();
  }
  override generate(request: PreprocessedRequest) {
    return this.#fakeEngine.generate(request);
  }
  override limits() {
    return { maxModelLen: this.#fakeEngine.maxModelLen, blockSize: LIMITS.blockSize };
  }
  override leasePrefill(request: number, prefillWorker: InstanceId) {
    if (!this.#dispatcher) throw new Error("no prompt of this worker is computed elsewhere");
    return this.#dispatcher.lease(request, prefillWorker);
  }
  override kvEvents() {
    return this.#fakeEngine.kvEvents();
  }
  override metrics() {
    return this.#fakeEngine.watchMetrics();
  }
}

export interface MigrationWorld extends InProcessDeployment {
  readonly door: Door;
  /** By live worker. */
  readonly engines: ReadonlyMap<InstanceId, LLMEngine>;
  metrics(names: readonly string[]): Promise<readonly number[]>;
}

export async function deployWorld(options: {
  readonly shape: "agg" | "disagg";
  readonly mode?: string;
  readonly migrationLimit?: number;
}): Promise<MigrationWorld> {
  const { shape, mode = "kv", migrationLimit = 3 } = options;
  lives = new Map();
  engines = new Map();
  memory = new FakeMemory(NUM_WORKERS * LIMITS.numBlocks * LIMITS.blockSize);
  const workers = Door.link(Processor).link(Router).link(FakeWorker);
  const isDisagg = shape === "disagg";
  const graph = isDisagg ? workers.link(FakePrefillWorker) : workers;
  const mock = { model: "mock", engine: "mocker", blockSize: LIMITS.blockSize };
  const deployment = await deployInProcess(graph, {
    workers: { FakeWorker: NUM_WORKERS, FakePrefillWorker: 2 },
    config: {
      Processor: v.parse(ProcessorConfig, {
        model: "mock",
        waitForWorkerMs: 60_000,
        migrationLimit,
      }),
      Router: v.parse(RouterConfig, { router: mode }),
      FakeWorker: v.parse(VllmWorkerConfig, { ...mock, remotePrefill: isDisagg }),
      FakePrefillWorker: v.parse(PrefillWorkerConfig, { engine: "mocker" }),
    },
    maxRestarts: 1_000_000,
  });
  const door = Door.current;
  await door.ready();
  const metrics = async (names: readonly string[]) => {
    const text = await door.scrape();
    return names.map((name) => sumSamples(text, name, {}));
  };
  return Object.assign(deployment, { door, engines, metrics });
}
