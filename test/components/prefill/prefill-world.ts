// Workers and prefill workers as they are deployed, with their queue, leases and deaths, but on the test's own
// thread and with a fake model, whose outputs tell when a block was written by the wrong one.

import { createLogger } from "../../../src/base/log.ts";
import { PrefillDispatcher } from "../../../src/components/prefill/prefill-dispatcher.ts";
import { PrefillLoop } from "../../../src/components/prefill/prefill-loop.ts";
import { LLMEngine } from "../../../src/engine/llm-engine.ts";
import type { RunnerLimits } from "../../../src/engine/model-runner.ts";
import type { KvPool } from "../../../src/engine/open/kv-pool.ts";
import type { PreprocessedRequest } from "../../../src/protocol/llm.ts";
import type { Client } from "../../../src/sdk/client.ts";
import {
  depends,
  type EndedInstance,
  Graph,
  type InstanceId,
  Service,
} from "../../../src/sdk/index.ts";
import { FakeMemory, type FakeRunner, SMALL_LIMITS } from "../../engine/fake-runner.ts";
import { ManualClock } from "../../manual-clock.ts";
import { deployInProcess, type InProcessDeployment } from "../../sdk/deploy-in-process.ts";
import { type Life, MortalRunner } from "./mortal-runner.ts";

export interface WorldOptions {
  /** Blocks of each worker. */
  readonly numBlocks: number;
  /** Event loop turns that the next step takes; the step of a prefill worker if `isPrefill`. */
  readonly stepTurns: (isPrefill: boolean) => number;
}

const NUM_DECODERS = 2;

export class World {
  readonly memory: FakeMemory;
  readonly limits: Omit<RunnerLimits, "firstBlock">;
  readonly options: WorldOptions;
  readonly settings = { conditionalDisagg: true, maxLocalPrefillLength: 6, maxPrefillQueueSize: 3 };
  readonly #lives = new Map<InstanceId, Life>();
  /** By worker: the one of its live instance. */
  readonly engines = new Map<InstanceId, LLMEngine>();
  /** Prefill workers start when it has resolved. */
  mayPrefill: Promise<void> = Promise.resolve();
  workers!: Client<Decoder>;
  deployment!: InProcessDeployment;

  constructor(options: WorldOptions) {
    this.options = options;
    this.limits = {
      ...SMALL_LIMITS,
      ...{ maxNumSeqs: 4, maxNumBatchedTokens: 16, numBlocks: options.numBlocks },
    };
    this.memory = new FakeMemory(NUM_DECODERS * options.numBlocks * this.limits.blockSize);
  }

  static async begin(options: WorldOptions): Promise<World> {
    const made = new World(options);
    world = made;
    const graph = Graph.of(Driver).link(Decoder).link(Prefiller);
    const workers = { Decoder: NUM_DECODERS, Prefiller: 2 };
    made.deployment = await deployInProcess(graph, { workers, clock: new ManualClock() });
    return made;
  }

  /** Ends an instance as a bug in it would. */
  kill(service: "Decoder" | "Prefiller", workerId: number): void {
    this.deployment.host.running
      .get(`${service}:${workerId}`)
      ?.fail(new Error("killed by the test"));
  }

  life(instance: InstanceId): Life {
    const life = this.#lives.get(instance) ?? { isOver: false, step: undefined };
    this.#lives.set(instance, life);
    return life;
  }

  runner(instance: InstanceId, firstBlock: number, kind: "decode" | "prefill"): FakeRunner {
    const life = this.life(instance);
    const limits =
      kind === "decode"
        ? { ...this.limits, firstBlock }
        : { ...this.limits, firstBlock: 0, numBlocks: NUM_DECODERS * this.limits.numBlocks };
    const onStep = () => turns(this.options.stepTurns(kind === "prefill"));
    return new MortalRunner(limits, onStep, this.memory, life);
  }
}

let world: World;

export class Prefiller extends Service {
  #loop!: PrefillLoop;

  static override release = release;

  override async start() {
    await world.mayPrefill;
    const { context } = this;
    this.#loop = new PrefillLoop({
      queue: context.queue("prompts"),
      clock: context.clock,
      openRunner: async () => world.runner(context.instanceId, 0, "prefill"),
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

export class Decoder extends Service {
  prefiller = depends(Prefiller);
  #engine!: LLMEngine;
  #dispatcher!: PrefillDispatcher;

  static override readonly leases = ["lease"];
  static override release = release;

  override async start() {
    const { context, prefiller } = this;
    const { numBlocks, blockSize, maxModelLen, vocabSize } = world.limits;
    const part = { firstBlock: (context.workerId - 1) * numBlocks, numBlocks };
    const pool: KvPool = {
      ...{ name: "pool", engine: "mocker", model: "fake", quantization: undefined },
      ...{ kvCacheDType: "float32", totalBlocks: NUM_DECODERS * numBlocks },
      ...{ blockSize, maxModelLen, vocabSize },
    };
    this.#dispatcher = new PrefillDispatcher({
      instance: context.instanceId,
      limits: world.settings,
      peer: (instance) => prefiller.at(instance),
      queue: (name) => context.queue(name),
      log: createLogger("test", "error"),
    });
    this.#engine = new LLMEngine({
      runner: world.runner(context.instanceId, part.firstBlock, "decode"),
      config: { enablePrefixCaching: true, maxWaiting: 1000, maxStalled: 100 },
      clock: context.clock,
      remotePrefill: this.#dispatcher,
    });
    await this.#dispatcher.open(pool, part, prefiller.instances);
    this.follow(prefiller.watchInstances(), (live) => this.#dispatcher.update(pool, part, live));
    this.follow(this.#engine.run());
    // Killed at its start, it would not have come this far: its thread would be gone.
    if (!world.life(context.instanceId).isOver) world.engines.set(context.instanceId, this.#engine);
  }
  override stop() {
    return this.#engine.close();
  }
  generate(request: PreprocessedRequest) {
    return this.#engine.generate(request);
  }
  lease(request: number, prefillWorker: InstanceId) {
    return this.#dispatcher.lease(request, prefillWorker);
  }
}

class Driver extends Service {
  worker = depends(Decoder);
  #driver = true;
  override start() {
    world.workers = this.worker;
  }
  isDriver() {
    return this.#driver;
  }
}

/** As the native library does: waits for the running step, after which there is none. */
async function release(_: unknown, { instanceId }: EndedInstance): Promise<void> {
  world.engines.delete(instanceId);
  const life = world.life(instanceId);
  life.isOver = true;
  await life.step;
}

export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}
