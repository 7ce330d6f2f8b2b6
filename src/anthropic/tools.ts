// The tools of a request. Those with a schema are shown to the model; those that Anthropic defines or runs itself, as
// `web_search_20250305`, are passed over, and the answer names them.

import type { Fields, Place } from "../door/fields.ts";
import type { ToolDefinition } from "../protocol/chat.ts";

const MAX_TOOLS = 1024;

export interface Tools {
  readonly tools: readonly ToolDefinition[];
  readonly toolChoice: "auto" | "none";
  readonly parallelToolCalls: boolean;
}

export function readTools(body: Fields): Tools {
  const tools = body.list("tools", MAX_TOOLS).flatMap(readTool);
  return { tools, ...readChoice(body.fields("tool_choice")) };
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
  const definition = {
    name: name.string(),
    description: fields.string("description"),
    parameters: fields.required("input_schema").object(),
  };
  fields.pass("cache_control", "input_examples", "eager_input_streaming", "allowed_callers");
  if (fields.flag("strict")) fields.ignore("strict");
  if (fields.flag("defer_loading")) fields.ignore("defer_loading");
  fields.close();
  return [definition];
}

/** A choice that forces a call needs a grammar, which this server has not yet. */
function readChoice(choice: Fields | undefined): Omit<Tools, "tools"> {
  if (!choice) return { toolChoice: "auto", parallelToolCalls: true };
  choice.required("type");
  const type = choice.oneOf("type", ["auto", "any", "tool", "none"]);
  if (type === "any" || type === "tool")
    throw choice.required("type").unsupported('send "auto" or "none"');
  const isAlone = choice.flag("disable_parallel_tool_use") ?? false;
  choice.close();
  return { toolChoice: type ?? "auto", parallelToolCalls: !isAlone };
}
