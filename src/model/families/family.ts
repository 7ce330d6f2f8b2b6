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
  /** Undefined: no layer has experts, and a file that has them is refused. */
  readonly experts?: ExpertsRule;
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
  Pick<
    ModelConfig,
    "qkNormRows" | "postNorms" | "normOffset" | "activation" | "outputBias" | "attentionSinks"
  >
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
  /** `general.architecture`. A family with experts may share it with one without. */
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
 * - `where asked`: likewise, but a file without the key has none.
 * - `upper layers`: those from `max_window_layers` on, where `use_sliding_window` is true.
 *
 * - `all but every Nth`: without a switch.
 *
 * `layer_types` overrides all but the first.
 */
export type SlidingWindowRule =
  | "none"
  | "all layers"
  | "where asked"
  | "upper layers"
  | AllButEvery;

export interface AllButEvery {
  readonly type: "all but every Nth";
  readonly n: number;
}

/** Keys of config.json that say which experts there are; defaults are transformers'. */
export interface ExpertsRule {
  readonly count: { readonly key: string; readonly default: number };
  readonly perToken: { readonly key: string; readonly default: number };
  /** Inner size of an expert. */
  readonly size: { readonly key: string; readonly default?: number };
  /** The weights of a token's experts sum up to 1; `asked`: where `norm_topk_prob` is true. */
  readonly normTopK: "always" | "asked";
  /** `some`: not those of `mlp_only_layers`, and every `decoder_sparse_step`th of the others. */
  readonly layers: "all" | "some";
  /** Routers and experts have a bias. */
  readonly bias?: true;
  /** A bound of the activation, which must be this. */
  readonly limit?: { readonly key: string; readonly value: number };
  /** Further keys, which say the same again. */
  readonly others?: readonly string[];
}

/** The decoder's use of a tensor: `dyn_role` of the native header, in its words. */
export type TensorRole =
  | ("embedding" | "final_norm" | "head")
  | ("attention_norm" | "q" | "k" | "v" | "o" | "mlp_norm" | "gate" | "up" | "down")
  | ("q_bias" | "k_bias" | "v_bias" | "q_norm" | "k_norm")
  | ("post_attention_norm" | "post_mlp_norm")
  | ("router" | "router_bias" | "o_bias" | "sinks")
  | ("expert_gate" | "expert_up" | "expert_down")
  | ("expert_gate_bias" | "expert_up_bias" | "expert_down_bias");

/**
 * V vocabulary, H hidden size, I intermediate size, D head size, Q query heads x head size, K key-value heads x
 * head size, N query heads, E experts of a layer, M inner size of an expert.
 */
export type Extent = "V" | "H" | "I" | "D" | "Q" | "K" | "N" | "E" | "M";

/** The kinds of files, each with names of its own for the same tensors. */
export type FileFormat = "huggingFace" | "gguf";

/**
 * A tensor, or one of every layer: `*` in its names stands for the layer's index then, and a second one for the
 * expert's. An expert's tensor that has one `*` in its name is a slice of a tensor of all experts of the layer.
 */
export interface TensorRow extends Readonly<Record<FileFormat, string>> {
  readonly role: TensorRole;
  readonly shape: readonly Extent[];
  /** In the hub's files it is a part of tensors of all experts. */
  readonly merged?: MergedExperts;
  /** `layer` is 0 for what is no layer's. */
  readonly isThere: (config: ModelConfig, layer: number) => boolean;
}

/** `NAME_blocks` and `NAME_scales` are the weight in MXFP4, `NAME_bias` is the bias. */
export interface MergedExperts {
  readonly name: string;
  /** Rows of several matrices alternate: of so many, this is the one from `first` on. */
  readonly first: number;
  readonly step: number;
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

/** Norms behind attention and MLP, where several families have them. */
export const POST_NORM_TENSORS: readonly TensorRow[] = [
  row(
    "post_attention_norm",
    ["H"],
    "model.layers.*.post_attention_layernorm.weight",
    "blk.*.post_attention_norm.weight",
  ),
  row(
    "post_mlp_norm",
    ["H"],
    "model.layers.*.post_feedforward_layernorm.weight",
    "blk.*.post_ffw_norm.weight",
  ),
];
