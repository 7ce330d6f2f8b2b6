// Forms in which clients send one and the same tools: what evaluate-tools.ts asks in.

import type { Random } from "./corpus/random.ts";
import type { ToolTask } from "./corpus/tool-call.ts";

interface FunctionTool {
  readonly type: "function";
  readonly function: {
    readonly name: string;
    readonly description: string;
    readonly parameters: Record<string, unknown>;
  };
}

interface Asked {
  readonly tools: FunctionTool[];
  readonly messages: { role: "system" | "user"; content: string }[];
  readonly call: ToolTask["call"];
}

export interface ToolForm {
  readonly name: string;
  write(task: ToolTask, random: Random): Asked;
}

type Properties = Record<string, { readonly type: string }>;

export const TOOL_FORMS: readonly ToolForm[] = [
  { name: "as in the training text", write: plain },
  { name: "with all that schemas have", write: (task) => changed(task, elaborate) },
  {
    name: "with an optional parameter",
    write: (task) => changed(task, (parameters) => withOptional(parameters)),
  },
  { name: "behind a system message", write: behindSystem },
  { name: "with parameters of unseen names", write: renamed },
];

function plain(task: ToolTask): Asked {
  return changed(task, (parameters) => parameters);
}

function changed(
  { tools, request, call }: ToolTask,
  change: (parameters: Record<string, unknown>) => Record<string, unknown>,
): Asked {
  return {
    tools: tools.map(({ function: { name, description, parameters } }) => ({
      type: "function",
      function: { name, description, parameters: change(parameters as Record<string, unknown>) },
    })),
    messages: [{ role: "user", content: request }],
    call,
  };
}

/** As zod and pydantic write them. */
function elaborate({ properties, ...rest }: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(properties as Properties).map(([name, { type }]) => [
    name,
    type === "number"
      ? { description: `The ${name}`, type: "integer", minimum: 0, title: name }
      : { description: `The ${name}`, title: name, type, minLength: 1 },
  ]);
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    ...rest,
    properties: Object.fromEntries(entries),
    additionalProperties: false,
  };
}

function withOptional({ properties, ...rest }: Record<string, unknown>): Record<string, unknown> {
  const detail = { type: "string", enum: ["short", "long"], default: "short" };
  return { ...rest, properties: { ...(properties as Properties), detail } };
}

function behindSystem(task: ToolTask): Asked {
  const asked = plain(task);
  const system = { role: "system" as const, content: "You are a helpful assistant." };
  return { ...asked, messages: [system, ...asked.messages] };
}

/** Of another word each: no tool of the training text has a parameter of one of these. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  city: ["place", "town", "location"],
  country: ["nation", "state"],
  a: ["first", "x"],
  b: ["second", "y"],
  minutes: ["duration", "length"],
  to: ["recipient", "target"],
  from: ["origin", "start"],
  subject: ["title", "about"],
  name: ["contact", "who"],
  dish: ["query", "meal"],
  nights: ["days", "stay"],
  item: ["product", "thing"],
  quantity: ["amount", "number_of_items"],
  topic: ["keyword", "category"],
  degrees: ["value", "level"],
  hour: ["time", "at"],
};

function renamed(task: ToolTask, random: Random): Asked {
  const names = new Map(Object.entries(NAMES).map(([name, to]) => [name, random.pick(to)]));
  const rename = (values: object) =>
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => [names.get(name) ?? name, value]),
    );
  const { tools, messages, call } = changed(task, ({ properties, required, ...rest }) => ({
    ...rest,
    properties: rename(properties as Properties),
    required: (required as string[]).map((name) => names.get(name) ?? name),
  }));
  return { tools, messages, call: { ...call, arguments: rename(call.arguments) } };
}
