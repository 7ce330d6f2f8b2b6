// The tools of a request. Functions and custom tools are shown to the model; those that OpenAI runs itself are passed
// over, and the answer names them.

import type { Fields, Place } from "../door/fields.ts";
import { strictSchema, toolsFor } from "../door/tool-schema.ts";
import type { ToolChoice, ToolDefinition } from "../protocol/chat.ts";
import { CUSTOM_PARAMETERS } from "./custom-input.ts";

const MAX_TOOLS = 1024;

export interface Tools {
  readonly definitions: readonly ToolDefinition[];
  /** Names of those whose input is free text. */
  readonly custom: ReadonlySet<string>;
  readonly choice: ToolChoice;
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
  if (place) checkChoice(choice, kept, place);
  return {
    definitions: toolsFor(choice, kept),
    custom,
    choice,
    echo,
    echoChoice: place?.value ?? "auto",
  };
}

function checkChoice(choice: ToolChoice, tools: readonly ToolDefinition[], place: Place): void {
  if (choice === "required" && tools.length === 0)
    throw place.wrong("asks for a call, and there is no tool to call", "invalid_value");
  if (typeof choice === "object" && !tools.some(({ name }) => name === choice.name))
    throw place.wrong("names a tool that is not in 'tools'", "invalid_value");
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
  const schema = fields.at("parameters");
  const parameters = schema?.object();
  const strict = fields.flag("strict") ?? false;
  fields.pass("output_schema", "allowed_callers");
  fields.ignore("defer_loading");
  fields.close();
  const told = { description: description ?? null, parameters: parameters ?? null, strict };
  return {
    definition: {
      ...{ name, description, parameters },
      ...(strict && strictSchema(parameters, fields.pathOf("parameters"))),
    },
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
  readonly choice: ToolChoice;
  /** Names of the tools that are shown; all of them if it is absent. */
  readonly allowed?: ReadonlySet<string>;
}

function readChoice(place: Place | undefined): Choice {
  if (place === undefined) return { choice: "auto" };
  if (place.isString) {
    const word = (["auto", "none", "required"] as const).find((one) => one === place.value);
    if (word !== undefined) return { choice: word };
    throw place.wrong('must be "auto", "none", "required" or an object', "invalid_value");
  }
  const fields = place.fields();
  fields.required("type");
  const type = fields.oneOf("type", ["allowed_tools", "function", "custom"]);
  if (type !== "allowed_tools") return { choice: { name: nameOf(fields) } };
  const mode = fields.oneOf("mode", ["auto", "required"]) ?? "auto";
  const names = fields.list("tools", MAX_TOOLS).flatMap((tool) => {
    const inner = tool.fields();
    inner.pass("type");
    return inner.string("name") ?? [];
  });
  return { choice: mode, allowed: new Set(names) };
}
