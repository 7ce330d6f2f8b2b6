// Opens what a prefill worker computes with, on a pool that is its workers'.

import type { ServiceContext } from "dynamo";

import { assert } from "../../base/assert.ts";
import type { ModelRunner } from "../../engine/model-runner.ts";
import { openModel } from "../../model/open-model.ts";
import type { PreparedWorker } from "../worker/prepared-worker.ts";
import type { PrefillWorkerConfig } from "./config.ts";
import type { KvPool } from "./kv-pool.ts";

export interface OpenPrefillOptions {
  readonly config: PrefillWorkerConfig;
  readonly context: ServiceContext<PreparedWorker>;
}

export async function openPrefillRunner(
  pool: KvPool,
  { config, context }: OpenPrefillOptions,
): Promise<ModelRunner> {
  const { maxNumSeqs, maxNumBatchedTokens, speedupRatio, threads } = config;
  const { blockSize, maxModelLen, totalBlocks, vocabSize } = pool;
  const limits = {
    ...{ maxNumSeqs, maxNumBatchedTokens, blockSize, maxModelLen },
    ...{ firstBlock: 0, numBlocks: totalBlocks },
  };
  if (pool.engine === "mocker") {
    const { MockRunner } = await import("../../engine/mock-runner.ts");
    return new MockRunner({ limits: { ...limits, vocabSize }, clock: context.clock, speedupRatio });
  }
  const { openNativeRunner } = await import("../../engine/native-runner.ts");
  const { library } = context.prepared;
  assert(library !== undefined, "the library is published before a worker that computes starts");
  return openNativeRunner({
    model: await openModel(pool.model),
    device: pool.device,
    eager: config.enforceEager,
    quantization: pool.quantization,
    library,
    owner: context.owner,
    kvCacheDType: pool.kvCacheDType,
    threads: threads === "auto" ? undefined : threads,
    poolName: pool.name,
    totalBlocks,
    limits,
  });
}
