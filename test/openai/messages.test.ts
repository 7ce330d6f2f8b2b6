// Conversations as agents send them back: calls, results, thoughts, refusals.

import { describe, expect, test } from "bun:test";

import { ApiError } from "../../src/door/api-error.ts";
import { parseChatRequest } from "../../src/openai/schema.ts";

const user = { role: "user", content: "hi" };
const parsed = (...messages: readonly object[]) =>
  parseChatRequest({ model: "m", messages: [user, ...messages] }, 7);
const messagesOf = (...messages: readonly object[]) =>
  parsed(...messages).request.messages.slice(1);

function refusal(...messages: readonly object[]): ApiError {
  try {
    parsed(...messages);
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error("should have been refused");
}

const call = {
  id: "call_a",
  type: "function",
  function: { name: "read", arguments: '{"path":"a.ts"}' },
};

describe("calls and results", () => {
  test("a turn of calls alone has no text, and its results name the call", () => {
    const [calls, result] = messagesOf(
      { role: "assistant", content: null, tool_calls: [call] },
      { role: "tool", tool_call_id: "call_a", content: [{ type: "text", text: "x = 1" }] },
    );
    expect(calls).toEqual({
      role: "assistant",
      content: "",
      name: undefined,
      toolCalls: [{ id: "call_a", name: "read", arguments: '{"path":"a.ts"}' }],
    });
    expect(result).toEqual({
      role: "tool",
      content: "x = 1",
      name: undefined,
      toolCallId: "call_a",
    });
  });

  test("arguments may be an object, empty or absent", () => {
    const calls = [{ a: 1 }, "", undefined].map((given) => ({
      function: { name: "f", arguments: given },
    }));
    const [message] = messagesOf({ role: "assistant", tool_calls: calls });
    expect(message?.toolCalls?.map((one) => one.arguments)).toEqual(['{"a":1}', "{}", "{}"]);
  });

  test("a custom tool's call has its input as its one argument", () => {
    const custom = { id: "c", type: "custom", custom: { name: "patch", input: 'say "hi"' } };
    const [message] = messagesOf({ role: "assistant", tool_calls: [custom] });
    expect(message?.toolCalls).toEqual([
      { id: "c", name: "patch", arguments: JSON.stringify({ input: 'say "hi"' }) },
    ]);
  });

  test("the older form has no ids: a function's message answers the latest call of its name", () => {
    const called = (name: string) => ({
      role: "assistant",
      content: null,
      function_call: { name, arguments: "{}" },
    });
    const result = (name: string) => ({ role: "function", name, content: "done" });
    const messages = messagesOf(called("a"), result("a"), called("b"), result("b"), result("a"));
    expect(messages.map((one) => one.toolCalls?.[0]?.id ?? one.toolCallId)).toEqual([
      ...["call_0", "call_0", "call_1", "call_1", "call_0"],
    ]);
    expect(messages[1]).toMatchObject({ role: "tool", name: "a", content: "done" });
  });

  test("an unfinished call keeps its text as far as it came", () => {
    const cut = { id: "c", type: "function", function: { name: "f", arguments: '{"a": "b' } };
    const [message] = messagesOf({ role: "assistant", tool_calls: [cut] });
    expect(message?.toolCalls?.[0]?.arguments).toBe('{"a": "b');
  });

  test("what is wrong with a call is named by its path", () => {
    const assistant = (tool_calls: unknown) => ({ role: "assistant", tool_calls });
    expect(refusal(assistant([{ id: "x" }])).param).toBe("messages[1].tool_calls[0].function");
    expect(refusal(assistant([{ function: {} }])).param).toBe(
      "messages[1].tool_calls[0].function.name",
    );
    expect(refusal(assistant("x")).param).toBe("messages[1].tool_calls");
    expect(refusal(assistant([{ type: "magic" }])).param).toBe("messages[1].tool_calls[0].type");
    expect(refusal({ role: "function", content: "x" }).param).toBe("messages[1].name");
    expect(refusal({ role: "tool" }).param).toBe("messages[1].content");
  });
});

describe("thoughts and refusals", () => {
  test("both names of reasoning are taken, the newer one first", () => {
    const turns = messagesOf(
      { role: "assistant", content: "a", reasoning: "one" },
      { role: "assistant", content: "b", reasoning_content: "two" },
      { role: "assistant", content: "c", reasoning: "three", reasoning_content: "three" },
      { role: "assistant", content: "d", reasoning: "", reasoning_content: null },
    );
    expect(turns.map((turn) => turn.reasoning)).toEqual(["one", "two", "three", undefined]);
  });

  test("thinking parts are thoughts, in either form", () => {
    const [turn] = messagesOf({
      role: "assistant",
      content: [
        { type: "thinking", thinking: "first" },
        { type: "thinking", thinking: [{ type: "text", text: "second" }], closed: true },
        { type: "text", text: "said" },
      ],
    });
    expect(turn).toMatchObject({ content: "said", reasoning: "first\nsecond" });
  });

  test("a refusal is what the assistant said, as a field and as a part", () => {
    const refusalPart = [{ type: "refusal", refusal: "I can't." }];
    const turns = messagesOf(
      { role: "assistant", content: null, refusal: "No." },
      { role: "assistant", content: refusalPart },
    );
    expect(turns.map(({ content }) => content)).toEqual(["No.", "I can't."]);
  });

  test("other parts are refused by name", () => {
    const image = { role: "user", content: [{ type: "image_url", image_url: { url: "x" } }] };
    expect(refusal(image)).toMatchObject({ status: 400, param: "messages[1].content[0].type" });
    const bare = { role: "user", content: [{ type: "text" }] };
    expect(refusal(bare).param).toBe("messages[1].content[0].text");
  });
});

test("an answer that is sent back whole passes without a notice", () => {
  const answer = {
    ...{ role: "assistant", content: "Hello.", refusal: null, annotations: [], audio: null },
    ...{ function_call: null, tool_calls: null, reasoning: null, reasoning_content: null },
  };
  const { request, ignored } = parsed(answer, user);
  expect(ignored).toEqual([]);
  expect(request.messages[1]).toEqual({ role: "assistant", content: "Hello.", name: undefined });
});
