// The fields of OpenAI's two older routes, one row each: who has the field, and what becomes of it here. `null` was
// taken out before; a field that works, is absent and has no default is the model's to decide.

import * as v from "valibot";

import {
  type AsksNothing,
  empty,
  type FieldRow,
  harmless,
  later,
  never,
  only,
  refused,
  schemasOf,
  unless,
  works,
} from "../door/field-policy.ts";
import { fieldsReader } from "../door/parse-fields.ts";
import { SAMPLING_ROWS } from "../sampling/options.ts";
import { integer } from "../sampling/values.ts";
import { FORM_FIELDS, NVEXT_FORM_FIELDS } from "./answer-form.ts";
import { messages } from "./messages.ts";
import { EFFORTS } from "./thinking.ts";
import { functions, toolChoice, tools } from "./tools.ts";
import {
  annotations,
  anyObject,
  cacheSalt,
  flag,
  logprobCount,
  modelName,
  oneOf,
  promptSchema,
  seed,
  stop,
  stopTokenIds,
  text,
  topLogprobs,
  words,
} from "./values.ts";

export const STREAM_OPTIONS = {
  include_usage: works("both", v.nullish(flag, false)),
  include_obfuscation: harmless("openai"), // without padding, a stream is as it was asked for
  continuous_usage_stats: works("vllm", v.nullish(flag, false)),
};

export const NVEXT = {
  ignore_eos: works("dynamo", v.nullish(flag)),
  ...samplingInNvext(),
  greed_sampling: works("dynamo", v.nullish(flag)),
  use_raw_prompt: works("dynamo", v.nullish(flag)),
  backend_instance_id: works("dynamo", v.nullish(integer({ min: 0 }))),
  annotations: works("dynamo", v.nullish(annotations())),
  ...NVEXT_FORM_FIELDS,
  guided_decoding_backend: harmless("dynamo"),
  max_thinking_tokens: later("dynamo", never),
  token_data: later("dynamo", empty),
};

/** Fields of both routes that work. */
const shared = {
  model: works("both", v.optional(modelName())),
  n: works("both", v.optional(integer({ min: 1, max: 128 }), 1)),
  stream: works("both", v.optional(flag, false)),
  stream_options: works(
    "both",
    v.optional(v.object(schemasOf(STREAM_OPTIONS), "must be an object")),
  ),
  ...samplingFields(),
  seed: works("both", v.optional(seed())),
  max_tokens: works("both", v.optional(integer({ min: 0 }))),
  min_tokens: works("vllm", v.optional(integer({ min: 0 }), 0)),
  ignore_eos: works("vllm", v.optional(flag)),
  stop: works("both", v.optional(stop(), [])),
  prompt_logprobs: works("vllm", v.optional(logprobCount())),
  bad_words: works("vllm", v.optional(words(), [])),
  stop_token_ids: works("vllm", v.optional(stopTokenIds(), [])),
  include_stop_str_in_output: works("vllm", v.optional(flag, false)),
  skip_special_tokens: works("vllm", v.optional(flag, true)),
  return_token_ids: works("vllm", v.optional(flag, false)),
  stream_interval: works("vllm", v.optional(integer({ min: 1, max: 1_000_000 }), 1)),
  priority: works("vllm", v.optional(integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), 0)),
  truncate_prompt_tokens: works("vllm", v.optional(integer({ min: -1 }))),
  truncation_side: works("vllm", v.optional(oneOf(["left", "right"]), "left")),
  strict: works("dynamo", v.optional(flag, false)),
  cache_salt: works("vllm", v.optional(cacheSalt())),
  prompt_cache_key: works("openai", v.optional(text())),
  session_id: works("vllm", v.optional(text())),
  ...FORM_FIELDS,
  nvext: works("dynamo", v.optional(v.object(schemasOf(NVEXT), "must be an object"))),
};

/** They describe the request, or its price and place, and change no answer. */
const aside = {
  user: harmless("both"),
  metadata: harmless("openai"),
  safety_identifier: harmless("openai"),
  prompt_cache_retention: harmless("openai"),
  prompt_cache_options: harmless("openai"),
  verbosity: harmless("openai"),
  store: harmless("openai", only(false)),
  moderation: harmless("openai", empty),
  request_id: harmless("vllm"),
  media_io_kwargs: harmless("vllm"),
  mm_processor_kwargs: harmless("vllm"),
  return_mm_kwargs: harmless("vllm"),
  rid: harmless("others"),
  cache_prompt: harmless("others"),
  id_slot: harmless("others", only(-1)),
  keep_alive: harmless("others"),
  timings_per_token: harmless("others", only(false)),
  stream_reasoning: harmless("others"),
};

