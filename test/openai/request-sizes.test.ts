// Bodies with more parts than a request has: refused before any part is looked at.

import { expect, test } from "bun:test";

import { ApiError } from "../../src/door/api-error.ts";
import { checkSizes } from "../../src/openai/request-sizes.ts";

const fields = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`_${i}`, 0]));
const list = <T>(count: number, element: T) => Array.from({ length: count }, () => element);
const message = { role: "user", content: "a" };
const parts = list(1000, { type: "text", text: "a" });

test.each([
  ["the body's fields", fields(256), fields(257)],
  ["nvext's fields", { nvext: fields(32) }, { nvext: fields(33) }],
  ["a message's fields", { messages: [fields(32)] }, { messages: [message, fields(33)] }],
  ["messages", { messages: list(10_000, message) }, { messages: list(10_001, message) }],
  [
    "parts of all messages",
    { messages: list(16, { content: parts }) },
    { messages: list(17, { content: parts }) },
  ],
  ["tools", { tools: list(1024, {}) }, { tools: list(1025, {}) }],
  ["a tool's fields", { tools: [fields(32)] }, { tools: [fields(33)] }],
  ["stop strings", { stop: list(32, "a") }, { stop: list(33, "a") }],
  ["prompts", { prompt: list(256, "a") }, { prompt: list(257, "a") }],
  ["lists of ids", { prompt: list(256, [1]) }, { prompt: list(257, []) }],
])("the number of %s is bounded", (_, allowed, refused) => {
  expect(() => checkSizes(allowed)).not.toThrow();
  expect(() => checkSizes(refused)).toThrow(ApiError);
});

test("a prompt of token ids may be as long as a body", () => {
  expect(() => checkSizes({ prompt: list(1_000_000, 1) })).not.toThrow();
});
