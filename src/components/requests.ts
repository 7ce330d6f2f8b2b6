// Requests and answers, as services of users make and read them.

import { DynamoError } from "dynamo";

import { ApiError } from "../door/api-error.ts";
import { parseChatRequest, parseCompletionRequest } from "../openai/schema.ts";
import type {
  ChatCompletionRequest,
  ChatMessage,
  CompletionRequest,
  GenerationRequest,
} from "../protocol/chat.ts";
import type { TextOutput } from "../protocol/llm.ts";
import { SAMPLING_ROWS } from "../sampling/options.ts";
import type { SamplingName } from "../sampling/parameters.ts";

/** Fields of a chat to ask: its messages, and whatever is not to have its default. */
export type ChatFields = Partial<Omit<ChatCompletionRequest, "messages">> & {
  readonly messages: readonly (Omit<ChatMessage, "name"> & Partial<ChatMessage>)[];
};

/** Fields of prompts to continue. */
export type CompletionFields = Partial<Omit<CompletionRequest, "prompts">> &
  Pick<CompletionRequest, "prompts">;

/**
 * A chat to ask, checked, with every default applied. Made of another request, it is that one with changes.
 *
 * @throws {InvalidRequestError} which names the field, its bounds, and what it was.
 * @example chatRequest({ messages: [{ role: "user", content: "hello" }], maxTokens: 50 });
 */
export function chatRequest(fields: ChatFields): ChatCompletionRequest {
  const { messages, useRawPrompt = false } = fields;
  return checked(() => {
    const { logprobs } = fields;
    const told = logprobs === undefined ? {} : { logprobs: true, top_logprobs: logprobs };
    const wire = { ...wireOf(fields), ...told };
    const nvext = { ...wire.nvext, use_raw_prompt: useRawPrompt };
    const body = { ...wire, ...toolsOf(fields), messages: messages.map(messageOf), nvext };
    const { request } = parseChatRequest(body, fields.tenant ?? 0);
    return { ...request, ...ownerOf(fields), ...formOf(fields) };
  });
}

/**
 * Prompts to continue: texts, or token ids.
 *
 * @throws {InvalidRequestError} as `chatRequest`.
 */
export function completionRequest(fields: CompletionFields): CompletionRequest {
  return checked(() => {
    const parse = (prompt: string | readonly (string | number)[]) =>
      parseCompletionRequest({ ...wireOf(fields), ...told, prompt }, fields.tenant ?? 0).request;
    const { prompts, logprobs, echo } = fields;
    const told = withoutUndefined({ logprobs, echo });
    if (prompts.length > 1) parse(prompts.map(() => "any")); // how many there may be
    // Each alone: on the wire, all are texts or all are ids.
    const requests = prompts.map((prompt) =>
      parse(typeof prompt === "string" ? prompt : [...prompt]),
    );
    const [first] = requests;
    const all = requests.flatMap(({ prompts }) => prompts);
    if (first) return { ...first, ...ownerOf(fields), ...formOf(fields), prompts: all };
    throw new InvalidRequestError("'prompts' must have at least one item; got none.");
  });
}

/** The text of an answer of one choice, when it has come whole. */
export async function textOf(answer: AsyncIterable<TextOutput>): Promise<string> {
  let text = "";
  for await (const output of answer) text = output.restarts ? output.text : text + output.text;
  return text;
}

/** A request that is made of a client's finds what that finds in the prefix cache. */
function ownerOf({
  cacheOwner,
}: Partial<GenerationRequest>): Pick<GenerationRequest, "cacheOwner"> {
  return cacheOwner === undefined ? {} : { cacheOwner };
}

/** A form is no JSON: it stays as it is. */
function formOf({ form }: Partial<GenerationRequest>): Pick<GenerationRequest, "form"> {
  return form === undefined ? {} : { form };
}

/** Fields that only chats have, as a client would send them. */
function toolsOf(fields: ChatFields): object {
  const { tools, toolChoice, parallelToolCalls, templateVariables } = fields;
  const { addGenerationPrompt, continueFinalMessage } = fields;
  return withoutUndefined({
    tools: tools?.map((tool) => ({ type: "function", function: withoutUndefined(tool) })),
    tool_choice:
      typeof toolChoice === "object" ? { type: "function", function: toolChoice } : toolChoice,
    parallel_tool_calls: parallelToolCalls,
    chat_template_kwargs: templateVariables,
    add_generation_prompt: addGenerationPrompt,
    continue_final_message: continueFinalMessage,
  });
}

function messageOf(message: ChatFields["messages"][number]): object {
  const { toolCalls, toolCallId, ...rest } = message;
  return withoutUndefined({
    ...rest,
    tool_calls: toolCalls?.map(({ id, ...called }) => ({ id, type: "function", function: called })),
    tool_call_id: toolCallId,
  });
}

/** As a client would send it. */
function wireOf(fields: Partial<GenerationRequest>) {
  const { stream, includeUsage, backendInstanceId, annotations, model = "any" } = fields;
  const sampling = SAMPLING_ROWS.map(([name, { field }]) => [field, fields[name]]);
  const given = Object.entries(WIRE_NAMES).map(([name, wire]) => {
    const value = Reflect.get(fields, name);
    return [wire, name === "showSpecialTokens" && value !== undefined ? !value : value];
  });
  return {
    ...withoutUndefined(Object.fromEntries([...given, ...sampling])),
    model,
    ...(stream && includeUsage && { stream_options: usageOf(fields) }),
    nvext: withoutUndefined({ backend_instance_id: backendInstanceId, annotations }),
  };
}

function usageOf({ continuousUsage = false }: Partial<GenerationRequest>) {
  return { include_usage: true, continuous_usage_stats: continuousUsage };
}

/** Names of all fields but those that have another place on the wire, or none. */
const WIRE_NAMES: Readonly<
  Record<
    Exclude<
      keyof GenerationRequest,
      | SamplingName
      | ("annotations" | "backendInstanceId" | "includeUsage" | "logprobs" | "model" | "tenant")
      | ("cacheOwner" | "continuousUsage" | "form")
    >,
    string
  >
> = {
  n: "n",
  stream: "stream",
  seed: "seed",
  maxTokens: "max_tokens",
  minTokens: "min_tokens",
  ignoreEos: "ignore_eos",
  stop: "stop",
  sessionId: "session_id",
  streamInterval: "stream_interval",
  priority: "priority",
  truncatePromptTokens: "truncate_prompt_tokens",
  truncationSide: "truncation_side",
  addSpecialTokens: "add_special_tokens",
  cacheSalt: "cache_salt",
  promptLogprobs: "prompt_logprobs",
  badWords: "bad_words",
  stopTokenIds: "stop_token_ids",
  includeStop: "include_stop_str_in_output",
  showSpecialTokens: "skip_special_tokens",
  returnTokenIds: "return_token_ids",
};

function withoutUndefined(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** Tells what is wrong in the words of the fields. */
function checked<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    throw new InvalidRequestError(
      error.message.replace(/'[\w.[\]]+'/g, (name) =>
        name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      ),
    );
  }
}

/** A field of a request that a service has made is out of its bounds. Clients are told. */
export class InvalidRequestError extends DynamoError {
  override readonly code = "invalid_request";
}
