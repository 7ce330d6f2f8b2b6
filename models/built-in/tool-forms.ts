// Forms in which clients send one and the same tools: what evaluate-tools.ts asks in.

import type { Random } from "./corpus/random.ts";
import type { ToolTask } from "./corpus/tool-call.ts";
import { UNSEEN_NAMES } from "./corpus/tool-parameters.ts";
import { unseenTask } from "./unseen-tools.ts";

interface FunctionTool {
  readonly type: "function";
  readonly function: {
    readonly name: string;
    readonly description: string;
    readonly parameters: Record<string, unknown>;
  };
}

export interface Asked {
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
  {
    name: "with unseen names, as zod writes them",
    write: (task, random) => asZod(renamed(task, random)),
  },
  { name: "with one of a few texts", write: withChoice },
  { name: "tools never seen", write: (_, random) => unseenTask(random) },
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

function renamed(task: ToolTask, random: Random): Asked {
  const names = new Map(Object.entries(UNSEEN_NAMES).map(([name, to]) => [name, random.pick(to)]));
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

/** As zod 4 writes a schema: its draft, no further properties, a pattern or bounds, and what has a default as required. */
function asZod({ tools, messages, call }: Asked): Asked {
  const changed = tools.map((tool) => {
    const { properties, ...rest } = tool.function.parameters;
    const entries = Object.entries(properties as Properties).map(([name, { type }]) => [
      name,
      type === "number"
        ? { type, minimum: -9007199254740991, maximum: 9007199254740991 }
        : { type, minLength: 1, description: "as the user says it" },
    ]);
    const parameters = {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      ...rest,
      properties: {
        ...Object.fromEntries(entries),
        verbosity: { default: "short", type: "string" },
      },
      required: [...(rest["required"] as string[]), "verbosity"],
      additionalProperties: false,
    };
    return { ...tool, function: { ...tool.function, parameters } };
  });
  return { tools: changed, messages, call };
}

/** One parameter more that takes one of three words, which the request names. */
function withChoice(task: ToolTask, random: Random): Asked {
  const choices = ["crisp", "plain", "ornate"];
  const word = random.pick(choices);
  const { tools, messages, call } = changed(task, ({ properties, required, ...rest }) => ({
    ...rest,
    properties: { ...(properties as Properties), manner: { type: "string", enum: choices } },
    required: [...(required as string[]), "manner"],
  }));
  const asked = messages.map((message) => ({ ...message, content: `${message.content}, ${word}` }));
  return {
    tools,
    messages: asked,
    call: { ...call, arguments: { ...call.arguments, manner: word } },
  };
}
