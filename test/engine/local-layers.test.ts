// Families with local layers and norms behind a block, from both formats, against a reference in double precision.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { ModelRunner, RunnerLimits } from "../../src/engine/model-runner.ts";
import { openNativeRunner } from "../../src/engine/native-runner.ts";
import { openModel } from "../../src/model/open-model.ts";
import { F32 } from "../model/gguf-writer.ts";
import { safetensorsFile, zeros } from "../model/safetensors-writer.ts";
import {
  type TinyFamilyOptions,
  tinyFamilyGguf,
  tinyFamilyTensors,
  writeTinyFamily,
} from "../model/tiny-family.ts";
import { type GemmaConfig, ReferenceGemma } from "../reference/gemma.ts";
import type { ReferenceSample } from "../reference/llama.ts";
import { hangLimit } from "../time-limits.ts";
import { builtLibrary, isBuilt } from "./native-build.ts";
import { fillGreedyRow } from "./requests.ts";
import { writeTinyModel } from "./tiny-model.ts";

const scratch = mkdtempSync(join(tmpdir(), "dynamo-local-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const LIMITS: Omit<RunnerLimits, "vocabSize"> = {
  ...{ maxNumSeqs: 2, maxNumBatchedTokens: 64, maxModelLen: 128 },
  ...{ blockSize: 16, firstBlock: 0, numBlocks: 16 },
};

const PROMPT = Array.from({ length: 70 }, (_, i) => (i * i + 3) % 61);
const NUM_TOKENS = 16;

const YARN = { rope_type: "yarn", factor: 4, original_max_position_embeddings: 64 };

const MODELS: Readonly<Record<string, TinyFamilyOptions>> = {
  "Gemma 2": { family: "gemma2", num_hidden_layers: 4 },
  "Gemma 2 with heads of 256": { family: "gemma2", head_dim: 256, seed: 2 },
  "Gemma 3": { family: "gemma3_text" },
  "Gemma 3 in BF16": { family: "gemma3_text", dtype: "BF16", hidden_size: 40, seed: 3 },
  "Gemma 3 with scaled global layers": {
    ...{ family: "gemma3_text", num_hidden_layers: 7, seed: 4 },
    rope_scaling: { rope_type: "linear", factor: 8 } as GemmaConfig["rope_scaling"],
  },
  "Gemma 3 270M's widths": {
    ...{ family: "gemma3_text", num_hidden_layers: 2, hidden_size: 640, head_dim: 256, seed: 11 },
    ...{ num_attention_heads: 2, num_key_value_heads: 1, query_pre_attn_scalar: 256 },
    layer_types: ["sliding_attention", "full_attention"],
  },
  "Gemma 3 1B's widths, in BF16": {
    ...{ family: "gemma3_text", num_hidden_layers: 1, hidden_size: 1152, head_dim: 256, seed: 12 },
    ...{
      num_attention_heads: 2,
      num_key_value_heads: 1,
      query_pre_attn_scalar: 256,
      dtype: "BF16",
    },
  },
  "OLMo 2": { family: "olmo2", num_hidden_layers: 2, seed: 5 },
  "OLMo 3": {
    ...{ family: "olmo3", seed: 6 },
    rope_scaling: YARN as GemmaConfig["rope_scaling"],
  },
  "EXAONE 4": { family: "exaone4", seed: 7 },
  "EXAONE 4 without a window": {
    ...{ family: "exaone4", num_hidden_layers: 2, seed: 8, sliding_window: null },
    layer_types: ["full_attention", "full_attention"],
  },
};

interface GgufModel extends TinyFamilyOptions {
  readonly metadata?: Parameters<typeof tinyFamilyGguf>[1];
}

const SCALE = { query_pre_attn_scalar: 8 };

const GGUF_MODELS: Readonly<Record<string, GgufModel>> = {
  "Gemma 2": { family: "gemma2", ...SCALE, num_hidden_layers: 3, seed: 20 },
  "Gemma 3": { family: "gemma3_text", ...SCALE, rope_local_base_freq: 10000, seed: 21 },
  "Gemma 3 with scaled global layers": {
    ...{ family: "gemma3_text", ...SCALE, rope_local_base_freq: 200, seed: 22 },
    rope_scaling: { rope_type: "linear", factor: 8 } as GemmaConfig["rope_scaling"],
    metadata: {
      ...{ "gemma3.rope.scaling.type": "linear", "gemma3.rope.scaling.factor": new F32(8) },
      "gemma3.rope.freq_base_swa": new F32(200),
    },
  },
  "OLMo 2": { family: "olmo2", num_hidden_layers: 2, seed: 23 },
  "OLMo 3": {
    ...{ family: "olmo3", seed: 24 },
    rope_scaling: YARN as GemmaConfig["rope_scaling"],
    metadata: {
      ...{ "olmo2.rope.scaling.type": "yarn", "olmo2.rope.scaling.factor": new F32(4) },
      "olmo2.rope.scaling.original_context_length": 64,
    },
  },
  "EXAONE 4": { family: "exaone4", seed: 25 },
  "EXAONE 4 with a list of its local layers": {
    ...{ family: "exaone4", seed: 26, num_hidden_layers: 3 },
    layer_types: ["full_attention", "sliding_attention", "full_attention"],
    metadata: { "exaone4.attention.sliding_window_pattern": [false, true, false] },
  },
  "Gemma 2 with another number of local layers": {
    ...{ family: "gemma2", ...SCALE, seed: 27, num_hidden_layers: 3 },
    layer_types: ["sliding_attention", "sliding_attention", "full_attention"],
    metadata: { "gemma2.attention.sliding_window_pattern": 3 },
  },
};

let numModels = 0;

function newPath(): string {
  return join(scratch, `model-${numModels++}`);
}

interface Theft {
  /** Positions before this one lie in a block of another sequence once the prompt is computed. */
  readonly stolenBefore: number;
}

async function samplesOf(
  path: string,
  chunk = 64,
  { stolenBefore }: Theft = { stolenBefore: 0 },
): Promise<ReferenceSample[]> {
  const runner = openNativeRunner({
    ...{ model: await openModel(path), library: builtLibrary, owner: 1, threads: 2 },
    ...{ kvCacheDType: "float32", poolName: "test", totalBlocks: 16, limits: LIMITS },
  });
  try {
    return await generate(await runner, chunk, stolenBefore);
  } finally {
    (await runner).close();
  }
}

/** Prefills in chunks and decodes greedily. */
async function generate(
  runner: ModelRunner,
  chunk: number,
  stolenBefore: number,
): Promise<ReferenceSample[]> {
  const { batch } = runner;
  const tokenIds = [...PROMPT];
  const samples: ReferenceSample[] = [];
  let numComputed = 0;
  batch.blockTables.set([5, 4, 3, 2, 1, 0, 7, 6]);
  while (samples.length < NUM_TOKENS) {
    const numTokens = Math.min(chunk, tokenIds.length - numComputed);
    batch.tokenIds.set(tokenIds.slice(numComputed, numComputed + numTokens));
    numComputed += numTokens;
    batch.queryStartLoc[1] = numTokens;
    batch.seqLens[0] = numComputed;
    fillGreedyRow(batch, 0, numTokens - 1);
    runner.submit({ numSeqs: 1, numTokens, numRows: 1 });
    await runner.wait();
    if (numComputed < tokenIds.length) continue;
    const id = batch.sampledIds[0] as number;
    samples.push({ id, logprob: batch.logprobs[0] as number });
    tokenIds.push(id);
    batch.blockTables.fill(15, 0, stolenBefore / LIMITS.blockSize);
  }
  return samples;
}

function expectSamples(
  samples: readonly ReferenceSample[],
  expected: readonly ReferenceSample[],
  digits: number,
) {
  expect(samples.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
  for (const [i, { logprob }] of samples.entries()) {
    expect(logprob).toBeCloseTo(expected[i]?.logprob as number, digits);
  }
}

describe.skipIf(!isBuilt)("a family with layers of its own (needs `npm run build`)", () => {
  for (const [name, options] of Object.entries(MODELS)) {
    // Activations are rounded to BF16 where the CPU multiplies it; the reference's are not.
    const digits = options.dtype === "BF16" ? 1 : 4;

    const claim = async () => {
      const directory = newPath();
      writeTinyFamily(directory, options);
      const expected = ReferenceGemma.load(directory).greedySamples(PROMPT, NUM_TOKENS);
      const samples = await samplesOf(directory);
      expectSamples(samples, expected, digits);
      expect(await samplesOf(directory, 9)).toEqual(samples);
    };
    test(`samples what the reference samples: ${name}`, claim, hangLimit(60_000));
  }

  test.each(Object.entries(GGUF_MODELS))("reads it from GGUF files: %s", async (_, model) => {
    const { metadata = {}, ...options } = model;
    const [directory, path] = [newPath(), `${newPath()}.gguf`];
    writeTinyFamily(directory, options);
    writeFileSync(path, tinyFamilyGguf(options, metadata));
    const expected = ReferenceGemma.load(directory).greedySamples(PROMPT, NUM_TOKENS);
    expectSamples(await samplesOf(path), expected, 4);
  });

  test("blocks that all windows have left are not read", async () => {
    const directory = newPath();
    writeTinyModel(directory, { slidingWindow: 6, seed: 12 });
    const samples = await samplesOf(directory);
    expect(await samplesOf(directory, 64, { stolenBefore: 64 })).toEqual(samples);
    expect(await samplesOf(directory, 64, { stolenBefore: 80 })).not.toEqual(samples);
  });

  test("a text that is a part of a larger model", async () => {
    const options = { family: "gemma3_text", num_hidden_layers: 2, seed: 9 } as const;
    const alone = newPath();
    const { architectures: _, ...text } = writeTinyFamily(alone, options);
    const expected = ReferenceGemma.load(alone).greedySamples(PROMPT, NUM_TOKENS);
    for (const nameOf of [
      (name: string) => `language_model.${name}`,
      (name: string) => name.replace(/^model/, "model.language_model"),
    ]) {
      const whole = newPath();
      writeWrapped(whole, options, { text, nameOf });
      expectSamples(await samplesOf(whole), expected, 4);
    }
  });

  test("the configurations of transformers 4, 5 and before give the same bits", async () => {
    const options = { family: "gemma3_text", seed: 10 } as const;
    const directory = newPath();
    const { layer_types, ...config } = writeTinyFamily(directory, options);
    const expected = await samplesOf(directory);
    const { rope_theta, rope_local_base_freq, ...rest } = config;
    const rope_parameters = {
      full_attention: { rope_type: "default", rope_theta },
      sliding_attention: { rope_type: "default", rope_theta: rope_local_base_freq },
    };
    for (const other of [
      { ...config, sliding_window_pattern: 6 },
      { ...config, _sliding_window_pattern: 6 },
      { ...rest, layer_types, rope_parameters },
    ]) {
      writeFileSync(join(directory, "config.json"), JSON.stringify(other));
      expect(await samplesOf(directory)).toEqual(expected);
    }
  });
});

interface Wrapped {
  readonly text: object;
  readonly nameOf: (name: string) => string;
}

function writeWrapped(
  directory: string,
  options: TinyFamilyOptions,
  { text, nameOf }: Wrapped,
): void {
  const tensors = Object.entries(tinyFamilyTensors(options)).map(([name, tensor]) => [
    nameOf(name),
    tensor,
  ]);
  const image = { "vision_tower.encoder.weight": zeros("F32", [4, 4]) };
  mkdirSync(directory);
  writeFileSync(
    join(directory, "model.safetensors"),
    safetensorsFile({ ...Object.fromEntries(tensors), ...image }),
  );
  writeFileSync(
    join(directory, "config.json"),
    JSON.stringify({
      architectures: ["Gemma3ForConditionalGeneration"],
      ...{ model_type: "gemma3", text_config: text, vision_config: { hidden_size: 4 } },
    }),
  );
}
