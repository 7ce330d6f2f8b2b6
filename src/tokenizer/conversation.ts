// A conversation, and what a chat template is given of it: transformers' names and shapes, which templates are written for.

import type { ChatMessage, ToolCall, ToolDefinition } from "../protocol/chat.ts";

export interface Conversation {
  readonly messages: readonly Turn[];
  readonly tools?: readonly ToolDefinition[];
  /** `begun`, the default: an assistant's turn is begun behind it. `continued`: its last turn is left open. */
  readonly end?: "begun" | "closed" | "continued";
  /** Further variables of the template. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

export interface Turn extends Omit<ChatMessage, "role" | "name"> {
  readonly role: string;
  readonly name?: string | undefined;
}

/** Changes what a client wrote: strings, also as keys and values of what is nested. */
export type Rewrite = <T>(value: T) => T;

/** Deeper arguments stay text: templates walk through them. */
const MAX_DEPTH = 64;

export interface InputOptions {
  /** Content of a turn of calls alone. */
  readonly noContent: "" | null;
  /** Form of the arguments of calls. */
  readonly arguments: "object" | "text";
}

export function templateInputs(
  { messages, tools = [], variables = {}, end = "begun" }: Conversation,
  options: InputOptions,
  rewrite: Rewrite,
): Readonly<Record<string, unknown>> {
  const names = namesOfCalls(messages);
  const named = Object.entries(variables).map(([name, value]) => [name, rewrite(value)]);
  return {
    documents: null,
    ...Object.fromEntries(named),
    messages: messages.map((turn) => {
      const name = turn.name ?? names.get(turn.toolCallId ?? "");
      return templateMessage({ ...turn, name }, options, rewrite);
    }),
    tools: tools.length === 0 ? null : tools.map((tool) => templateTool(tool, rewrite)),
    add_generation_prompt: end === "begun",
  };
}

/** By the call's id: some templates want the tool's name with its result, which OpenAI's clients do not send. */
function namesOfCalls(messages: readonly Turn[]): ReadonlyMap<string, string> {
  const calls = messages.flatMap(({ toolCalls = [] }) => toolCalls);
  return new Map(calls.map(({ id, name }) => [id, name]));
}

function templateMessage(turn: Turn, options: InputOptions, rewrite: Rewrite) {
  const { role, content, name, reasoning, toolCalls = [], toolCallId } = turn;
  const thought = reasoning === undefined ? undefined : rewrite(reasoning);
  return {
    role,
    content: content === "" && toolCalls.length > 0 ? options.noContent : rewrite(content),
    ...(name !== undefined && { name: rewrite(name) }),
    // The name that templates have, and the one that vLLM gives it since 2026.
    ...(thought !== undefined && { reasoning_content: thought, reasoning: thought }),
    ...(toolCalls.length > 0 && {
      tool_calls: toolCalls.map((call) => templateCall(call, options, rewrite)),
    }),
    ...(toolCallId !== undefined && { tool_call_id: rewrite(toolCallId) }),
  };
}

function templateCall(
  { id, name, arguments: text }: ToolCall,
  options: InputOptions,
  rewrite: Rewrite,
) {
  const values = options.arguments === "text" ? text : argumentsOf(text);
  return {
    id: rewrite(id),
    type: "function",
    function: { name: rewrite(name), arguments: rewrite(values) },
  };
}

function templateTool({ name, description, parameters }: ToolDefinition, rewrite: Rewrite) {
  return {
    type: "function",
    function: {
      name: rewrite(name),
      ...(description !== undefined && { description: rewrite(description) }),
      ...(parameters !== undefined && { parameters: rewrite(parameters) }),
    },
  };
}

/** Many templates take a mapping only. Other text stays as the client wrote it. */
function argumentsOf(text: string): unknown {
  if (text.trim() === "") return {};
  try {
    const value: unknown = JSON.parse(text);
    const isMapping = typeof value === "object" && value !== null && !Array.isArray(value);
    return isMapping && nestsAtMost(value, MAX_DEPTH) ? value : text;
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

function nestsAtMost(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return depth > 0 && Object.values(value).every((field) => nestsAtMost(field, depth - 1));
}

/** Characters of all that a client wrote, nearly. */
export function numCharsOf({ messages, tools = [], variables }: Conversation): number {
  let sum = tools.length === 0 ? 0 : JSON.stringify(tools).length;
  if (variables !== undefined) sum += JSON.stringify(variables).length;
  for (const { content, reasoning = "", toolCalls = [] } of messages) {
    sum += content.length + reasoning.length;
    for (const { name, arguments: text } of toolCalls) sum += name.length + text.length;
  }
  return sum;
}
