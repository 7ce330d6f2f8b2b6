// Opens an engine: its model, its memory plan, its KV blocks, and the loop that runs them.

import { basename } from "node:path";

import { assert } from "../../base/assert.ts";
import type { Clock } from "../../base/clock.ts";
import { DynamoError } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import { MOCK_MODEL, MOCK_VOCAB_SIZE } from "../../model/mock-model.ts";
import { openModel, openModelConfig } from "../../model/open-model.ts";
import { CPU, type Device } from "../device.ts";
import type { EngineObserver } from "../engine-observer.ts";
import type { KvCacheDType } from "../kv-cache-dtype.ts";
import { LLMEngine } from "../llm-engine.ts";
import type { ModelRunner, RunnerLimits } from "../model-runner.ts";
import { MAX_DRAFT_TOKENS, type NgramOptions } from "../ngram-drafter.ts";
import type { RemotePrefill } from "../remote-prefill.ts";
import { ON_CPU, toldOf } from "./choose-device.ts";
import type { ChosenDevice, EngineKeys, EngineKind, EnginePlace } from "./engine-keys.ts";
import type { KvPool, PoolPart } from "./kv-pool.ts";
import { loadHooks } from "./load-weights.ts";
import {
  checkFits,
  gigabytes,
  type MemoryBudget,
  overruledSizes,
  planMemory,
} from "./memory-budget.ts";
import { withImage } from "./with-image.ts";

export interface OpenEngineOptions {
  readonly config: EngineKeys;
  readonly place: EnginePlace;
  readonly log: Logger;
  readonly observer: EngineObserver;
  /** Sequences that may wait. */
  readonly maxWaiting: number;
  /** Opens the scripted engine, which speaks a tokenizer's tokens. */
  readonly openScripted: (parts: ScriptedParts) => Promise<ModelRunner>;
  /** Prefill workers that compute prompts in the engine's place; undefined if there are none. */
  readonly remotePrefill?: RemotePrefill | undefined;
  /** Takes work that goes on beside the engine. */
  readonly follow: (work: Promise<void>) => void;
}

export interface ScriptedParts {
  readonly clock: Clock;
  readonly limits: Omit<RunnerLimits, "vocabSize">;
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
  const { config, place, log, observer, maxWaiting, remotePrefill } = options;
  const { clock } = place;
  const begun = clock.now();
  const { runner, pool } = await OPEN[config.engine](options);
  const engine = new LLMEngine({
    runner,
    config: {
      enablePrefixCaching: config.enablePrefixCaching,
      maxWaiting,
      maxStalled: MAX_STALLED,
      maxQueueMs: config.maxQueueMs === 0 ? undefined : config.maxQueueMs,
      longPrefillTokenThreshold: config.longPrefillTokenThreshold,
      ngram: ngramOptions(config),
    },
    clock,
    observer,
    remotePrefill,
    streamsOfFailed: "open", // The worker ends by it, and its callers send their sequences elsewhere.
  });
  log.info("model ready", {
    model: basename(config.model),
    engine: config.engine,
    context: engine.maxModelLen,
    blocks: runner.limits.numBlocks,
    ms: Math.round(clock.now() - begun),
  });
  const { firstBlock, numBlocks } = runner.limits;
  return { engine, pool, part: { firstBlock, numBlocks } };
}

const OPEN: Readonly<Record<EngineKind, (options: OpenEngineOptions) => Promise<OpenedRunner>>> = {
  native: openNative,
  mocker: openMock,
  scripted: openScripted,
};

async function openScripted(options: OpenEngineOptions): Promise<OpenedRunner> {
  const { config, place } = options;
  const numBlocks = config.numGpuBlocksOverride ?? SCRIPTED_BLOCKS;
  const runner = await options.openScripted({
    clock: place.clock,
    limits: {
      ...stepLimits(config),
      maxModelLen: config.maxModelLen ?? SCRIPTED_MODEL_LEN,
      firstBlock: numBlocks * (place.workerId - 1),
      numBlocks,
    },
  });
  return { runner, pool: poolOf(runner.limits, config, { place, kvCacheDType: "bfloat16" }) };
}

