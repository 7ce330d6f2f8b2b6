// ollama's client on its API: what it puts together of the lines is the whole answer.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ChatResponse, Ollama, type ToolCall } from "ollama";

import { DynamoError } from "../../src/base/error.ts";
import { FAKE_MODEL } from "../api/fake-backend.ts";
import type { PlayedAnswer } from "../api/played-backend.ts";
import { type PlayedServer, playedServer } from "../api/played-server.ts";

let server: PlayedServer;
let client: Ollama;

beforeAll(() => {
  server = playedServer();
  client = new Ollama({ host: server.url });
});
afterAll(() => server.stop());

const TOOL = {
  type: "function",
  function: {
    name: "light",
    description: "Switches a light.",
    parameters: { type: "object", properties: { on: { type: "boolean" } } },
  },
};
const REQUEST = {
  model: FAKE_MODEL,
  messages: [{ role: "user", content: "Light, please." }],
  tools: [TOOL],
};

const ANSWERS: Record<string, PlayedAnswer> = {
  text: { text: 'It is "lit": é 🙂\n\tdone.' },
  "thoughts and text": { reasoning: "The lamp\nis off.", text: "Done." },
  "thoughts, text and two calls": {
    reasoning: "Which one?",
    text: "Both.",
    calls: [
      { name: "light", arguments: '{"on":true,"room":"\\"é"}' },
      { name: "light", arguments: "{}" },
    ],
  },
  "a text cut by length": { text: "It goes on and", finishReason: "length" },
};

describe("what the client puts together is the whole answer", () => {
  for (const [name, answer] of Object.entries(ANSWERS)) {
    test(name, async () => {
      server.backend.answers = [answer];
      const whole = await client.chat({ ...REQUEST, stream: false });
      for (let split = 0; split < 20; split++) {
        const parts = await Array.fromAsync(await client.chat({ ...REQUEST, stream: true }));
        expect(joined(parts)).toEqual(joined([whole]));
        expect(parts.map(({ done }) => done)).toEqual(
          parts.map((_, at) => at === parts.length - 1),
        );
      }
      const reason = answer.finishReason === "length" ? "length" : "stop";
      expect(whole).toMatchObject({ model: FAKE_MODEL, done: true, done_reason: reason });
      expect(whole).toMatchObject({ prompt_eval_count: 7, load_duration: 0 });
      expect(whole.total_duration).toBeGreaterThanOrEqual(whole.eval_duration);
      expect(whole.message.content).toBe(answer.text ?? "");
      expect(whole.message.thinking).toBe(answer.reasoning);
      const calls = answer.calls?.map((call) => ({
        name: call.name,
        arguments: JSON.parse(call.arguments),
      }));
      expect(whole.message.tool_calls?.map((call) => call.function)).toEqual(calls);
    });
  }

  test("of generate", async () => {
    server.backend.answers = [{ reasoning: "Hm.", text: "Blue." }];
    const request = { model: FAKE_MODEL, prompt: "Why?", system: "Be brief." };
    const whole = await client.generate({ ...request, stream: false });
    const parts = await Array.fromAsync(await client.generate({ ...request, stream: true }));
    expect(parts.map(({ response }) => response).join("")).toBe("Blue.");
    expect(whole).toMatchObject({ response: "Blue.", thinking: "Hm.", done: true });
    expect(server.backend.last.messages).toMatchObject([
      { role: "system", content: "Be brief." },
      { role: "user", content: "Why?" },
    ]);
  });
});

test("an answer goes back whole as history; results answer its calls in order", async () => {
  server.backend.answers = [ANSWERS["thoughts, text and two calls"] ?? {}];
  const { message } = await client.chat({ ...REQUEST, stream: false });
  const result = { role: "tool", content: "on", tool_name: "light" };
  await client.chat({ ...REQUEST, messages: [...REQUEST.messages, message, result, result] });
  const [, turn, first, second] = server.backend.last.messages;
  expect(turn).toMatchObject({
    content: "Both.",
    reasoning: "Which one?",
    toolCalls: [{ name: "light", arguments: '{"on":true,"room":"\\"é"}' }, { name: "light" }],
  });
  const ids = turn?.toolCalls?.map(({ id }) => id);
  expect([first?.toolCallId, second?.toolCallId]).toEqual(ids ?? []);
  expect(first).toMatchObject({ role: "tool", content: "on", name: "light" });
});

