// The APIs beside OpenAI's chats on the executable: each by its own client, with a key, and counts that are the answer's.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Anthropic from "@anthropic-ai/sdk";
import { Ollama } from "ollama";
import OpenAI from "openai";

import { type Server, startServer } from "./server.ts";

const KEY = "sk-of-this-test-0123456789abcdef";
const model = "mock";
const said = [{ role: "user" as const, content: "Once upon a time there was a fox." }];

let server: Server;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "dynamo-apis-"));
  const keys = join(folder, "keys");
  writeFileSync(keys, `test:${KEY}\n`, { mode: 0o600 });
  server = await startServer({
    args: [
      ...["graphs.agg:Frontend", "-f", "configs/mock.yaml", "--api-key-file", keys],
      ...["--Common.max-model-len=512", "--VllmWorker.speedup-ratio=1000"],
    ],
  });
});

afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

test("the Responses API: events, a stored conversation, and a count", async () => {
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: KEY, maxRetries: 0 });
  const stream = client.responses.stream({ model, input: said, max_output_tokens: 5 });
  let text = "";
  for await (const event of stream)
    if (event.type === "response.output_text.delta") text += event.delta;
  const first = await stream.finalResponse();
  expect(first).toMatchObject({ status: "incomplete", output_text: text });
  expect(first.usage?.output_tokens).toBe(5);
  const next = { model, input: "And then?", previous_response_id: first.id, max_output_tokens: 5 };
  const { usage } = await client.responses.create(next);
  expect(usage?.input_tokens).toBeGreaterThan((first.usage?.input_tokens ?? 0) + 5);
  expect((await client.responses.inputTokens.count(next)).input_tokens).toBe(
    usage?.input_tokens ?? 0,
  );
  const stranger = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "other", maxRetries: 0 });
  expect(await failureOf(() => stranger.responses.retrieve(first.id))).toMatchObject({
    status: 401,
  });
});

test("the Messages API: a key in x-api-key, a stop sequence, and a count", async () => {
  const client = new Anthropic({ baseURL: server.url, apiKey: KEY, maxRetries: 0 });
  const request = { model, max_tokens: 40, messages: said, temperature: 0 };
  const whole = await client.messages.stream(request).finalMessage();
  const [block] = whole.content;
  expect(whole.stop_reason).toBe("max_tokens");
  const text = block?.type === "text" ? block.text : "";
  const stop = text.slice(10, 14);
  const cut = await client.messages.create({ ...request, stop_sequences: ["nowhere", stop] });
  expect(cut).toMatchObject({ stop_reason: "stop_sequence", stop_sequence: stop });
  expect(cut.content).toMatchObject([{ text: text.slice(0, text.indexOf(stop)) }]);
  const { input_tokens } = await client.messages.countTokens({ model, messages: said });
  const { usage } = whole;
  expect(input_tokens).toBe(usage.input_tokens + (usage.cache_read_input_tokens ?? 0));
  expect(text.length).toBeGreaterThan(14);
  const long = [{ role: "user" as const, content: "fox ".repeat(3000) }];
  expect(
    await failureOf(() => client.messages.create({ ...request, messages: long })),
  ).toMatchObject({
    status: 400,
    message: expect.stringContaining("prompt is too long"),
  });
  const counted = await client.messages.countTokens({ model, messages: long });
  expect(counted.input_tokens).toBeGreaterThan(512);
  const stranger = new Anthropic({ baseURL: server.url, apiKey: "other", maxRetries: 0 });
  expect(await failureOf(() => stranger.messages.create(request))).toMatchObject({
    status: 401,
    error: { type: "error", error: { type: "authentication_error" } },
  });
});

test("ollama's API: lines of a chat", async () => {
  const headers = { authorization: `Bearer ${KEY}` };
  const client = new Ollama({ host: server.url, headers });
  const parts = await Array.fromAsync(
    await client.chat({ model, messages: said, stream: true, options: { num_predict: 5 } }),
  );
  expect(parts.at(-1)).toMatchObject({ done: true, done_reason: "length", eval_count: 5 });
  expect((await client.list()).models).toMatchObject([{ name: model }]);
});

async function failureOf(call: () => PromiseLike<unknown>): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}
