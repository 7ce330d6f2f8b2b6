// From the body of a chat or a completion to a request as the rooms behind the door see it. Parsing is here, the fields
// and their bounds are in wire.ts.

import * as v from "valibot";

import { describeInRequest, issuePath } from "../base/describe-issue.ts";
import { invalidRequest } from "../door/api-error.ts";
import type { Parsed } from "../door/generation-route.ts";
import type {
  ChatCompletionRequest,
  CompletionRequest,
  GenerationRequest,
} from "../protocol/chat.ts";
import { checkSizes } from "./request-sizes.ts";
import { isHarmless, refuseUnsupported } from "./unsupported.ts";
import {
  type ChatFields,
  chatFields,
  completionFields,
  type GenerationFields,
  KNOWN_FIELDS,
  MAX_CHOICES,
} from "./wire.ts";
import { chatFormat, completionFormat } from "./wire-format.ts";

export function parseChatRequest(body: unknown, tenant: number): Parsed<ChatCompletionRequest> {
  const given = withoutNulls(body);
  refuseUnsupported(given, KNOWN_FIELDS.chat);
  const fields = parse(chatFields, given);
  const unknownInMessages = checkMessages(given["messages"]);
  const request: ChatCompletionRequest = {
    ...generationOf(fields, tenant),
    maxTokens: fields.max_completion_tokens ?? fields.max_tokens,
    messages: fields.messages.map(messageOf),
    useRawPrompt: fields.nvext?.use_raw_prompt ?? false,
    tools: [],
    toolChoice: "auto",
    parallelToolCalls: true,
    templateVariables: {},
  };
  checkTogether(request, 1);
  const ignored = [...ignoredIn(given, KNOWN_FIELDS.chat), ...unknownInMessages];
  return { request, ignored, format: chatFormat };
}

export function parseCompletionRequest(body: unknown, tenant: number): Parsed<CompletionRequest> {
  const given = withoutNulls(body);
  refuseUnsupported(given, KNOWN_FIELDS.completion);
  const fields = parse(completionFields, given);
  const request: CompletionRequest = { ...generationOf(fields, tenant), prompts: fields.prompt };
  checkTogether(request, request.prompts.length);
  return {
    request,
    ignored: ignoredIn(given, KNOWN_FIELDS.completion),
    format: completionFormat,
  };
}

type Fields = Readonly<Record<string, unknown>>;

/** OpenAI's clients send `null` for what they leave open. */
function withoutNulls(body: unknown): Fields {
  if (!isObject(body)) throw invalidRequest("invalid_type", "The body must be a JSON object.");
  checkSizes(body);
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
}

function generationOf(fields: GenerationFields, tenant: number): GenerationRequest {
  const { nvext } = fields;
  if (fields.stream_options && !fields.stream) {
    const message = "'stream_options' is for streams: set 'stream' to true, or leave it out.";
    throw invalidRequest("invalid_value", message, "stream_options");
  }
  return {
    tenant,
    model: fields.model,
    n: fields.n,
    stream: fields.stream,
    includeUsage: fields.stream_options?.include_usage ?? false,
    temperature: fields.temperature ?? (nvext?.greed_sampling ? 0 : undefined),
    topP: fields.top_p,
    topK: fields.top_k ?? nvext?.top_k ?? undefined,
    minP: fields.min_p,
    seed: fields.seed,
    presencePenalty: fields.presence_penalty,
    frequencyPenalty: fields.frequency_penalty,
    repetitionPenalty: fields.repetition_penalty ?? nvext?.repetition_penalty ?? undefined,
    maxTokens: fields.max_tokens,
    minTokens: fields.min_tokens,
    backendInstanceId: nvext?.backend_instance_id ?? undefined,
    annotations: nvext?.annotations ?? [],
    ignoreEos: fields.ignore_eos ?? nvext?.ignore_eos ?? false,
    stop: fields.stop,
  };
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

function messageOf({ role, content, name }: ChatFields["messages"][number], index: number) {
  // An assistant's turn may have been a call without text; the others have something to say.
  if (content == null && role !== "assistant") throw missing(`messages[${index}].content`);
  const text = Array.isArray(content) ? content.map((part) => part.text).join("\n") : content;
  return { role, content: text ?? "", name: name ?? undefined };
}

/** Refuses tool calls in the history; gives the names of fields that are unknown. */
function checkMessages(messages: unknown): ReadonlySet<string> {
  const unknown = new Set<string>();
  if (!Array.isArray(messages)) return unknown;
  for (const [index, message] of messages.entries()) {
    refuseUnsupported(message, KNOWN_FIELDS.message, `messages[${index}].`);
    for (const name of unknownIn(message, KNOWN_FIELDS.message)) unknown.add(`messages[].${name}`);
  }
  return unknown;
}

function ignoredIn(given: Fields, known: ReadonlySet<string>): readonly string[] {
  const ignored = unknownIn(given, known);
  for (const [name, inner] of [
    ["stream_options", KNOWN_FIELDS.streamOptions],
    ["nvext", KNOWN_FIELDS.nvext],
  ] as const) {
    const value = given[name];
    if (!isObject(value)) continue;
    refuseUnsupported(value, inner, `${name}.`);
    for (const unknown of unknownIn(value, inner)) ignored.push(`${name}.${unknown}`);
    if (name === "nvext" && hasUnknownAnnotation(value)) ignored.push("nvext.annotations");
  }
  return ignored;
}

function hasUnknownAnnotation({ annotations }: Fields): boolean {
  return Array.isArray(annotations) && annotations.some((name) => name !== "query_instance_id");
}

function unknownIn(fields: Fields, known: ReadonlySet<string>): string[] {
  return Object.keys(fields).filter(
    (name) => !known.has(name) && fields[name] !== null && !isHarmless(name),
  );
}

/** The checked fields; the first one that is wrong is named, and what it should have been. */
function parse<Schema extends v.GenericSchema>(
  schema: Schema,
  given: Fields,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, given, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const param = issuePath(issue);
  if (issue.type === "object" && issue.received === "undefined") throw missing(param);
  const isTypeIssue = issue.kind === "schema" && issue.type !== "picklist";
  throw invalidRequest(
    isTypeIssue ? "invalid_type" : "invalid_value",
    `'${param}' ${describeInRequest(issue)}.`,
    param,
  );
}

function missing(param: string) {
  return invalidRequest("missing_required_parameter", `'${param}' is required.`, param);
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
