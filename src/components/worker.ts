// VllmWorker: one engine, its weights and its KV blocks. Bears vLLM's name since it takes vLLM's keys.
//
//   Processor --PreprocessedRequest--> VllmWorker --batches--> model runner (C++, or mocked)

import { configured, type EndedInstance, type FootprintScale, Service } from "dynamo";
import * as v from "valibot";

import { KV_CACHE_DTYPES } from "../engine/kv-cache-dtype.ts";
import type { LLMEngine } from "../engine/llm-engine.ts";
import type { KvReport } from "../protocol/kv-event.ts";
import type { PreprocessedRequest, TokenOutput } from "../protocol/llm.ts";
import type { ForwardPassMetrics } from "../protocol/metrics.ts";
import { count, key, model } from "./fields.ts";
import { freeMemory } from "./free-memory.ts";

export const VllmWorkerConfig = v.strictObject({
  model,
  engine: key(
    "`native` computes; `mocker` only takes the time that a GPU would.",
    v.optional(v.picklist(["native", "mocker"]), "native"),
  ),
  blockSize: key("Tokens per KV block.", v.optional(v.pipe(count(), v.maxValue(1024)), 16)),
  maxModelLen: key(
    "Longest sequence, prompt and output. Default: the model's context.",
    v.optional(count()),
  ),
  maxNumBatchedTokens: key(
    "Tokens that one step may compute, over all its sequences.",
    v.optional(v.pipe(count(), v.maxValue(1 << 20)), 2048),
  ),
  maxNumSeqs: key(
    "Sequences that may run at once; more wait.",
    v.optional(v.pipe(count(), v.maxValue(4096)), 256),
  ),
  enablePrefixCaching: key(
    "Keeps the blocks of finished sequences for prompts that begin alike.",
    v.optional(v.boolean(), true),
  ),
  enforceEager: key(
    "Accepted as vLLM's; there are no graphs to capture on a CPU.",
    v.optional(v.boolean(), false),
  ),
  gpuMemoryUtilization: key(
    "Share of the machine's memory that weights and KV blocks may fill, where no size is given.",
    v.optional(v.pipe(v.number(), v.minValue(0.01), v.maxValue(1))),
  ),
  kvCacheMemoryBytes: key("Bytes of KV blocks for each worker.", v.optional(count())),
  kvCacheDtype: key(
    "How K and V are held. `auto`: F32 for a model of F32, BF16 for any other. `int8` halves that, with a scale for each token and head.",
    v.optional(v.picklist(["auto", ...KV_CACHE_DTYPES]), "auto"),
  ),
  numGpuBlocksOverride: key(
    "KV blocks of each worker; goes before all sizes.",
    v.optional(count()),
  ),
  threads: key(
    "Compute threads, shared by all workers of the process. `auto`: one per CPU that it may use.",
    v.optional(v.union([v.literal("auto"), v.pipe(count(), v.maxValue(256))]), "auto"),
  ),
  quantization: key(
    "Makes F32, F16 and BF16 weights into 8 or 4 bits when they are loaded. Default: they stay as stored.",
    v.optional(v.picklist(["q8", "q4"])),
  ),
  speedupRatio: key(
    "For the mocker: how many times faster than its timing model.",
    v.optional(v.pipe(v.number(), v.gtValue(0)), 1),
  ),
});

export type VllmWorkerConfig = v.InferOutput<typeof VllmWorkerConfig>;

export interface WorkerLimits {
  /** Tokens that prompt and output may have together: by model, configuration and KV pool. */
  readonly maxModelLen: number;
  /** Tokens per KV block. */
  readonly blockSize: number;
}

/** What all workers of a service must see alike. */
export interface PreparedWorker {
  /** Path of the engine's library, the same for all threads; `undefined` where nothing computes. */
  readonly library: string | undefined;
  /** Memory that was free before the first worker started. */
  readonly freeBytes: number;
}

export class VllmWorker extends Service<PreparedWorker> {
  config = configured(VllmWorkerConfig);

  static override readonly leases = ["metrics"]; // the last of them, not those before

  #engine!: LLMEngine;

  static override async prepare(config: VllmWorkerConfig): Promise<PreparedWorker> {
    const freeBytes = freeMemory();
    if (config.engine === "mocker") return { library: undefined, freeBytes };
    const { publishNativeLibrary } = await import("../engine/native-library.ts");
    return { library: publishNativeLibrary(), freeBytes };
  }

  /** Frees what a dead worker held in the engine, after its running step has ended. */
  static override async release(
    { library }: PreparedWorker,
    { instanceId }: EndedInstance,
  ): Promise<void> {
    if (library === undefined) return;
    const { releaseOwner } = await import("../engine/native-runner.ts");
    releaseOwner(library, instanceId);
  }

  static override async footprint(config: VllmWorkerConfig, { numWorkers }: FootprintScale) {
    const { engineFootprint } = await import("./open-engine.ts");
    return engineFootprint(config, {
      service: VllmWorker.name,
      numWorkers,
      freeBytes: freeMemory(),
    });
  }

  override async start(): Promise<void> {
    const { openEngine } = await import("./open-engine.ts");
    this.#engine = await openEngine({
      config: this.config,
      context: this.context,
      log: this.log,
    });
    this.follow(this.#engine.run());
  }

  override async stop(): Promise<void> {
    await this.#engine.close("server_shutdown");
  }

  /** The tokens of one sequence as they are sampled. Leaving the loop frees its blocks. */
  generate(request: PreprocessedRequest): AsyncIterable<TokenOutput> {
    return this.#engine.generate(request);
  }

  limits(): WorkerLimits {
    return { maxModelLen: this.#engine.maxModelLen, blockSize: this.config.blockSize };
  }

  /** For routers: the blocks that it holds, then what it stores and removes, step by step. */
  kvEvents(): AsyncIterable<KvReport> {
    return this.#engine.kvEvents();
  }

  /** For routers: its load now, and again after each change, as fast as it is read. */
  metrics(): AsyncIterable<ForwardPassMetrics> {
    return this.#engine.watchMetrics();
  }
}
