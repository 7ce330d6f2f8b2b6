// The messages of a chat as they come over the wire, and as the rooms behind the door see them.

import * as v from "valibot";

import { empty, harmless, later, passedOver, schemasOf, works } from "../door/field-policy.ts";
import { isFields, missing } from "../door/parse-fields.ts";
import type { ChatMessage, ToolCall } from "../protocol/chat.ts";
import { anyObject, text } from "./values.ts";

export const MAX_MESSAGES = 10_000;
const MAX_PARTS = 1024;

const contentText = v.string("must be a string or a list of text parts");

const textPart = v.object({
  text: text(),
  type: v.picklist(["text", "input_text", "output_text"]),
});

/** Answers that are sent back have parts of the latter two kinds. */
const part = v.variant(
  "type",
  [
    textPart,
    v.object({ type: v.literal("refusal"), refusal: text() }),
    v.object({
      type: v.literal("thinking"),
      thinking: v.union([text(), v.array(textPart)], "must be a string or a list of text parts"),
    }),
  ],
  'must be "text", "refusal" or "thinking": this server reads no other kind of part',
);

const parts = v.pipe(
  v.array(part),
  v.minLength(1, "must have at least one part"),
  v.maxLength(MAX_PARTS, `must have at most ${MAX_PARTS} parts`),
);

const functionCall = v.object(
  {
    name: text(),
    arguments: v.nullish(v.union([v.string(), anyObject()], "must be a string of JSON")),
  },
  "must be an object",
);

const toolCall = v.object(
  {
    id: v.nullish(text()),
    type: v.nullish(v.picklist(["function", "custom"], 'must be "function" or "custom"')),
    function: v.nullish(functionCall),
    custom: v.nullish(v.object({ name: text(), input: text() }, "must be an object")),
  },
  "must be an object",
);

/** The fields of a message. */
export const MESSAGE_FIELDS = {
  role: works(
    "both",
    v.picklist(
      ["system", "developer", "user", "assistant", "tool", "function"],
      "must be one of system, developer, user, assistant, tool, function",
    ),
  ),
  content: works(
    "both",
    v.nullish(v.lazy((content) => (Array.isArray(content) ? parts : contentText))),
  ),
  name: works("both", v.nullish(text())),
  tool_calls: works("both", v.nullish(v.array(toolCall, "must be a list of calls"))),
  tool_call_id: works("both", v.nullish(text())),
  function_call: works("openai", v.nullish(functionCall)),
  reasoning: works("vllm", v.nullish(text())),
  reasoning_content: works("vllm", v.nullish(text())),
  refusal: works("openai", v.nullish(text())),
  annotations: harmless("openai"),
  cache_control: harmless("others"),
  audio: later("openai", empty),
  prefix: later("others", empty),
};

export const message = v.object(schemasOf(MESSAGE_FIELDS), "must be an object");

export type WireMessage = v.InferOutput<typeof message>;

export const messages = v.pipe(
  v.array(message, "must be a list of messages"),
  v.minLength(1, "must have at least one message"),
  v.maxLength(MAX_MESSAGES, `must have at most ${MAX_MESSAGES} messages`),
);

/** Throws for what a message asks for and is not there; the names of fields that are passed over, each once. */
export function messageNotices(given: unknown): readonly string[] {
  if (!Array.isArray(given)) return [];
  const names = new Set<string>();
  for (const [index, fields] of given.entries()) {
    if (!isFields(fields)) continue;
    const at = `messages[${index}].`;
    for (const name of passedOver(fields, MESSAGE_FIELDS, at)) {
      names.add(`messages[].${name.slice(at.length)}`);
    }
  }
  return [...names];
}

export function messagesOf(given: readonly WireMessage[]): readonly ChatMessage[] {
  const reader = new MessageReader();
  return given.map((message, index) => reader.read(message, `messages[${index}]`));
}

/** Reads a conversation in order: a `function` message has no id, and answers the latest call of its name. */
class MessageReader {
  readonly #legacyIds = new Map<string, string>();
  #numLegacyCalls = 0;

  read(message: WireMessage, at: string): ChatMessage {
    const { role, name } = message;
    if (role === "assistant") return this.#assistant(message, at);
    if (message.content == null) throw missing(`${at}.content`);
    const content = saidIn(message.content) ?? "";
    if (role === "function") return this.#functionResult(content, name, at);
    const id = role === "tool" ? message.tool_call_id : undefined;
    return { role, content, name: name ?? undefined, ...(id != null && { toolCallId: id }) };
  }

  #assistant(message: WireMessage, at: string): ChatMessage {
    const calls = (message.tool_calls ?? []).map((call, i) =>
      callOf(call, `${at}.tool_calls[${i}]`),
    );
    if (message.function_call) calls.push(this.#legacyCall(message.function_call));
    const reasoning = message.reasoning ?? message.reasoning_content ?? thoughtsIn(message.content);
    return {
      role: "assistant",
      content: saidIn(message.content, "without thoughts") ?? message.refusal ?? "",
      name: message.name ?? undefined,
      ...(reasoning && { reasoning }),
      ...(calls.length > 0 && { toolCalls: calls }),
    };
  }

  #legacyCall({ name, arguments: given }: v.InferOutput<typeof functionCall>): ToolCall {
    const id = `call_${this.#numLegacyCalls++}`;
    this.#legacyIds.set(name, id);
    return { id, name, arguments: argumentsOf(given) };
  }

  #functionResult(content: string, name: string | null | undefined, at: string): ChatMessage {
    if (name == null) throw missing(`${at}.name`);
    const id = this.#legacyIds.get(name);
    return { role: "tool", content, name, ...(id !== undefined && { toolCallId: id }) };
  }
}

type Content = WireMessage["content"];

/** Parts joined by newlines; `undefined` if there is nothing. */
function saidIn(content: Content, thoughts?: "without thoughts"): string | undefined {
  if (content == null || typeof content === "string") return content ?? undefined;
  const texts = content.flatMap((part) => {
    if (part.type === "refusal") return [part.refusal];
    if (part.type !== "thinking") return [part.text];
    return thoughts === undefined ? [thoughtOf(part.thinking)] : [];
  });
  return texts.length === 0 ? undefined : texts.join("\n");
}

function thoughtsIn(content: Content): string {
  if (content == null || typeof content === "string") return "";
  return content
    .flatMap((part) => (part.type === "thinking" ? [thoughtOf(part.thinking)] : []))
    .join("\n");
}

function thoughtOf(thinking: string | readonly { readonly text: string }[]): string {
  return typeof thinking === "string" ? thinking : thinking.map(({ text }) => text).join("\n");
}

/** A custom tool's input has no form; it is shown to the model as the one argument `input`. */
function callOf(call: v.InferOutput<typeof toolCall>, at: string): ToolCall {
  const id = call.id ?? "";
  if (call.function) {
    const { name, arguments: given } = call.function;
    return { id, name, arguments: argumentsOf(given) };
  }
  if (!call.custom) throw missing(`${at}.function`);
  const { name, input } = call.custom;
  return { id, name, arguments: JSON.stringify({ input }) };
}

/** JSON text of an object. A call that was cut, or never had any, keeps its text as far as it came. */
function argumentsOf(given: string | object | null | undefined): string {
  if (given == null || given === "") return "{}";
  return typeof given === "string" ? given : JSON.stringify(given);
}
