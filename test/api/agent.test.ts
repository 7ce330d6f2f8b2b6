// OpenAI's client as agents use it: its helpers for streams and for running tools, over a backend that calls them.

import { afterAll, beforeAll, expect, test } from "bun:test";
import OpenAI from "openai";

import { createApp } from "../../src/api/app.ts";
import { systemClock } from "../../src/base/clock.ts";
import { createLogger } from "../../src/base/log.ts";
import { type HttpServer, listen } from "../../src/http/listen.ts";
import type { ChatCompletionRequest } from "../../src/protocol/chat.ts";
import type { TextOutput } from "../../src/protocol/llm.ts";
import { FakeBackend } from "./fake-backend.ts";

const COUNTS = { index: 0, numTokens: 1, numPromptTokens: 5, numCachedTokens: 0 };
const ARGUMENTS = '{"city":"Köln","days":3}';

/** Calls `weather` in pieces of one character, and answers with what the tool said. */
class WeatherBackend extends FakeBackend {
  readonly requests: ChatCompletionRequest[] = [];

  override chat(request: ChatCompletionRequest) {
    this.requests.push(request);
    const last = request.messages.at(-1);
    return last?.role === "tool" ? answering(`It is ${last.content}.`) : calling();
  }
}

async function* answering(text: string): AsyncIterableIterator<TextOutput> {
  for (const piece of text) yield { ...COUNTS, text: piece };
  yield { ...COUNTS, text: "", finishReason: "stop" };
}

async function* calling(): AsyncIterableIterator<TextOutput> {
  yield { ...COUNTS, text: "", reasoning: "I need the weather.", numReasoningTokens: 1 };
  const begin = { index: 0, id: "call_1", name: "weather", arguments: "" };
  yield { ...COUNTS, text: "", toolCalls: [begin] };
  for (const piece of ARGUMENTS) {
    yield { ...COUNTS, text: "", toolCalls: [{ index: 0, arguments: piece }] };
  }
  yield { ...COUNTS, text: "", finishReason: "tool_calls" };
}

const backend = new WeatherBackend();
let server: HttpServer;
let client: OpenAI;

beforeAll(() => {
  const log = createLogger("test", "error");
  const app = createApp(backend, { clock: systemClock, log });
  server = listen(app, { host: "127.0.0.1", port: 0, clock: systemClock });
  client = new OpenAI({ baseURL: `${server.url}v1`, apiKey: "none", maxRetries: 0 });
});

afterAll(() => server.stop(1000));

const model = "fake/words-1";
const messages = [{ role: "user" as const, content: "How is the weather in Köln?" }];
const parse = (text: string) => JSON.parse(text) as { readonly city: string };
const description = "Tells the weather.";
const parameters = { type: "object", properties: { city: { type: "string" } } };

for (const stream of [false, true]) {
  test(`runTools, ${stream ? "streamed" : "whole"}: the tool is called, its result comes back, and the answer has it`, async () => {
    const asked: unknown[] = [];
    const weather = (given: { readonly city: string }) => {
      asked.push(given);
      return "sunny";
    };
    const tool = {
      type: "function" as const,
      function: { function: weather, parse, name: "weather", description, parameters },
    };
    const run = stream
      ? client.chat.completions.runTools({ model, messages, tools: [tool], stream: true })
      : client.chat.completions.runTools({ model, messages, tools: [tool] });
    expect(await run.finalContent()).toBe("It is sunny.");
    expect(asked).toEqual([JSON.parse(ARGUMENTS)]);
    const [, call, result] = backend.requests.at(-1)?.messages ?? [];
    expect(call).toMatchObject({
      ...{ role: "assistant", content: "" },
      toolCalls: [{ id: "call_1", name: "weather", arguments: ARGUMENTS }],
    });
    expect(result).toMatchObject({ role: "tool", toolCallId: "call_1", content: "sunny" });
  });
}

test("the stream helper puts calls and usage together", async () => {
  const tools = [{ type: "function" as const, function: { name: "weather", parameters } }];
  const stream = client.chat.completions.stream({
    ...{ model, messages, tools, stream_options: { include_usage: true } },
  });
  const { choices, usage } = await stream.finalChatCompletion();
  expect(choices[0]).toMatchObject({
    finish_reason: "tool_calls",
    message: { tool_calls: [{ id: "call_1", function: { arguments: ARGUMENTS } }] },
  });
  expect(usage?.completion_tokens_details?.reasoning_tokens).toBe(1);
});

test("a whole answer goes back as it came, without a notice", async () => {
  const { choices } = await client.chat.completions.create({ model, messages });
  const message = choices[0]?.message;
  if (!message) throw new Error("no choice");
  const { response } = await client.chat.completions
    .create({ model, messages: [...messages, message, ...messages] })
    .withResponse();
  expect(response.headers.get("x-dynamo-ignored-params")).toBeNull();
  expect(backend.requests.at(-1)?.messages[1]).toMatchObject({
    ...{ reasoning: "I need the weather.", toolCalls: [{ name: "weather" }] },
  });
});

test("a body of an agent's size is taken: 24 tools, 80 KB", async () => {
  const properties = Object.fromEntries(
    Array.from({ length: 20 }, (_, i) => [
      `field_${i}`,
      { type: "string", description: "What it is, in a few words. ".repeat(4), minLength: 1 },
    ]),
  );
  const tools = Array.from({ length: 24 }, (_, i) => ({
    type: "function" as const,
    function: { name: `tool_${i}`, parameters: { ...parameters, properties } },
  }));
  expect(JSON.stringify(tools).length).toBeGreaterThan(78_000);
  const { response } = await client.chat.completions
    .create({ model, messages, tools, max_tokens: 16_384 })
    .withResponse();
  expect(response.headers.get("x-dynamo-ignored-params")).toBeNull();
  expect(backend.requests.at(-1)?.tools[23]?.parameters).toEqual({ ...parameters, properties });
});
