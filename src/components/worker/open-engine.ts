// Start of a worker before it can be called: opens its model, sizes its KV pool, and connects its metrics.

import { basename } from "node:path";
import type { Environment, Footprint, ServiceContext } from "dynamo";

import { assert } from "../../base/assert.ts";
import { DynamoError } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import { CPU, type Device } from "../../engine/device.ts";
import type { KvCacheDType } from "../../engine/kv-cache-dtype.ts";
import { LLMEngine } from "../../engine/llm-engine.ts";
import type { ModelRunner, RunnerLimits } from "../../engine/model-runner.ts";
import { MAX_DRAFT_TOKENS, type NgramOptions } from "../../engine/ngram-drafter.ts";
import type { RemotePrefill } from "../../engine/remote-prefill.ts";
import { cacheUsage } from "../../engine/weight-cache.ts";
import { openModel, openModelConfig } from "../../model/open-model.ts";
import { MOCK_VOCAB_SIZE } from "../../tokenizer/mock-tokenizer.ts";
import { MOCK_MODEL } from "../fields.ts";
import type { KvPool, PoolPart } from "../prefill/kv-pool.ts";
import { MAX_SEQUENCES } from "../processor/sequence-shares.ts";
import { cacheDirectory } from "./cache-directory.ts";
import { type ChosenDevice, chooseDevice, type DeviceDemand, ON_CPU } from "./choose-device.ts";
import type { EngineKind, VllmWorkerConfig } from "./config.ts";
import { loadHooks } from "./load-weights.ts";
import {
  adviceFor,
  checkFits,
  gigabytes,
  type MemoryBudget,
  overruledSizes,
  planMemory,
} from "./memory-budget.ts";
import { registerWorkerMetrics } from "./metrics.ts";
import type { PreparedWorker } from "./prepared-worker.ts";
import { withImage } from "./with-image.ts";

export interface OpenEngineOptions {
  readonly config: VllmWorkerConfig;
  readonly context: ServiceContext<PreparedWorker>;
  readonly log: Logger;
  /** Prefill workers that compute prompts in the engine's place; undefined if there are none. */
  readonly remotePrefill?: RemotePrefill | undefined;
  /** Takes work that goes on beside the engine. */
  readonly follow: (work: Promise<void>) => void;
}

/** So that clients that do not read leave room for the others. */
const MAX_STALLED = 512;

/** The mocked model's context, where `max-model-len` is not given. */
const MOCK_MODEL_LEN = 16384;

/** A script has no positions to run out of: agents send 20,000 tokens at once. */
const SCRIPTED_MODEL_LEN = 65_536;
/** Number of blocks of 16 tokens: eight such contexts. */
const SCRIPTED_BLOCKS = 32_768;

/** An engine, and where its KV blocks are, for those who fill them in its place. */
export interface OpenedEngine {
  readonly engine: LLMEngine;
  readonly pool: KvPool;
  readonly part: PoolPart;
}

interface OpenedRunner {
  readonly runner: ModelRunner;
  readonly pool: KvPool;
}

export async function openEngine(options: OpenEngineOptions): Promise<OpenedEngine> {
  const { config, context, log, remotePrefill } = options;
  const begun = context.clock.now();
  const { runner, pool } = await OPEN[config.engine](options);
  const metrics = registerWorkerMetrics(await context.metrics(), {
    service: context.service,
    model_name: basename(config.model),
    engine: String(context.workerId - 1),
  });
  const engine = new LLMEngine({
    runner,
    config: {
      enablePrefixCaching: config.enablePrefixCaching,
      maxWaiting: MAX_SEQUENCES,
      maxStalled: MAX_STALLED,
      longPrefillTokenThreshold: config.longPrefillTokenThreshold,
      ngram: ngramOptions(config),
    },
    clock: context.clock,
    observer: metrics.observer,
    remotePrefill,
    streamsOfFailed: "open", // The worker ends by it, and its callers send their sequences elsewhere.
  });
  metrics.watch(() => engine.stats());
  log.info("model ready", {
    model: basename(config.model),
    engine: config.engine,
    context: engine.maxModelLen,
    blocks: runner.limits.numBlocks,
    ms: Math.round(context.clock.now() - begun),
  });
  const { firstBlock, numBlocks } = runner.limits;
  return { engine, pool, part: { firstBlock, numBlocks } };
}

const OPEN: Readonly<Record<EngineKind, (options: OpenEngineOptions) => Promise<OpenedRunner>>> = {
  native: openNative,
  mocker: openMock,
  scripted: openScripted,
};

