import type { JsonObject } from "./json-object.ts";
import { isEmpty } from "./key-rules.ts";
import type { GenerationDefaults } from "./model-files.ts";
import { whole, within } from "./value-schemas.ts";

/** Used, or without a bearing on the text. */
const KNOWN = new Set([
  ...["temperature", "top_p", "top_k", "min_p", "repetition_penalty", "eos_token_id"],
  ...["bos_token_id", "pad_token_id", "decoder_start_token_id", "transformers_version"],
  ...["_from_model_config", "use_cache", "max_length", "trust_remote_code", "output_scores"],
  ...["output_attentions", "output_hidden_states", "output_logits", "return_dict_in_generate"],
  ...["cache_implementation", "cache_config", "compile_config", "disable_compile"],
]);

/** Values that change nothing. */
const NEUTRAL: Readonly<Record<string, unknown>> = {
  do_sample: true,
  ...Object.fromEntries(
    [
      ...["num_beams", "num_beam_groups", "num_return_sequences", "length_penalty", "typical_p"],
      ...["encoder_repetition_penalty", "guidance_scale"],
    ].map((key) => [key, 1]),
  ),
};

/** Sampling defaults from generation_config.json; a model without one has none. */
export function parseGenerationDefaults(json: JsonObject | undefined): GenerationDefaults {
  const temperature = json?.read("temperature", within({ min: 0, max: 100 }));
  const topP = json?.read("top_p", within({ min: 0, max: 1 }));
  const topK = json?.read("top_k", whole({ min: -1, max: 2 ** 31 - 1 }));
  const minP = json?.read("min_p", within({ min: 0, max: 1 }));
  const repetitionPenalty = json?.read("repetition_penalty", within({ min: 0.01, max: 100 }));
  return {
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { topP }),
    // -1 is vLLM's way to say off.
    ...(topK !== undefined && { topK: Math.max(topK, 0) }),
    ...(minP !== undefined && { minP }),
    ...(repetitionPenalty !== undefined && { repetitionPenalty }),
  };
}

/** Keys that ask for a way to sample or to search which is not here. */
export function unusedGenerationKeys(json: JsonObject | undefined): readonly string[] {
  return (json?.keys() ?? []).filter((key) => {
    const value = json?.get(key);
    if (value === undefined || KNOWN.has(key)) return false;
    return Object.hasOwn(NEUTRAL, key) ? value !== NEUTRAL[key] : !isEmpty(value);
  });
}
