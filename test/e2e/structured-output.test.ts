// Answers of one form over HTTP, from the compiled executable: by the built-in model at a high temperature, by the mocked
// one, and by scripts that break their form.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { isValid, type Schema } from "../grammar/small-validator.ts";
import { hangLimit } from "../time-limits.ts";
import { type Server, startServer } from "./server.ts";

const TEST_MS = hangLimit(60_000);

const user = (content: string) => [{ role: "user", content }];
const HOT = { messages: user("Describe a person."), temperature: 1.5, seed: 7, max_tokens: 300 };

const PERSON = {
  type: "object",
  properties: {
    name: { type: "string", maxLength: 12 },
    age: { type: "integer", minimum: 18, maximum: 99 },
    role: { enum: ["admin", "user"] },
    tags: { type: "array", items: { type: "string", maxLength: 5 }, maxItems: 2 },
  },
  required: ["name", "age", "role"],
};

const WEATHER = {
  type: "function",
  function: {
    name: "get_weather",
    description: "How the weather is.",
    parameters: {
      type: "object",
      properties: {
        city: { enum: ["Paris", "Zürich"] },
        days: { type: "integer", minimum: 2, maximum: 4 },
      },
      required: ["city", "days"],
    },
  },
};

interface Answer {
  readonly choices: readonly {
    readonly message: {
      readonly content: string | null;
      readonly tool_calls?: readonly { readonly function: { name: string; arguments: string } }[];
    };
    readonly finish_reason: string;
  }[];
}

