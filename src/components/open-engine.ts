// What a worker does before it can be called: opens its model, sizes its KV pool, and connects its metrics.

import { basename } from "node:path";
import type { Footprint, ServiceContext } from "dynamo";

import { assert } from "../base/assert.ts";
import { DynamoError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import { LLMEngine } from "../engine/llm-engine.ts";
import type { ModelRunner } from "../engine/model-runner.ts";
import { openModel, openModelConfig } from "../model/open-model.ts";
import { MOCK_VOCAB_SIZE } from "../tokenizer/mock-tokenizer.ts";
import { MOCK_MODEL } from "./fields.ts";
import {
  adviceFor,
  checkFits,
  type Demand,
  gigabytes,
  type MemoryBudget,
  planMemory,
} from "./memory-budget.ts";
import type { PreparedWorker, VllmWorkerConfig } from "./worker.ts";
import { registerWorkerMetrics } from "./worker-metrics.ts";

export interface OpenEngineOptions {
  readonly config: VllmWorkerConfig;
  readonly context: ServiceContext<PreparedWorker>;
  readonly log: Logger;
}

/** Requests that may wait for a place among `max-num-seqs`; the worker's mailbox is the nearer limit. */
const MAX_WAITING = 4096;

/** The mocked model's context, where `max-model-len` is not given. */
const MOCK_MODEL_LEN = 16384;

export async function openEngine(options: OpenEngineOptions): Promise<LLMEngine> {
  const { config, context, log } = options;
  const begun = context.clock.now();
  const runner = config.engine === "mocker" ? await openMock(options) : await openNative(options);
  const metrics = registerWorkerMetrics(await context.metrics(), {
    model_name: basename(config.model),
    engine: String(context.workerId - 1),
  });
  const engine = new LLMEngine({
    runner,
    config: { enablePrefixCaching: config.enablePrefixCaching, maxWaiting: MAX_WAITING },
    clock: context.clock,
    observer: metrics.observer,
  });
  metrics.watch(() => engine.stats());
  log.info("model ready", {
    model: basename(config.model),
    engine: config.engine,
    context: engine.maxModelLen,
    blocks: runner.limits.numBlocks,
    ms: Math.round(context.clock.now() - begun),
  });
  return engine;
}

async function openMock({ config, context, log }: OpenEngineOptions): Promise<ModelRunner> {
  const { MOCK_DEFAULTS, MockRunner } = await import("../engine/mock-runner.ts");
  const model =
    config.model === MOCK_MODEL ? undefined : (await openModelConfig(config.model)).config;
  const modelLen = model?.maxPositionEmbeddings ?? config.maxModelLen ?? MOCK_MODEL_LEN;
  return new MockRunner({
    limits: {
      ...stepLimits(config),
      maxModelLen: clampModelLen(config, modelLen, log),
      firstBlock: 0,
      numBlocks: config.numGpuBlocksOverride ?? MOCK_DEFAULTS.numBlocks,
      vocabSize: model?.vocabSize ?? MOCK_VOCAB_SIZE,
    },
    clock: context.clock,
    speedupRatio: config.speedupRatio,
  });
}

async function openNative({ config, context, log }: OpenEngineOptions): Promise<ModelRunner> {
  const { openNativeRunner } = await import("../engine/native-runner.ts");
  const { library, freeBytes } = context.prepared;
  assert(library !== undefined, "the library is published before a worker that computes starts");
  const model = await openModel(config.model);
  const maxModelLen = clampModelLen(config, model.config.maxPositionEmbeddings, log);
  const { numWorkers, service } = context;
  const demand = { service, model, numWorkers, freeBytes };
  const budget = planMemory(config, demand);
  const { numBlocks, kvCacheDType } = budget;
  if (context.workerId === 1) logBudget(log, budget);
  checkFits(budget, config, demand);
  return openNativeRunner({
    model,
    quantization: config.quantization,
    library,
    owner: context.instanceId,
    kvCacheDType,
    threads: config.threads === "auto" ? undefined : config.threads,
    poolName: `${context.namespace}.${context.service}`,
    totalBlocks: numBlocks * numWorkers,
    limits: {
      ...stepLimits(config),
      maxModelLen,
      firstBlock: numBlocks * (context.workerId - 1),
      numBlocks,
    },
  });
}

function logBudget(log: Logger, { weights, kv, workspace, free }: MemoryBudget): void {
  log.info("memory", {
    weights: gigabytes(weights),
    kv: gigabytes(kv),
    workspace: gigabytes(workspace),
    total: gigabytes(weights + kv + workspace),
    free: gigabytes(free),
  });
}

function stepLimits({ maxNumSeqs, maxNumBatchedTokens, blockSize }: VllmWorkerConfig) {
  return { maxNumSeqs, maxNumBatchedTokens, blockSize };
}

/** No position that the model was not made for, whatever the configuration says; see docs/decisions/0002. */
function clampModelLen(config: VllmWorkerConfig, modelLen: number, log: Logger): number {
  const asked = config.maxModelLen ?? modelLen;
  if (asked > modelLen) {
    log.warn("max-model-len is beyond the model's context and was lowered to it", {
      "max-model-len": asked,
      context: modelLen,
    });
  }
  return Math.min(asked, modelLen);
}

/** For `--explain`: what the engine would fill of memory, before anything is loaded. */
export async function engineFootprint(
  config: VllmWorkerConfig,
  scale: Omit<Demand, "model">,
): Promise<readonly Footprint[]> {
  if (config.engine === "mocker") return [];
  const model = await openModel(config.model).catch((error: unknown) => {
    if (error instanceof DynamoError) return undefined;
    throw error;
  });
  if (!model) return [{ what: `weights of ${config.model}`, bytes: undefined }];
  const demand = { ...scale, model };
  const budget = planMemory(config, demand);
  const advice = adviceFor(budget, config, demand).map(({ flag, savedBytes }) => ({
    what: `saved by ${flag}`,
    bytes: savedBytes,
  }));
  const isShort = budget.needed > budget.free;
  return [
    { what: "weights, shared by all workers", bytes: budget.weights },
    {
      what: `${scale.numWorkers} x ${budget.numBlocks} KV blocks of ${config.blockSize} tokens, taken as they are used`,
      bytes: budget.kv,
    },
    { what: "workspace at most, taken as it is used", bytes: budget.workspace },
    { what: "total", bytes: budget.weights + budget.kv + budget.workspace },
    { what: "free now", bytes: budget.free },
    ...(isShort
      ? [{ what: "missing: it will not start", bytes: budget.needed - budget.free }, ...advice]
      : []),
  ];
}
