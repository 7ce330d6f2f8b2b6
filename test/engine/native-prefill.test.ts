// Two engines over one KV pool of the native library: one prefills into the blocks of the other. They give,
// bit for bit, what one engine alone gives.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { systemClock } from "../../src/base/clock.ts";
import { KV_CACHE_DTYPES, type KvCacheDType } from "../../src/engine/kv-cache-dtype.ts";
import { LLMEngine } from "../../src/engine/llm-engine.ts";
import { openNativeRunner } from "../../src/engine/native-runner.ts";
import { PrefillEngine } from "../../src/engine/prefill-engine.ts";
import type { RemotePrefill } from "../../src/engine/remote-prefill.ts";
import { openModel } from "../../src/model/open-model.ts";
import { builtLibrary, isBuilt } from "./native-build.ts";
import { answerOf, promptOf, requestOf } from "./requests.ts";
import { writeTinyModel } from "./tiny-model.ts";

const directory = mkdtempSync(join(tmpdir(), "dynamo-prefill-"));
afterAll(() => rmSync(directory, { recursive: true }));

const REQUESTS = [
  requestOf(promptOf(150), { stop: { maxTokens: 30 } }),
  requestOf(promptOf(97, 1), { sampling: { temperature: 1, seed: 7n }, stop: { maxTokens: 30 } }),
  requestOf([...promptOf(100), ...promptOf(20, 5)], { sampling: { repetitionPenalty: 1.3 } }),
  requestOf(promptOf(3, 2)),
];

describe.skipIf(!isBuilt)("one pool of the native library (needs native/build)", () => {
  writeTinyModel(directory, {});
  for (const kvCacheDType of KV_CACHE_DTYPES) {
    test(`whose K and V another engine writes as ${kvCacheDType} gives the same tokens`, async () => {
      const alone = await outputs({ kvCacheDType, poolName: "alone" });
      const together = await outputs({ kvCacheDType, poolName: "together", prefillIn: "together" });
      expect(together).toEqual(alone);
    });
  }

  test("is another one under another name: nothing that is written there is seen here", async () => {
    const kvCacheDType = "float32";
    const alone = await outputs({ kvCacheDType, poolName: "here" });
    const apart = await outputs({ kvCacheDType, poolName: "here", prefillIn: "elsewhere" });
    expect(apart[0]).not.toEqual(alone[0]);
  });
});

interface Pools {
  readonly kvCacheDType: KvCacheDType;
  readonly poolName: string;
  /** The pool of an engine that prefills, if there is one. */
  readonly prefillIn?: string;
}

/** Outputs of the requests, one after the other and without a prefix cache. */
async function outputs({ kvCacheDType, poolName, prefillIn }: Pools) {
  const open = async (owner: number, name: string) =>
    openNativeRunner({
      model: await openModel(directory),
      library: builtLibrary,
      owner,
      threads: 2,
      kvCacheDType,
      poolName: name,
      totalBlocks: 64,
      limits: {
        maxNumSeqs: 4,
        maxNumBatchedTokens: 64,
        maxModelLen: 200,
        blockSize: 16,
        firstBlock: 0,
        numBlocks: 64,
      },
    });
  const clock = systemClock;
  const prefill =
    prefillIn === undefined
      ? undefined
      : new PrefillEngine({ runner: await open(2, prefillIn), clock, device: "shared" });
  const engine = new LLMEngine({
    runner: await open(1, poolName),
    clock,
    config: { enablePrefixCaching: false, maxWaiting: 100, maxStalled: 100 },
    remotePrefill: prefill && remoteOf(prefill),
  });
  const running = [engine.run(), prefill?.run()];
  try {
    const answers = [];
    for (const request of REQUESTS)
      answers.push((await answerOf(engine.generate(request))).tokenIds);
    expect(engine.stats().remotePrefillsTotal).toBe(prefill === undefined ? 0 : REQUESTS.length);
    return answers;
  } finally {
    await engine.close();
    await prefill?.close();
    await Promise.all(running);
  }
}

function remoteOf(prefill: PrefillEngine): RemotePrefill {
  return {
    takes: () => true,
    begin(job, ended) {
      const task = prefill.prefill(job);
      task.done.then(
        () => ended("computed"),
        () => ended("not computed"),
      );
      return { recall: () => task.abort() };
    },
  };
}
