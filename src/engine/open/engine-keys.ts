// An engine as its worker describes it: keys of the configuration, its place among the workers of its service, and the
// state that these share. Types only.

import type { Clock } from "../../base/clock.ts";
import type { Device, GpuFacts } from "../device.ts";
import type { KvCacheDType } from "../kv-cache-dtype.ts";
import type { OnlineQuantization } from "../native-model.ts";

export type EngineKind = "native" | "mocker" | "scripted";

/** Keys that an engine is opened by. docs/config.md says what each means. */
export interface EngineKeys {
  readonly engine: EngineKind;
  readonly model: string;
  /** `auto`, `cpu`, `cuda` or `cuda:N`. */
  readonly device: string;
  readonly enforceEager: boolean;
  readonly blockSize: number;
  readonly maxModelLen?: number | undefined;
  readonly maxNumSeqs: number;
  readonly maxNumBatchedTokens: number;
  readonly longPrefillTokenThreshold?: number | undefined;
  readonly speculative?: "ngram" | undefined;
  readonly numSpeculativeTokens: number;
  readonly promptLookupMax: number;
  readonly promptLookupMin: number;
  readonly disableByBatchSize: number;
  /** 0: no bound. */
  readonly maxQueueMs: number;
  readonly enablePrefixCaching: boolean;
  readonly gpuMemoryUtilization?: number | undefined;
  readonly kvCacheMemoryBytes?: number | undefined;
  readonly memoryLimit?: number | undefined;
  readonly kvCacheDtype: KvCacheDType | "auto";
  readonly numGpuBlocksOverride?: number | undefined;
  readonly threads: number | "auto";
  readonly quantization?: OnlineQuantization;
  readonly weightCache: boolean;
  readonly weightCacheSize?: number | undefined;
  readonly mapWeights: boolean;
  readonly speedupRatio: number;
}

/** The device that a service computes on. */
export interface ChosenDevice {
  readonly device: Device;
  /** Facts of the GPU; undefined for the CPU. */
  readonly gpu?: GpuFacts | undefined;
  /** One line on why the CPU computes beside a GPU that could not; undefined where nothing is to be told. */
  readonly because?: string | undefined;
}

/** A model's part of the memory that the process could fill before the first worker started. */
export interface MemoryShare {
  /** All but what the other models of the process need. */
  readonly freeBytes: number;
  /** Models of the process: each takes as many KV blocks as leave room for those of the others. */
  readonly numModels: number;
}

/** State that all workers of a service must see alike. */
export interface PreparedEngine {
  /** Path of the engine's library, the same for all threads; `undefined` where nothing computes. */
  readonly library: string | undefined;
  readonly memory: MemoryShare;
  /** The device of all workers; `undefined` where a worker has it from others, or nothing computes. */
  readonly device?: ChosenDevice | undefined;
  /** Folder of packed weights; `undefined` where they are not kept. */
  readonly cacheDirectory: string | undefined;
}

/** A worker among those of its service. */
export interface EnginePlace {
  readonly namespace: string;
  readonly service: string;
  /** 1 to `numWorkers`. */
  readonly workerId: number;
  readonly numWorkers: number;
  /** Tag of what it owns in the native library. */
  readonly owner: number;
  readonly prepared: PreparedEngine;
  readonly clock: Clock;
}

/** The process's environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>;
