// The keys of config.json: those of transformers' configuration classes of the families, and what others add to them.

import type { Family } from "./families/family.ts";
import type { KeyRules } from "./key-rules.ts";

const READ = [
  ...["architectures", "model_type", "vocab_size", "hidden_size", "intermediate_size"],
  ...["num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim"],
  ...["rms_norm_eps", "hidden_act", "attention_bias", "mlp_bias", "max_position_embeddings"],
  ...["rope_theta", "rope_scaling", "rope_parameters", "partial_rotary_factor", "layer_types"],
  ...["sliding_window", "use_sliding_window", "max_window_layers", "quantization_config"],
  ...["tie_word_embeddings", "bos_token_id", "eos_token_id"],
];

/** For training, for Python, or for other heads than the one that samples tokens. */
const HARMLESS = [
  ...["pad_token_id", "unk_token_id", "sep_token_id", "tokenizer_class", "name_or_path"],
  ...["_name_or_path", "transformers_version", "torch_dtype", "dtype", "torchscript"],
  ...[
    "use_cache",
    "cache_implementation",
    "use_bfloat16",
    "tf_legacy_loss",
    "return_dict",
    "output_attentions",
  ],
  ...["output_hidden_states", "output_scores", "return_dict_in_generate", "attn_implementation"],
  ...["_attn_implementation", "_attn_implementation_autoset", "_flash_attn_2_enabled"],
  ...[
    "attention_dropout",
    "hidden_dropout",
    "hidden_dropout_prob",
    "residual_dropout",
    "resid_pdrop",
    "embd_pdrop",
  ],
  ...["attention_probs_dropout_prob", "initializer_range", "pretraining_tp"],
  ...["chunk_size_feed_forward", "gradient_checkpointing", "finetuning_task", "problem_type"],
  ...["id2label", "label2id", "task_specific_params", "prefix", "is_decoder"],
  ...["model_max_length", "max_sequence_length"],
  ...["unsloth_version", "unsloth_fixed", "unsloth_training_completed", "_unsloth_fixed"],
  ...["classifier_dropout", "num_labels", "bos_token", "eos_token", "trust_remote_code"],
  ...["router_aux_loss_coef", "z_loss", "use_flash_attn", "license", "transformers.js_config"],
];

/** Keys of other models' configurations, and the values with which they change nothing. */
const OFF: KeyRules["off"] = {
  ...none("clip_qkv", "attn_logit_softcapping", "final_logit_softcapping", "logits_soft_cap"),
  ...none("attention_multiplier", "query_pre_attn_scalar", "softmax_scale", "attention_scale"),
  ...none("attn_temperature_tuning", "floor_scale", "attn_scale", "llama_4_scaling"),
  ...none("scale_emb", "scale_depth", "dim_model_base", "mup_enabled", "mup_base_width"),
  ...none("use_qk_norm", "qk_norm", "qk_layernorm", "attn_output_gate", "attention_sinks"),
  ...none("num_experts", "num_local_experts", "n_routed_experts", "n_shared_experts"),
  ...none("num_nextn_predict_layers", "num_mtp_layers", "kv_lora_rank", "q_lora_rank"),
  ...none("no_rope_layers", "no_rope_layer_interval", "rope_local_base_freq", "rotary_dim"),
  ...none("rope_interleaved", "rope_interleave", "use_mrope", "mrope_section"),
  ...none("alibi", "use_alibi", "attention_chunk_size", "interleaved_sliding_window"),
  ...none("sliding_window_pattern", "_sliding_window_pattern", "full_attention_interval"),
  ...none("parallel_attn", "use_parallel_residual", "parallel_residual", "bias", "use_bias"),
  ...none("lm_head_bias", "qkv_bias", "o_bias", "attention_out_bias", "add_cross_attention"),
  ...none("is_encoder_decoder", "use_bidirectional_attention", "pruned_heads", "lora_config"),
  ...none("quantization", "compression_config", "text_config", "vision_config", "audio_config"),
  hidden_activation: ["silu", "swish"],
  activation_function: ["silu", "swish"],
  position_embedding_type: ["rope", "rotary"],
};

/** Factors, and switches that are on in every Llama. */
const FIXED: KeyRules["fixed"] = {
  ...Object.fromEntries(
    [
      ...["embedding_multiplier", "residual_multiplier", "logits_scaling", "logit_scale"],
      ...["embedding_scale", "residual_scale", "rotary_pct", "rotary_percent", "rope_percent"],
      ...["rope_ratio"],
    ].map((key) => [key, [1]]),
  ),
  is_causal: [true],
  scale_attn_weights: [true],
};

/** The rules for a family's own part of the file. */
export function configKeys({ keys = [], decoder }: Family): KeyRules {
  const own: string[] = [...keys];
  if (keys.includes("sliding_window_pattern")) own.push("_sliding_window_pattern");
  if (decoder?.activation !== undefined) own.push("hidden_activation");
  return { known: new Set([...READ, ...HARMLESS, ...own]), off: OFF, fixed: FIXED };
}

/** The rules for the file around it, where a model has more parts than its text. */
export const WRAPPER_KEYS: KeyRules = {
  known: new Set([
    ...[...READ, ...HARMLESS, "text_config", "vision_config", "audio_config"],
    ...["image_token_index", "boi_token_index", "eoi_token_index", "mm_tokens_per_image"],
    ...["image_token_id", "boi_token_id", "eoi_token_id", "cache_implementation"],
  ]),
  off: OFF,
  fixed: FIXED,
};

function none(...keys: readonly string[]): KeyRules["off"] {
  return Object.fromEntries(keys.map((key) => [key, []]));
}
