// Fields of OpenAI's and vLLM's API that this server knows and does not do yet. Ignoring one would
// change what the client gets, so it is refused by name, unless its value asks for nothing.

import { type ApiError, invalidRequest } from "../door/api-error.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Throws for the first field that asks for what this server cannot do. */
export function refuseUnsupported(fields: Fields, known: ReadonlySet<string>, at = ""): void {
  for (const name of Object.keys(fields)) {
    if (known.has(name) || fields[name] === null) continue;
    const neutral = NEUTRAL.get(name);
    if (neutral !== undefined && !neutral(fields[name], fields)) throw unsupported(at + name);
  }
}

/** Tells if a field that no schema knows may be passed over without a word. */
export function isHarmless(name: string): boolean {
  return NEUTRAL.has(name) || DESCRIPTIVE.has(name);
}

function unsupported(param: string): ApiError {
  return invalidRequest(
    "unsupported_parameter",
    `'${param}' is not supported by this server yet; leave it out.`,
    param,
  );
}

type Neutral = (value: unknown, fields: Fields) => boolean;

const oneOf =
  (...values: readonly unknown[]): Neutral =>
  (value) =>
    values.includes(value);

const empty: Neutral = (value) =>
  value === "" || (typeof value === "object" && value !== null && Object.keys(value).length === 0);

/** By name: whether a value asks for nothing. */
const NEUTRAL: ReadonlyMap<string, Neutral> = new Map<string, Neutral>([
  ["tools", empty],
  ["tool_choice", oneOf("none", "auto")],
  ["tool_calls", empty],
  ["functions", empty],
  ["function_call", oneOf("none", "auto")],
  ["response_format", (value) => typeof value === "object" && formatType(value) === "text"],
  ["logprobs", oneOf(false)],
  ["top_logprobs", oneOf(0)],
  ["prompt_logprobs", oneOf(false)],
  ["logit_bias", empty],
  ["best_of", (value, fields) => value === 1 || value === fields["n"]],
  ["echo", oneOf(false)],
  ["suffix", empty],
  ["modalities", (value) => Array.isArray(value) && value.every((kind) => kind === "text")],
  ["audio", empty],
  ["web_search_options", empty],
  ["stop_token_ids", empty],
  ["include_stop_str_in_output", oneOf(false)],
  ["skip_special_tokens", oneOf(true)],
  ["spaces_between_special_tokens", oneOf(true)],
  ["bad_words", empty],
  ["allowed_token_ids", empty],
  ["return_token_ids", oneOf(false)],
  ["add_generation_prompt", oneOf(true)],
  ["continue_final_message", oneOf(false)],
  ["add_special_tokens", oneOf(true)],
  ["chat_template", empty],
  ["chat_template_kwargs", empty],
  ["documents", empty],
  ["structured_outputs", empty],
  ["guided_json", empty],
  ["guided_regex", empty],
  ["guided_choice", empty],
  ["guided_grammar", empty],
  ["truncate_prompt_tokens", () => false],
  ["thinking_token_budget", () => false],
  ["use_beam_search", oneOf(false)],
  ["length_penalty", oneOf(1)],
  ["cache_salt", empty], // ignoring it would share a cache that the client asked to keep apart
  ["continuous_usage_stats", oneOf(false)],
]);

/** Fields that describe the request and ask for nothing. */
const DESCRIPTIVE = new Set([
  "user",
  "metadata",
  "safety_identifier",
  "request_id",
  "session_id",
  "parallel_tool_calls",
  "tool_call_id",
]);

function formatType(value: object | null): unknown {
  return value !== null && "type" in value ? value.type : undefined;
}
