// More than a request needs: parameters that take one of a few texts, true or false, or nothing.

import type { Random } from "./random.ts";
import type { Tool } from "./sample.ts";
import type { ToolTask } from "./tool-call.ts";
import { meaningless } from "./tool-parameters.ts";
import type { Value } from "./tool-skills.ts";
import { inventedWord } from "./unknown.ts";

const CHOICES: readonly (readonly string[])[] = [
  ["celsius", "fahrenheit"],
  ["short", "long"],
  ["low", "normal", "high"],
  ["json", "text"],
  ["en", "de", "fr"],
  ["asc", "desc"],
  ["metric", "imperial"],
  ["red", "green", "blue"],
  ["small", "medium", "large"],
  ["today", "tomorrow"],
];
const FLAGS = "urgent verbose recursive silent force public dry_run".split(" ");
const ABSENT = "note comment page cursor limit filter locale timezone".split(" ");

/** The same task, now and then with one more argument. */
export function withExtras(task: ToolTask, random: Random): ToolTask {
  const kind = random.next();
  if (kind < 0.09) return withChoice(task, random);
  if (kind < 0.12) return withFlag(task, random);
  if (kind < 0.15) return withNothing(task, random);
  return task;
}

/** The one that the request names, else the first. */
function withChoice(task: ToolTask, random: Random): ToolTask {
  const choices = random.chance(0.7)
    ? random.pick(CHOICES)
    : Array.from({ length: random.between(2, 4) }, () => inventedWord(random));
  const isNamed = random.chance(0.6);
  const value = isNamed ? random.pick(choices) : (choices[0] ?? "");
  const name = random.chance(0.5)
    ? random.pick("unit format mode style kind option detail size language order".split(" "))
    : meaningless(random);
  const said = random.pick([`, ${value}`, ` (${value})`, `, ${value} please`, ` in ${value}`]);
  return extended(
    task,
    { name, schema: { type: "string", enum: choices }, value },
    isNamed ? said : "",
  );
}

function withFlag(task: ToolTask, random: Random): ToolTask {
  const name = random.pick(FLAGS);
  const value = random.chance(0.5);
  const said = random.pick([`, ${name}`, ` (${name})`, `, ${name}!`]);
  return extended(task, { name, schema: { type: "boolean" }, value }, value ? said : "");
}

function withNothing(task: ToolTask, random: Random): ToolTask {
  const name = random.chance(0.6) ? random.pick(ABSENT) : meaningless(random);
  const schema = { anyOf: [{ type: "string" }, { type: "null" }] };
  return extended(task, { name, schema, value: null }, "");
}

interface Extra {
  readonly name: string;
  readonly schema: object;
  readonly value: Value;
}

/** `said` is put behind the request. */
function extended(task: ToolTask, { name, schema, value }: Extra, said: string): ToolTask {
  if (name in task.call.arguments) return task;
  const call = { ...task.call, arguments: { ...task.call.arguments, [name]: value } };
  const tools = task.tools.map((tool) =>
    tool.function.name === call.name ? withParameter(tool, name, schema) : tool,
  );
  return {
    ...task,
    tools,
    call,
    request: task.request.replace(/[?.!]?$/, (end) => `${said}${end}`),
  };
}

function withParameter(tool: Tool, name: string, schema: object): Tool {
  const { properties } = tool.function.parameters as { properties: Record<string, object> };
  const all = { ...properties, [name]: schema };
  const parameters = { type: "object", properties: all, required: Object.keys(all) };
  return { ...tool, function: { ...tool.function, parameters } };
}
