// A model family: how its files are recognised, what its configuration means where none says, and which
// tensors its decoder has. CONTRIBUTING has the recipe, docs/decisions/0049 says what a row grows into.

import { assert } from "../../base/assert.ts";
import type { ModelConfig, RopeLayout } from "../model-files.ts";

export interface Family {
  /** As in this code, in packed images, and as `model_type` in config.json of its text. */
  readonly name: string;
  /** The class that config.json names under `architectures`. */
  readonly architecture: string;
  /** Undefined where its GGUF files bear the name of another family. */
  readonly gguf: GgufFiles | undefined;
  /** In files as on the Hugging Face hub. */
  readonly ropeLayout: RopeLayout;
  readonly defaults: Defaults;
  readonly slidingWindow: SlidingWindowRule;
  /** Bias of q, k and v. `asked`: where `attention_bias` says so, or a GGUF file has it. */
  readonly attentionBias: "always" | "never" | "asked";
  /** Each head of q and k goes through an RMSNorm of its own. */
  readonly qkNorm: boolean;
  readonly tensors: readonly TensorRow[];
  /** Steps of its decoder beside Llama's. */
  readonly decoder?: Partial<Decoder>;
  /** Keys of config.json that it reads, and all others refuse. */
  readonly keys?: readonly FamilyKey[];
  /** A model of more than text, of which this family is the part that writes text. */
  readonly wrapper?: Wrapper;
}

/** As in `ModelConfig`. */
type Decoder = Required<
  Pick<ModelConfig, "qkNormRows" | "postNorms" | "normOffset" | "activation">
> & {
  /** The embedding is multiplied by the square root of the hidden size. */
  readonly scaledEmbedding: true;
  /** Rotary embedding of the layers with a window, where only some have one. */
  readonly localRope: LocalRope;
};

/**
 * - `own base`: from `rope_local_base_freq`, without scaling.
 * - `unscaled`: that of the others, without scaling.
 * - `alone`: the others have none.
 */
export type LocalRope = "own base" | "unscaled" | "alone";

export type FamilyKey =
  | ("query_pre_attn_scalar" | "attn_logit_softcapping" | "final_logit_softcapping")
  | ("sliding_window_pattern" | "rope_local_base_freq");

/** Its configuration is inside another, under `text_config`, and its tensors' names have a prefix. */
export interface Wrapper {
  readonly architecture: string;
  readonly modelType: string;
  /** Beginnings of the names of its tensors, and what they stand for. */
  readonly prefixes: Readonly<Record<string, string>>;
  /** Beginnings of the names of the others. */
  readonly others: readonly string[];
}

export interface GgufFiles {
  /** `general.architecture` */
  readonly architecture: string;
  readonly ropeLayout: RopeLayout;
  /** One layer in so many is global where the file has a window, the last of them; llama.cpp has the number in its code. */
  readonly globalEvery?: number;
  /** Layers of the model whose heads are scaled by the hidden size divided among them, as llama.cpp knows it. */
  readonly layersScaledByHidden?: number;
}

/** Defaults of transformers' configuration class; what has none here must be in the file. */
export interface Defaults {
  readonly maxPositionEmbeddings: number;
  /** Undefined is the hidden size divided among the heads. */
  readonly headSize?: number;
  readonly rmsNormEps?: number;
  readonly ropeTheta?: number;
  readonly tieWordEmbeddings?: true;
  readonly queryPreAttnScalar?: number;
  readonly attentionSoftcap?: number;
  readonly logitSoftcap?: number;
  /** Sizes that published files leave out. */
  readonly vocabSize?: number;
  readonly numHeads?: number;
  readonly numKvHeads?: number;
}

/**
 * Layers that attend to the last `sliding_window` tokens only.
 *
 * - `none`: the family has no window, and a file that gives it one is refused.
 * - `all layers`: each layer, without a switch.
 * - `upper layers`: those from `max_window_layers` on, where `use_sliding_window` is true.
 *
 * - `all but every Nth`: without a switch.
 *
 * `layer_types` overrides all but the first.
 */
export type SlidingWindowRule = "none" | "all layers" | "upper layers" | AllButEvery;

export interface AllButEvery {
  readonly type: "all but every Nth";
  readonly n: number;
}

/** The decoder's use of a tensor: `dyn_role` of the native header, in its words. */
export type TensorRole =
  | ("embedding" | "final_norm" | "head")
  | ("attention_norm" | "q" | "k" | "v" | "o" | "mlp_norm" | "gate" | "up" | "down")
  | ("q_bias" | "k_bias" | "v_bias" | "q_norm" | "k_norm")
  | ("post_attention_norm" | "post_mlp_norm");

/**
 * V vocabulary, H hidden size, I intermediate size, D head size, Q query heads x head size, K key-value heads x
 * head size.
 */
export type Extent = "V" | "H" | "I" | "D" | "Q" | "K";

/** The kinds of files, each with names of its own for the same tensors. */
export type FileFormat = "huggingFace" | "gguf";

/** A tensor, or one of every layer: `*` in its names stands for the layer's index then. */
export interface TensorRow extends Readonly<Record<FileFormat, string>> {
  readonly role: TensorRole;
  readonly shape: readonly Extent[];
  readonly isThere: (config: ModelConfig) => boolean;
}

export function row(
  role: TensorRole,
  shape: readonly Extent[],
  huggingFace: string,
  gguf: string,
  isThere: TensorRow["isThere"] = () => true,
): TensorRow {
  return { role, shape, huggingFace, gguf, isThere };
}

/** The name of a tensor; `*` stands for the layer, where it is of one. */
export function tensorName(
  { name, tensors }: Family,
  role: TensorRole,
  format: FileFormat,
): string {
  const found = tensors.find((one) => one.role === role);
  assert(found !== undefined, `the family ${name} has no tensor of the role ${role}`);
  return found[format];
}
