import { describe, expect, test } from "bun:test";
import { totalmem } from "node:os";
import * as v from "valibot";
import { VllmWorkerConfig } from "../../../src/components/worker/config.ts";
import {
  adviceFor,
  checkFits,
  type Demand,
  ModelDoesNotFitError,
  overruledSizes,
  planMemory,
} from "../../../src/engine/open/memory-budget.ts";
import type { DType } from "../../../src/model/dtype.ts";
import type { ModelFiles, ModelTensor } from "../../../src/model/model-files.ts";
import { builtLibrary, isBuilt } from "../native-build.ts";

const GB = 1e9;

const [HIDDEN, INTERMEDIATE, VOCAB, KV] = [4096, 14336, 128256, 1024];

/** The tensors of Llama 3.1 with 8 billion parameters, in no file. */
function tensorsOf(dtype: "BF16" | "Q4_0"): ReadonlyMap<string, ModelTensor> {
  const tensors = new Map<string, ModelTensor>();
  const add = (name: string, shape: readonly number[], bytesPerWeight: number, as: DType) => {
    const numBytes = shape.reduce((product, size) => product * size, 1) * bytesPerWeight;
    tensors.set(name, {
      ...{ type: "plain", name, dtype: as, shape: [...shape], path: "", offset: 0, numBytes },
    });
  };
  const matrix = (name: string, ...shape: number[]) =>
    add(`${name}.weight`, shape, dtype === "BF16" ? 2 : 18 / 32, dtype);
  const vector = (name: string) => add(`${name}.weight`, [HIDDEN], 4, "F32");
  matrix("model.embed_tokens", VOCAB, HIDDEN);
  matrix("lm_head", VOCAB, HIDDEN);
  vector("model.norm");
  for (let layer = 0; layer < 32; layer++) {
    const at = `model.layers.${layer}`;
    vector(`${at}.input_layernorm`);
    vector(`${at}.post_attention_layernorm`);
    for (const name of ["q_proj", "o_proj"]) matrix(`${at}.self_attn.${name}`, HIDDEN, HIDDEN);
    for (const name of ["k_proj", "v_proj"]) matrix(`${at}.self_attn.${name}`, KV, HIDDEN);
    for (const name of ["gate_proj", "up_proj"]) matrix(`${at}.mlp.${name}`, INTERMEDIATE, HIDDEN);
    matrix(`${at}.mlp.down_proj`, HIDDEN, INTERMEDIATE);
  }
  return tensors;
}

function llama8b(dtype: "BF16" | "Q4_0"): ModelFiles {
  return {
    path: "/models/8b",
    generationDefaults: {},
    unusedKeys: [],
    tensors: tensorsOf(dtype),
    config: {
      ...{ architecture: "llama", attentionBias: false, qkNorm: false, vocabSize: VOCAB },
      ...{ hiddenSize: HIDDEN, intermediateSize: INTERMEDIATE, numLayers: 32, numHeads: 32 },
      ...{ numKvHeads: 8, headSize: 128, rmsNormEps: 1e-5, ropeTheta: 5e5, ropeScaling: undefined },
      ...{ ropeLayout: "halves", slidingWindow: undefined, maxPositionEmbeddings: 131072 },
      ...{ tieWordEmbeddings: false, bosTokenId: 1, eosTokenIds: [2] },
    },
  };
}

const KV_TOKEN_BYTES = 32 * 8 * 2 * 128 * 2; // in BF16

const configOf = (changes: Partial<v.InferInput<typeof VllmWorkerConfig>>) =>
  v.parse(VllmWorkerConfig, { model: "/models/8b", ...changes });

const demandOf = (freeGb: number, dtype: "BF16" | "Q4_0" = "Q4_0", numWorkers = 1): Demand => ({
  ...{ service: "VllmWorker", library: builtLibrary, model: llama8b(dtype), numWorkers },
  freeBytes: freeGb * GB,
});