async function openScripted({ config, context }: OpenEngineOptions): Promise<OpenedRunner> {
  const { openScriptedRunner } = await import("./open-scripted.ts");
  const numBlocks = config.numGpuBlocksOverride ?? SCRIPTED_BLOCKS;
  const runner = await openScriptedRunner(config, {
    clock: context.clock,
    limits: {
      ...stepLimits(config),
      maxModelLen: config.maxModelLen ?? SCRIPTED_MODEL_LEN,
      firstBlock: numBlocks * (context.workerId - 1),
      numBlocks,
    },
  });
  return { runner, pool: poolOf(runner.limits, config, { context, kvCacheDType: "bfloat16" }) };
}

async function openMock({ config, context, log }: OpenEngineOptions): Promise<OpenedRunner> {
  const { MOCK_DEFAULTS, MockRunner } = await import("../../engine/mock-runner.ts");
  const model =
    config.model === MOCK_MODEL ? undefined : (await openModelConfig(config.model)).config;
  const modelLen = model?.maxPositionEmbeddings ?? config.maxModelLen ?? MOCK_MODEL_LEN;
  const numBlocks = config.numGpuBlocksOverride ?? MOCK_DEFAULTS.numBlocks;
  const runner = new MockRunner({
    limits: {
      ...stepLimits(config),
      maxModelLen: clampModelLen(config, modelLen, log),
      firstBlock: numBlocks * (context.workerId - 1),
      numBlocks,
      vocabSize: model?.vocabSize ?? MOCK_VOCAB_SIZE,
    },
    clock: context.clock,
    speedupRatio: config.speedupRatio,
  });
  return { runner, pool: poolOf(runner.limits, config, { context, kvCacheDType: "bfloat16" }) };
}

/** On the device that was chosen before the start, or on the CPU where `auto` chose a GPU that has no room any more. */
async function openNative(options: OpenEngineOptions): Promise<OpenedRunner> {
  const { config, context, log, remotePrefill } = options;
  const chosen = context.prepared.device ?? ON_CPU;
  if (chosen.because !== undefined && context.workerId === 1) log.warn(toldOf(chosen.because));
  try {
    return await openOn(chosen, options);
  } catch (error) {
    // Prefill workers write into blocks where all workers of the service have them.
    const isFixed = config.device !== "auto" || remotePrefill !== undefined;
    if (!isOutOfMemory(error) || chosen.gpu === undefined || isFixed) throw error;
    log.warn(toldOf(error.message));
    return openOn(ON_CPU, options);
  }
}

function isOutOfMemory(error: unknown): error is DynamoError {
  return error instanceof DynamoError && error.code === "out_of_memory";
}

function toldOf(because: string): string {
  return `the CPU computes, since the GPU cannot: ${because}`;
}

async function openOn(
  { device, gpu }: ChosenDevice,
  options: OpenEngineOptions,
): Promise<OpenedRunner> {
  const { context, log } = options;
  const { openNativeRunner } = await import("../../engine/native-runner.ts");
  const { library, memory } = context.prepared;
  assert(library !== undefined, "the library is published before a worker that computes starts");
  const model = await openModel(options.config.model);
  const config = withImage(options.config, model);
  const maxModelLen = clampModelLen(config, model.config.maxPositionEmbeddings, log);
  const { numWorkers, service } = context;
  const demand = { service, library, model, numWorkers, gpu, ...memory };
  const budget = planMemory(config, demand);
  const { numBlocks, kvCacheDType } = budget;
  if (context.workerId === 1) logBudget(log, budget, config);
  checkFits(budget, config, demand);
  const hooks = loadHooks(options);
  const runner = await openNativeRunner({
    ...hooks,
    model,
    device,
    eager: config.enforceEager,
    quantization: config.quantization,
    access: config.mapWeights ? "map" : "read",
    library,
    owner: context.owner,
    kvCacheDType,
    threads: config.threads === "auto" ? undefined : config.threads,
    poolName: poolName(context),
    totalBlocks: numBlocks * numWorkers,
    limits: {
      ...stepLimits(config),
      maxModelLen,
      firstBlock: numBlocks * (context.workerId - 1),
      numBlocks,
    },
  }).finally(hooks.end);
  return { runner, pool: poolOf(runner.limits, config, { context, kvCacheDType, device }) };
}

/** The workers of a service share one pool; those of another have theirs, however alike they are. */
function poolName({ namespace, service }: ServiceContext): string {
  return `${namespace}.${service}`;
}

