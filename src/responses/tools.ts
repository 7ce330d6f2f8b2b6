// The tools of a request. Functions and custom tools are shown to the model; those that OpenAI runs itself are passed
// over, and the answer names them.

import type { Fields, Place } from "../door/fields.ts";
import type { ToolDefinition } from "../protocol/chat.ts";
import { CUSTOM_PARAMETERS } from "./custom-input.ts";

const MAX_TOOLS = 1024;

export interface Tools {
  readonly definitions: readonly ToolDefinition[];
  /** Names of those whose input is free text. */
  readonly custom: ReadonlySet<string>;
  readonly choice: "auto" | "none";
  /** As the answer repeats them. */
  readonly echo: readonly unknown[];
  readonly echoChoice: unknown;
}

export function readTools(body: Fields): Tools {
  const custom = new Set<string>();
  const definitions: ToolDefinition[] = [];
  const echo: unknown[] = [];
  for (const tool of body.list("tools", MAX_TOOLS)) {
    const { definition, isCustom, shown } = readTool(tool);
    echo.push(shown);
    if (!definition) continue;
    definitions.push(definition);
    if (isCustom) custom.add(definition.name);
  }
  const place = body.at("tool_choice");
  const { choice, allowed } = readChoice(place);
  const kept = allowed ? definitions.filter(({ name }) => allowed.has(name)) : definitions;
  return { definitions: kept, custom, choice, echo, echoChoice: place?.value ?? "auto" };
}

interface ReadTool {
  readonly definition?: ToolDefinition;
  readonly isCustom?: boolean;
  readonly shown: unknown;
}

function readTool(tool: Place): ReadTool {
  const fields = tool.fields();
  const type = fields.required("type").string();
  switch (type) {
    case "function":
      return readFunction(fields);
    case "custom":
      return { ...readCustom(fields), shown: tool.value };
    default:
      tool.ignore(type.slice(0, 64));
      return { shown: tool.value };
  }
}

function readFunction(fields: Fields): ReadTool {
  const name = nameOf(fields);
  const description = fields.string("description");
  const parameters = fields.at("parameters")?.object();
  if (fields.flag("strict")) fields.ignore("strict"); // the answer's `strict` says false
  fields.pass("output_schema", "allowed_callers");
  fields.ignore("defer_loading");
  fields.close();
  const told = { description: description ?? null, parameters: parameters ?? null, strict: false };
  return {
    definition: { name, description, parameters },
    shown: { type: "function", name, ...told },
  };
}

function readCustom(fields: Fields): Omit<ReadTool, "shown"> {
  const name = nameOf(fields);
  const format = fields.fields("format");
  const grammar = format?.oneOf("type", ["text", "grammar"]) === "grammar" ? format : undefined;
  const rules = grammar && [grammar.string("syntax"), grammar.string("definition")];
  const description = [
    fields.string("description"),
    rules && `The input must follow this grammar (${rules[0] ?? "lark"}):\n${rules[1] ?? ""}`,
  ];
  fields.ignore("defer_loading");
  fields.close();
  return {
    definition: {
      name,
      description: description.filter(Boolean).join("\n\n") || undefined,
      parameters: CUSTOM_PARAMETERS,
    },
    isCustom: true,
  };
}

function nameOf(fields: Fields): string {
  const name = fields.required("name");
  if (name.string() === "") throw name.wrong("must not be empty", "invalid_value");
  return name.string();
}

interface Choice {
  readonly choice: "auto" | "none";
  /** Names of the tools that are shown; all of them if it is absent. */
  readonly allowed?: ReadonlySet<string>;
}

/** A choice that forces a call needs a grammar, which this server has not yet. */
function readChoice(place: Place | undefined): Choice {
  if (place === undefined) return { choice: "auto" };
  if (place.isString) {
    if (place.value === "auto" || place.value === "none") return { choice: place.value };
    if (place.value === "required") throw place.unsupported('send "auto" or "none"');
    throw place.wrong('must be "auto", "none" or a list of allowed tools', "invalid_value");
  }
  const fields = place.fields();
  if (fields.required("type").string() !== "allowed_tools")
    throw place.unsupported('send "auto" or "none"');
  if (fields.oneOf("mode", ["auto", "required"]) === "required")
    throw fields.required("mode").unsupported('send "auto"');
  const names = fields.list("tools", MAX_TOOLS).flatMap((tool) => {
    const inner = tool.fields();
    inner.pass("type");
    return inner.string("name") ?? [];
  });
  return { choice: "auto", allowed: new Set(names) };
}
