import type { ToolChoice, ToolDefinition } from "../protocol/chat.ts";
import { rawJson } from "./raw-json.ts";

/** For a definition: its calls obey the schema that came in `field`. */
export function strictSchema(
  parameters: object | null | undefined,
  field: string,
): Pick<ToolDefinition, "schema" | "strict" | "field"> {
  return { strict: true, field, ...(parameters && { schema: rawJson(parameters) }) };
}

/** The tools with their schemas as they were written, where calls are forced and so held to them. */
export function toolsFor(
  choice: ToolChoice,
  tools: readonly ToolDefinition[],
): readonly ToolDefinition[] {
  if (choice === "auto" || choice === "none") return tools;
  return tools.map((tool) =>
    tool.parameters ? { ...tool, schema: rawJson(tool.parameters) } : tool,
  );
}
