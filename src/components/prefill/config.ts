// Configuration of a prefill worker. All that must be as in the workers, the model and the pool, it has from them.

import * as v from "valibot";

import { KV_CACHE_DTYPES } from "../../engine/kv-cache-dtype.ts";
import { count, key } from "../fields.ts";

export const PrefillWorkerConfig = v.strictObject({
  model: key(
    "The workers', and theirs unless given.",
    v.optional(v.pipe(v.string(), v.minLength(1))),
  ),
  engine: key(
    "The workers': `native` or `mocker`.",
    v.optional(v.picklist(["native", "mocker"]), "native"),
  ),
  blockSize: key("The workers', and theirs unless given.", v.optional(count())),
  maxModelLen: key("The workers', and theirs unless given.", v.optional(count())),
  quantization: key("The workers', and theirs unless given.", v.optional(v.picklist(["q8", "q4"]))),
  kvCacheDtype: key(
    "The workers', and theirs unless given.",
    v.optional(v.picklist(["auto", ...KV_CACHE_DTYPES])),
  ),
  maxNumBatchedTokens: key(
    "Tokens that one step may compute.",
    v.optional(v.pipe(count(), v.maxValue(1 << 20)), 2048),
  ),
  maxNumSeqs: key(
    "Prompts that it has at once: one is computed, the next is fetched meanwhile.",
    v.optional(v.pipe(count(), v.maxValue(4096)), 2),
  ),
  enforceEager: key(
    "On a GPU: launches each kernel by itself, instead of replaying captured steps. The outputs are the same; a CPU has no graphs.",
    v.optional(v.boolean(), false),
  ),
  threads: key(
    "Compute threads, as the workers'; they are the process's.",
    v.optional(v.union([v.literal("auto"), v.pipe(count(), v.maxValue(256))]), "auto"),
  ),
  speedupRatio: key(
    "For the mocker: how many times faster than its timing model.",
    v.optional(v.pipe(v.number(), v.gtValue(0)), 1),
  ),
});

export type PrefillWorkerConfig = v.InferOutput<typeof PrefillWorkerConfig>;
