// How many parts a body may have, looked at before any of them: a body of 16 MiB has room for a million fields, and
// naming each that is unknown would take the thread that writes all streams for seconds.

import { invalidRequest } from "../door/api-error.ts";
import { MAX_MESSAGES } from "./messages.ts";
import { MAX_TOOLS } from "./tools.ts";
import { MAX_CHOICES, MAX_STOPS } from "./values.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Fields of a body; OpenAI's and vLLM's APIs together have about 80. */
const MAX_FIELDS = 256;
/** Fields of an object in it. */
const MAX_INNER_FIELDS = 32;
/** Parts and calls of all messages together. */
const MAX_PARTS = 16_384;

/** Throws `invalid_value`. */
export function checkSizes(body: Fields): void {
  checkFields(body, "");
  for (const name of ["nvext", "stream_options", "chat_template_kwargs"]) {
    const inner = body[name];
    if (isObject(inner)) checkFields(inner, name);
  }
  checkLength(body["stop"], MAX_STOPS, "stop");
  for (const name of ["tools", "functions"]) checkTools(body[name], name);
  checkMessages(body["messages"]);
  const { prompt } = body;
  if (Array.isArray(prompt) && typeof prompt[0] !== "number") {
    checkLength(prompt, MAX_CHOICES, "prompt");
  }
}

function checkMessages(messages: unknown): void {
  checkLength(messages, MAX_MESSAGES, "messages");
  if (!Array.isArray(messages)) return;
  let numParts = 0;
  for (const [index, message] of messages.entries()) {
    if (!isObject(message)) continue;
    checkFields(message, `messages[${index}]`);
    for (const name of ["content", "tool_calls"]) {
      const list = message[name];
      if (!Array.isArray(list)) continue;
      numParts += list.length;
      if (numParts > MAX_PARTS) throw tooMany(`messages[${index}].${name}`, MAX_PARTS, "parts");
    }
  }
}

/** A tool's schema has as many fields as it needs; the tool itself has few. */
function checkTools(tools: unknown, name: string): void {
  checkLength(tools, MAX_TOOLS, name);
  if (!Array.isArray(tools)) return;
  for (const [index, tool] of tools.entries()) {
    if (!isObject(tool)) continue;
    checkFields(tool, `${name}[${index}]`);
    const { function: inner } = tool;
    if (isObject(inner)) checkFields(inner, `${name}[${index}].function`);
  }
}

function checkLength(list: unknown, max: number, name: string): void {
  if (Array.isArray(list) && list.length > max) throw tooMany(name, max, "elements");
}

function checkFields(object: Fields, name: string): void {
  const max = name === "" ? MAX_FIELDS : MAX_INNER_FIELDS;
  let count = 0;
  for (const _ in object) if (++count > max) throw tooMany(name, max, "fields");
}

function tooMany(name: string, max: number, what: string) {
  const isBody = name === "";
  const message = `${isBody ? "The body" : `'${name}'`} must have at most ${max} ${what}.`;
  return invalidRequest("invalid_value", message, isBody ? undefined : name);
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
