// Memory of a worker's model: known before anything is loaded, and refused where it cannot fit.

import { totalmem } from "node:os";

import { DynamoError } from "../../base/error.ts";
import type { ModelFiles } from "../../model/model-files.ts";
import type { GpuFacts } from "../device.ts";
import { type KvCacheDType, kvCacheDTypeFor } from "../kv-cache-dtype.ts";
import { measure } from "../measure.ts";
import { MAX_DRAFT_TOKENS } from "../ngram-drafter.ts";
import type { EngineKeys } from "./engine-keys.ts";

/** For all workers of the service together, in bytes, but for the blocks. */
export interface MemoryBudget {
  readonly weights: number;
  readonly workspace: number;
  readonly kvCacheDType: KvCacheDType;
  readonly kvBlockBytes: number;
  /** KV blocks of one worker. Address space: a block takes memory from its first use on. */
  readonly numBlocks: number;
  /** The key or the fact that gave their number. */
  readonly kvBy: string;
  readonly kv: number;
  /** Least that weights, workspace and the fewest blocks that will do need. */
  readonly needed: number;
  readonly free: number;
}

export interface Demand {
  readonly service: string;
  /** Path that `publishNativeLibrary` returned: the engine counts what it takes. */
  readonly library: string;
  readonly model: ModelFiles;
  readonly numWorkers: number;
  /** RAM for this model. */
  readonly freeBytes: number;
  /** The GPU that computes, whose memory it is then that counts; undefined for the CPU. */
  readonly gpu?: GpuFacts | undefined;
  /** Models of the process (1). */
  readonly numModels?: number;
}

/** Share of the memory that is free at start, for the KV blocks of all models, where no size is given. */
const DEFAULT_KV_SHARE = 0.25;

/** Share of a GPU's memory that everything may fill, where no other is given: vLLM's. */
const DEFAULT_GPU_SHARE = 0.9;

/**
 * @throws {ModelNotLoadableError} what `measure` throws of a model
 * @throws {InvalidArgumentError} and of a limit that no engine could have
 */
export function planMemory(config: EngineKeys, demand: Demand): MemoryBudget {
  const { model, numWorkers, gpu, numModels = 1 } = demand;
  const free = gpu ? gpu.freeBytes : demand.freeBytes;
  const context = model.config.maxPositionEmbeddings;
  const maxModelLen = Math.min(config.maxModelLen ?? context, context);
  const kvCacheDType =
    config.kvCacheDtype === "auto" ? kvCacheDTypeFor(model.tensors.values()) : config.kvCacheDtype;
  const device = gpu && ({ kind: "cuda", ordinal: gpu.ordinal } as const);
  const sizes = measure({
    ...{ library: demand.library, device, model, quantization: config.quantization, kvCacheDType },
    threads: config.threads === "auto" ? undefined : config.threads,
    blockSize: config.blockSize,
    limits: {
      maxNumSeqs: config.maxNumSeqs,
      maxNumRows: config.maxNumSeqs + (config.speculative ? MAX_DRAFT_TOKENS : 0),
      maxNumBatchedTokens: config.maxNumBatchedTokens,
      maxModelLen,
    },
  });
  const { kvBlock: blockBytes } = sizes;
  // The system takes pages of a mapped image back when it needs them.
  const isMapped = config.mapWeights && model.packed !== undefined;
  const weights = isMapped ? 0 : sizes.image;
  const workspace = numWorkers * sizes.workspace;

  const blocksPerSequence = Math.ceil(maxModelLen / config.blockSize);
  // A length that was asked for must fit; the model's own is shortened to what does.
  const fewest = config.maxModelLen === undefined ? 1 : blocksPerSequence;
  const { numBlocks, by: kvBy } = isSized(config)
    ? sizedBlocks(config, blockBytes)
    : fittingBlocks(kvRoom(config, { weights, workspace, free, gpu, numModels }), {
        numWorkers,
        blockBytes,
        fewest,
        most: blocksPerSequence * config.maxNumSeqs,
      });
  const numNeeded = isSized(config) ? numBlocks : fewest;
  return {
    weights,
    workspace,
    kvCacheDType,
    kvBlockBytes: blockBytes,
    numBlocks,
    kvBy,
    kv: numWorkers * numBlocks * blockBytes,
    needed: weights + workspace + numWorkers * numNeeded * blockBytes,
    free,
  };
}