describe.skipIf(!isBuilt)("the budget of a model (needs `npm run build`)", () => {
  test("is a quarter of what is free for KV blocks, and never more than is left", () => {
    const ample = planMemory(configOf({}), demandOf(24));
    expect(ample.kv / (0.25 * 24 * GB)).toBeCloseTo(1, 3);
    const tight = planMemory(configOf({}), demandOf(6));
    expect(tight.weights + tight.workspace + tight.kv).toBeLessThanOrEqual(6 * GB);
    expect(tight.kv).toBeLessThan(0.25 * 6 * GB);
  });

  test("is a part of that quarter where the process has several models", () => {
    const both = planMemory(configOf({}), { ...demandOf(24), numModels: 2 });
    expect(both.kv / (0.125 * 24 * GB)).toBeCloseTo(1, 3);
    expect(both.kvBy).toBe("a quarter of free memory for 2 models");
  });

  test("holds a sequence of the length that was asked for, though the share would not", () => {
    const config = configOf({ maxModelLen: 16384 });
    const budget = planMemory(config, demandOf(8));
    expect(budget.numBlocks * 16).toBe(16384);
    expect(() => checkFits(budget, config, demandOf(8))).not.toThrow();
  });

  test("shortens the model's own context rather than refuse it", () => {
    const config = configOf({});
    const budget = planMemory(config, demandOf(5.5));
    checkFits(budget, config, demandOf(5.5));
    expect(budget.numBlocks * 16).toBeLessThan(131072);
  });

  test("is of the size that is configured, and the same for each worker", () => {
    const two = planMemory(configOf({ numGpuBlocksOverride: 100 }), demandOf(24, "Q4_0", 2));
    expect(two.numBlocks).toBe(100);
    expect(two.kv).toBe(2 * 100 * 16 * KV_TOKEN_BYTES);
    const bytes = planMemory(configOf({ kvCacheMemoryBytes: 2 * GB }), demandOf(24));
    expect(bytes.kv / (2 * GB)).toBeCloseTo(1, 2);
  });

  test("is as many bytes for each worker as kv-cache-memory-bytes says", () => {
    const config = configOf({ kvCacheMemoryBytes: 2 * GB, maxNumSeqs: 1, maxModelLen: 1024 });
    for (const workers of [1, 2]) {
      const budget = planMemory(config, demandOf(24, "Q4_0", workers));
      expect(budget.kv / (workers * 2 * GB)).toBeCloseTo(1, 2);
      expect(budget.kvBy).toBe("kv-cache-memory-bytes");
      expect(overruledSizes(config, budget)).toEqual([]);
    }
  });

  test("says which limit decides where gpu-memory-utilization does not", () => {
    const decide = (changes: Parameters<typeof configOf>[0], freeGb: number) => {
      const config = configOf({ gpuMemoryUtilization: 1, ...changes });
      const budget = planMemory(config, demandOf(freeGb));
      return { kv: budget.kv, said: overruledSizes(config, budget) };
    };
    const much = 1e6; // GB, so that the machine's memory is less
    const whole = decide({}, much);
    expect(whole.said).toEqual([]);
    expect(whole.kv).toBeGreaterThan(0.5 * (totalmem() - 10 * GB));
    expect(decide({}, 8).said).toEqual([
      "gpu-memory-utilization=1 does not decide: free memory does",
    ]);
    expect(decide({ maxNumSeqs: 1, maxModelLen: 64 }, much).said).toEqual([
      "gpu-memory-utilization=1 does not decide: max-num-seqs times max-model-len does",
    ]);
    expect(decide({ kvCacheMemoryBytes: GB }, 24).said).toEqual([
      "gpu-memory-utilization=1 does not decide: kv-cache-memory-bytes does",
    ]);
    expect(decide({ kvCacheMemoryBytes: GB, numGpuBlocksOverride: 9 }, 24).said).toEqual([
      `kv-cache-memory-bytes=${GB} does not decide: num-gpu-blocks-override does`,
      "gpu-memory-utilization=1 does not decide: num-gpu-blocks-override does",
    ]);
  });

  test("counts weights as they are packed", () => {
    const weights = (quantization: "q8" | "q4" | undefined) =>
      planMemory(configOf({ quantization }), demandOf(24, "BF16")).weights / 8.03e9;
    expect(weights(undefined)).toBeCloseTo(2, 3);
    expect(weights("q8")).toBeCloseTo(34 / 32, 3);
    const vocabulary = (2 * VOCAB * HIDDEN) / 8.03e9; // keeps 8 bits
    expect(weights("q4")).toBeCloseTo(18 / 32 + (vocabulary * 16) / 32, 3);
  });
});

describe.skipIf(!isBuilt)("a model that does not fit (needs `npm run build`)", () => {
  function refusal(freeGb: number, config: VllmWorkerConfig, dtype: "BF16" | "Q4_0" = "Q4_0") {
    const demand = demandOf(freeGb, dtype);
    const budget = planMemory(config, demand);
    try {
      checkFits(budget, config, demand);
    } catch (error) {
      expect(error).toBeInstanceOf(ModelDoesNotFitError);
      return (error as Error).message;
    }
    throw new Error("it fits");
  }

  test("is refused with what it needs, what is free, and what each flag saves", () => {
    const config = configOf({ maxModelLen: 32768, maxNumBatchedTokens: 16384 });
    const message = refusal(8, config);
    expect(message).toStartWith("/models/8b needs ");
    expect(message).toContain("8.00 GB are free: weights 4.52 GB, KV blocks 4.29 GB, workspace ");
    expect(message).toContain("--VllmWorker.max-model-len=8192 saves 3.28 GB");
    expect(message).toContain("--VllmWorker.kv-cache-dtype=int8 saves ");
    expect(message).toContain("--VllmWorker.max-num-batched-tokens=2048 saves ");
  });

  test("in floats may be quantised", () => {
    expect(refusal(10, configOf({}), "BF16")).toContain("--VllmWorker.quantization=q8 saves 7.6");
  });

  test("with blocks that were counted by hand may have fewer", () => {
    const message = refusal(8, configOf({ numGpuBlocksOverride: 4000 }));
    expect(message).toContain("--VllmWorker.num-gpu-blocks-override=2000 saves 4.19 GB");
  });

  test("fits when the advice is followed", () => {
    const config = configOf({ maxModelLen: 65536 });
    const demand = demandOf(8);
    const budget = planMemory(config, demand);
    const advice = adviceFor(budget, config, demand);
    const shorter = advice.find(({ flag }) => flag.includes("max-model-len"));
    const maxModelLen = Number(shorter?.flag.split("=")[1]);
    const followed = planMemory({ ...config, maxModelLen }, demand);
    expect(followed.needed).toBeLessThanOrEqual(followed.free);
    expect(budget.needed - followed.needed).toBe(shorter?.savedBytes ?? 0);
  });
});
