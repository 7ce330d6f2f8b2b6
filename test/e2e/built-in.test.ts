// A fresh and offline machine serves the model that the executable carries.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { tmpdir } from "node:os";
import OpenAI from "openai";

import { TOOL_FORMS } from "../../models/built-in/tool-forms.ts";
import { scoreTools } from "../../models/built-in/tool-score.ts";
import { hangLimit } from "../time-limits.ts";
import { runDynamo, type Server, startServer } from "./server.ts";

interface Tokens {
  readonly count: number;
  readonly tokens: readonly number[];
  readonly token_strs: readonly string[] | null;
  readonly prompt: string;
  readonly usage: { readonly prompt_tokens: number };
}

describe("dynamo serve without a word about a model", () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer({ args: ["graphs.agg:Frontend"], cwd: tmpdir() });
  });
  afterAll(() => server?.stop());

  test("says how to change the router, streamed and whole", async () => {
    const request = {
      model: "dynamo",
      messages: [{ role: "user", content: "How do I change the router?" }],
      temperature: 0,
    };
    const whole = await server.post("/v1/chat/completions", request);
    expect(await whole.text()).toContain("--Processor.router=");
    const streamed = await server.post("/v1/chat/completions", { ...request, stream: true });
    const text = [...(await streamed.text()).matchAll(/"content":"((?:[^"\\]|\\.)*)"/g)]
      .map((match) => match[1])
      .join("");
    expect(text).toContain("--Processor.router=");
  });

  test("takes what agents send: no model, 24 tools, 32,000 tokens for the answer", async () => {
    const schema = { $schema: "x", type: "object", properties: { a: { pattern: "^/" } } };
    const tools = Array.from({ length: 24 }, (_, i) => ({
      type: "function",
      function: { name: `tool_${i}`, parameters: schema },
    }));
    const request = {
      messages: [{ role: "user", content: "Hello" }],
      ...{ tools, tool_choice: "none", max_tokens: 32_000, prompt_cache_key: "a" },
    };
    const answer = await server.post("/v1/chat/completions", request);
    expect(answer.headers.get("x-dynamo-ignored-params")).toBeNull();
    // So long a prompt fits, though it is longer than the texts of the model's training: what it says is noise.
    expect(await answer.json()).toMatchObject({ choices: [{ message: { role: "assistant" } }] });
  });

  test(
    "calls tools as they were asked for, however large a schema, and by names that it never saw",
    async () => {
      const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none" });
      // When the weights were made, 44, 44 and 42 of 50 were right; calls are held to their schemas, so none is garbled.
      const least = new Map([
        ["as in the training text", 40],
        ["with all that schemas have", 40],
        ["with parameters of unseen names", 38],
      ]);
      const asked = TOOL_FORMS.filter(({ name }) => least.has(name));
      expect(asked).toHaveLength(least.size);
      for (const form of asked) {
        const score = await scoreTools(client, "dynamo", { form, tasks: 50 });
        expect(score.unlike).toBe(0);
        expect(score.garbled).toBe(0);
        expect(score.right).toBeGreaterThanOrEqual(least.get(form.name) ?? 50);
      }
    },
    hangLimit(120_000),
  );

  test("tells a conversation's tokens: as many as its answer counts, and the same text again", async () => {
    const ask = async (path: string, body: object) =>
      (await (await server.post(path, body)).json()) as Tokens;
    const messages = [{ role: "user", content: "Hello, wörld 🙂" }];
    const { tokens, count, token_strs } = await ask("/tokenize", {
      ...{ messages, return_token_strs: true },
    });
    const { usage } = await ask("/v1/chat/completions", { messages, max_tokens: 1 });
    expect([count, token_strs?.length]).toEqual([usage.prompt_tokens, usage.prompt_tokens]);
    const { prompt } = await ask("/detokenize", { tokens });
    expect(prompt).toContain("Hello, wörld 🙂");
    expect((await ask("/apply-template", { messages })).prompt).toBe(prompt);
    expect((await ask("/tokenize", { prompt, add_special_tokens: false })).tokens).toEqual(tokens);
  });

  test("computes with as many threads as there are CPUs for it", () => {
    const limits = "cpus|affinity|control-group";
    expect(server.stderr()).toMatch(new RegExp(`weights loaded .*threads-by=(${limits})`));
  });

  test("declines what it cannot know, and ends by itself", async () => {
    const answer = await server.post("/v1/chat/completions", {
      model: "dynamo",
      messages: [{ role: "user", content: "Who painted the Mona Lisa?" }],
      temperature: 0,
    });
    expect(await answer.json()).toMatchObject({
      choices: [
        { finish_reason: "stop", message: { content: expect.stringContaining("don't know") } },
      ],
    });
  });
});

test("the log tells how many threads compute, and what set their number", async () => {
  const args = ["graphs.agg:Frontend", "--VllmWorker.threads=1"];
  const server = await startServer({ args, cwd: tmpdir() });
  await server.stop();
  expect(server.stderr()).toMatch(/weights loaded .*threads=1 +threads-by=configuration/);
});

test("the built-in model answers to `dynamo` besides the name that the configuration gives it", async () => {
  const server = await startServer({
    args: [
      "graphs.agg:Frontend",
      "-f",
      "configs/built-in.yaml",
      "--Frontend.served_model_name=manual",
    ],
  });
  try {
    const models = await (await fetch(`${server.url}/v1/models`)).json();
    expect(models).toMatchObject({ data: [{ id: "manual" }, { id: "dynamo" }] });
  } finally {
    await server.stop();
  }
});

test("a configuration or a model that is named takes its place", async () => {
  const args = ["serve", "graphs.agg:Frontend", "--dry-run"];
  const builtIn = await runDynamo(args);
  expect(builtIn.stdout).toContain('"model": "built-in"');
  const named = await runDynamo([...args, "--model", "/models/other"]);
  expect(named.stdout).not.toContain("built-in");
  const fromEnvironment = await runDynamo(args, {
    env: { DYNAMO_SERVICE_CONFIG: '{"Processor": {"model": "a"}, "VllmWorker": {"model": "a"}}' },
  });
  expect(fromEnvironment.stdout).not.toContain("built-in");
});
