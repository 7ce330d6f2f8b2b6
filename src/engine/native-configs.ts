// The sizes of a KV pool and of an engine as the header's structs.

import { ENGINE_CONFIG, KV_POOL_CONFIG, KvDType } from "./abi.ts";
import type { KvCacheDType } from "./kv-cache-dtype.ts";
import type { RunnerLimits } from "./model-runner.ts";
import { maxRows } from "./step-batch.ts";
import { encode } from "./struct-layout.ts";

const KV_DTYPES = { float32: KvDType.F32, bfloat16: KvDType.BF16, int8: KvDType.INT8 } as const;

export interface PoolShape {
  readonly key: bigint;
  readonly numBlocks: number;
  readonly blockSize: number;
  readonly kvCacheDType: KvCacheDType;
}

export function poolConfig({ key, numBlocks, blockSize, kvCacheDType }: PoolShape): Uint8Array {
  return encode(KV_POOL_CONFIG, {
    key,
    num_blocks: numBlocks,
    block_size: blockSize,
    kv_dtype: KV_DTYPES[kvCacheDType],
    reserved: 0,
  });
}

export type StepLimits = Pick<
  RunnerLimits,
  "maxNumSeqs" | "maxNumRows" | "maxNumBatchedTokens" | "maxModelLen"
>;

export function engineConfig(limits: StepLimits): Uint8Array {
  return encode(ENGINE_CONFIG, {
    max_num_seqs: limits.maxNumSeqs,
    max_num_rows: maxRows(limits),
    max_num_batched_tokens: limits.maxNumBatchedTokens,
    max_model_len: limits.maxModelLen,
  });
}
