// Speculation over the native runner: what is guessed changes how many steps an output takes, and nothing else.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { LLMEngine } from "../../src/engine/llm-engine.ts";
import type {
  ModelRunner,
  RunnerLimits,
  StepBatch,
  StepShape,
} from "../../src/engine/model-runner.ts";
import type { OnlineQuantization } from "../../src/engine/native-model.ts";
import { openNativeRunner } from "../../src/engine/native-runner.ts";
import type { NgramOptions } from "../../src/engine/ngram-drafter.ts";
import { positionOf } from "../../src/engine/step-batch.ts";
import type { ModelFiles } from "../../src/model/model-files.ts";
import { openModel } from "../../src/model/open-model.ts";
import type { PreprocessedRequest } from "../../src/protocol/llm.ts";
import { ManualClock } from "../manual-clock.ts";
import { builtLibrary, isBuilt } from "./native-build.ts";
import { answerOf, requestOf } from "./requests.ts";
import { randomNumbers, writeTinyModel } from "./tiny-model.ts";

const scratch = mkdtempSync(join(tmpdir(), "dynamo-speculation-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const VOCAB_SIZE = 12; // So small that texts repeat themselves.
const LIMITS = {
  maxNumSeqs: 6,
  maxNumRows: 30,
  maxNumBatchedTokens: 64,
  maxModelLen: 120,
  blockSize: 4,
  firstBlock: 0,
  numBlocks: 80, // Too few for six sequences: some are preempted.
};
const NGRAM: NgramOptions = {
  numSpeculativeTokens: 7,
  promptLookupMax: 4,
  promptLookupMin: 1,
  disableByBatchSize: 6,
};

describe.skipIf(!isBuilt)("speculation on the native engine (needs `npm run build`)", () => {
  for (const dtype of ["F32", "F16", "BF16"] as const) {
    for (const quantization of [undefined, "q8", "q4"] as const) {
      test(`gives the tokens of decoding one by one: ${dtype}, ${quantization ?? "as stored"}`, async () => {
        const directory = join(scratch, `${dtype}-${quantization}`);
        writeTinyModel(directory, { dtype, vocabSize: VOCAB_SIZE, seed: 30 });
        const model = await openModel(directory);
        const run = async (ngram: NgramOptions | undefined) => {
          const engine = engineOf(await openRunner(model, quantization), ngram);
          const running = engine.run();
          const answers = await Promise.all(
            requests().map((request) => answerOf(engine.generate(request))),
          );
          const stats = engine.stats();
          await engine.close();
          await running;
          return { tokenIds: answers.map((answer) => answer.tokenIds), stats };
        };
        const plain = await run(undefined);
        const guessing = await run(NGRAM);
        expect(guessing.tokenIds).toEqual(plain.tokenIds);
        expect(guessing.stats.acceptedTokensTotal).toBeGreaterThan(0);
        expect(guessing.stats.stepsTotal).toBeLessThan(plain.stats.stepsTotal);
      });
    }
  }
});

describe.skipIf(!isBuilt)("the log-probabilities (needs `npm run build`)", () => {
  for (const quantization of [undefined, "q8", "q4"] as const) {
    test(`are those of decoding one by one, bit by bit: ${quantization ?? "as stored"}`, async () => {
      const directory = join(scratch, `logprobs-${quantization}`);
      writeTinyModel(directory, { dtype: "BF16", vocabSize: VOCAB_SIZE, seed: 30 });
      const model = await openModel(directory);
      const run = async (ngram: NgramOptions | undefined) => {
        const runner = new RecordingRunner(await openRunner(model, quantization));
        const engine = engineOf(runner, ngram);
        const running = engine.run();
        const logprobs: number[][] = [];
        for (const request of requests()) {
          const { tokenIds } = await answerOf(engine.generate(request)); // one at a time
          const first = request.tokenIds.length;
          logprobs.push(tokenIds.map((_, i) => runner.logprobAt(first + i)));
        }
        const { acceptedTokensTotal } = engine.stats();
        await engine.close();
        await running;
        return { logprobs, acceptedTokensTotal };
      };
      const plain = await run(undefined);
      const guessing = await run(NGRAM);
      expect(plain.logprobs.flat().every((logprob) => logprob <= 0)).toBeTrue();
      expect(guessing.logprobs).toEqual(plain.logprobs);
      expect(guessing.acceptedTokensTotal).toBeGreaterThan(100);
    });
  }
});

function openRunner(model: ModelFiles, quantization: OnlineQuantization): Promise<ModelRunner> {
  return openNativeRunner({
    ...{ model, quantization, library: builtLibrary, owner: 1, threads: 2 },
    ...{ kvCacheDType: "bfloat16", totalBlocks: 80, poolName: "p", limits: LIMITS },
  });
}

function engineOf(runner: ModelRunner, ngram: NgramOptions | undefined): LLMEngine {
  const config = { enablePrefixCaching: true, maxWaiting: 100, maxStalled: 100, ngram };
  return new LLMEngine({ runner, config, clock: new ManualClock() });
}

/** Remembers what was said last of each position: after a wrong guess, a position is sampled again. */
class RecordingRunner implements ModelRunner {
  readonly limits: RunnerLimits;
  readonly batch: StepBatch;
  readonly #runner: ModelRunner;
  readonly #logprobs = new Map<number, number>();
  #numRows = 0;

  constructor(runner: ModelRunner) {
    this.#runner = runner;
    this.limits = runner.limits;
    this.batch = runner.batch;
  }

  submit(shape: StepShape): void {
    this.#numRows = shape.numRows;
    this.#runner.submit(shape);
  }

  async wait(): Promise<void> {
    await this.#runner.wait();
    const { rows, logprobs } = this.batch;
    for (let row = 0; row < this.#numRows; row++) {
      const position = positionOf(this.batch, rows.token.at(row));
      this.#logprobs.set(position + 1, logprobs[row] ?? Number.NaN);
    }
  }

  close(): void {
    this.#runner.close();
  }

  /** Log-probability of the token at a position. */
  logprobAt(position: number): number {
    return this.#logprobs.get(position) ?? Number.NaN;
  }
}

/** Greedy and seeded, with and without penalties, stop tokens and a minimum. */
function requests(): PreprocessedRequest[] {
  const random = randomNumbers(7);
  return Array.from({ length: 24 }, (_, i) => {
    const length = 1 + Math.floor(20 * (1 + random()));
    const prompt = Array.from({ length }, () => Math.floor((VOCAB_SIZE / 2) * (1 + random())));
    return requestOf(prompt, {
      sampling: {
        ...(i % 2 === 0 && { temperature: 0.7, topP: 0.9, seed: BigInt(i) }),
        ...(i % 3 === 0 && { presencePenalty: 0.3, frequencyPenalty: 0.1 }),
        ...(i % 4 === 0 && { repetitionPenalty: 1.1 }),
      },
      stop: { maxTokens: 70, ...(i % 5 === 0 && { stopTokenIds: [3], minTokens: 20 }) },
    });
  });
}
