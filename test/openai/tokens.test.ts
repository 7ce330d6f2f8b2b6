// The routes about tokens, in vLLM's shapes.

import { expect, test } from "bun:test";

import { FAKE_MODEL } from "../api/fake-backend.ts";
import { harness } from "../api/harness.ts";

const models = () => [{ id: FAKE_MODEL, created: 1, maxModelLen: 512 }];

async function ask(path: string, body: object) {
  const { app } = harness({ models });
  const request = new Request(`http://test${path}`, { method: "POST", body: JSON.stringify(body) });
  const response = await app.fetch(request);
  return { status: response.status, headers: response.headers, body: await response.json() };
}

const messages = [{ role: "user", content: "to be" }];

test("a prompt's tokens, with or without their spellings, the only model being the default", async () => {
  const plain = await ask("/tokenize", { prompt: "to be" });
  expect(plain.body).toEqual({ count: 2, max_model_len: 512, tokens: [2, 2], token_strs: null });
  const spelled = await ask("/tokenize", {
    ...{ model: FAKE_MODEL, prompt: "to be", return_token_strs: true, add_special_tokens: false },
  });
  expect(spelled.body).toMatchObject({ token_strs: ["to", "be"] });
});

test("a conversation's tokens are those of its template, tools included in the request", async () => {
  const tools = [{ type: "function", function: { name: "f" } }];
  const { body } = await ask("/tokenize", { messages, tools, return_token_strs: true });
  expect(body).toMatchObject({ count: 3, token_strs: ["<user>", "to", "be"] });
});

test("token ids are text again", async () => {
  const { body } = await ask("/detokenize", { tokens: [2, 1] });
  expect(body).toEqual({ prompt: "xx x" });
});

test("a conversation is rendered as text, and as ids", async () => {
  expect((await ask("/apply-template", { messages })).body).toEqual({ prompt: "<user> to be" });
  const { body } = await ask("/v1/chat/completions/render", { messages });
  expect(body).toMatchObject({
    model: FAKE_MODEL,
    token_ids: [6, 2, 2],
    prompt_text: "<user> to be",
  });
});

for (const [path, given, status, param] of [
  ["/tokenize", {}, 400, "prompt"],
  ["/tokenize", { prompt: 5 }, 400, "prompt"],
  ["/tokenize", { messages: [] }, 400, "messages"],
  ["/tokenize", { prompt: "x", return_token_strs: "yes" }, 400, "return_token_strs"],
  ["/tokenize", { prompt: "x", model: "none" }, 404, "model"],
  ["/tokenize", { prompt: "x ".repeat(600) }, 400, "prompt"],
  ["/tokenize", { messages: [{ role: "user", content: "x ".repeat(600) }] }, 400, "messages"],
  ["/detokenize", { tokens: ["a"] }, 400, "tokens"],
  ["/detokenize", { tokens: [-1] }, 400, "tokens"],
  ["/apply-template", { prompt: "x" }, 400, "messages"],
] as const) {
  test(`${path} with ${JSON.stringify(given).slice(0, 40)} is ${status} and names ${param}`, async () => {
    const answer = await ask(path, given);
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ error: { param } });
  });
}

test("fields that are not known are named", async () => {
  const { headers } = await ask("/tokenize", { prompt: "x", mood: "good" });
  expect(headers.get("x-dynamo-ignored-params")).toBe("mood");
});
