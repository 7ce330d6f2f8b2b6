// From the body of POST /v1/messages to a chat.

import { schemaForm } from "../door/answer-form.ts";
import { chatRequest } from "../door/chat-request.ts";
import { Fields } from "../door/fields.ts";
import { thinkingVariables } from "../door/thinking.ts";
import type { ChatCompletionRequest } from "../protocol/chat.ts";
import type { GrammarSource } from "../protocol/grammar.ts";
import { readMessages } from "./conversation.ts";
import { threadUnsupported } from "./errors.ts";
import { readTools } from "./tools.ts";

export interface ReadRequest {
  readonly request: ChatCompletionRequest;
  readonly ignored: readonly string[];
}

const MAX_STOPS = 32;
const MAX_STOP_BYTES = 256;
const EFFORTS = ["low", "medium", "high", "xhigh", "max"] as const;

/** `purpose`: a count has no `max_tokens`. */
export function readRequest(
  raw: unknown,
  tenant: number,
  purpose: "answer" | "count",
): ReadRequest {
  const body = Fields.ofBody(raw);
  const thread = body.at("thread");
  if (thread) throw threadUnsupported(thread.path);
  const model = body.string("model") ?? ""; // the only one, where one is served
  if (purpose === "answer") body.required("max_tokens");
  const request = chatRequest({
    ...{ tenant, model },
    messages: readMessages(body),
    maxTokens: body.integer("max_tokens", { min: 1 }),
    stream: body.flag("stream") ?? false,
    temperature: body.decimal("temperature", { max: 2 }),
    topP: body.decimal("top_p", { above: 0, max: 1 }),
    topK: body.integer("top_k"),
    stop: readStops(body),
    ...readTools(body),
    ...readOutput(body),
  });
  body.pass("metadata", "service_tier", "cache_control", "inference_geo", "speed", "betas");
  body.ignore("context_management", "mcp_servers", "container", "diagnostics");
  body.pass("strict");
  body.close();
  return { request, ignored: body.ignored() };
}

function readStops(body: Fields): readonly string[] {
  return body.list("stop_sequences", MAX_STOPS).map((place) => {
    const stop = place.string();
    const bytes = Buffer.byteLength(stop);
    if (bytes >= 1 && bytes <= MAX_STOP_BYTES) return stop;
    throw place.wrong(`must have 1 to ${MAX_STOP_BYTES} bytes`, "invalid_value");
  });
}

/** Without a word of it, the model's template decides about thoughts. */
function readOutput(body: Fields): Pick<ChatCompletionRequest, "templateVariables" | "form"> {
  const thinking = body.fields("thinking");
  const type = thinking?.oneOf("type", ["enabled", "disabled", "adaptive"]);
  thinking?.required("type");
  thinking?.integer("budget_tokens");
  thinking?.ignore("budget_tokens");
  thinking?.pass("display");
  thinking?.close();
  const output = body.fields("output_config");
  const effort = output?.oneOf("effort", EFFORTS);
  output?.ignore("task_budget");
  const form = readFormat(output?.fields("format")) ?? readFormat(body.fields("output_format"));
  output?.close();
  const isOn = type === undefined ? undefined : type !== "disabled";
  return { templateVariables: thinkingVariables({ effort, isOn }), ...(form && { form }) };
}

/** `output_format` is the older name of `output_config.format`. */
function readFormat(format: Fields | undefined): GrammarSource | undefined {
  if (format === undefined) return undefined;
  format.required("type");
  format.oneOf("type", ["json_schema"]);
  const schema = format.required("schema");
  format.pass("name");
  format.close();
  return schemaForm(schema.object(), schema.path);
}
