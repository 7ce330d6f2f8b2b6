// VllmWorker: one engine, its weights and its KV blocks. Bears vLLM's name since it takes vLLM's keys.
//
//   Processor --PreprocessedRequest--> VllmWorker --batches--> model runner (C++, or mocked)
//                                      VllmWorker --prompts--> PrefillWorker (graphs with one only)

import { basename } from "node:path";
import {
  type CheckScope,
  configured,
  depends,
  type Environment,
  type Footprint,
  type FootprintScale,
  type GraphView,
  type InstanceId,
  isLinked,
  Service,
  type ServiceView,
} from "dynamo";

import { assert } from "../../base/assert.ts";
import type { Timer } from "../../base/clock.ts";
import type { LLMEngine, MemoryPressure } from "../../engine/llm-engine.ts";
import type { MemoryShare, PreparedEngine } from "../../engine/open/engine-keys.ts";
import { freeForModel } from "../../engine/open/free-memory.ts";
import { watchMemoryPressure } from "../../engine/open/memory-pressure.ts";
import { MOCK_MODEL } from "../../model/mock-model.ts";
import type { KvReport } from "../../protocol/kv-event.ts";
import type { PreprocessedRequest, TokenOutput } from "../../protocol/llm.ts";
import type { ForwardPassMetrics } from "../../protocol/metrics.ts";
import { deferredStream } from "../dispatch/deferred-stream.ts";
import { PrefillDispatcher } from "../prefill/prefill-dispatcher.ts";
import type { LeasedPrefill, PrefillRequester } from "../prefill/prefill-messages.ts";
import { PrefillWorker } from "../prefill/prefill-worker.ts";
import { MAX_SEQUENCES } from "../processor/sequence-shares.ts";
import { lookupProblems, scriptProblems, VllmWorkerConfig } from "./config.ts";
import { Grammars } from "./grammars.ts";
import { registerWorkerMetrics } from "./metrics.ts";
import { prepareWorker, releaseWorker, workerProgress } from "./prepared-worker.ts";

export interface WorkerLimits {
  /** Tokens that prompt and output may have together: by model, configuration and KV pool. */
  readonly maxModelLen: number;
  /** Tokens per KV block. */
  readonly blockSize: number;
}

export class VllmWorker extends Service<PreparedEngine> implements PrefillRequester {
  config = configured(VllmWorkerConfig);
  prefillWorker = depends(PrefillWorker, "optional");

  // Window 1: `metrics` delivers only the latest value; `leasePrefill` holds while blocks are lent.
  static override readonly leases = ["metrics", "leasePrefill"];
  static override readonly live = ["maxLocalPrefillLength", "maxPrefillQueueSize"];

  #engine!: LLMEngine;
  #grammars!: Grammars;
  #memoryWatch: Timer | undefined;
  #prefill: PrefillDispatcher | undefined;

  static override async prepare(
    config: VllmWorkerConfig,
    environment: Environment,
    graph: GraphView,
  ) {
    const memory = await memoryShare(config, graph);
    const prepared = await prepareWorker(config, environment, memory);
    if (prepared.library === undefined || config.device === "cpu") return prepared;
    const { deviceOf } = await import("../../engine/open/device-of.ts");
    const device = await deviceOf(config, {
      ...scaleOf(graph),
      ...{ ...memory, library: prepared.library },
    });
    return { ...prepared, device };
  }

  static override progress = workerProgress;
  static override release = releaseWorker;

  static override validate(config: VllmWorkerConfig, graph: GraphView) {
    return [
      ...lookupProblems(config),
      ...scriptProblems(config),
      ...prefillProblems(config, graph),
    ];
  }

  static override async check(config: VllmWorkerConfig, { numWorkers, graph }: CheckScope) {
    const { checkEngine } = await import("./check-model.ts");
    const demand = { ...scaleOf(graph), numWorkers, ...(await memoryShare(config, graph)) };
    return checkEngine(config, demand);
  }

  static override async footprint(
    config: VllmWorkerConfig,
    { numWorkers, environment, graph }: FootprintScale,
  ): Promise<readonly Footprint[]> {
    const { engineFootprint } = await import("../../engine/open/footprint.ts");
    const demand = { ...scaleOf(graph), numWorkers, ...(await memoryShare(config, graph)) };
    return engineFootprint(config, demand, environment);
  }

