// A model on disk as the engine needs it: checked numbers, and where each tensor's bytes lie.

import type { DType } from "./dtype.ts";

/** A tensor's place in a file. The bounds were checked against the file's size. */
export interface TensorSlice {
  readonly name: string;
  readonly dtype: DType;
  /** Row-major: the last size is a row's length. */
  readonly shape: readonly number[];
  readonly path: string;
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly numBytes: number;
}

/** Families whose decoder is Llama's but for the switches of `ModelConfig`. */
export type Architecture = "llama" | "mistral" | "qwen2" | "qwen3";

/**
 * Where the two halves of a rotated pair stand in a head's rows of the q and k projections.
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
  readonly architecture: Architecture;
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
  readonly ropeTheta: number;
  readonly ropeScaling: RopeScaling | undefined;
  readonly ropeLayout: RopeLayout;
  /** Longest context that the model was made for, in tokens. */
  readonly maxPositionEmbeddings: number;
  /** The head is the embedding matrix. */
  readonly tieWordEmbeddings: boolean;
  readonly bosTokenId: number | undefined;
  /** From config.json and generation_config.json together. */
  readonly eosTokenIds: readonly number[];
}

/** Llama 3.1's frequency-dependent scaling of the rotary embedding. */
export interface RopeScaling {
  readonly type: "llama3";
  readonly factor: number;
  readonly lowFreqFactor: number;
  readonly highFreqFactor: number;
  readonly originalMaxPositionEmbeddings: number;
}

/** Sampling defaults that a model's maker ships in generation_config.json. */
export interface GenerationDefaults {
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly repetitionPenalty?: number;
}

/** What a model's configuration files say; its weights were not looked at. */
export interface ModelCard {
  /** Absolute path of the directory. */
  readonly directory: string;
  readonly config: ModelConfig;
  readonly generationDefaults: GenerationDefaults;
}

/** A model directory, opened and checked. */
export interface ModelFiles extends ModelCard {
  /**
   * The tensors that the engine needs, each with its right shape, by Hugging Face name:
   * `model.layers.0.self_attn.q_proj.weight` and so on. A tied model's one matrix is always under
   * `model.embed_tokens.weight`, whichever of its two names the file uses.
   */
  readonly tensors: ReadonlyMap<string, TensorSlice>;
}