/** @throws {ModelDoesNotFitError} */
export function checkFits(budget: MemoryBudget, config: EngineKeys, demand: Demand): void {
  if (budget.needed <= budget.free) return;
  throw new ModelDoesNotFitError(config.model, budget, adviceFor(budget, config, demand));
}

/** True if the KV blocks are as many as the configuration says, whatever is free. */
function isSized(config: EngineKeys): boolean {
  return config.numGpuBlocksOverride !== undefined || config.kvCacheMemoryBytes !== undefined;
}

interface Blocks {
  readonly numBlocks: number;
  readonly by: string;
}

/** Blocks of one worker: as many as were asked for, also where sequences can fill fewer. The rest keeps prefixes. */
function sizedBlocks(config: EngineKeys, blockBytes: number): Blocks {
  const { numGpuBlocksOverride, kvCacheMemoryBytes = 0 } = config;
  if (numGpuBlocksOverride !== undefined) {
    return { numBlocks: numGpuBlocksOverride, by: "num-gpu-blocks-override" };
  }
  const numBlocks = Math.max(1, Math.floor(kvCacheMemoryBytes / blockBytes));
  return { numBlocks, by: "kv-cache-memory-bytes" };
}

interface Room {
  /** For the KV blocks of all workers. */
  readonly bytes: number;
  readonly by: string;
}

interface BlockLimits {
  readonly numWorkers: number;
  readonly blockBytes: number;
  readonly fewest: number;
  /** More than all sequences together can fill. */
  readonly most: number;
}

function fittingBlocks({ bytes, by }: Room, limits: BlockLimits): Blocks {
  const { numWorkers, blockBytes, fewest, most } = limits;
  const fitting = Math.floor(bytes / numWorkers / blockBytes);
  if (fitting >= most) return { numBlocks: most, by: "max-num-seqs times max-model-len" };
  if (fitting < fewest) return { numBlocks: fewest, by: "max-model-len" };
  return { numBlocks: fitting, by };
}

function kvRoom(config: EngineKeys, scope: RoomScope): Room {
  const { weights, workspace, free, gpu, numModels } = scope;
  const fixed = weights + workspace;
  const { gpuMemoryUtilization: share, memoryLimit } = config;
  const left = { bytes: free - fixed, by: "free memory" };
  if (gpu !== undefined) {
    const by = share === undefined ? "90 % of the GPU's memory" : "gpu-memory-utilization";
    const bytes = (gpu.totalBytes * (share ?? DEFAULT_GPU_SHARE) - fixed) / numModels;
    return leastOf({ bytes, by }, left);
  }
  if (share !== undefined) {
    return leastOf({ bytes: totalmem() * share - fixed, by: "gpu-memory-utilization" }, left);
  }
  // The limit is there to be filled.
  if (memoryLimit !== undefined) return { bytes: left.bytes / numModels, by: "memory-limit" };
  return leastOf(
    { bytes: (free * DEFAULT_KV_SHARE) / numModels, by: defaultShare(numModels) },
    left,
  );
}

function leastOf(asked: Room, left: Room): Room {
  return asked.bytes < left.bytes ? asked : left;
}

interface RoomScope extends Pick<MemoryBudget, "weights" | "workspace" | "free"> {
  readonly numModels: number;
  readonly gpu: GpuFacts | undefined;
}

function defaultShare(numModels: number): string {
  const share = "a quarter of free memory";
  return numModels > 1 ? `${share} for ${numModels} models` : share;
}

/** Keys of sizes that were set and do not rule, each with what does. */
export function overruledSizes(
  config: EngineKeys,
  { kvBy }: Pick<MemoryBudget, "kvBy">,
): readonly string[] {
  const sizes = {
    "kv-cache-memory-bytes": config.kvCacheMemoryBytes,
    "gpu-memory-utilization": config.gpuMemoryUtilization,
  };
  return Object.entries(sizes)
    .filter(([key, value]) => value !== undefined && key !== kvBy)
    .map(([key, value]) => `${key}=${value} does not decide: ${kvBy} does`);
}

// --- advice ------------------------------------------------------------------------------------

