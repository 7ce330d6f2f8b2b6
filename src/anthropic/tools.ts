// The tools of a request. Those with a schema are shown to the model; those that Anthropic defines or runs itself, as
// `web_search_20250305`, are passed over, and the answer names them.

import type { Fields, Place } from "../door/fields.ts";
import { strictSchema, toolsFor } from "../door/tool-schema.ts";
import type { ToolChoice, ToolDefinition } from "../protocol/chat.ts";

const MAX_TOOLS = 1024;

export interface Tools {
  readonly tools: readonly ToolDefinition[];
  readonly toolChoice: ToolChoice;
  readonly parallelToolCalls: boolean;
}

export function readTools(body: Fields): Tools {
  const tools = body.list("tools", MAX_TOOLS).flatMap(readTool);
  const place = body.at("tool_choice");
  const choice = readChoice(place?.fields());
  if (place) checkChoice(choice.toolChoice, tools, place);
  return { ...choice, tools: toolsFor(choice.toolChoice, tools) };
}

function readTool(tool: Place): readonly ToolDefinition[] {
  const fields = tool.fields();
  const type = fields.string("type") ?? "custom";
  if (type !== "custom") {
    tool.ignore(type.slice(0, 64));
    return [];
  }
  const name = fields.required("name");
  if (name.string() === "") throw name.wrong("must not be empty", "invalid_value");
  const schema = fields.required("input_schema");
  const parameters = schema.object();
  const definition = {
    name: name.string(),
    description: fields.string("description"),
    parameters,
    ...(fields.flag("strict") && strictSchema(parameters, schema.path)),
  };
  fields.pass("cache_control", "input_examples", "eager_input_streaming", "allowed_callers");
  if (fields.flag("defer_loading")) fields.ignore("defer_loading");
  fields.close();
  return [definition];
}

function checkChoice(choice: ToolChoice, tools: readonly ToolDefinition[], place: Place): void {
  if (choice === "required" && tools.length === 0)
    throw place.wrong("asks for a call, and there is no tool to call", "invalid_value");
  if (typeof choice === "object" && !tools.some(({ name }) => name === choice.name))
    throw place.wrong("names a tool that is not in 'tools'", "invalid_value");
}

function readChoice(choice: Fields | undefined): Omit<Tools, "tools"> {
  if (!choice) return { toolChoice: "auto", parallelToolCalls: true };
  choice.required("type");
  const type = choice.oneOf("type", ["auto", "any", "tool", "none"]);
  const name = type === "tool" ? choice.required("name").string() : undefined;
  const isAlone = choice.flag("disable_parallel_tool_use") ?? false;
  choice.close();
  const word = type === "any" ? "required" : type === "none" ? "none" : "auto";
  return { toolChoice: name === undefined ? word : { name }, parallelToolCalls: !isAlone };
}
