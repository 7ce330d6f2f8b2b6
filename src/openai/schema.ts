// From the body of a chat or a completion to a request as the rooms behind the door see it. Parsing is here, the fields
// and what becomes of each are in fields.ts.

import { invalidRequest } from "../door/api-error.ts";
import { type Fields, type FieldTable, passedOver } from "../door/field-policy.ts";
import type { BestChoices, Parsed } from "../door/generation-route.ts";
import { isFields } from "../door/parse-fields.ts";
import type {
  ChatCompletionRequest,
  CompletionRequest,
  GenerationRequest,
} from "../protocol/chat.ts";
import { readSampling } from "../sampling/options.ts";
import { OUTPUT_FIELDS, readForm } from "./answer-form.ts";
import {
  CHAT_FIELDS,
  type ChatFields,
  COMPLETION_FIELDS,
  type CompletionFields,
  type GenerationFields,
  NVEXT,
  readChatFields,
  readCompletionFields,
  STREAM_OPTIONS,
} from "./fields.ts";
import { messageNotices, messagesOf } from "./messages.ts";
import { checkSizes } from "./request-sizes.ts";
import { templateVariables } from "./thinking.ts";
import { readTools } from "./tools.ts";
import { MAX_CHOICES } from "./values.ts";
import { chatFormat, completionFormat } from "./wire-format.ts";

export function parseChatRequest(body: unknown, tenant: number): Parsed<ChatCompletionRequest> {
  const given = withoutNulls(body);
  const ignored = noticesOf(given, CHAT_FIELDS);
  const fields = readChatFields(given);
  const inMessages = messageNotices(given["messages"]);
  const { style, ignored: ofTools, ...tools } = readTools(fields);
  const request: ChatCompletionRequest = {
    ...generationOf(fields, tenant),
    maxTokens: fields.max_completion_tokens ?? fields.max_tokens,
    ...chatLogprobsOf(fields),
    ...promptEndOf(fields),
    ...(fields.add_special_tokens && { addSpecialTokens: true }),
    messages: messagesOf(fields.messages),
    useRawPrompt: fields.nvext?.use_raw_prompt ?? false,
    ...tools,
    templateVariables: templateVariables(fields),
  };
  checkTogether(request, 1);
  checkMaxTokens(request, false);
  return {
    request,
    ignored: [...ignored, ...inMessages, ...ofTools],
    format: chatFormat({
      calls: style,
      thoughts: fields.include_reasoning ? "told" : "kept",
      tellsTier: fields.service_tier !== undefined,
      named: typeof tools.toolChoice === "object",
    }),
  };
}

export function parseCompletionRequest(body: unknown, tenant: number): Parsed<CompletionRequest> {
  const given = withoutNulls(body);
  const ignored = noticesOf(given, COMPLETION_FIELDS);
  const fields = readCompletionFields(given);
  const { logprobs, prompt: prompts, echo } = fields;
  const best = bestOf(fields);
  const request: CompletionRequest = {
    ...generationOf(fields, tenant),
    ...(logprobs !== undefined && { logprobs }),
    ...(best && { n: best.of, logprobs: logprobs ?? 0 }),
    ...(echo && { echo }),
    ...(!fields.add_special_tokens && { addSpecialTokens: false }),
    prompts,
  };
  checkTogether(request, request.prompts.length);
  checkMaxTokens(request, echo);
  return { request, ignored, format: completionFormat, ...(best && { best }) };
}

/** OpenAI's clients send `null` for what they leave open. */
export function withoutNulls(body: unknown): Fields {
  if (!isFields(body)) throw invalidRequest("invalid_type", "The body must be a JSON object.");
  checkSizes(body);
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
}

function generationOf(fields: GenerationFields, tenant: number): GenerationRequest {
  const { nvext } = fields;
  if (fields.stream_options && !fields.stream) {
    const message = "'stream_options' is for streams: set 'stream' to true, or leave it out.";
    throw invalidRequest("invalid_value", message, "stream_options");
  }
  const form = readForm(fields);
  const sessionId = fields.session_id ?? fields.prompt_cache_key;
  return {
    tenant,
    model: fields.model ?? "",
    n: fields.n,
    stream: fields.stream,
    includeUsage: fields.stream_options?.include_usage ?? false,
    ...streamingOf(fields),
    ...(nvext?.greed_sampling && { temperature: 0 }),
    ...readSampling(({ field }) => at(fields, field) ?? at(nvext, field) ?? undefined),
    seed: fields.seed,
    maxTokens: fields.max_tokens,
    minTokens: fields.min_tokens,
    backendInstanceId: nvext?.backend_instance_id ?? undefined,
    annotations: nvext?.annotations ?? [],
    ignoreEos: fields.ignore_eos ?? nvext?.ignore_eos ?? false,
    stop: fields.stop,
    ...tokenFieldsOf(fields),
    ...(sessionId && { sessionId }),
    ...(fields.cache_salt !== undefined && { cacheSalt: fields.cache_salt }),
    ...(fields.priority !== 0 && { priority: fields.priority }),
    ...truncationOf(fields),
    ...(form && { form }),
  };
}

function at(fields: object = {}, name: string): unknown {
  return Reflect.get(fields, name);
}

