// From the body of POST /api/chat to a chat.

import { chatRequest } from "../door/chat-request.ts";
import type { Fields, Place } from "../door/fields.ts";
import type { ChatCompletionRequest, ChatMessage, ToolDefinition } from "../protocol/chat.ts";
import { readFormat, readOptions, readThink } from "./options.ts";

export interface Reading {
  readonly tenant: number;
  /** The model that a name stands for. */
  readonly modelOf: (name: string) => string;
}

export interface ReadRequest {
  readonly request: ChatCompletionRequest;
  readonly ignored: readonly string[];
}

const MAX_MESSAGES = 10_000;
const MAX_TOOLS = 1024;
const MAX_CALLS = 1024;

export function readChat(body: Fields, { tenant, modelOf }: Reading): ReadRequest {
  const messages = body.list("messages", MAX_MESSAGES).map((message, index) => {
    const fields = message.fields();
    const read = readMessage(fields, index);
    fields.close();
    return read;
  });
  const request = chatRequest({
    ...{ tenant, model: modelOf(nameOf(body)), messages: withCallIds(messages) },
    stream: body.flag("stream") ?? true,
    tools: body.list("tools", MAX_TOOLS).map(readTool),
    ...readOptions(body),
    ...readThink(body),
    ...readFormat(body),
  });
  body.pass("strict");
  body.close();
  return { request, ignored: body.ignored() };
}

export function nameOf(body: Fields): string {
  const model = body.at("model") ?? body.at("name") ?? body.required("model");
  if (model.string() === "") throw model.wrong("must not be empty", "invalid_value");
  return model.string();
}

/** Images are for models that see. */
export function refuseImages(fields: Fields): void {
  if (fields.list("images", MAX_MESSAGES).length > 0) fields.refuse("images");
}

function readMessage(message: Fields, index: number): ChatMessage {
  message.required("role");
  const role = message.oneOf("role", ["system", "user", "assistant", "tool"]) ?? "user";
  const reasoning = message.string("thinking");
  const calls = message.list("tool_calls", MAX_CALLS).map((call, number) => {
    const fields = call.fields();
    const read = { id: fields.string("id") ?? `call_${index}_${number}`, ...readCall(fields) };
    fields.pass("type");
    fields.close();
    return read;
  });
  refuseImages(message);
  const toolCallId = message.string("tool_call_id");
  return {
    role,
    content: message.string("content") ?? "",
    name: message.string("tool_name") ?? message.string("name"),
    ...(reasoning !== undefined && reasoning !== "" && { reasoning }),
    ...(calls.length > 0 && { toolCalls: calls }),
    ...(toolCallId !== undefined && { toolCallId }),
  };
}

function readCall(call: Fields) {
  const fn = call.required("function").fields();
  fn.pass("index", "description");
  const read = {
    name: fn.required("name").string(),
    arguments: JSON.stringify(fn.at("arguments")?.object() ?? {}),
  };
  fn.close();
  return read;
}

/** ollama's calls have no ids: results answer them in order. */
function withCallIds(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  let waiting: string[] = [];
  return messages.map((message) => {
    if (message.role === "assistant") waiting = (message.toolCalls ?? []).map(({ id }) => id);
    if (message.role !== "tool" || message.toolCallId !== undefined) return message;
    const toolCallId = waiting.shift();
    return toolCallId === undefined ? message : { ...message, toolCallId };
  });
}

function readTool(tool: Place): ToolDefinition {
  const fields = tool.fields();
  fields.oneOf("type", ["function"]);
  const fn = fields.required("function").fields();
  const definition = {
    name: fn.required("name").string(),
    description: fn.string("description"),
    parameters: fn.at("parameters")?.object(),
  };
  fn.close();
  fields.close();
  return definition;
}
