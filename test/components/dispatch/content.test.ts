// Conditions that make two requests, or two sequences, one content.

import { describe, expect, test } from "bun:test";

import { contentOfRequest, contentOfSequence } from "../../../src/components/dispatch/content.ts";
import { parseChatRequest, parseCompletionRequest } from "../../../src/openai/schema.ts";
import { requestOf } from "../../engine/requests.ts";

const CHAT = { model: "m", messages: [{ role: "user", content: "hello" }] };
const COMPLETION = { model: "m", prompt: [[1, 2, 3], [4]] };

function chat(changes: object, tenant = 1) {
  return contentOfRequest(parseChatRequest({ ...CHAT, ...changes }, tenant).request);
}

function completion(changes: object, tenant = 1) {
  return contentOfRequest(parseCompletionRequest({ ...COMPLETION, ...changes }, tenant).request);
}

describe("a request is alike", () => {
  test.each([
    ["its seed", { seed: 7 }],
    ["how it is answered", { stream: true, stream_options: { include_usage: true } }],
    ["the worker that it asks for", { nvext: { backend_instance_id: 3 } }],
  ])("whatever %s", (_, changes) => {
    expect(chat(changes)).toBe(chat({}));
    expect(completion(changes)).toBe(completion({}));
  });

  test("of all clients", () => {
    expect(chat({}, 2)).toBe(chat({}, 1));
    expect(completion({}, 2)).toBe(completion({}, 1));
  });
});

describe("a request is another", () => {
  test.each([
    ["messages", { messages: [{ role: "user", content: "hello!" }] }],
    ["temperature", { temperature: 0.5 }],
    ["max_tokens", { max_tokens: 3 }],
    ["stop", { stop: ["x"] }],
  ])("by its %s", (_, changes) => {
    expect(chat(changes)).not.toBe(chat({}));
  });

  test("by its prompts", () => {
    expect(
      completion({
        prompt: [
          [1, 2],
          [3, 4],
        ],
      }),
    ).not.toBe(completion({}));
    expect(completion({ prompt: "1,2,3" })).not.toBe(completion({}));
  });

  test("by any letter of a long text, in messages and in prompts", () => {
    const texts = ["a", "é"].map((letter) => letter.repeat(100_000));
    const both = [...texts, ...texts.map((text) => `${text}b`), ...texts.map((text) => `b${text}`)];
    const chats = both.map((content) => chat({ messages: [{ role: "user", content }] }));
    const completions = both.map((prompt) => completion({ prompt: ["x", prompt] }));
    expect(new Set([...chats, ...completions]).size).toBe(2 * both.length);
    const [text = ""] = texts;
    expect(completion({ prompt: ["x", text] })).toBe(completion({ prompt: ["x", text] }));
    expect(completion({ prompt: [text, "x"] })).not.toBe(completion({ prompt: ["x", text] }));
  });
});

test("a sequence is alike whatever its seed and tenant", () => {
  const sequence = requestOf([1, 2, 3]);
  const other = { ...sequence, tenant: 99, sampling: { ...sequence.sampling, seed: 5n } };
  expect(contentOfSequence(other)).toBe(contentOfSequence(sequence));
  expect(contentOfSequence(requestOf([1, 2]))).not.toBe(contentOfSequence(sequence));
});