/** Those of single tokens; absent where they ask for nothing. */
function tokenFieldsOf(fields: GenerationFields): Partial<GenerationRequest> {
  const { prompt_logprobs: promptLogprobs, bad_words: badWords } = fields;
  const { stop_token_ids: stopTokenIds } = fields;
  return {
    ...(promptLogprobs !== undefined && { promptLogprobs }),
    ...(badWords.length > 0 && { badWords }),
    ...(stopTokenIds.length > 0 && { stopTokenIds }),
    ...(fields.include_stop_str_in_output && { includeStop: true }),
    ...(!fields.skip_special_tokens && { showSpecialTokens: true }),
    ...(fields.return_token_ids && { returnTokenIds: true }),
  };
}

/** The shape of a stream. As vLLM has it, usage in each chunk is for those that want it at the end. */
function streamingOf(fields: GenerationFields): Partial<GenerationRequest> {
  const { stream_options: options, stream_interval: streamInterval } = fields;
  return {
    ...(options?.include_usage && options.continuous_usage_stats && { continuousUsage: true }),
    ...(streamInterval > 1 && { streamInterval }),
  };
}

function truncationOf(fields: GenerationFields): Partial<GenerationRequest> {
  const { truncate_prompt_tokens: truncatePromptTokens, truncation_side: truncationSide } = fields;
  if (truncatePromptTokens === undefined) return {};
  if (truncatePromptTokens !== 0) return { truncatePromptTokens, truncationSide };
  const message =
    "'truncate_prompt_tokens' must be at least 1, or -1 for what the context has room for.";
  throw invalidRequest("invalid_value", message, "truncate_prompt_tokens");
}

/** How the prompt of a chat ends. Absent where it ends as ever: where the assistant's turn begins. */
function promptEndOf(fields: ChatFields): Partial<ChatCompletionRequest> {
  const { add_generation_prompt: opens, continue_final_message: continues, messages } = fields;
  if (!continues) return opens === false ? { addGenerationPrompt: false } : {};
  if (opens) {
    const message =
      "'continue_final_message' and 'add_generation_prompt' exclude each other: the answer begins a turn, or goes on with one.";
    throw invalidRequest("invalid_value", message, "continue_final_message");
  }
  if (messages.at(-1)?.role === "assistant") return { continueFinalMessage: true };
  const message = "'continue_final_message' needs a last message of the assistant's.";
  throw invalidRequest("invalid_value", message, "continue_final_message");
}

/** Undefined where all choices are told. */
function bestOf(fields: CompletionFields): BestChoices | undefined {
  const { best_of: of, n: keep, stream, logprobs } = fields;
  if (of === undefined || of === keep) return undefined;
  if (of < keep) {
    const message = `'best_of' must be at least 'n', which is ${keep}.`;
    throw invalidRequest("invalid_value", message, "best_of");
  }
  if (!stream) return { of, keep, tellsLogprobs: logprobs !== undefined };
  const message = "'best_of' above 'n' cannot be streamed: all choices are compared first.";
  throw invalidRequest("invalid_value", message, "best_of");
}

function chatLogprobsOf({ logprobs, top_logprobs: top = 0 }: ChatFields): { logprobs?: number } {
  if (logprobs) return { logprobs: top };
  if (top === 0) return {};
  const message = "'top_logprobs' is for 'logprobs': set 'logprobs' to true, or leave it out.";
  throw invalidRequest("invalid_value", message, "top_logprobs");
}

/** No output at all is for those who ask about the prompt. */
function checkMaxTokens({ maxTokens, promptLogprobs }: GenerationRequest, isEchoed: boolean): void {
  if (maxTokens !== 0 || isEchoed || promptLogprobs !== undefined) return;
  const message = "'max_tokens' must be at least 1, but for 'echo' and 'prompt_logprobs'.";
  throw invalidRequest("invalid_value", message, "max_tokens");
}

/** Checks that concern several fields. */
function checkTogether({ n, minTokens, maxTokens }: GenerationRequest, numPrompts: number): void {
  if (maxTokens !== undefined && minTokens > maxTokens) {
    const message = `'min_tokens' must not be above 'max_tokens', which is ${maxTokens}.`;
    throw invalidRequest("invalid_value", message, "min_tokens");
  }
  if (n * numPrompts > MAX_CHOICES) {
    const message = `'n' times the number of prompts must be at most ${MAX_CHOICES}.`;
    throw invalidRequest("invalid_value", message, "n");
  }
}

/** Names of the fields that are passed over and should be told. Throws for those that ask for what is not there. */
function noticesOf(given: Fields, table: FieldTable): readonly string[] {
  const names = passedOver(given, table);
  for (const [name, inner] of [
    ["stream_options", STREAM_OPTIONS],
    ["nvext", NVEXT],
    ["structured_outputs", OUTPUT_FIELDS],
  ] as const) {
    const value = given[name];
    if (!isFields(value)) continue;
    names.push(...passedOver(value, inner, `${name}.`));
    if (name === "nvext" && hasUnknownAnnotation(value)) names.push("nvext.annotations");
  }
  return names;
}

function hasUnknownAnnotation({ annotations }: Fields): boolean {
  return Array.isArray(annotations) && annotations.some((name) => name !== "query_instance_id");
}