function poolOf(
  { numBlocks, blockSize, maxModelLen, vocabSize }: RunnerLimits,
  { engine, model, quantization }: VllmWorkerConfig,
  of: {
    readonly context: ServiceContext;
    readonly kvCacheDType: KvCacheDType;
    readonly device?: Device;
  },
): KvPool {
  const { context, kvCacheDType, device = CPU } = of;
  return {
    ...{ name: poolName(context), engine, model, device, quantization, kvCacheDType },
    ...{ totalBlocks: numBlocks * context.numWorkers, blockSize, maxModelLen, vocabSize },
  };
}

function logBudget(log: Logger, budget: MemoryBudget, config: VllmWorkerConfig): void {
  const { weights, kv, kvBy, workspace, free } = budget;
  for (const text of overruledSizes(config, budget)) log.warn(text);
  log.info("memory", {
    weights: gigabytes(weights),
    kv: gigabytes(kv),
    "kv-by": kvBy,
    workspace: gigabytes(workspace),
    total: gigabytes(weights + kv + workspace),
    free: gigabytes(free),
  });
}

/** Speculation is for what computes: the mocked engine's tokens repeat nothing. */
function ngramOptions(config: VllmWorkerConfig): NgramOptions | undefined {
  if (config.speculative === undefined || config.engine === "mocker") return undefined;
  return config;
}

function stepLimits(config: VllmWorkerConfig) {
  const { maxNumSeqs, maxNumBatchedTokens, blockSize } = config;
  const maxNumRows = maxNumSeqs + (ngramOptions(config) ? MAX_DRAFT_TOKENS : 0);
  return { maxNumSeqs, maxNumRows, maxNumBatchedTokens, blockSize };
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
  asked: VllmWorkerConfig,
  scale: Omit<DeviceDemand, "model" | "library">,
  environment: Environment,
): Promise<readonly Footprint[]> {
  if (asked.engine !== "native") return [];
  const plan = await planOf(asked, scale).catch((error: unknown) => {
    if (error instanceof DynamoError) return undefined; // the check before the start says what is wrong
    throw error;
  });
  if (!plan) return [{ what: `weights of ${asked.model}`, bytes: undefined }];
  const { budget, config, demand, chosen } = plan;
  const advice = adviceFor(budget, config, demand).map(({ flag, savedBytes }) => ({
    what: `saved by ${flag}`,
    bytes: savedBytes,
  }));
  const isShort = budget.needed > budget.free;
  return [
    ...deviceFootprint(chosen),
    { what: "weights, shared by all workers", bytes: budget.weights },
    {
      what: `${scale.numWorkers} x ${budget.numBlocks} KV blocks of ${config.blockSize} tokens, by ${budget.kvBy}, taken as they are used`,
      bytes: budget.kv,
    },
    { what: "workspace at most, taken as it is used", bytes: budget.workspace },
    { what: "total", bytes: budget.weights + budget.kv + budget.workspace },
    {
      what: (scale.numModels ?? 1) > 1 ? "free now, but for the other models" : "free now",
      bytes: budget.free,
    },
    ...(await cacheFootprint(config, environment)),
    ...(isShort
      ? [{ what: "missing: it will not start", bytes: budget.needed - budget.free }, ...advice]
      : []),
  ];
}

/** Lines on the GPU, or on why it is not used. The CPU goes without saying. */
function deviceFootprint({ gpu, because }: ChosenDevice): readonly Footprint[] {
  if (because !== undefined) {
    return [{ what: toldOf(because), bytes: undefined }];
  }
  if (gpu === undefined) return [];
  const { ordinal, name, capability, driver, totalBytes, sharesMemory } = gpu;
  const memory = sharesMemory ? ", memory shared with the CPU" : "";
  return [
    {
      what: `GPU ${ordinal}: ${name}, compute capability ${capability}, driver of CUDA ${driver}${memory}`,
      bytes: totalBytes,
    },
  ];
}

async function planOf(asked: VllmWorkerConfig, scale: Omit<DeviceDemand, "model" | "library">) {
  const { publishNativeLibrary } = await import("../../engine/native-library.ts");
  const model = await openModel(asked.model);
  const config = withImage(asked, model);
  const unplaced = { ...scale, library: publishNativeLibrary(), model };
  const chosen = chooseDevice(config, unplaced);
  const demand = { ...unplaced, gpu: chosen.gpu };
  return { config, demand, chosen, budget: planMemory(config, demand) };
}

async function cacheFootprint(
  { weightCache }: VllmWorkerConfig,
  environment: Environment,
): Promise<readonly Footprint[]> {
  const directory = cacheDirectory(environment);
  if (!weightCache || directory === undefined) return [];
  const { bytes, numFiles } = await cacheUsage(directory);
  return [{ what: `packed weights on disk, ${numFiles} files in ${directory}`, bytes }];
}
