// The native library under a scheduler that stalls, preempts and shares: what comes out is, bit for bit, what each
// sequence gives alone.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { LLMEngine } from "../../src/engine/llm-engine.ts";
import { openNativeRunner } from "../../src/engine/native-runner.ts";
import { openModel } from "../../src/model/open-model.ts";
import type { PreprocessedRequest, TokenOutput } from "../../src/protocol/llm.ts";
import { ManualClock } from "../manual-clock.ts";
import { seededRandom } from "../seeded-random.ts";
import { hangLimit } from "../time-limits.ts";
import { builtLibrary, isBuilt } from "./native-build.ts";
import { answerOf, promptOf, requestOf } from "./requests.ts";
import { writeTinyModel } from "./tiny-model.ts";

const directory = mkdtempSync(join(tmpdir(), "dynamo-unread-"));
afterAll(() => rmSync(directory, { recursive: true }));

const REQUESTS = Array.from({ length: 10 }, (_, i) =>
  requestOf(promptOf(5 + ((i * 23) % 60), i), {
    tenant: i % 3,
    sampling: i % 2 === 0 ? {} : { temperature: 1, seed: BigInt(i) },
    stop: { maxTokens: 60 + i },
  }),
);

describe.skipIf(!isBuilt)("on the native library (needs native/build)", () => {
  writeTinyModel(directory, {});

  test.each([
    ["with", true],
    ["without", false],
  ] as const)(
    "readers that pause get the tokens of an undisturbed run, %s prefix cache",
    async (_, enablePrefixCaching) => {
      const alone: number[][] = [];
      await withEngine({ numBlocks: 64, enablePrefixCaching }, async ({ engine }) => {
        for (const request of REQUESTS)
          alone.push((await answerOf(engine.generate(request))).tokenIds);
      });
      await withEngine({ numBlocks: 24, enablePrefixCaching }, async ({ engine, clock }) => {
        const random = seededRandom(7);
        let numSeenStalled = 0;
        const together = await Promise.all(
          REQUESTS.map((request) =>
            readWithPauses(engine, request, async () => {
              for (let turn = Math.floor(200 * random()); turn > 0; turn--) {
                await clock.advance(300);
                numSeenStalled += engine.stats().numStalled;
              }
            }),
          ),
        );
        expect(together).toEqual(alone);
        expect(numSeenStalled).toBeGreaterThan(0);
        expect(engine.stats()).toMatchObject({ numStalled: 0, numBlocksUsed: 0 });
      });
    },
    hangLimit(60_000),
  );
});

interface Setting {
  readonly numBlocks: number;
  readonly enablePrefixCaching: boolean;
}

async function withEngine(
  { numBlocks, enablePrefixCaching }: Setting,
  use: (world: { readonly engine: LLMEngine; readonly clock: ManualClock }) => Promise<void>,
): Promise<void> {
  const clock = new ManualClock();
  const runner = await openNativeRunner({
    model: await openModel(directory),
    quantization: undefined,
    library: builtLibrary,
    ...{
      owner: 1,
      threads: 2,
      kvCacheDType: "float32",
      poolName: "unread",
      totalBlocks: numBlocks,
    },
    limits: {
      ...{ maxNumSeqs: 4, maxNumBatchedTokens: 32, maxModelLen: 160 },
      ...{ blockSize: 8, firstBlock: 0, numBlocks, vocabSize: 64 },
    },
  });
  const config = { enablePrefixCaching, maxWaiting: 100, maxStalled: 100 };
  const engine = new LLMEngine({ runner, config, clock });
  const running = engine.run();
  try {
    await use({ engine, clock });
  } finally {
    await engine.close();
    await running;
  }
}

/** Reads nothing for a while before its first, third and sixth output. */
async function readWithPauses(
  engine: LLMEngine,
  request: PreprocessedRequest,
  pause: () => Promise<void>,
): Promise<number[]> {
  const stream: AsyncIterable<TokenOutput> = engine.generate(request);
  const tokenIds: number[] = [];
  let numOutputs = 0;
  await pause();
  for await (const output of stream) {
    tokenIds.push(...output.tokenIds);
    numOutputs += 1;
    if (numOutputs === 2 || numOutputs === 5) await pause();
  }
  return tokenIds;
}
