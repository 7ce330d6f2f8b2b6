// Opens a model's files as the rounding reference computes them.

import { readFileSync } from "node:fs";

import type { ModelFiles, ModelTensor } from "../../../src/model/model-files.ts";
import { dequantise } from "../dequantise.ts";
import type { PoolType } from "./attention.ts";
import {
  type RoundedConfig,
  type RoundedMixture,
  type RoundedMlp,
  RoundedSequence,
  type RoundedWeights,
} from "./decoder.ts";
import type { RoundingFacts } from "./facts.ts";
import type { Floats } from "./floats.ts";
import { type RoundedMatrix, rowsToHalves } from "./matrix.ts";
import { groupedMatrixOf, matrixOf } from "./stored-matrix.ts";

export interface RoundedOptions {
  readonly quantization?: "q8" | "q4" | undefined;
  readonly pool: PoolType;
}

interface Place {
  readonly path: string;
  readonly offset: number;
  readonly numBytes: number;
}

/** The part that is read once; `start` begins a sequence by an instruction set's facts. */
export interface RoundedModel {
  start(facts: RoundingFacts): RoundedSequence;
}

export function openRounded(files: ModelFiles, options: RoundedOptions): RoundedModel {
  const { config } = files;
  const weights = new Reader(files, options).weights();
  const rounded: RoundedConfig = {
    hiddenSize: config.hiddenSize,
    headSize: config.headSize,
    numKvHeads: config.numKvHeads,
    eps: config.rmsNormEps,
    frequencies: Array.from(
      { length: config.headSize / 2 },
      (_, pair) => config.ropeTheta ** ((-2 * pair) / config.headSize),
    ),
    pool: options.pool,
    numExpertsPerToken: config.experts?.numExpertsPerToken ?? 0,
    normTopK: config.experts?.normTopK ?? false,
  };
  return { start: (facts) => new RoundedSequence(rounded, weights, facts) };
}

class Reader {
  readonly #files: ModelFiles;
  readonly #options: RoundedOptions;
  readonly #bytes = new Map<string, Buffer>();

  constructor(files: ModelFiles, options: RoundedOptions) {
    this.#files = files;
    this.#options = options;
  }

  weights(): RoundedWeights {
    const { config } = this.#files;
    const embedding = this.#matrix("model.embed_tokens");
    return {
      embedding,
      head: config.tieWordEmbeddings ? embedding : this.#matrix("lm_head"),
      finalNorm: this.#vector("model.norm.weight"),
      layers: Array.from({ length: config.numLayers }, (_, index) => this.#layer(index)),
    };
  }

  #layer(index: number): RoundedWeights["layers"][number] {
    const name = (rest: string) => `model.layers.${index}.${rest}`;
    return {
      attentionNorm: this.#vector(name("input_layernorm.weight")),
      q: this.#matrix(name("self_attn.q_proj")),
      k: this.#matrix(name("self_attn.k_proj")),
      v: this.#matrix(name("self_attn.v_proj")),
      qBias: this.#optional(name("self_attn.q_proj.bias")),
      kBias: this.#optional(name("self_attn.k_proj.bias")),
      vBias: this.#optional(name("self_attn.v_proj.bias")),
      qNorm: this.#optional(name("self_attn.q_norm.weight")),
      kNorm: this.#optional(name("self_attn.k_norm.weight")),
      o: this.#matrix(name("self_attn.o_proj")),
      mlpNorm: this.#vector(name("post_attention_layernorm.weight")),
      mlp: this.#files.config.experts?.layers[index]
        ? this.#mixture(name("mlp"))
        : this.#mlp(name("mlp")),
    };
  }

  #mlp(name: string): RoundedMlp {
    return {
      gate: this.#matrix(`${name}.gate_proj`),
      up: this.#matrix(`${name}.up_proj`),
      down: this.#matrix(`${name}.down_proj`),
    };
  }

  #mixture(name: string): RoundedMixture {
    const { numExperts = 0 } = this.#files.config.experts ?? {};
    return {
      router: this.#matrix(`${name}.gate`),
      experts: Array.from({ length: numExperts }, (_, expert) =>
        this.#mlp(`${name}.experts.${expert}`),
      ),
    };
  }

  #matrix(name: string): RoundedMatrix {
    const tensor = this.#tensor(`${name}.weight`);
    const matrix = tensor.type === "plain" ? this.#plain(name, tensor) : this.#grouped(tensor);
    const isTurned = /[qk]_proj$/.test(name) && this.#files.config.ropeLayout === "interleaved";
    return isTurned ? rowsToHalves(matrix, this.#files.config.headSize) : matrix;
  }

  #plain(name: string, tensor: ModelTensor & { readonly type: "plain" }): RoundedMatrix {
    const isVocabulary = !name.startsWith("model.layers.");
    const asked = this.#options.quantization;
    // The head and the embedding keep 8 bits.
    const quantization = name.endsWith(".gate")
      ? undefined // the router keeps its bits
      : isVocabulary && asked === "q4"
        ? "q8"
        : asked;
    const numInputs = tensor.shape.at(-1) as number;
    return matrixOf({ dtype: tensor.dtype, bytes: this.#read(tensor), numInputs }, quantization);
  }

  #grouped(weight: Exclude<ModelTensor, { type: "plain" }>): RoundedMatrix {
    if (weight.type === "mxfp4") throw new Error("no model here has experts in the hub's MXFP4");
    return groupedMatrixOf({
      weight,
      qweight: new Uint32Array(this.#read(weight.qweight).buffer),
      qzeros: new Uint32Array(this.#read(weight.qzeros).buffer),
      scales: dequantise(weight.scales.dtype, this.#read(weight.scales)),
    });
  }

  #vector(name: string): Floats {
    const vector = this.#optional(name);
    if (vector === undefined) throw new Error(`no tensor ${name}`);
    return vector;
  }

  #optional(name: string): Floats | undefined {
    const tensor = this.#files.tensors.get(name);
    if (tensor?.type !== "plain") return undefined;
    return Float32Array.from(dequantise(tensor.dtype, this.#read(tensor)));
  }

  #tensor(name: string): ModelTensor {
    const tensor = this.#files.tensors.get(name);
    if (tensor === undefined) throw new Error(`no tensor ${name}`);
    return tensor;
  }

  #read({ path, offset, numBytes }: Place): Uint8Array<ArrayBuffer> {
    const file = this.#bytes.get(path) ?? readFileSync(path);
    this.#bytes.set(path, file);
    return Uint8Array.from(file.subarray(offset, offset + numBytes));
  }
}