/** Any other value than an empty one is a limit, a form or a way of choosing tokens that would be missing. */
const notYet = {
  suffix: later("openai", empty),
  modalities: later("openai", isTextOnly),
  audio: later("openai", empty),
  prediction: later("openai", empty),
  web_search_options: later("openai", never),
  logprob_token_ids: later("vllm", empty),
  spaces_between_special_tokens: later("vllm", only(true)),
  return_tokens_as_token_ids: later("vllm", only(false)),
  return_token_offsets: later("vllm", only(false)),
  return_prompt_text: later("vllm", only(false)),
  routed_experts_prompt_start: later("vllm", only(0)),
  documents: later("vllm", empty),
  guided_decoding_backend: harmless("vllm"),
  thinking_token_budget: later("vllm", only(-1)),
  use_beam_search: later("vllm", only(false)),
  length_penalty: later("vllm", only(1)),
  early_stopping: later("vllm", only(false)),
  watermarking: later("vllm", only(false)),
  repetition_detection: later("vllm", empty),
  kv_transfer_params: later("vllm", empty),
  ec_transfer_params: later("vllm", empty),
  vllm_xargs: later("vllm", empty),
};

/** Fields of SGLang, llama.cpp, ollama, TGI and OpenRouter that their clients send here too. */
const ofOthers = {
  structural_tag: later("others", empty),
  stop_regex: later("others", empty),
  min_new_tokens: later("others", only(0)),
  max_new_tokens: later("others", never),
  n_predict: later("others", never),
  num_predict: later("others", never),
  num_ctx: later("others", never),
  n_keep: later("others", only(0)),
  n_probs: later("others", only(0)),
  min_keep: later("others", only(0)),
  mirostat: later("others", only(0)),
  mirostat_mode: later("others", only(0)),
  mirostat_tau: later("others", isWithoutMirostat),
  mirostat_eta: later("others", isWithoutMirostat),
  dry_multiplier: later("others", only(0)),
  dry_base: later("others", isWithoutDry),
  dry_range: later("others", isWithoutDry),
  dry_allowed_length: later("others", isWithoutDry),
  dry_penalty_last_n: later("others", isWithoutDry),
  dry_sequence_breakers: later("others", isWithoutDry),
  xtc_probability: later("others", only(0)),
  xtc_threshold: later("others", isWithoutXtc),
  dynatemp_range: later("others", only(0)),
  dynatemp_exponent: later("others", unless("dynatemp_range", only(0))),
  typical_p: later("others", only(1)),
  typical: later("others", only(1)),
  tfs: later("others", only(1)),
  tfs_z: later("others", only(1)),
  top_a: later("others", only(0)),
  top_n_sigma: later("others", only(-1)),
  epsilon_cutoff: later("others", only(0)),
  eta_cutoff: later("others", only(0)),
  smoothing_factor: later("others", only(0)),
  smoothing_curve: later("others", unless("smoothing_factor", only(0))),
  repeat_penalty: later("others", only(1)),
  repeat_last_n: later("others", unless("repeat_penalty", only(1))),
  penalty_alpha: later("others", only(0)),
  no_repeat_ngram_size: later("others", only(0)),
  samplers: later("others", empty),
  sampler_order: later("others", empty),
  sampler_priority: later("others", empty),
  custom_logit_processor: later("others", empty),
  custom_params: later("others", empty),
  logits_processors: later("others", empty),
  lora: later("others", empty),
  lora_path: later("others", empty),
  lora_request: later("others", empty),
  adapter_id: later("others", empty),
  banned_tokens: later("others", empty),
  token_healing: later("others", only(false)),
  no_stop_trim: later("others", only(false)),
  separate_reasoning: later("others", only(true)),
  reasoning_format: later("others", only("auto", "deepseek")),
  reasoning_budget: later("others", only(-1)),
  reasoning: later("others", empty),
  thinking: later("others", empty),
  think: later("others", never),
  thinking_budget: later("others", only(-1)),
  parse_tool_calls: later("others", only(true)),
  return_hidden_states: later("others", only(false)),
  return_progress: later("others", only(false)),
  decoder_input_details: later("others", only(false)),
  watermark: later("others", only(false)),
  truncate: later("others", never),
  options: later("others", empty),
  raw: later("others", only(false)),
  template: later("others", empty),
  system: later("others", empty),
  images: later("others", empty),
  models: later("others", empty),
  provider: later("others", empty),
  plugins: later("others", empty),
  transforms: later("others", empty),
  prompt_embeds: refused("vllm", empty, "tensors are never read from requests."),
  input_embeds: refused("others", empty, "tensors are never read from requests."),
  chat_template: refused("vllm", empty, "a template comes with its model only."),
};

