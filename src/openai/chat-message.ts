// An assistant's message in an answer: text, thoughts and calls.

import type { Choice } from "../door/generation-route.ts";
import type { ToolCall, ToolCallDelta } from "../protocol/chat.ts";
import type { FinishReason } from "../protocol/llm.ts";

/** How a client wants calls and thoughts told. */
export interface ChatStyle {
  /** `function_call` is OpenAI's older form, for requests with `functions`. */
  readonly calls: "tool_calls" | "function_call";
  readonly thoughts: "told" | "kept";
  /** The client has named a service tier, and is told which one it got. */
  readonly tellsTier?: boolean;
  /** The client named the tool: OpenAI's reason is then `stop`. */
  readonly named?: boolean;
}

/** Thoughts have two names: vLLM's since 2026, and the one that most clients know. */
export function chatMessage({ text, reasoning, toolCalls }: Choice, style: ChatStyle): object {
  const isTold = style.thoughts === "told" && reasoning !== "";
  return {
    role: "assistant",
    content: text === "" && toolCalls.length > 0 ? null : text,
    refusal: null,
    ...(isTold && { reasoning, reasoning_content: reasoning }),
    ...callsOf(toolCalls, style),
  };
}

function callsOf(calls: readonly ToolCall[], style: ChatStyle): object {
  const [first] = calls;
  if (first === undefined) return {};
  if (style.calls === "function_call") return { function_call: functionOf(first) };
  const toolCalls = calls.map((call) => ({
    id: call.id,
    type: "function",
    function: functionOf(call),
  }));
  return { tool_calls: toolCalls };
}

function functionOf({ name, arguments: json }: ToolCall): object {
  return { name, arguments: json };
}

/** JSON of the delta of a chunk: its call has id and name where it begins. */
export function callDelta({ index, id, name, arguments: json }: ToolCallDelta, style: ChatStyle) {
  const called = name === undefined ? { arguments: json } : { name, arguments: json };
  if (style.calls === "function_call") return JSON.stringify({ function_call: called });
  const begun = id === undefined ? { index } : { index, id, type: "function" };
  return JSON.stringify({ tool_calls: [{ ...begun, function: called }] });
}

export function reasonIn({ calls, named }: ChatStyle, reason: FinishReason): string {
  if (reason !== "tool_calls") return reason;
  return named ? "stop" : calls;
}
