// A model on disk as the engine needs it: checked numbers, and where each tensor's bytes lie.

import { DynamoError } from "../base/error.ts";
import type { GenerationDefaults } from "../sampling/options.ts";
import type { DType } from "./dtype.ts";

/** A tensor as a file stores it, of whatever dtype. */
export interface StoredTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly path: string;
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly numBytes: number;
}

/** A tensor that is one piece of a file, or a weight that several pieces stand for. */
export type ModelTensor = TensorSlice | GroupedWeight;

/** A tensor's place in a file. The bounds were checked against the file's size. */
export interface TensorSlice {
  readonly type: "plain";
  readonly name: string;
  readonly dtype: DType;
  /** Row-major: the last size is a row's length. */
  readonly shape: readonly number[];
  readonly path: string;
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly numBytes: number;
}

/**
 * A weight [O outputs, I inputs] in 4 bits, with a scale and a zero point for each G inputs of an output. Eight
 * 4-bit numbers stand in an I32, the first in its lowest bits. Weight (o, i) of group g = i / G is
 *
 *     scales[g][o] * (q(o, i) - (z(g, o) + zeroOffset))
 *
 * - `gptq`: q(o, i) is number i % 8 of qweight[i / 8][o], and z(g, o) number o % 8 of qzeros[g][o / 8].
 * - `awq`: q(o, i) is number k of qweight[i][o / 8], and z(g, o) number k of qzeros[g][o / 8], where k is the
 *   place of o % 8 in the order 0, 2, 4, 6, 1, 3, 5, 7.
 */
export interface GroupedWeight {
  readonly type: "gptq" | "awq";
  readonly name: string;
  /** [O, I] */
  readonly shape: readonly number[];
  /** G */
  readonly groupSize: number;
  readonly zeroOffset: 0 | 1;
  /** `gptq`: [I / 8, O]; `awq`: [I, O / 8]. */
  readonly qweight: StoredTensor;
  /** [I / G, O / 8] */
  readonly qzeros: StoredTensor;
  /** [I / G, O] */
  readonly scales: TensorSlice;
  /** [I], the group of each input: i / G, as was checked. Not needed. */
  readonly groupIndex: StoredTensor | undefined;
  /** Sum over all pieces that are needed. */
  readonly numBytes: number;
}

/**
 * Places of the two halves of a rotated pair in a head's rows of the q and k projections.
 * `D` is the head size, `i` counts pairs, 0 to D/2 - 1.
 *
 * - `halves`: pair i is rows i and i + D/2. Hugging Face's order.
 * - `interleaved`: pair i is rows 2i and 2i + 1. GGUF files of architecture "llama" store q and k so.
 *
 * Both have the same rows in another order, and attention scores do not depend on it: row 2i + j of an
 * interleaved head is row j * D/2 + i of the same head in halves (j is 0 or 1).
 */
export type RopeLayout = "halves" | "interleaved";

/** The numbers and switches of a Llama-shaped decoder, checked and complete. */
export interface ModelConfig {
  /** The name of its family; see families.ts. */
  readonly architecture: string;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headSize: number;
  readonly rmsNormEps: number;
  /** q, k and v have a bias; the other projections never have one. */
  readonly attentionBias: boolean;
  /** Each head of q and k goes through an RMSNorm of its own, before the rotation. */
  readonly qkNorm: boolean;
  /** That norm is of all heads of a token as one. */
  readonly qkNormRows?: true;
  /** RMSNorms behind attention and MLP: besides those before them, or instead. */
  readonly postNorms?: "besides" | "instead";
  /** The weights w of all norms are stored as w - 1. */
  readonly normOffset?: 1;
  /** Function of the MLP's gate; SiLU where there is none. */
  readonly activation?: "gelu_tanh";
  /** Factor of the embedding. */
  readonly embeddingScale?: number;
  /** Factor of q K; 1 / sqrt(headSize) where there is none. */
  readonly attentionScale?: number;
  /** c of c tanh(x / c), which scores, and logits, become. */
  readonly attentionSoftcap?: number;
  readonly logitSoftcap?: number;
  readonly ropeTheta: number;
  readonly ropeScaling: RopeScaling | undefined;
  readonly ropeLayout: RopeLayout;
  /** Tokens that each token attends to, its own included; undefined is all before it. */
  readonly slidingWindow: number | undefined;
  /** Layers with a window and a rotary embedding of their own; the three above are those of the others. */
  readonly local?: LocalLayers;
  /** Longest context that the model was made for, in tokens. */
  readonly maxPositionEmbeddings: number;
  /** The head is the embedding matrix. */
  readonly tieWordEmbeddings: boolean;
  readonly bosTokenId: number | undefined;
  /** From all of the model's files that name any. */
  readonly eosTokenIds: readonly number[];
}