async function chat(server: Server, fields: object): Promise<Answer> {
  const response = await server.post("/v1/chat/completions", fields);
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status}: ${text}`);
  return JSON.parse(text) as Answer;
}

async function contentOf(server: Server, fields: object): Promise<string> {
  const { choices } = await chat(server, { ...HOT, ...fields });
  expect(choices[0]?.finish_reason).toBe("stop");
  return choices[0]?.message.content ?? "";
}

async function callsOf(server: Server, fields: object) {
  const { choices } = await chat(server, { ...HOT, tools: [WEATHER], ...fields });
  const [choice] = choices;
  expect(choice?.message.content).toBeNull();
  const calls = (choice?.message.tool_calls ?? []).map(({ function: called }) => called);
  for (const { name, arguments: text } of calls) {
    expect(name).toBe("get_weather");
    expect(isValid(JSON.parse(text), WEATHER.function.parameters as Schema)).toBeTrue();
  }
  return { calls, finish: choice?.finish_reason };
}

/** The value at a path; -1 is the last of a list. */
function at(value: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      Array.isArray(inner) && typeof key === "number"
        ? inner.at(key)
        : (inner as Record<string | number, unknown> | undefined)?.[key],
    value,
  );
}

async function refusalOf(server: Server, path: string, body: object) {
  const response = await server.post(path, body);
  expect(response.status).toBe(400);
  const { error } = (await response.json()) as { error: Record<string, unknown> | string };
  return error;
}

describe("the built-in model", () => {
  let server: Server;
  beforeAll(async () => {
    const flags = ["--VllmWorker.speculative=ngram", "--VllmWorker.max-num-seqs=8"];
    const args = ["graphs.agg:Frontend", "-f", "configs/built-in.yaml", ...flags];
    server = await startServer({ args });
  }, TEST_MS);
  afterAll(async () => void (await server.stop()));

  test.each([
    [
      "response_format",
      { response_format: { type: "json_schema", json_schema: { name: "p", schema: PERSON } } },
    ],
    ["structured_outputs", { structured_outputs: { json: PERSON } }],
    ["guided_json as a text", { guided_json: JSON.stringify(PERSON) }],
    ["nvext", { nvext: { guided_json: PERSON } }],
    ["json_schema", { json_schema: PERSON }],
    ["format", { format: PERSON }],
  ])(
    "%s gives JSON of its schema",
    async (_, fields) => {
      expect(isValid(JSON.parse(await contentOf(server, fields)), PERSON as Schema)).toBeTrue();
    },
    TEST_MS,
  );

  test(
    "regexes, choices and grammars, by each name",
    async () => {
      for (const fields of [
        { guided_regex: "[a-c]{5}" },
        { structured_outputs: { regex: "[a-c]{5}" } },
      ])
        expect(await contentOf(server, fields)).toMatch(/^[a-c]{5}$/);
      for (const fields of [
        { guided_choice: ["yes", "no"] },
        { structured_outputs: { choice: ["yes", "no"] } },
      ])
        expect(["yes", "no"]).toContain(await contentOf(server, fields));
      const grammar = 'root ::= "<" [x-z]{2} ">"';
      for (const fields of [{ grammar }, { guided_grammar: grammar }, { ebnf: grammar }])
        expect(await contentOf(server, fields)).toMatch(/^<[x-z]{2}>$/);
      const compact = await contentOf(server, {
        structured_outputs: { json: PERSON, whitespace_pattern: "", disable_any_whitespace: true },
      });
      expect(compact).toBe(JSON.stringify(JSON.parse(compact)));
    },
    TEST_MS,
  );

  test(
    "keys come as the schema has them, also those that look like integers",
    async () => {
      const schema =
        '{"type":"object","properties":{"10":{"const":1},"__proto__":{"const":2},"2":{"const":3},"b":{"maximum":9223372036854775807,"type":"integer","minimum":9223372036854775806}},"required":["b","2","__proto__","10"]}';
      const body = JSON.stringify({ ...HOT, guided_whitespace_pattern: "", guided_json: "SCHEMA" });
      const response = await fetch(`${server.url}/v1/chat/completions`, {
        ...{ method: "POST", headers: { "content-type": "application/json" } },
        body: body.replace('"SCHEMA"', schema),
      });
      const answer = (await response.json()) as Answer;
      expect(answer.choices[0]?.message.content?.replaceAll(/\s/g, "")).toMatch(
        /^\{"10":1,"__proto__":2,"2":3,"b":922337203685477580[67]\}$/,
      );
    },
    TEST_MS,
  );

  test(
    "a stream, several choices and log-probabilities are of the form too",
    async () => {
      const { choices } = await chat(server, {
        ...{ ...HOT, n: 4, logprobs: true, top_logprobs: 2, guided_json: PERSON },
      });
      expect(choices).toHaveLength(4);
      for (const { message } of choices)
        expect(isValid(JSON.parse(message.content ?? ""), PERSON as Schema)).toBeTrue();
      const response = await server.post("/v1/chat/completions", {
        ...{ ...HOT, stream: true, guided_json: PERSON },
      });
      const chunks = (await response.text())
        .split("\n\n")
        .filter((one) => one.startsWith("data: {"));
      const text = chunks.map((one) => JSON.parse(one.slice(6)).choices[0]?.delta?.content ?? "");
      expect(isValid(JSON.parse(text.join("")), PERSON as Schema)).toBeTrue();
    },
    TEST_MS,
  );

  test(
    "text completions, responses, messages and ollama's routes",
    async () => {
      const schema = PERSON;
      const hot = { temperature: 1.5, max_tokens: 300 };
      const options = { temperature: 1.5, num_predict: 300 };
      const ollama = { model: "dynamo", stream: false, options };
      const form = { type: "json_schema", name: "p", schema };
      const asked: [path: string, body: object, text: readonly (string | number)[]][] = [
        [
          "/v1/completions",
          { ...hot, prompt: "A person:", guided_json: schema },
          ["choices", 0, "text"],
        ],
        [
          "/v1/responses",
          { temperature: 1.5, input: "A person", text: { format: form } },
          ["output", -1, "content", 0, "text"],
        ],
        [
          "/v1/messages",
          {
            ...{ ...hot, messages: user("A person") },
            output_config: { format: { type: "json_schema", schema } },
          },
          ["content", 0, "text"],
        ],
        [
          "/api/chat",
          { ...ollama, messages: user("A person"), format: schema },
          ["message", "content"],
        ],
        ["/api/generate", { ...ollama, prompt: "A person", format: schema }, ["response"]],
      ];
      for (const [path, body, place] of asked) {
        const text = at(await (await server.post(path, body)).json(), place);
        expect(isValid(JSON.parse(String(text)), schema as Schema)).toBeTrue();
      }
      const any = await server.post("/api/generate", {
        ...{ ...ollama, prompt: "Name a person", format: "json", options: { temperature: 0 } },
      });
      expect(String(at(await any.json(), ["response"])).trimStart()).toStartWith("{");
    },
    TEST_MS,
  );

  test(
    "a call is forced, once or more often, and obeys its schema",
    async () => {
      const { calls, finish } = await callsOf(server, { tool_choice: "required" });
      expect(calls.length).toBeGreaterThan(0);
      expect(finish).toBe("tool_calls");
      const one = await callsOf(server, { tool_choice: "required", parallel_tool_calls: false });
      expect(one).toMatchObject({ calls: [{ name: "get_weather" }], finish: "tool_calls" });
      const named = { type: "function", function: { name: "get_weather" } };
      const call = await callsOf(server, { tool_choice: named });
      expect(call).toMatchObject({ calls: [{ name: "get_weather" }], finish: "stop" });
    },
    TEST_MS,
  );

  test(
    "a strict tool's call obeys its schema, if there is one",
    async () => {
      const strict = { type: "function", function: { ...WEATHER.function, strict: true } };
      const messages = user("What is the weather in Berlin?");
      const { choices } = await chat(server, { ...HOT, temperature: 0, messages, tools: [strict] });
      const [call] = choices[0]?.message.tool_calls ?? [];
      expect(call).toBeDefined();
      const value = JSON.parse(call?.function.arguments ?? "");
      expect(isValid(value, WEATHER.function.parameters as Schema)).toBeTrue();
    },
    TEST_MS,
  );

  test(
    "other APIs force calls too",
    async () => {
      const { name, parameters } = WEATHER.function;
      const anthropic = await server.post("/v1/messages", {
        ...{ messages: user("Hello"), max_tokens: 300 },
        tool_choice: { type: "any", disable_parallel_tool_use: true },
        tools: [{ name, input_schema: parameters }],
      });
      const message = await anthropic.json();
      expect(message).toMatchObject({ stop_reason: "tool_use" });
      expect(at(message, ["content", -1, "name"])).toBe(name);
      const responses = await server.post("/v1/responses", {
        ...{ input: "Hello", tools: [{ type: "function", name, parameters }] },
        tool_choice: { type: "function", name },
      });
      const response = await responses.json();
      expect(at(response, ["output", -1])).toMatchObject({ type: "function_call", name });
      const written = String(at(response, ["output", -1, "arguments"]));
      for (const input of [at(message, ["content", -1, "input"]), JSON.parse(written)])
        expect(isValid(input, parameters as Schema)).toBeTrue();
    },
    TEST_MS,
  );

  test(
    "what no grammar can hold is a 400 that names the field and the place",
    async () => {
      const path = "/v1/chat/completions";
      const strict = { name: "f", strict: true, parameters: { type: "object", uniqueItems: true } };
      for (const [fields, param, place] of [
        [{ guided_json: { not: {} } }, "guided_json", "#/not"],
        [
          {
            response_format: {
              type: "json_schema",
              json_schema: { schema: { properties: { a: { type: "x" } } } },
            },
          },
          "response_format.json_schema.schema",
          "#/properties/a",
        ],
        [{ guided_regex: "(?=a)" }, "guided_regex", "regex"],
        [{ grammar: "root ::= root" }, "grammar", "no text"],
        [{ guided_json: "{" }, "guided_json", "line 1"],
        [
          { tools: [{ type: "function", function: strict }] },
          "tools[0].function.parameters",
          "#/uniqueItems",
        ],
        [{ guided_regex: "a", guided_choice: ["a"] }, "guided_choice", "two forms"],
        [{ guided_regex: "a", allowed_token_ids: [0] }, undefined, "no token can follow"],
      ] as const) {
        const error = (await refusalOf(server, path, { ...HOT, ...fields })) as Record<
          string,
          unknown
        >;
        expect(error["param"] ?? undefined).toBe(param);
        expect(error["message"]).toContain(place);
      }
      const anthropic = {
        messages: user("x"),
        max_tokens: 5,
        output_config: { format: { type: "json_schema", schema: { not: {} } } },
      };
      expect(await refusalOf(server, "/v1/messages", anthropic)).toMatchObject({
        message: expect.stringContaining("output_config.format.schema"),
      });
      expect(
        await refusalOf(server, "/api/chat", {
          model: "dynamo",
          messages: user("x"),
          format: { not: {} },
        }),
      ).toContain("#/not");
    },
    TEST_MS,
  );

  test(
    "an answer ends where its form does, whatever min_tokens and ignore_eos say",
    async () => {
      for (const fields of [{ min_tokens: 20 }, { ignore_eos: true }])
        expect(await contentOf(server, { guided_choice: ["yes"], ...fields })).toBe("yes");
    },
    TEST_MS,
  );
});

test(
  "the mocked model writes what its form allows, and refuses calls by name",
  async () => {
    const server = await startServer({ args: ["graphs.agg:Frontend", "-f", "configs/mock.yaml"] });
    try {
      expect(await contentOf(server, { guided_regex: "[0-9]{4}" })).toMatch(/^[0-9]{4}$/);
      const error = await refusalOf(server, "/v1/chat/completions", {
        ...{ ...HOT, tools: [WEATHER], tool_choice: "required" },
      });
      expect(error).toMatchObject({ param: "tool_choice" });
    } finally {
      await server.stop();
    }
  },
  TEST_MS,
);

test(
  "a script that breaks the form of its request is an error that says so",
  async () => {
    const scratch = mkdtempSync(join(tmpdir(), "dynamo-form-"));
    const script = join(scratch, "script.json");
    writeFileSync(
      script,
      JSON.stringify([
        { match: "good", text: "yes" },
        { match: "bad", text: "maybe" },
      ]),
    );
    const args = [
      "graphs.agg:Frontend",
      "-f",
      "configs/scripted.yaml",
      `--VllmWorker.script=${script}`,
    ];
    const server = await startServer({ args });
    try {
      const ask = (content: string) => ({ messages: user(content), guided_choice: ["yes", "no"] });
      expect((await chat(server, ask("good"))).choices[0]?.message.content).toBe("yes");
      const response = await server.post("/v1/chat/completions", ask("bad"));
      expect(response.status).toBe(500);
      expect(await response.json()).toMatchObject({ error: { code: "grammar_broken" } });
      expect((await chat(server, ask("good"))).choices[0]?.message.content).toBe("yes");
    } finally {
      await server.stop();
      rmSync(scratch, { recursive: true });
    }
  },
  TEST_MS,
);
