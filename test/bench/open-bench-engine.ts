// The engine as a worker has it, without server, for benches that measure its steps.

import { systemClock } from "../../src/base/clock.ts";
import { LLMEngine } from "../../src/engine/llm-engine.ts";
import { publishNativeLibrary } from "../../src/engine/native-library.ts";
import { openNativeRunner } from "../../src/engine/native-runner.ts";
import { MAX_DRAFT_TOKENS, type NgramOptions } from "../../src/engine/ngram-drafter.ts";
import { openModel } from "../../src/model/open-model.ts";
import type { PreprocessedRequest } from "../../src/protocol/llm.ts";
import { GREEDY } from "../engine/requests.ts";

const NUM_BLOCKS = 4096;

export async function openBenchEngine(
  model: string,
  { owner = 1, ngram }: { readonly owner?: number; readonly ngram?: NgramOptions } = {},
): Promise<LLMEngine> {
  const runner = await openNativeRunner({
    model: await openModel(model),
    library: publishNativeLibrary(),
    owner,
    totalBlocks: 2 * NUM_BLOCKS,
    poolName: "bench",
    kvCacheDType: "bfloat16",
    threads: undefined,
    limits: {
      maxNumSeqs: 64,
      maxNumRows: 64 + MAX_DRAFT_TOKENS,
      maxNumBatchedTokens: 2048,
      maxModelLen: 4096,
      blockSize: 16,
      firstBlock: (owner - 1) * NUM_BLOCKS,
      numBlocks: NUM_BLOCKS,
    },
  });
  const config = { enablePrefixCaching: false, maxWaiting: 100, maxStalled: 100, ngram };
  return new LLMEngine({ runner, config, clock: systemClock });
}

export function randomPrompt(length: number, seed: number): Int32Array {
  return Int32Array.from({ length }, (_, i) => 300 + (Math.imul(i + seed, 0x9e37_79b1) >>> 17));
}

export function requestFor(tokenIds: Int32Array, maxTokens: number): PreprocessedRequest {
  return {
    tenant: 1,
    tokenIds,
    sampling: GREEDY,
    stop: { maxTokens, minTokens: 0, stopTokenIds: [] },
  };
}
