// Our engine as a worker runs it: scheduler, native runner, attention, sampling, KV blocks; no HTTP and no threads
// of TypeScript beside. Prompts differ, so every sequence has K and V of its own.

import { systemClock } from "../../../src/base/clock.ts";
import { LLMEngine } from "../../../src/engine/llm-engine.ts";
import { publishNativeLibrary } from "../../../src/engine/native-library.ts";
import { openNativeRunner } from "../../../src/engine/native-runner.ts";
import { openModel } from "../../../src/model/open-model.ts";
import { GREEDY } from "../../engine/requests.ts";
import { type BenchEngine, CONTEXT } from "./bench-engine.ts";
import type { BenchModel } from "./bench-model.ts";

export const BLOCK_SIZE = 16;
export const NUM_BLOCKS = 1024;

export async function openOurs(model: BenchModel, threads: number): Promise<BenchEngine> {
  const { vocabSize } = model.shape;
  const runner = await openNativeRunner({
    model: await openModel(model.path),
    library: publishNativeLibrary(),
    owner: 1,
    poolName: "bench",
    totalBlocks: NUM_BLOCKS,
    kvCacheDType: "bfloat16",
    threads,
    limits: {
      maxNumSeqs: 64,
      maxNumBatchedTokens: 2048,
      maxModelLen: 4096,
      blockSize: BLOCK_SIZE,
      firstBlock: 0,
      numBlocks: NUM_BLOCKS,
    },
  });
  const config = { enablePrefixCaching: true, maxWaiting: 100, maxStalled: 100 };
  const engine = new LLMEngine({ runner, config, clock: systemClock });
  const running = engine.run();

  const randomPrompt = (length: number) =>
    Int32Array.from({ length }, () => Math.floor(Math.random() * vocabSize));

  /** When each token of the answer came. */
  const generate = async (tokenIds: Int32Array, maxTokens: number): Promise<number[]> => {
    const times: number[] = [];
    const stop = { maxTokens, minTokens: 0, stopTokenIds: [] };
    for await (const output of engine.generate({ tenant: 1, tokenIds, sampling: GREEDY, stop })) {
      for (const _ of output.tokenIds) times.push(performance.now());
    }
    return times;
  };

  return {
    async decode(batch, numSteps) {
      // Prompts are computed beforehand, so that all sequences begin to decode within a step or two.
      const prompts = Array.from({ length: batch }, () => randomPrompt(CONTEXT + 1));
      for (const prompt of prompts) await generate(prompt, 1);
      return commonRate(await Promise.all(prompts.map((prompt) => generate(prompt, numSteps + 2))));
    },
    async prefill(numTokens) {
      const begun = performance.now();
      await generate(randomPrompt(numTokens), 1);
      return (1000 * numTokens) / (performance.now() - begun);
    },
    async close() {
      await engine.close();
      await running;
    },
  };
}

/** Tokens a second while all sequences decode: from the last one's first token to the first one's last. */
function commonRate(all: readonly (readonly number[])[]): number {
  const from = Math.max(...all.map((times) => times[0] ?? Number.NaN));
  const to = Math.min(...all.map((times) => times.at(-1) ?? Number.NaN));
  let numTokens = 0;
  for (const times of all) numTokens += times.filter((time) => time > from && time <= to).length;
  return (1000 * numTokens) / (to - from);
}
