// gpt-oss' format over HTTP: a scripted engine plays the examples of docs/format.md of openai/harmony, with a vocabulary that
// has its special tokens and a template in the form of its own.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { root, type Server, startServer } from "./server.ts";

const START_MS = 30_000;
const scratch = mkdtempSync(join(tmpdir(), "dynamo-harmony-"));

const TEMPLATE = [
  "<|start|>system<|message|>Reasoning: {{ reasoning_effort | default('medium') }}<|end|>",
  "{% if tools %}<|start|>developer<|message|># Tools{% for tool in tools %} {{ tool.function.name }}{% endfor %}<|end|>{% endif %}",
  "{% for message in messages %}",
  "{% if message.role == 'assistant' and message.tool_calls %}",
  "{% if message.content and message.thinking %}{{ raise_exception('both') }}{% endif %}",
  "{% if message.thinking %}<|start|>assistant<|channel|>analysis<|message|>{{ message.thinking }}<|end|>{% endif %}",
  "<|start|>assistant to=functions.{{ message.tool_calls[0].function.name }}<|channel|>commentary json<|message|>",
  "{{ message.tool_calls[0].function.arguments | tojson }}<|call|>",
  "{% elif message.role == 'assistant' %}<|start|>assistant<|channel|>final<|message|>{{ message.content }}<|end|>",
  "{% elif message.role == 'tool' %}<|start|>functions.{{ message.name }} to=assistant<|channel|>commentary<|message|>",
  "{{ message.content }}<|end|>",
  "{% else %}<|start|>{{ message.role }}<|message|>{{ message.content }}<|end|>{% endif %}",
  "{% endfor %}<|start|>assistant",
].join("");

const MARKERS = ["<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|constrain|>", "<|call|>"];

/** The built-in tokenizer with harmony's special tokens. */
function writeModel(directory: string): void {
  mkdirSync(directory);
  const read = (name: string) =>
    JSON.parse(readFileSync(join(root, "models/built-in", name), "utf8"));
  const config = read("config.json");
  const tokenizer = read("tokenizer.json");
  for (const [index, content] of MARKERS.entries()) {
    tokenizer.added_tokens.push({
      ...{ id: config.vocab_size + index, content, special: true, normalized: false },
      ...{ single_word: false, lstrip: false, rstrip: false },
    });
  }
  const files = {
    "config.json": { ...config, vocab_size: config.vocab_size + MARKERS.length },
    "tokenizer.json": tokenizer,
    "tokenizer_config.json": { ...read("tokenizer_config.json"), chat_template: TEMPLATE },
  };
  for (const [name, value] of Object.entries(files)) {
    writeFileSync(join(directory, name), JSON.stringify(value));
  }
}

const ARGUMENTS = '{"location":"Tokyo"}';
const SCRIPT = [
  {
    match: "What is 2 + 2?",
    text:
      '<|channel|>analysis<|message|>User asks: "What is 2 + 2?" Simple arithmetic. Provide answer.<|end|>' +
      "<|start|>assistant<|channel|>final<|message|>2 + 2 = 4.",
  },
  {
    match: "weather in Tokyo",
    text:
      "<|channel|>analysis<|message|>Need to use function get_weather.<|end|><|start|>assistant<|channel|>commentary " +
      `to=functions.get_weather <|constrain|>json<|message|>${ARGUMENTS}`,
  },
  {
    // The prompt's text, without its special tokens.
    match:
      "analysisNeed to use function get_weather.assistant to=functions.get_weathercommentary json" +
      '{"location": "Tokyo"}functions.get_weather to=assistantcommentarysunny',
    text: "<|channel|>final<|message|>It is sunny in Tokyo.",
  },
  { match: "Reasoning: high", text: "<|channel|>final<|message|>I think hard." },
  { text: "<|channel|>final<|message|>No entry fits." },
];

let server: Server;
beforeAll(async () => {
  writeModel(join(scratch, "model"));
  writeFileSync(join(scratch, "script.yaml"), JSON.stringify(SCRIPT));
  server = await startServer({
    args: [
      ...["graphs.agg:Frontend", "-f", "configs/scripted.yaml"],
      ...[`--Common.model=${join(scratch, "model")}`],
      `--VllmWorker.script=${join(scratch, "script.yaml")}`,
    ],
  });
}, START_MS);
afterAll(async () => {
  await server.stop();
  rmSync(scratch, { recursive: true });
});

const user = (content: string) => ({ role: "user", content });
const tools = [{ type: "function", function: { name: "get_weather", parameters: {} } }];

interface Delta {
  readonly content?: string;
  readonly reasoning?: string;
  readonly tool_calls?: readonly { readonly function: { readonly arguments: string } }[];
}

async function chat(fields: object) {
  const response = await server.post("/v1/chat/completions", { model: "scripted", ...fields });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status}: ${text}`);
  return JSON.parse(text).choices[0];
}

describe("a model that speaks harmony", () => {
  test("has its thoughts told from its answer", async () => {
    expect(await chat({ messages: [user("What is 2 + 2?")] })).toMatchObject({
      finish_reason: "stop",
      message: {
        content: "2 + 2 = 4.",
        reasoning: 'User asks: "What is 2 + 2?" Simple arithmetic. Provide answer.',
      },
    });
  });

  test("calls a tool, and is given its thought, its call and the result back", async () => {
    const asked = { tools, messages: [user("How is the weather in Tokyo?")] };
    const { message, finish_reason } = await chat(asked);
    expect(finish_reason).toBe("tool_calls");
    expect(message).toMatchObject({
      content: null,
      reasoning: "Need to use function get_weather.",
      tool_calls: [{ function: { name: "get_weather", arguments: ARGUMENTS } }],
    });
    const result = { role: "tool", content: "sunny", tool_call_id: message.tool_calls[0].id };
    const answer = await chat({ tools, messages: [...asked.messages, message, result] });
    expect(answer.message.content).toBe("It is sunny in Tokyo.");
  });

  test("streams the same, without a marker", async () => {
    const fields = { tools, stream: true, messages: [user("How is the weather in Tokyo?")] };
    const response = await server.post("/v1/chat/completions", { model: "scripted", ...fields });
    const deltas = (await response.text())
      .split("\n\n")
      .filter((line) => line.startsWith("data: {"))
      .map((line): Delta => JSON.parse(line.slice(6)).choices[0].delta);
    const said = (pick: (delta: Delta) => string | undefined) =>
      deltas.map((delta) => pick(delta) ?? "").join("");
    expect(said(({ reasoning }) => reasoning)).toBe("Need to use function get_weather.");
    expect(said(({ tool_calls: calls }) => calls?.[0]?.function.arguments)).toBe(ARGUMENTS);
    expect(said(({ content }) => content)).toBe("");
  });

  test("thinks as hard as the client asks for", async () => {
    const { message } = await chat({ messages: [user("Hm?")], reasoning_effort: "high" });
    expect(message.content).toBe("I think hard.");
  });
});
