// Opens what a prefill worker computes with, on a pool that is its workers'.

import { assert } from "../../base/assert.ts";
import { openModel } from "../../model/open-model.ts";
import type { ModelRunner } from "../model-runner.ts";
import type { EngineKeys, EnginePlace } from "./engine-keys.ts";
import type { KvPool } from "./kv-pool.ts";

type PrefillKeys = Pick<
  EngineKeys,
  "enforceEager" | "maxNumSeqs" | "maxNumBatchedTokens" | "speedupRatio" | "threads"
>;

export async function openPrefillRunner(
  pool: KvPool,
  config: PrefillKeys,
  { owner, clock, prepared }: Pick<EnginePlace, "owner" | "clock" | "prepared">,
): Promise<ModelRunner> {
  const { maxNumSeqs, maxNumBatchedTokens, speedupRatio, threads } = config;
  const { blockSize, maxModelLen, totalBlocks, vocabSize } = pool;
  const limits = {
    ...{ maxNumSeqs, maxNumBatchedTokens, blockSize, maxModelLen },
    ...{ firstBlock: 0, numBlocks: totalBlocks },
  };
  if (pool.engine === "mocker") {
    const { MockRunner } = await import("../mock-runner.ts");
    return new MockRunner({ limits: { ...limits, vocabSize }, clock, speedupRatio });
  }
  const { openNativeRunner } = await import("../native-runner.ts");
  const { library } = prepared;
  assert(library !== undefined, "the library is published before a worker that computes starts");
  return openNativeRunner({
    model: await openModel(pool.model),
    device: pool.device,
    eager: config.enforceEager,
    quantization: pool.quantization,
    library,
    owner,
    kvCacheDType: pool.kvCacheDType,
    threads: threads === "auto" ? undefined : threads,
    poolName: pool.name,
    totalBlocks,
    limits,
  });
}
