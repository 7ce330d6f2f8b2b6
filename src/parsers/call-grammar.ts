// Pieces of the forms that calls are held to, so that a format's parser reads what was written. Each format has its own
// beside its parser.

import type { ToolDefinition } from "../protocol/chat.ts";
import type { GrammarSource, JsonLayout, SchemaSource } from "../protocol/grammar.ts";

/** Calls of one format, as forms of an output. */
export interface CallGrammar {
  /** From one to `max` calls, and nothing else. */
  calls(tools: readonly ToolDefinition[], max: number): GrammarSource;
  /** Any text with up to `max` calls, each of one of `tools`. */
  mixed(tools: readonly ToolDefinition[], max: number): GrammarSource;
}

const NO_PARAMETERS = '{"properties": {}, "additionalProperties": false}';

export const LINE = regex("\\n?");
const BLANK = regex(" ?");
export const NOTHING: GrammarSource = { type: "text", text: "" };

export function text(value: string): GrammarSource {
  return { type: "text", text: value };
}

export function regex(pattern: string): GrammarSource {
  return { type: "regex", pattern };
}

export function sequence(...parts: readonly GrammarSource[]): GrammarSource {
  return { type: "sequence", parts };
}

export function anyOf(options: readonly GrammarSource[]): GrammarSource {
  const [only] = options;
  return options.length === 1 && only ? only : { type: "any_of", options };
}

export function list(
  item: GrammarSource,
  separator: GrammarSource,
  { min, max }: { readonly min: number; readonly max: number },
): GrammarSource {
  return { type: "list", item, separator, min, ...(Number.isFinite(max) && { max }) };
}

/** The schema of a tool's arguments, as it came. */
export function schemaOf({ schema, parameters }: ToolDefinition, layout: JsonLayout): SchemaSource {
  const written = schema ?? (parameters === undefined ? NO_PARAMETERS : JSON.stringify(parameters));
  return { type: "json_schema", schema: written, isObject: true, layout };
}

/** Held to it if the tool is strict; else only as far as it is supported, and to `otherwise` where it is not. */
export function held(
  { strict = false, field = "tools" }: ToolDefinition,
  body: GrammarSource,
  otherwise: GrammarSource,
): GrammarSource {
  if (strict) return { type: "field", field, body };
  return { type: "lenient", body, fallback: otherwise };
}

export const STRICT_LAYOUT: JsonLayout = { undeclaredProperties: "refused" };

/** An object of arguments in JSON. */
export function jsonArguments(tool: ToolDefinition): GrammarSource {
  const layout = { ...STRICT_LAYOUT, mayOmitDefaults: !tool.strict };
  return held(tool, schemaOf(tool, layout), { type: "json_object" });
}

/** `{"name": "f", "arguments": {...}}`, in this order. */
export function jsonCall(tool: ToolDefinition, key: "arguments" | "parameters"): GrammarSource {
  const name = JSON.stringify(tool.name);
  return sequence(
    ...[text('{"name":'), BLANK, text(`${name},`), BLANK, text(`"${key}":`), BLANK],
    ...[jsonArguments(tool), text("}")],
  );
}

/** Text with calls between, each of which begins with one of `markers`; `call` begins with it too. */
export function marked(
  call: GrammarSource,
  markers: readonly string[],
  max: number,
): GrammarSource {
  const between: GrammarSource = { type: "without", markers };
  return sequence(list(sequence(between, call), NOTHING, { min: 0, max }), between);
}