export interface LocalLayers extends Rotary {
  /** [numLayers] */
  readonly layers: readonly boolean[];
  readonly slidingWindow: number | undefined;
}

export interface Rotary {
  readonly ropeTheta: number;
  readonly ropeScaling: RopeScaling | undefined;
}

export type RopeScaling =
  | Llama3RopeScaling
  | LinearRopeScaling
  | YarnRopeScaling
  | RopeFactors
  | NoRope;

/** Nothing is rotated: the layers do not know where a token stands. */
export interface NoRope {
  readonly type: "none";
}

/** Llama 3.1's frequency-dependent scaling of the rotary embedding. */
export interface Llama3RopeScaling {
  readonly type: "llama3";
  readonly factor: number;
  readonly lowFreqFactor: number;
  readonly highFreqFactor: number;
  readonly originalMaxPositionEmbeddings: number;
}

/** Position interpolation (arXiv:2306.15595): all frequencies are divided by `factor`. */
export interface LinearRopeScaling {
  readonly type: "linear";
  readonly factor: number;
}

/** YaRN (arXiv:2309.00071): low frequencies are divided, and scores scaled. */
export interface YarnRopeScaling {
  readonly type: "yarn";
  readonly factor: number;
  readonly originalMaxPositionEmbeddings: number;
  /** Turns within the original context above which a frequency is kept. */
  readonly betaFast: number;
  /** Turns below which it is divided. */
  readonly betaSlow: number;
  /** Sine and cosine are multiplied by it. */
  readonly attentionFactor: number;
  /** The bounds between kept and divided pairs are rounded to whole pairs. */
  readonly truncate: boolean;
}

/** Scaling computed beforehand: the rotary frequency of pair i is divided by factor i. */
export interface RopeFactors {
  readonly type: "factors";
  /** [headSize / 2] */
  readonly factors: readonly number[];
}

/** Contents of a model's configuration files; its weights were not looked at. */
export interface ModelCard {
  /** Absolute path of a directory, or of a GGUF file. */
  readonly path: string;
  readonly config: ModelConfig;
  readonly generationDefaults: GenerationDefaults;
  /** Keys of its files that nothing reads and nothing is known of, as `config.json: key`. */
  readonly unusedKeys: readonly string[];
}

/** A model, opened and checked. */
export interface ModelFiles extends ModelCard {
  /**
   * The tensors that the engine needs, each with its right shape, by Hugging Face name:
   * `model.layers.0.self_attn.q_proj.weight` and so on. A tied model's one matrix is always under
   * `model.embed_tokens.weight`, whichever of its two names the file uses.
   */
  readonly tensors: ReadonlyMap<string, ModelTensor>;
  /** Weights that are packed already; then the tensors' own bytes are nowhere. */
  readonly packed?: PackedWeights;
}

/** The weights of a packed image; see packed-model.ts. */
export interface PackedWeights {
  readonly path: string;
  /** The instruction set that they are packed for, as the engine names it. */
  readonly isa: string;
  /** The engine's form of packed weights. */
  readonly packVersion: number;
  /** Which model they are of. */
  readonly key: bigint;
  /** Format that float weights were made into. */
  readonly quantization: "q8" | "q4" | undefined;
}

/** A model that cannot be served as it is. The message names the file, the place in it, and the cure. */
export class ModelError extends DynamoError {
  override readonly code = "model_not_loadable";
}

/** There is no model where one was asked for. */
export class ModelNotFoundError extends ModelError {}
