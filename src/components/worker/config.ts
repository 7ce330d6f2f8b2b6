// The keys of a worker: vLLM's, as far as they mean something here, and Dynamo's.

import type { ConfigProblem } from "dynamo";
import * as v from "valibot";

import { KV_CACHE_DTYPES } from "../../engine/kv-cache-dtype.ts";
import type { EngineKind } from "../../engine/open/engine-keys.ts";
import { count, key, model } from "../fields.ts";

const ENGINES = ["native", "mocker", "scripted"] as const satisfies readonly EngineKind[];

export const VllmWorkerConfig = v.strictObject({
  model,
  engine: key(
    "`native` computes; `mocker` only takes the time that a GPU would; `scripted` says what `script` gives it (docs/scripted.md).",
    v.optional(v.picklist(ENGINES), "native"),
  ),
  device: key(
    "`cpu`, `cuda` or `cuda:N` (the Nth GPU that `CUDA_VISIBLE_DEVICES` leaves), or `auto`: the first GPU, where one is there and can run the model, else the CPU (docs/cuda.md).",
    v.optional(
      v.pipe(
        v.string(),
        v.regex(/^(auto|cpu|cuda(:\d{1,3})?)$/, "it must be auto, cpu, cuda or cuda:N"),
      ),
      "auto",
    ),
  ),
  script: key(
    "For the scripted engine: a YAML or JSON file of answers (docs/scripted.md). Default: one that says so.",
    v.optional(v.pipe(v.string(), v.minLength(1))),
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
  longPrefillTokenThreshold: key(
    "Most tokens of one prompt in a step. Default: as many as time allows (docs/performance.md).",
    v.optional(count()),
  ),
  speculative: key(
    "`ngram`: guesses tokens by what the text has said before, and verifies them in one step. Never changes an output.",
    v.optional(v.picklist(["ngram"])),
  ),
  numSpeculativeTokens: key(
    "Most tokens of a sequence that are guessed at once.",
    v.optional(v.pipe(count(), v.maxValue(24)), 7),
  ),
  promptLookupMax: key(
    "Last tokens that are looked up, at most.",
    v.optional(v.pipe(count(), v.maxValue(64)), 4),
  ),
  promptLookupMin: key(
    "Last tokens that must have stood there before; no more than `prompt-lookup-max`.",
    v.optional(v.pipe(count(), v.maxValue(64)), 2),
  ),
  disableByBatchSize: key(
    "While more sequences than this run, nothing is guessed: verifying would cost more than it saves.",
    v.optional(count(), 8),
  ),
  maxNumSeqs: key(
    "Sequences that may run at once; more wait.",
    v.optional(v.pipe(count(), v.maxValue(4096)), 256),
  ),
  maxQueueMs: key(
    "Milliseconds that a request may wait for its turn. One whose turn would come later, by the tokens ahead of it and the measured rate, is refused at once with 429 `queue_full` and a Retry-After (docs/operations.md). 0: no limit.",
    v.optional(v.pipe(count(0), v.maxValue(3_600_000)), 10_000),
  ),
  enablePrefixCaching: key(
    "Keeps the blocks of finished sequences for prompts that begin alike.",
    v.optional(v.boolean(), true),
  ),
  enforceEager: key(
    "On a GPU: launches each kernel by itself, instead of replaying captured steps. The outputs are the same; a CPU has no graphs.",
    v.optional(v.boolean(), false),
  ),
  gpuMemoryUtilization: key(
    "Share of the memory that weights, workspace and KV blocks may fill, the machine's or the GPU's, and no more than is free, where no size is given. Blocks that no sequence could fill are not made. The log says what decided (`kv-by`).",
    v.optional(v.pipe(v.number(), v.minValue(0.01), v.maxValue(1))),
  ),
  kvCacheMemoryBytes: key(
    "Bytes of KV blocks for each worker, as `2GB` or `1.5GiB`; goes before a share.",
    v.optional(count()),
  ),
  memoryLimit: key(
    "Memory that the whole process may fill, as `2GB` or `1.5GiB`: weights, KV blocks, workspace and what else it needs (docs/operations.md). A control group's limit is kept to by itself.",
    v.optional(count()),
  ),
  kvCacheDtype: key(
    "How K and V are held. `auto`: F32 for a model of F32, BF16 for any other. `int8` halves that, with a scale for each token and head.",
    v.optional(v.picklist(["auto", ...KV_CACHE_DTYPES]), "auto"),
  ),
  numGpuBlocksOverride: key(
    "KV blocks of each worker; goes before all sizes.",
    v.optional(count()),
  ),
  threads: key(
    "Compute threads, shared by all workers of the process. `auto`: one per CPU that it may use, by affinity and control groups.",
    v.optional(v.union([v.literal("auto"), v.pipe(count(), v.maxValue(256))]), "auto"),
  ),
  quantization: key(
    "Makes F32, F16 and BF16 weights into 8 or 4 bits when they are loaded. Default: they stay as stored.",
    v.optional(v.picklist(["q8", "q4"])),
  ),
  weightCache: key(
    "Keeps the packed weights of models from 64 MB on in ~/.cache/dynamo, for later starts.",
    v.optional(v.boolean(), true),
  ),
  weightCacheSize: key(
    "Most that all packed weights there may take, as `20GB`; those used last stay. Default: a tenth of what is free on the disk.",
    v.optional(count()),
  ),
  mapWeights: key(
    "Maps packed weights, an image's or cached ones, instead of reading them into memory of the process: for models near the size of memory (docs/operations.md). A decode step takes longer.",
    v.optional(v.boolean(), false),
  ),
  speedupRatio: key(
    "For the mocker: how many times faster than its timing model.",
    v.optional(v.pipe(v.number(), v.gtValue(0)), 1),
  ),
  remotePrefill: key(
    "Lets prefill workers compute prompts, in a graph that has some.",
    v.optional(v.boolean(), false),
  ),
  conditionalDisagg: key(
    "Only those prompts that pass the two limits below; else all.",
    v.optional(v.boolean(), false),
  ),
  maxLocalPrefillLength: key(
    "A prompt with more tokens than this that are not cached goes to a prefill worker. May change while it serves.",
    v.optional(count(0), 1000),
  ),
  maxPrefillQueueSize: key(
    "Unless so many wait there already. May change while it serves.",
    v.optional(count(0), 3),
  ),
});

export type VllmWorkerConfig = v.InferOutput<typeof VllmWorkerConfig>;

/** A script is for the engine that plays it; no other computes its prompts. */
export function scriptProblems(config: VllmWorkerConfig): readonly ConfigProblem[] {
  const { engine, script, remotePrefill } = config;
  const problems: ConfigProblem[] = [];
  if (engine !== "scripted" && script !== undefined) {
    const message = `the ${engine} engine plays no script; set engine to scripted, or remove it`;
    problems.push({ key: "script", message });
  }
  if (engine === "scripted" && remotePrefill) {
    const message =
      "a scripted engine has no K and V that prefill workers could compute; turn it off";
    problems.push({ key: "remotePrefill", message });
  }
  return problems;
}

/** No length of match lies between a minimum and a lower maximum. */
export function lookupProblems(config: VllmWorkerConfig): readonly ConfigProblem[] {
  const { speculative, promptLookupMin: min, promptLookupMax: max } = config;
  if (speculative === undefined || min <= max) return [];
  const message = `it is ${min}, above prompt-lookup-max, ${max}; lower the one or raise the other`;
  return [{ key: "promptLookupMin", message }];
}