async function openMock({ config, place, log }: OpenEngineOptions): Promise<OpenedRunner> {
  const { MOCK_DEFAULTS, MockRunner } = await import("../mock-runner.ts");
  const model =
    config.model === MOCK_MODEL ? undefined : (await openModelConfig(config.model)).config;
  const modelLen = model?.maxPositionEmbeddings ?? config.maxModelLen ?? MOCK_MODEL_LEN;
  const numBlocks = config.numGpuBlocksOverride ?? MOCK_DEFAULTS.numBlocks;
  const runner = new MockRunner({
    limits: {
      ...stepLimits(config),
      maxModelLen: clampModelLen(config, modelLen, log),
      firstBlock: numBlocks * (place.workerId - 1),
      numBlocks,
      vocabSize: model?.vocabSize ?? MOCK_VOCAB_SIZE,
    },
    clock: place.clock,
    speedupRatio: config.speedupRatio,
  });
  return { runner, pool: poolOf(runner.limits, config, { place, kvCacheDType: "bfloat16" }) };
}

/** On the device that was chosen before the start, or on the CPU where `auto` chose a GPU that has no room any more. */
async function openNative(options: OpenEngineOptions): Promise<OpenedRunner> {
  const { config, place, log, remotePrefill } = options;
  const chosen = place.prepared.device ?? ON_CPU;
  if (chosen.because !== undefined && place.workerId === 1) log.warn(toldOf(chosen.because));
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

async function openOn(
  { device, gpu }: ChosenDevice,
  options: OpenEngineOptions,
): Promise<OpenedRunner> {
  const { place, log } = options;
  const { openNativeRunner } = await import("../native-runner.ts");
  const { library, memory } = place.prepared;
  assert(library !== undefined, "the library is published before a worker that computes starts");
  const model = await openModel(options.config.model);
  const config = withImage(options.config, model);
  const maxModelLen = clampModelLen(config, model.config.maxPositionEmbeddings, log);
  const { numWorkers, service } = place;
  const demand = { service, library, model, numWorkers, gpu, ...memory };
  const budget = planMemory(config, demand);
  const { numBlocks, kvCacheDType } = budget;
  if (place.workerId === 1) logBudget(log, budget, config);
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
    owner: place.owner,
    kvCacheDType,
    threads: config.threads === "auto" ? undefined : config.threads,
    poolName: poolName(place),
    totalBlocks: numBlocks * numWorkers,
    limits: {
      ...stepLimits(config),
      maxModelLen,
      firstBlock: numBlocks * (place.workerId - 1),
      numBlocks,
    },
  }).finally(hooks.end);
  return { runner, pool: poolOf(runner.limits, config, { place, kvCacheDType, device }) };
}

/** The workers of a service share one pool; those of another have theirs, however alike they are. */
function poolName({ namespace, service }: EnginePlace): string {
  return `${namespace}.${service}`;
}

function poolOf(
  { numBlocks, blockSize, maxModelLen, vocabSize }: RunnerLimits,
  { engine, model, quantization }: EngineKeys,
  of: {
    readonly place: EnginePlace;
    readonly kvCacheDType: KvCacheDType;
    readonly device?: Device;
  },
): KvPool {
  const { place, kvCacheDType, device = CPU } = of;
  return {
    ...{ name: poolName(place), engine, model, device, quantization, kvCacheDType },
    ...{ totalBlocks: numBlocks * place.numWorkers, blockSize, maxModelLen, vocabSize },
  };
}

function logBudget(log: Logger, budget: MemoryBudget, config: EngineKeys): void {
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
function ngramOptions(config: EngineKeys): NgramOptions | undefined {
  if (config.speculative === undefined || config.engine === "mocker") return undefined;
  return config;
}

function stepLimits(config: EngineKeys) {
  const { maxNumSeqs, maxNumBatchedTokens, blockSize } = config;
  const maxNumRows = maxNumSeqs + (ngramOptions(config) ? MAX_DRAFT_TOKENS : 0);
  return { maxNumSeqs, maxNumRows, maxNumBatchedTokens, blockSize };
}

/** No position that the model was not made for, whatever the configuration says; see docs/decisions/0002. */
function clampModelLen(config: EngineKeys, modelLen: number, log: Logger): number {
  const asked = config.maxModelLen ?? modelLen;
  if (asked > modelLen) {
    log.warn("max-model-len is beyond the model's context and was lowered to it", {
      "max-model-len": asked,
      context: modelLen,
    });
  }
  return Math.min(asked, modelLen);
}
