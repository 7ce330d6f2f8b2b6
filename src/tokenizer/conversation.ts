// A conversation, and what a chat template is given of it: transformers' names and shapes, which templates are written for.

import { Float } from "../jinja/values.ts";
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
  /** Calls of a turn that the template writes. */
  readonly calls: "all" | "first";
  /** gpt-oss': under the name `thinking`, and with what a turn of calls says besides. */
  readonly thoughts: "beside content" | "instead of content";
}

export function templateInputs(
  { messages, tools = [], variables = {}, end = "begun" }: Conversation,
  options: InputOptions,
  rewrite: Rewrite,
): Readonly<Record<string, unknown>> {
  const names = namesOfCalls(messages);
  const turns = options.calls === "first" ? withOneCallEach(messages) : messages;
  const named = Object.entries(variables).map(([name, value]) => [name, rewrite(value)]);
  return {
    documents: null,
    ...Object.fromEntries(named),
    messages: turns.map((turn) => {
      const name = turn.name ?? names.get(turn.toolCallId ?? "");
      return templateMessage({ ...turn, name }, options, rewrite);
    }),
    tools: tools.length === 0 ? null : tools.map((tool) => templateTool(tool, rewrite)),
    add_generation_prompt: end === "begun",
  };
}

/** A turn of several calls as several turns, each with its results behind it. */
function withOneCallEach(messages: readonly Turn[]): readonly Turn[] {
  const turns: Turn[] = [];
  for (let at = 0; at < messages.length; ) {
    const turn = messages[at++] as Turn;
    const results: Turn[] = [];
    const { toolCalls = [] } = turn;
    while (toolCalls.length > 1 && messages[at]?.role === "tool")
      results.push(messages[at++] as Turn);
    if (toolCalls.length > 1) turns.push(...oneCallEach(turn, results));
    else turns.push(turn);
  }
  return turns;
}

function* oneCallEach(turn: Turn, results: readonly Turn[]): Generator<Turn> {
  const { toolCalls = [], reasoning: _, ...rest } = turn;
  for (const [at, call] of toolCalls.entries()) {
    yield at === 0 ? { ...turn, toolCalls: [call] } : { ...rest, content: "", toolCalls: [call] };
    yield* results.filter(({ toolCallId }) => toolCallId === call.id);
  }
  const ids = new Set(toolCalls.map(({ id }) => id));
  yield* results.filter(({ toolCallId = "" }) => !ids.has(toolCallId));
}

/** By the call's id: some templates want the tool's name with its result, which OpenAI's clients do not send. */
function namesOfCalls(messages: readonly Turn[]): ReadonlyMap<string, string> {
  const calls = messages.flatMap(({ toolCalls = [] }) => toolCalls);
  return new Map(calls.map(({ id, name }) => [id, name]));
}

function templateMessage(turn: Turn, options: InputOptions, rewrite: Rewrite) {
  const { role, name, toolCalls = [], toolCallId } = turn;
  const { content, reasoning } = joinsThoughts(turn, options) ? joined(turn) : turn;
  const thought = reasoning === undefined ? undefined : rewrite(reasoning);
  return {
    role,
    content: content === "" && toolCalls.length > 0 ? options.noContent : rewrite(content),
    ...(name !== undefined && { name: rewrite(name) }),
    // The name that templates have, and the one that vLLM gives it since 2026.
    ...(thought !== undefined && { reasoning_content: thought, reasoning: thought }),
    ...(thought && options.thoughts === "instead of content" && { thinking: thought }),
    ...(toolCalls.length > 0 && {
      tool_calls: toolCalls.map((call) => templateCall(call, options, rewrite)),
    }),
    ...(toolCallId !== undefined && { tool_call_id: rewrite(toolCallId) }),
  };
}

function joinsThoughts({ toolCalls = [] }: Turn, { thoughts }: InputOptions): boolean {
  return thoughts === "instead of content" && toolCalls.length > 0;
}

function joined({ content, reasoning = "" }: Turn) {
  const said = [reasoning, content].filter((text) => text !== "");
  return { content: "", reasoning: said.length === 0 ? undefined : said.join("\n") };
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
    const value: unknown = JSON.parse(text, keepPoint);
    const isMapping = typeof value === "object" && value !== null && !Array.isArray(value);
    return isMapping && nestsAtMost(value, MAX_DEPTH) ? value : text;
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

/** `1.0` stays a number with a point, as Python reads it. */
function keepPoint(
  _: string,
  value: unknown,
  { source }: { readonly source?: string } = {},
): unknown {
  return typeof value === "number" && /[.eE]/.test(source ?? "") ? new Float(value) : value;
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