interface Advice {
  /** As it is typed: `--VllmWorker.kv-cache-dtype=int8`. */
  readonly flag: string;
  readonly savedBytes: number;
}

const MAX_ADVICE = 3;
const SHORTEST_CONTEXT = 1024;
const SMALL_BATCH_TOKENS = 2048;

/** Other flags to set, the largest saving first. Each saving is of that one flag. */
export function adviceFor(
  budget: MemoryBudget,
  config: EngineKeys,
  demand: Demand,
): readonly Advice[] {
  const changes: readonly [key: string, value: unknown, MemoryBudget][] = [
    ...shorterContexts(budget, config, demand),
    ...variants(config, demand),
  ];
  return changes
    .map(([key, value, { needed }]) => ({
      flag: `--${demand.service}.${key}=${value}`,
      savedBytes: budget.needed - needed,
    }))
    .filter(({ savedBytes }) => savedBytes > 0.01 * budget.needed)
    .sort((a, b) => b.savedBytes - a.savedBytes)
    .slice(0, MAX_ADVICE);
}

/** The longest of the halved contexts that fits, or the shortest there is. */
function shorterContexts(
  budget: MemoryBudget,
  config: EngineKeys,
  demand: Demand,
): [string, unknown, MemoryBudget][] {
  let best: [string, unknown, MemoryBudget] | undefined;
  let maxModelLen = (config.maxModelLen ?? 0) / 2;
  for (; maxModelLen >= SHORTEST_CONTEXT; maxModelLen /= 2) {
    const value = Math.floor(maxModelLen);
    best = ["max-model-len", value, planMemory({ ...config, maxModelLen: value }, demand)];
    if (best[2].needed <= budget.free) break;
  }
  return best === undefined ? [] : [best];
}

function variants(config: EngineKeys, demand: Demand): [string, unknown, MemoryBudget][] {
  const found: [string, unknown, MemoryBudget][] = [];
  const offer = (key: string, value: unknown, change: Partial<EngineKeys>) =>
    found.push([key, value, planMemory({ ...config, ...change }, demand)]);
  if (demand.gpu === undefined) {
    // A GPU holds K and V, and weights, as BF16 alone.
    offer("kv-cache-dtype", "int8", { kvCacheDtype: "int8" });
    if (config.quantization !== "q4") {
      const quantization = config.quantization === undefined ? "q8" : "q4";
      offer("quantization", quantization, { quantization });
    }
  }
  if (config.maxNumBatchedTokens > SMALL_BATCH_TOKENS) {
    offer("max-num-batched-tokens", SMALL_BATCH_TOKENS, {
      maxNumBatchedTokens: SMALL_BATCH_TOKENS,
    });
  }
  const { numGpuBlocksOverride: blocks, kvCacheMemoryBytes: bytes } = config;
  if (blocks !== undefined && blocks > 1) {
    const half = Math.floor(blocks / 2);
    offer("num-gpu-blocks-override", half, { numGpuBlocksOverride: half });
  } else if (bytes !== undefined) {
    const half = Math.floor(bytes / 2);
    offer("kv-cache-memory-bytes", half, { kvCacheMemoryBytes: half });
  }
  if (demand.numWorkers > 1) {
    found.push(["ServiceArgs.workers", 1, planMemory(config, { ...demand, numWorkers: 1 })]);
  }
  return found;
}

/** The machine, or the control group around the process, has less free than the model needs. */
export class ModelDoesNotFitError extends DynamoError {
  override readonly code = "out_of_memory";

  constructor(model: string, budget: MemoryBudget, advice: readonly Advice[]) {
    const { weights, workspace, needed, free } = budget;
    const cures = advice.map(({ flag, savedBytes }) => `${flag} saves ${gigabytes(savedBytes)}`);
    super(
      `${model} needs ${gigabytes(needed)} of memory, and ${gigabytes(free)} are free: weights ` +
        `${gigabytes(weights)}, KV blocks ${gigabytes(needed - weights - workspace)}, workspace ` +
        `${gigabytes(workspace)}. ${cures.join(", ") || "Take a smaller model"}`,
    );
  }
}

/** Two digits after the point below 10 GB, one above. */
export function gigabytes(bytes: number): string {
  const gb = bytes / 1e9;
  return `${gb.toFixed(gb < 10 ? 2 : 1)} GB`;
}
