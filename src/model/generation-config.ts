import { type GenerationDefaults, MODEL_PARAMETERS } from "../sampling/options.ts";
import { GGUF_SAMPLING } from "./gguf-keys.ts";
import type { JsonObject } from "./json-object.ts";
import { isEmpty } from "./key-rules.ts";
import { whole, within } from "./value-schemas.ts";

/** Used, or without a bearing on the text. */
const KNOWN = new Set([
  ...MODEL_PARAMETERS.map(({ field }) => field),
  ...[
    "eos_token_id",
    "bos_token_id",
    "pad_token_id",
    "decoder_start_token_id",
    "transformers_version",
  ],
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
  return readDefaults(json, ({ field }) => field);
}

/** Sampling defaults that newer GGUF files have. */
export function parseGgufGenerationDefaults(metadata: JsonObject): GenerationDefaults {
  return readDefaults(metadata, ({ gguf }) => GGUF_SAMPLING + gguf);
}

function readDefaults(
  json: JsonObject | undefined,
  keyOf: (parameter: (typeof MODEL_PARAMETERS)[number]) => string,
): GenerationDefaults {
  const given = MODEL_PARAMETERS.flatMap((parameter) => {
    const { name, isWhole, raisedTo } = parameter;
    const value = json?.read(keyOf(parameter), (isWhole ? whole : within)(parameter));
    return value === undefined ? [] : [[name, Math.max(value, raisedTo ?? value)]];
  });
  return Object.fromEntries(given);
}

/** Keys that ask for a way to sample or to search which is not here. */
export function unusedGenerationKeys(json: JsonObject | undefined): readonly string[] {
  return (json?.keys() ?? []).filter((key) => {
    const value = json?.get(key);
    if (value === undefined || KNOWN.has(key)) return false;
    return Object.hasOwn(NEUTRAL, key) ? value !== NEUTRAL[key] : !isEmpty(value);
  });
}
