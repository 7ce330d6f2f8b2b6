// The native runner as TypeScript meets it: right by the double-precision reference, the same bits
// always, and nothing left behind.

import { afterAll, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";

import { type KvCacheDType, kvCacheDTypeFor } from "../../src/engine/kv-cache-dtype.ts";
import { type ModelRunner, NO_SAMPLE, type RunnerLimits } from "../../src/engine/model-runner.ts";
import { openNativeRunner, progressReader, releaseOwner } from "../../src/engine/native-runner.ts";
import type { TensorSlice } from "../../src/model/model-files.ts";
import { openModel } from "../../src/model/open-model.ts";
import { ReferenceLlama } from "../reference/llama.ts";
import { hangLimit } from "../time-limits.ts";
import { builtLibrary, isBuilt } from "./native-build.ts";
import { fillGreedyRow } from "./requests.ts";
import { describeRunner } from "./runner.suite.ts";
import { type TinyModelOptions, writeTinyModel } from "./tiny-model.ts";

const tinyStories = join(import.meta.dir, "../../../shared/data/tinystories-656k");
const scratch = mkdtempSync(join(tmpdir(), "dynamo-native-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const LIMITS: Omit<RunnerLimits, "vocabSize"> = {
  maxNumSeqs: 4,
  maxNumBatchedTokens: 64,
  maxModelLen: 200,
  blockSize: 16,
  firstBlock: 0,
  numBlocks: 64,
};

interface OpenOptions {
  readonly owner?: number;
  readonly threads?: number;
  readonly kvCacheDType?: KvCacheDType;
  readonly quantization?: "q8" | "q4" | undefined;
  readonly limits?: Partial<typeof LIMITS>;
}

async function open(
  directory: string,
  { owner = 1, threads = 2, kvCacheDType = "float32", quantization, limits }: OpenOptions = {},
) {
  return openNativeRunner({
    model: await openModel(directory),
    quantization,
    library: builtLibrary,
    owner,
    threads,
    kvCacheDType,
    poolName: "test",
    totalBlocks: 64,
    limits: { ...LIMITS, ...limits },
  });
}

/** Opens a runner, and closes it however the test ends. */
async function withRunner(
  directory: string,
  options: OpenOptions,
  use: (runner: ModelRunner) => unknown,
): Promise<void> {
  const runner = await open(directory, options);
  try {
    await use(runner);
  } finally {
    runner.close();
  }
}

let numModels = 0;

function tinyModel(options: TinyModelOptions = {}): string {
  const directory = join(scratch, `model-${numModels++}`);
  writeTinyModel(directory, options);
  return directory;
}

interface Sequence {
  readonly tokenIds: number[];
  readonly blockIds: readonly number[];
  numComputed: number;
}

interface Sample {
  readonly id: number;
  readonly logprob: number;
}

function sequence(tokenIds: readonly number[], firstBlock = 0): Sequence {
  const blockIds = Array.from({ length: 13 }, (_, i) => firstBlock + i);
  return { tokenIds: [...tokenIds], blockIds, numComputed: 0 };
}

/** One greedy step over the next tokens of some sequences; the sample of each. */
async function step(
  runner: ModelRunner,
  chunks: readonly (readonly [Sequence, number])[],
): Promise<Sample[]> {
  const { batch, limits } = runner;
  const tableWidth = Math.ceil(limits.maxModelLen / limits.blockSize);
  let token = 0;
  for (const [s, [{ tokenIds, blockIds, numComputed }, numTokens]] of chunks.entries()) {
    for (let i = 0; i < numTokens; i++, token++) {
      batch.tokenIds[token] = tokenIds[numComputed + i] as number;
    }
    batch.queryStartLoc[s + 1] = token;
    batch.seqLens[s] = numComputed + numTokens;
    batch.blockTables.set(blockIds.slice(0, tableWidth), s * tableWidth);
    fillGreedyRow(batch, s, token - 1);
  }
  runner.submit({ numSeqs: chunks.length, numTokens: token, numRows: chunks.length });
  await runner.wait();
  return chunks.map(([sequence, numTokens], s) => {
    sequence.numComputed += numTokens;
    return { id: batch.sampledIds[s] as number, logprob: batch.logprobs[s] as number };
  });
}

/** Prefills in chunks and decodes greedily. */
async function generate(
  runner: ModelRunner,
  { tokenIds, numTokens, chunk = 64 }: GenerateOptions,
): Promise<Sample[]> {
  const one = sequence(tokenIds);
  const samples: Sample[] = [];
  while (samples.length < numTokens) {
    const numLeft = one.tokenIds.length - one.numComputed;
    const [sample] = await step(runner, [[one, Math.min(chunk, numLeft)]]);
    if (numLeft > chunk) continue;
    samples.push(sample as Sample);
    one.tokenIds.push((sample as Sample).id);
  }
  return samples;
}

interface GenerateOptions {
  readonly tokenIds: readonly number[];
  readonly numTokens: number;
  readonly chunk?: number;
}

const LLAMA3 = {
  rope_type: "llama3",
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 32,
};

const YARN = { rope_type: "yarn", factor: 4, original_max_position_embeddings: 64 };

const MODELS: Record<string, TinyModelOptions> = {
  "F32, tied": {},
  "F16, a head of its own": { dtype: "F16", tieWordEmbeddings: false, seed: 2 },
  "BF16, one KV head": { dtype: "BF16", numKvHeads: 1, seed: 3 },
  "as many KV heads as heads": { numKvHeads: 4, seed: 4 },
  "linear scaling": { ropeScaling: { rope_type: "linear", factor: 4 }, headSize: 16, seed: 10 },
  "YaRN scaling": { ropeScaling: YARN, ropeTheta: 100, headSize: 16, seed: 11 },
  "a sliding window, as in Mistral": { slidingWindow: 19, seed: 12 },
  "llama3 scaling": { ropeScaling: LLAMA3, ropeTheta: 500000, headSize: 16, seed: 5 },
  "odd sizes": {
    ...{ vocabSize: 101, hiddenSize: 30, intermediateSize: 37, numLayers: 3 },
    ...{ numHeads: 3, numKvHeads: 1, headSize: 10, seed: 6 },
  },
  "biases, as in Qwen2": { attentionBias: true, seed: 8 },
  "norms of q and k, as in Qwen3": { qkNorm: true, headSize: 16, seed: 9 },
  "a head size beside the hidden size": { hiddenSize: 20, headSize: 18, numLayers: 1, seed: 7 },
};

const PROMPT = Array.from({ length: 70 }, (_, i) => (i * i + 3) % 61);

test("K and V are as exact as the weights", () => {
  const tensor = (dtype: TensorSlice["dtype"]): TensorSlice => ({
    ...{ type: "plain", name: "t", dtype, shape: [1], path: "", offset: 0, numBytes: 4 },
  });
  expect(kvCacheDTypeFor([tensor("F32"), tensor("F32")])).toBe("float32");
  expect(kvCacheDTypeFor([tensor("F32"), tensor("BF16")])).toBe("bfloat16");
});

describe.skipIf(!isBuilt)("the native runner (needs `npm run build`)", () => {
  describeRunner("native", {
    open: async (limits) =>
      openNativeRunner({
        model: await openModel(tinyModel()),
        library: builtLibrary,
        owner: 1,
        threads: 2,
        kvCacheDType: "float32",
        poolName: "test",
        totalBlocks: 64,
        limits,
      }),
    samples: "by prompt",
  });

  for (const [name, options] of Object.entries(MODELS)) {
    // Activations are rounded to BF16 where the CPU multiplies it; the reference's are not.
    const digits = options.dtype === "BF16" ? 1 : 4;
    test(`samples what the reference samples: ${name}`, async () => {
      const directory = tinyModel(options);
      const expected = ReferenceLlama.load(directory).greedySamples(PROMPT, 30);
      await withRunner(directory, {}, async (runner) => {
        const samples = await generate(runner, { tokenIds: PROMPT, numTokens: 30 });
        expect(samples.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
        for (const [i, { logprob }] of samples.entries()) {
          expect(logprob).toBeCloseTo(expected[i]?.logprob as number, digits);
        }
      });
    });
  }

  test("samples what the reference samples, whatever form config.json has", async () => {
    const directory = tinyModel({
      tieWordEmbeddings: false,
      ropeTheta: 100,
      headSize: 16,
      seed: 13,
    });
    const expected = ReferenceLlama.load(directory).greedySamples(PROMPT, 10);
    const path = join(directory, "config.json");
    const { rope_theta, rope_scaling: _, ...config } = JSON.parse(readFileSync(path, "utf8"));
    const ofType = { rope_theta, rope_type: "default" };
    const rope_parameters = { full_attention: ofType, sliding_attention: ofType };
    const other = { ...config, tie_word_embeddings: true, rope_parameters };
    writeFileSync(path, JSON.stringify(other));
    await withRunner(directory, {}, async (runner) => {
      const samples = await generate(runner, { tokenIds: PROMPT, numTokens: 10 });
      expect(samples.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
    });
  });

  for (const [kvCacheDType, maxError] of [
    ["bfloat16", 0.05],
    ["int8", 0.05],
  ] as const) {
    test(`keeps the reference's log-probabilities within ${maxError}: K and V as ${kvCacheDType}`, async () => {
      const directory = tinyModel({ seed: 12, headSize: 16 });
      const reference = ReferenceLlama.load(directory);
      await withRunner(directory, { kvCacheDType }, async (runner) => {
        for (const tokenIds of [PROMPT, PROMPT.slice(3, 40), PROMPT.toReversed()]) {
          const [sample] = await generate(runner, { tokenIds, numTokens: 1 });
          const [expected] = reference.greedySamples(tokenIds, 1);
          expect(Math.abs((sample?.logprob ?? 0) - (expected?.logprob ?? 1))).toBeLessThan(
            maxError,
          );
        }
      });
    });
  }

  test("weights quantised online give log-probabilities near those of the weights as stored", async () => {
    const directory = tinyModel({ seed: 9 });
    const sampleWith = async (quantization: "q8" | "q4" | undefined) => {
      const runner = await openNativeRunner({
        model: await openModel(directory),
        quantization,
        kvCacheDType: "float32",
        library: builtLibrary,
        owner: 1,
        threads: 2,
        poolName: "test",
        totalBlocks: 64,
        limits: LIMITS,
      });
      try {
        const [sample] = await generate(runner, { tokenIds: PROMPT, numTokens: 1 });
        return sample?.logprob ?? Number.NaN;
      } finally {
        runner.close();
      }
    };
    const asStored = await sampleWith(undefined);
    const q8 = await sampleWith("q8");
    expect(q8).not.toBe(asStored);
    expect(q8).toBeCloseTo(asStored, 0);
    expect(await sampleWith("q4")).not.toBe(q8);
  });

  test.skipIf(!existsSync(tinyStories))(
    "samples what the reference samples: tinystories-656k (needs ../shared/data)",
    async () => {
      const reference = ReferenceLlama.load(tinyStories);
      const prompts = [
        [1],
        [1, 403, 407, 261, 378],
        Array.from({ length: 60 }, (_, i) => 300 + i * 7),
      ];
      await withRunner(tinyStories, {}, async (runner) => {
        for (const tokenIds of prompts) {
          const samples = await generate(runner, { tokenIds, numTokens: 120 });
          expect(samples.map(({ id }) => id)).toEqual(reference.greedy(tokenIds, 120));
        }
      });
    },
  );

  test("gives the same bits in any company, in any chunks, on any number of threads", async () => {
    const directory = tinyModel({ seed: 11 });
    const prompts = [PROMPT, PROMPT.slice(5, 30), PROMPT.slice(0, 1), PROMPT.toReversed()];
    const alone: Sample[][] = [];
    await withRunner(directory, { threads: 1 }, async (runner) => {
      for (const tokenIds of prompts)
        alone.push(await generate(runner, { tokenIds, numTokens: 6 }));
    });
    const schedule = fc.record({
      threads: fc.integer({ min: 1, max: 5 }),
      // Each number says which sequences go along in a step, and how far.
      turns: fc.infiniteStream(fc.nat()),
    });
    const property = fc.asyncProperty(schedule, async ({ threads, turns }) => {
      await withRunner(directory, { threads }, async (runner) => {
        expect(await generateTogether(runner, prompts, turns)).toEqual(alone);
      });
    });
    await fc.assert(property, { numRuns: 25 });
  });

  // Behind token 9 the residual is NaN, or from a layer's weights on; forms of 8 bits must not make a number of it.
  for (const [where, element] of [
    ["model.embed_tokens.weight", 9 * 32 + 5],
    ["model.layers.0.self_attn.q_proj.weight", 3],
    ["model.layers.0.self_attn.k_proj.weight", 3],
    ["model.layers.0.self_attn.v_proj.weight", 3],
    ["model.layers.0.mlp.up_proj.weight", 7],
    ["model.layers.1.self_attn.o_proj.weight", 11],
    ["model.norm.weight", 2],
    ["lm_head.weight", 40 * 32],
  ] as const) {
    test(`a NaN of ${where} gives no sample, whatever weights, K and V are held as`, async () => {
      const isEmbedding = where === "model.embed_tokens.weight";
      for (const dtype of ["F32", "F16", "BF16"] as const) {
        const directory = tinyModel({ dtype, tieWordEmbeddings: false, nan: [where, element] });
        for (const quantization of [undefined, "q8", "q4"] as const) {
          for (const kvCacheDType of ["float32", "bfloat16", "int8"] as const) {
            await withRunner(directory, { quantization, kvCacheDType }, async (runner) => {
              const broken = sequence([1, 9, 3, 4], 0);
              const good = sequence([1, 2, 3, 4], 13);
              const [first, second] = await step(runner, [
                [broken, 4],
                [good, 4],
              ]);
              const held = `${dtype} ${quantization} ${kvCacheDType}`;
              expect([held, first?.id]).toEqual([held, NO_SAMPLE]);
              if (isEmbedding) expect([held, second?.id]).not.toEqual([held, NO_SAMPLE]);
              else expect([held, second?.id]).toEqual([held, NO_SAMPLE]);
            });
          }
        }
      }
    });
  }

  test("a model is shared by its files, not by its name", async () => {
    const directory = tinyModel({ seed: 20 });
    const other = tinyModel({ seed: 21 });
    const one = await open(directory, { owner: 1 });
    const same = await open(directory, { owner: 2 });
    const different = await open(other, { owner: 3 });
    const options = { tokenIds: PROMPT, numTokens: 5 };
    const samples = await generate(one, options);
    expect(await generate(same, options)).toEqual(samples);
    expect(await generate(different, options)).not.toEqual(samples);
    for (const runner of [one, same, different]) runner.close();
  });

  test("a closed runner lends no memory", async () => {
    const runner = await open(tinyModel());
    const { batch } = runner;
    expect(batch.tokenIds.length).toBe(LIMITS.maxNumBatchedTokens);
    runner.close();
    for (const array of Object.values(batch)) expect(array.length).toBe(0);
    runner.close();
  });

  test("what a dead worker left is freed, in the middle of its step too", async () => {
    const directory = tinyModel();
    const abandoned = await open(directory, { owner: 7, threads: 1 });
    abandoned.batch.queryStartLoc[1] = 3;
    abandoned.batch.seqLens[0] = 3;
    abandoned.submit({ numSeqs: 1, numTokens: 3, numRows: 0 });
    await expect(open(directory, { owner: 8, threads: 3 })).rejects.toThrow(
      /runs 1 threads.*not 3/,
    );
    releaseOwner(builtLibrary, 7);
    await withRunner(directory, { owner: 8, threads: 3 }, (runner) => runner.batch);
  });

  test("a step tells from outside whether it goes on, and nothing once it is done", async () => {
    const progressOf = progressReader(builtLibrary);
    await withRunner(tinyModel(), { owner: 91 }, async (runner) => {
      expect(progressOf(91)).toBeUndefined();
      const seen = new Set<number>();
      const prompt = Array.from({ length: 60 }, (_, i) => i % 7);
      const watched: ModelRunner = {
        ...{ limits: runner.limits, batch: runner.batch, close: () => {} },
        submit: (shape) => {
          runner.submit(shape);
          const value = progressOf(91);
          if (value !== undefined) seen.add(value);
          expect(progressOf(92)).toBeUndefined();
        },
        wait: () => runner.wait(),
      };
      // A step may be over before it is looked at; two values are two looks at work that went on.
      for (let attempt = 0; attempt < hangLimit(5000) && seen.size < 2; attempt++) {
        await step(watched, [[sequence(prompt), prompt.length]]);
        expect(progressOf(91)).toBeUndefined();
      }
      expect(seen.size).toBe(2);
    });
  });

  test("a file that was cut after it was checked is an error that says which tensor", async () => {
    const directory = tinyModel();
    const model = await openModel(directory);
    truncateSync(join(directory, "model.safetensors"), 20000);
    const opening = () =>
      openNativeRunner({
        ...{ model, library: builtLibrary, owner: 1, threads: 1 },
        ...{ kvCacheDType: "float32", poolName: "test", totalBlocks: 64, limits: LIMITS },
      });
    await expect(opening()).rejects.toThrow(
      expect.objectContaining({
        code: "model_not_loadable",
        message: expect.stringMatching(/model .*: layer 0 .*: the file ends at byte 20000/),
      }),
    );
    rmSync(join(directory, "model.safetensors"));
    await expect(opening()).rejects.toThrow(/cannot open .*model\.safetensors/);
  });

  test("a tensor that is not there is an error with its name", async () => {
    const model = await openModel(tinyModel());
    const tensors = new Map(model.tensors);
    tensors.delete("model.layers.1.mlp.up_proj.weight");
    const opening = () =>
      openNativeRunner({
        ...{ model: { ...model, tensors }, library: builtLibrary, owner: 1, threads: 1 },
        ...{ kvCacheDType: "float32", poolName: "test", totalBlocks: 64, limits: LIMITS },
      });
    await expect(opening()).rejects.toThrow(/has no tensor model\.layers\.1\.mlp\.up_proj\.weight/);
  });

  test("a library in memory is one instance for all threads", async () => {
    const { publishInMemory } = await import("../../src/engine/native-library.ts");
    const library = publishInMemory(readFileSync(builtLibrary));
    const workers = [1, 2].map((owner) => {
      const worker = new Worker(new URL("./native-library.worker.ts", import.meta.url));
      const answer = new Promise<string>((resolve) => {
        worker.onmessage = ({ data }) => resolve(String(data));
      });
      worker.postMessage({ library, owner });
      return { worker, answer };
    });
    // Both ask for a device with as many threads as their number: one process has one device.
    const answers = await Promise.all(workers.map(({ answer }) => answer));
    expect(answers.toSorted()).toEqual(["open", "refused"]);
    for (const { worker } of workers) worker.terminate();
    for (const owner of [1, 2]) releaseOwner(library, owner);
  });
});

/** Runs several prompts to 6 samples each, in steps that `turns` composes. */
async function generateTogether(
  runner: ModelRunner,
  prompts: readonly (readonly number[])[],
  turns: Iterator<number>,
): Promise<Sample[][]> {
  const sequences = prompts.map((tokenIds, s) => sequence(tokenIds, s * 13));
  const samples: Sample[][] = prompts.map(() => []);
  while (samples.some((list) => list.length < 6)) {
    const chunks: [Sequence, number][] = [];
    let numLeftInStep = LIMITS.maxNumBatchedTokens;
    for (const [s, one] of sequences.entries()) {
      const turn = turns.next().value as number;
      if ((samples[s]?.length ?? 6) === 6 || turn % 3 === 0 || numLeftInStep === 0) continue;
      const numLeft = one.tokenIds.length - one.numComputed;
      const numTokens = Math.min(1 + (turn % numLeft), numLeftInStep);
      numLeftInStep -= numTokens;
      chunks.push([one, numTokens]);
    }
    if (chunks.length === 0) continue;
    for (const [i, sample] of (await step(runner, chunks)).entries()) {
      const [one] = chunks[i] as [Sequence, number];
      if (one.numComputed < one.tokenIds.length) continue;
      samples[sequences.indexOf(one)]?.push(sample);
      one.tokenIds.push(sample.id);
    }
  }
  return samples;
}