  override async start(): Promise<void> {
    const { openEngine } = await import("../../engine/open/open-engine.ts");
    const { config, context, log } = this;
    const prefill = this.#createDispatcher();
    const metrics = registerWorkerMetrics(await context.metrics(), {
      service: context.service,
      model_name: basename(config.model),
      engine: String(context.workerId - 1),
    });
    const { engine, pool, part } = await openEngine({
      ...{ config, place: context, log, observer: metrics.observer, remotePrefill: prefill },
      maxWaiting: MAX_SEQUENCES,
      openScripted: async (parts) => {
        const { openScriptedRunner } = await import("./open-scripted.ts");
        return openScriptedRunner(config, parts);
      },
      follow: (work) => this.follow(work),
    });
    metrics.watch(() => engine.stats());
    this.#engine = engine;
    this.#grammars = new Grammars({
      context,
      model: config.model === MOCK_MODEL ? undefined : config.model,
      vocabSize: pool.vocabSize,
    });
    this.#prefill = prefill;
    if (prefill) {
      await prefill.open(pool, part, this.prefillWorker.instances);
      const changes = this.prefillWorker.watchInstances();
      this.follow(changes, (live) => prefill.update(pool, part, live));
    }
    this.follow(engine.run());
    if (config.engine === "native") {
      const onPressure = (level: MemoryPressure) => engine.setMemoryPressure(level);
      this.#memoryWatch = watchMemoryPressure({ clock: context.clock, log, onPressure });
    }
  }

  override async stop(): Promise<void> {
    this.#memoryWatch?.cancel();
    await this.#engine.close();
  }

  /** The tokens of one sequence as they are sampled. Leaving the loop frees its blocks. */
  generate(request: PreprocessedRequest): AsyncIterable<TokenOutput> {
    const { grammar, tenant } = request;
    if (grammar === undefined) return this.#engine.generate(request);
    if (grammar.isOptional && this.config.engine !== "native") {
      const { grammar: _, ...free } = request;
      return this.#engine.generate(free);
    }
    let tokens: AsyncIterableIterator<TokenOutput> | undefined;
    return deferredStream(
      async () => {
        const mask = await this.#grammars.open(grammar, tenant);
        tokens = this.#engine.generate(request, mask);
        return tokens;
      },
      () => void tokens?.return?.(),
    );
  }

  limits(): WorkerLimits {
    return { maxModelLen: this.#engine.maxModelLen, blockSize: this.config.blockSize };
  }

  /** For prefill workers: a prefill lease. The request's blocks are theirs to fill until they leave the loop. */
  leasePrefill(request: number, prefillWorker: InstanceId): AsyncIterable<LeasedPrefill> {
    assert(this.#prefill, "a prefill request is of a worker that makes some");
    return this.#prefill.lease(request, prefillWorker);
  }

  /** For routers: the blocks that it holds, then what it stores and removes, step by step. */
  kvEvents(): AsyncIterable<KvReport> {
    return this.#engine.kvEvents();
  }

  /** For routers: its load now, and again after each change, as fast as it is read. */
  metrics(): AsyncIterable<ForwardPassMetrics> {
    return this.#engine.watchMetrics();
  }

  #createDispatcher(): PrefillDispatcher | undefined {
    if (!isLinked(this.prefillWorker)) return undefined;
    if (!this.config.remotePrefill) {
      this.log.warn("remote-prefill is off: the prefill workers of this graph have nothing to do");
      return undefined;
    }
    return new PrefillDispatcher({
      instance: this.context.instanceId,
      limits: this.config,
      peer: (instance) => this.prefillWorker.at(instance),
      queue: (name) => this.context.queue(name),
      log: this.log,
    });
  }
}

function scaleOf({ service, services }: GraphView) {
  const self = services.find(({ name }) => name === service);
  return { service, numWorkers: self?.numWorkers ?? 1, gpusPerWorker: self?.gpusPerWorker };
}

/** The process has one memory and the lowest of the limits, and each service of workers a model of its own. */
async function memoryShare(
  config: VllmWorkerConfig,
  { service, services }: GraphView,
): Promise<MemoryShare> {
  const others = services.filter(
    (one) => one.name !== service && one.is(VllmWorker) && one.config["engine"] === "native",
  );
  const limits = [config.memoryLimit, ...others.map((one) => limitOf(one.config))];
  const free = Math.min(...limits.map(freeForModel));
  if (others.length === 0) return { freeBytes: free, numModels: 1 };
  const { othersNeed } = await import("./other-models.ts");
  const freeBytes = Math.max(0, free - (await othersNeed(config, others)));
  return { freeBytes, numModels: 1 + others.length };
}

function prefillProblems({ remotePrefill }: VllmWorkerConfig, graph: GraphView) {
  const self = graph.services.find(({ name }) => name === graph.service);
  if (!remotePrefill || self?.edges.has("prefillWorker")) return [];
  const message = `${graph.service} is linked to no PrefillWorker in this graph; graphs.disagg, graphs.disagg_router and graphs.disagg_routerless have one`;
  return [{ key: "remotePrefill", message }];
}

/** Limit of a configuration that was validated. */
function limitOf({ memoryLimit }: ServiceView["config"]): VllmWorkerConfig["memoryLimit"] {
  return memoryLimit as VllmWorkerConfig["memoryLimit"];
}