test("options become sampling fields; those that there are not are named", async () => {
  const options = {
    ...{ num_predict: 9, temperature: 0.5, top_p: 0.9, top_k: 3, min_p: 0.1, seed: 7 },
    ...{ stop: ["x"], repeat_penalty: 1.1, num_ctx: 4096, mirostat: 0, typical_p: 1 },
  };
  const body = { ...REQUEST, stream: false, think: "low", keep_alive: "5m", options };
  const response = await server.post("/api/chat", body);
  expect(response.status).toBe(200);
  expect(response.headers.get("x-dynamo-ignored-params")).toBe("options.num_ctx");
  expect(server.backend.last).toMatchObject({
    ...{ maxTokens: 9, temperature: 0.5, topP: 0.9, topK: 3, minP: 0.1, seed: 7n },
    ...{ stop: ["x"], repetitionPenalty: 1.1 },
    templateVariables: { enable_thinking: true, thinking: true, reasoning_effort: "low" },
  });
});

test("options that would choose tokens in another way are refused by name", async () => {
  const asked = {
    mirostat: 2,
    typical_p: 0.5,
    tfs_z: 0.9,
    dry_multiplier: 0.8,
    samplers: ["top_k"],
  };
  for (const [name, value] of Object.entries(asked)) {
    const response = await server.post("/api/chat", { ...REQUEST, options: { [name]: value } });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain(`'options.${name}' is not supported`);
  }
});

test("a stream is lines of JSON by its type", async () => {
  const response = await server.post("/api/chat", REQUEST);
  expect(response.headers.get("content-type")).toBe("application/x-ndjson");
  const lines = (await response.text()).split("\n");
  expect(lines.pop()).toBe("");
  for (const line of lines) JSON.parse(line);
});

test("models are listed, shown and running, also by their name with a tag", async () => {
  const { models } = await client.list();
  expect(models).toMatchObject([{ name: FAKE_MODEL, model: FAKE_MODEL }]);
  const shown = await client.show({ model: `${FAKE_MODEL}:latest` });
  expect(shown.capabilities).toContain("completion");
  expect(shown).toMatchObject({ model_info: { "dynamo.context_length": 512 } });
  expect((await client.ps()).models).toMatchObject([{ name: FAKE_MODEL }]);
  expect((await client.version()).version).toMatch(/^\d+\.\d+\.\d+$/);
  await client.chat({ ...REQUEST, model: `${FAKE_MODEL}:latest` });
  expect(server.backend.last.model).toBe(FAKE_MODEL);
});

test("a request without a prompt loads the model, which is loaded", async () => {
  const before = server.backend.requests.length;
  const chat = await client.chat({ model: FAKE_MODEL, messages: [] });
  const generate = await client.generate({ model: FAKE_MODEL, prompt: "" });
  expect([chat, generate]).toMatchObject([
    { done: true, done_reason: "load" },
    { done: true, done_reason: "load" },
  ]);
  expect(server.backend.requests.length).toBe(before);
});

describe("errors", () => {
  test("are a text that names the field", async () => {
    const cases: [string, object, string][] = [
      ["chat", { ...REQUEST, options: { top_p: 2 } }, "options.top_p"],
      ["chat", { ...REQUEST, format: "xml" }, "format"],
      ["chat", { ...REQUEST, messages: [{ role: "user", images: ["x"] }] }, "messages[0].images"],
      ["generate", { model: FAKE_MODEL, prompt: "x", suffix: "y" }, "suffix"],
      ["embed", { model: FAKE_MODEL, input: "x" }, "embeddings"],
      ["show", {}, "model"],
    ];
    for (const [route, body, field] of cases) {
      const response = await server.post(`/api/${route}`, body);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ error: expect.stringContaining(field) });
    }
    const unknown = client.chat({ ...REQUEST, model: "none" });
    const error: unknown = await unknown.catch((reason: unknown) => reason);
    expect(error).toMatchObject({ status_code: 404 });
  });

  test("in the middle of a stream are its last line", async () => {
    const error = new (class extends DynamoError {
      override readonly code = "actor_down";
    })("gone");
    server.backend.answers = [{ text: "Half of", error }];
    const read = async () => {
      for await (const _ of await client.chat({ ...REQUEST, stream: true }));
    };
    expect(String(await read().catch((reason: unknown) => reason))).toContain("worker");
  });
});

function joined(parts: readonly ChatResponse[]): unknown {
  const texts = (pick: (part: ChatResponse) => string | undefined) =>
    parts.map((part) => pick(part) ?? "").join("");
  return {
    content: texts(({ message }) => message.content),
    thinking: texts(({ message }) => message.thinking),
    calls: parts.flatMap(({ message }): ToolCall[] => message.tool_calls ?? []),
    reason: parts.at(-1)?.done_reason,
  };
}
