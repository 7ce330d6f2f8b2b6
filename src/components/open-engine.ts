// What a worker does before it can be called: opens its model, sizes its KV pool, and connects its metrics.

import { totalmem } from "node:os";
import { basename } from "node:path";
import type { Footprint, ServiceContext } from "dynamo";

import { assert } from "../base/assert.ts";
import { DynamoError } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import { type KvCacheDType, kvBlockBytes, kvCacheDTypeFor } from "../engine/kv-cache-dtype.ts";
import { LLMEngine } from "../engine/llm-engine.ts";
import type { ModelRunner } from "../engine/model-runner.ts";
import type { ModelFiles } from "../model/model-files.ts";
import { openModel, openModelConfig } from "../model/open-model.ts";
import { MOCK_VOCAB_SIZE } from "../tokenizer/mock-tokenizer.ts";
import { MOCK_MODEL } from "./fields.ts";
import type { PreparedWorker, VllmWorkerConfig } from "./worker.ts";
import { registerWorkerMetrics } from "./worker-metrics.ts";

export interface OpenEngineOptions {
  readonly config: VllmWorkerConfig;
  readonly context: ServiceContext<PreparedWorker>;
  readonly log: Logger;
}

/** Requests that may wait for a place among `max-num-seqs`; the worker's mailbox is the nearer limit. */
const MAX_WAITING = 4096;

/** Share of the memory that is free at start, for the KV blocks of all workers, where no size is given. */
const DEFAULT_KV_SHARE = 0.25;

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
  const { numWorkers } = context;
  const kvCacheDType = chooseKvCacheDType(config, model);
  const numBlocks = numKvBlocks(config, {
    model,
    kvCacheDType,
    maxModelLen,
    numWorkers,
    freeBytes,
  });
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

interface KvDemand {
  readonly model: ModelFiles;
  readonly kvCacheDType: KvCacheDType;
  readonly maxModelLen: number;
  readonly numWorkers: number;
  readonly freeBytes: number;
}

function chooseKvCacheDType({ kvCacheDtype }: VllmWorkerConfig, model: ModelFiles): KvCacheDType {
  return kvCacheDtype === "auto" ? kvCacheDTypeFor(model.tensors.values()) : kvCacheDtype;
}

/** For `--explain`: what the engine would fill of memory, before anything is loaded. */
export async function engineFootprint(
  config: VllmWorkerConfig,
  scale: Pick<KvDemand, "numWorkers" | "freeBytes">,
): Promise<readonly Footprint[]> {
  if (config.engine === "mocker") return [];
  const model = await openModel(config.model).catch((error: unknown) => {
    if (error instanceof DynamoError) return undefined;
    throw error;
  });
  if (!model) return [{ what: `weights of ${config.model}`, bytes: undefined }];
  const { maxPositionEmbeddings } = model.config;
  const maxModelLen = Math.min(config.maxModelLen ?? maxPositionEmbeddings, maxPositionEmbeddings);
  const kvCacheDType = chooseKvCacheDType(config, model);
  const numBlocks = numKvBlocks(config, { model, kvCacheDType, maxModelLen, ...scale });
  const blockBytes = kvBlockBytes(model.config, config.blockSize, kvCacheDType);
  return [
    { what: "weights, shared by all workers", bytes: weightBytes(model) },
    {
      what: `${scale.numWorkers} x ${numBlocks} KV blocks of ${config.blockSize} tokens, taken as they are used`,
      bytes: scale.numWorkers * numBlocks * blockBytes,
    },
    { what: "free now", bytes: scale.freeBytes },
  ];
}

/**
 * KV blocks of one worker: as configured, or what fits in its share of memory, but never more than its sequences
 * could fill. Address space only: a block takes memory from its first use on.
 */
function numKvBlocks(config: VllmWorkerConfig, demand: KvDemand): number {
  if (config.numGpuBlocksOverride !== undefined) return config.numGpuBlocksOverride;
  const { blockSize, maxNumSeqs } = config;
  const blocksPerSequence = Math.ceil(demand.maxModelLen / blockSize);
  const blockBytes = kvBlockBytes(demand.model.config, blockSize, demand.kvCacheDType);
  const fitting = Math.floor(kvBytesPerWorker(config, demand) / blockBytes);
  return Math.max(1, Math.min(fitting, blocksPerSequence * maxNumSeqs));
}

function kvBytesPerWorker(config: VllmWorkerConfig, demand: KvDemand): number {
  if (config.kvCacheMemoryBytes !== undefined) return config.kvCacheMemoryBytes;
  const bytes =
    config.gpuMemoryUtilization === undefined
      ? demand.freeBytes * DEFAULT_KV_SHARE
      : totalmem() * config.gpuMemoryUtilization - weightBytes(demand.model);
  return Math.max(0, bytes) / demand.numWorkers;
}

function weightBytes({ tensors }: ModelFiles): number {
  let bytes = 0;
  for (const { numBytes } of tensors.values()) bytes += numBytes;
  return bytes;
}
