// Metadata keys of a GGUF file under the name of its architecture. llama.cpp reads some of them whatever the
// architecture is.

import { MODEL_PARAMETERS } from "../sampling/options.ts";
import type { Family } from "./families/family.ts";
import type { JsonObject } from "./json-object.ts";
import { checkKeys, isEmpty, type KeyRules } from "./key-rules.ts";

/** Read, or without a bearing on what is computed. */
const KNOWN = [
  ...["context_length", "embedding_length", "block_count", "feed_forward_length", "vocab_size"],
  ...["attention.head_count", "attention.head_count_kv", "attention.key_length"],
  ...["attention.value_length", "attention.layer_norm_rms_epsilon", "attention.sliding_window"],
  ...["rope.dimension_count", "rope.freq_base", "rope.scale_linear", "rope.scaling.type"],
  ...["rope.scaling.factor", "rope.scaling.original_context_length", "rope.scaling.attn_factor"],
  ...["rope.scaling.yarn_beta_fast", "rope.scaling.yarn_beta_slow", "rope.scaling.finetuned"],
  ...["expert_count", "tensor_data_layout", "pooling_type", "decoder_start_token_id"],
];

/** Features of other decoders. */
const OFF = [
  ...["attention.scale", "attention.max_alibi_bias", "attention.clamp_kqv"],
  ...["attention.sliding_window_pattern", "attention.temperature_scale"],
  ...["attention.temperature_length", "attention.q_lora_rank", "attention.kv_lora_rank"],
  ...["attention.relative_buckets_count", "attention.key_length_mla", "attention.shared_kv_layers"],
  ...["attention.rope_pattern", "attention.indexer.head_count", "full_attention_interval"],
  ...["attn_logit_softcapping", "final_logit_softcapping", "router_logit_softcapping"],
  ...["use_parallel_residual", "nextn_predict_layers", "n_deepstack_layers", "token_shift_count"],
  ...["expert_used_count", "expert_shared_count", "leading_dense_block_count"],
  ...["interleave_moe_layer_step", "swiglu_limits", "swiglu_clamp_exp", "ssm.state_size"],
  ...["rope.dimension_sections", "rope.dimension_count_per_layer", "rope.freq_base_per_layer"],
  ...["rope.freq_base_swa", "rope.scaling.yarn_log_multiplier"],
];

/** Read where only some layers of the family have a window. */
const WINDOW_KEYS = ["attention.sliding_window_pattern", "rope.freq_base_swa"];

/** Read where the family scales its scores and caps them. */
const SCORE_KEYS = ["attention.scale", "attn_logit_softcapping", "final_logit_softcapping"];

/** Factors; 0 is llama.cpp's word for not set. */
const FACTORS = [
  ...["logit_scale", "residual_scale", "embedding_scale", "attention.output_scale"],
  ...["attention.value_scale", "rope.scaling.yarn_ext_factor", "rope.scaling.yarn_attn_factor"],
];

/** Gives keys that nothing is known of. Throws `ModelError` at one that asks for another decoder. */
export function checkGgufKeys(metadata: JsonObject, family: Family): readonly string[] {
  const { gguf } = family;
  const named = (key: string) => `${gguf?.architecture}.${key}`;
  const own = [
    ...(gguf?.globalEvery === undefined ? [] : WINDOW_KEYS),
    ...(family.keys?.includes("query_pre_attn_scalar") ? SCORE_KEYS : []),
  ];
  const rules: KeyRules = {
    known: new Set([...KNOWN, ...own].map(named)),
    off: Object.fromEntries([
      ...OFF.map((key) => [named(key), []]),
      ...FACTORS.map((key) => [named(key), [1]]),
    ]),
    fixed: { [named("attention.causal")]: [true], "general.type": ["model"] },
  };
  const keys = metadata.keys().filter((key) => key.startsWith(named("")) || key === "general.type");
  return checkKeys(metadata, rules, keys);
}

/** Stands before the names of sampling parameters. */
export const GGUF_SAMPLING = "general.sampling.";

/** Used, or without a bearing while what they belong to is off. */
const KNOWN_SAMPLING = new Set([
  ...MODEL_PARAMETERS.map(({ gguf }) => gguf),
  ...["penalty_last_n", "xtc_threshold", "mirostat_tau", "mirostat_eta"],
]);

/** Keys that ask for a way to sample which is not here. */
export function unusedSamplingKeys(metadata: JsonObject): readonly string[] {
  return metadata
    .keys()
    .filter(
      (key) =>
        key.startsWith(GGUF_SAMPLING) && !KNOWN_SAMPLING.has(key.slice(GGUF_SAMPLING.length)),
    )
    .filter((key) => !isEmpty(metadata.get(key)));
}