/** Fields that chats have, and a text completion has not. */
const chatOnly = {
  messages: works("both", messages),
  logprobs: works("both", v.optional(flag, false)),
  top_logprobs: works("both", v.optional(topLogprobs())),
  echo: later("vllm", only(false)),
  max_completion_tokens: works("both", v.optional(integer({ min: 1 }))),
  tools: works("both", v.optional(tools)),
  tool_choice: works("both", v.optional(toolChoice)),
  parallel_tool_calls: works("both", v.optional(flag)),
  functions: works("openai", v.optional(functions)),
  function_call: works("openai", v.optional(toolChoice)),
  chat_template_kwargs: works("vllm", v.optional(anyObject())),
  enable_thinking: works("others", v.optional(flag)),
  reasoning_effort: works("both", v.optional(oneOf(EFFORTS))),
  include_reasoning: works("vllm", v.optional(flag, true)),
  add_generation_prompt: works("vllm", v.optional(flag)),
  continue_final_message: works("vllm", v.optional(flag, false)),
  add_special_tokens: works("vllm", v.optional(flag, false)), // a template writes what opens a text
  service_tier: works("openai", v.optional(text())),
  best_of: later("vllm", (value, fields) => value === 1 || value === fields["n"]),
};

// Fields that work go before what was not there yet: a new sampling parameter is its own row only.
export const CHAT_FIELDS = { ...notYet, ...ofOthers, ...aside, ...shared, ...chatOnly };

export const COMPLETION_FIELDS = {
  ...notYet,
  ...ofOthers,
  ...aside,
  ...shared,
  prompt: works(
    "both",
    v.lazy((prompt) => promptSchema(prompt)),
  ),
  logprobs: works("both", v.optional(logprobCount())),
  top_logprobs: later("both", only(0)),
  echo: works("both", v.optional(flag, false)),
  add_special_tokens: works("vllm", v.optional(flag, true)),
  add_generation_prompt: later("vllm", only(true)),
  continue_final_message: later("vllm", only(false)),
  service_tier: harmless("openai"),
  best_of: works("both", v.optional(integer({ min: 1, max: 128 }))),
  tools: later("both", empty),
  tool_choice: later("both", only("none", "auto")),
  functions: later("openai", empty),
  function_call: later("openai", only("none", "auto")),
  parallel_tool_calls: harmless("both"),
  chat_template_kwargs: later("vllm", empty),
  enable_thinking: later("others", never),
  reasoning_effort: later("both", never),
  include_reasoning: harmless("vllm"),
};

export const chatFields = v.object(schemasOf(CHAT_FIELDS));
export const completionFields = v.object(schemasOf(COMPLETION_FIELDS));

export const readChatFields = fieldsReader(chatFields.entries);
export const readCompletionFields = fieldsReader(completionFields.entries);

export type ChatFields = v.InferOutput<typeof chatFields>;
export type CompletionFields = v.InferOutput<typeof completionFields>;
export type GenerationFields = Pick<ChatFields, keyof typeof shared>;

/** Fields that are read by the rows' names. */
type Untyped = Readonly<Record<never, FieldRow>>;

/** A field of each row of the table of sampling parameters. */
function samplingFields(): Untyped {
  const fields = SAMPLING_ROWS.map(([, { field, from, schema, inModel, unset }]) => {
    const isOpen = inModel !== undefined || unset === undefined;
    return [field, works(from, isOpen ? v.optional(schema) : v.optional(schema, unset))] as const;
  });
  return Object.fromEntries(fields);
}

function samplingInNvext(): Untyped {
  const rows = SAMPLING_ROWS.filter(([, { isInNvext }]) => isInNvext);
  return Object.fromEntries(
    rows.map(([, { field, schema }]) => [field, works("dynamo", v.nullish(schema))]),
  );
}

function isTextOnly(value: unknown): boolean {
  return Array.isArray(value) && value.every((kind) => kind === "text");
}

function isWithoutMirostat(...[value, fields]: Parameters<AsksNothing>): boolean {
  const off = only(0);
  return unless("mirostat", off)(value, fields) && unless("mirostat_mode", off)(value, fields);
}

function isWithoutDry(...given: Parameters<AsksNothing>): boolean {
  return unless("dry_multiplier", only(0))(...given);
}

function isWithoutXtc(...given: Parameters<AsksNothing>): boolean {
  return unless("xtc_probability", only(0))(...given);
}
