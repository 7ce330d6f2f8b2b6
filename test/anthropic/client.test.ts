// Anthropic's client on /v1/messages: what it puts together of the events is the whole answer.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import Anthropic from "@anthropic-ai/sdk";

import { DynamoError } from "../../src/base/error.ts";
import { FAKE_MODEL } from "../api/fake-backend.ts";
import type { PlayedAnswer } from "../api/played-backend.ts";
import { type PlayedServer, playedServer } from "../api/played-server.ts";

let server: PlayedServer;
let client: Anthropic;

beforeAll(() => {
  server = playedServer();
  client = new Anthropic({ baseURL: server.url, apiKey: "none", maxRetries: 0 });
});
afterAll(() => server.stop());

const REQUEST = {
  model: FAKE_MODEL,
  max_tokens: 100,
  messages: [{ role: "user" as const, content: "Mend it." }],
  tools: [
    {
      name: "bash",
      description: "Runs a command.",
      input_schema: { type: "object" as const, properties: { command: { type: "string" } } },
    },
  ],
};

const ANSWERS: Record<string, PlayedAnswer> = {
  text: { text: 'It is "mended": é 🙂\n\tdone.' },
  "thoughts and text": { reasoning: "The file\nis small.", text: "Done." },
  "thoughts, text and two calls": {
    reasoning: "First a look.",
    text: "I look.",
    calls: [
      { name: "bash", arguments: '{"command":"ls \\"x\\" é"}' },
      { name: "bash", arguments: "{}" },
    ],
  },
  "a text cut by length": { text: "It goes on and", finishReason: "length" },
  "a text cut by a stop sequence": { text: "One, ", stopString: "two" },
  nothing: {},
};

describe("what the client puts together is the whole answer", () => {
  for (const [name, answer] of Object.entries(ANSWERS)) {
    test(name, async () => {
      server.backend.answers = [answer];
      const whole = await client.messages.create(REQUEST);
      for (let split = 0; split < 20; split++) {
        const stream = client.messages.stream(REQUEST);
        expect(partsOf(await stream.finalMessage())).toEqual(partsOf(whole));
      }
      expect(whole).toMatchObject({ type: "message", role: "assistant", model: FAKE_MODEL });
      const types: readonly string[] = whole.content.map((block) => block.type);
      expect(types).toEqual(expectedTypes(answer));
      expect(whole).toMatchObject({ stop_reason: expectedReason(answer) });
      expect(whole.stop_sequence).toBe(answer.stopString ?? null);
      expect(whole.usage).toMatchObject({ input_tokens: 4, cache_read_input_tokens: 3 });
    });
  }
});

test("message_start has the input's tokens, and blocks follow each other", async () => {
  server.backend.answers = [ANSWERS["thoughts, text and two calls"] ?? {}];
  const names: string[] = [];
  for await (const event of await client.messages.create({ ...REQUEST, stream: true })) {
    const index = "index" in event ? ` ${event.index}` : "";
    const delta = event.type === "content_block_delta" ? ` ${event.delta.type}` : "";
    const name = `${event.type}${index}${delta}`;
    if (names.at(-1) !== name) names.push(name);
    if (event.type === "message_start")
      expect(event.message.usage).toMatchObject({ input_tokens: 4, cache_read_input_tokens: 3 });
    if (event.type === "message_delta") expect(event.usage.output_tokens).toBeGreaterThan(5);
  }
  const block = (index: number, ...deltas: string[]) => [
    `content_block_start ${index}`,
    ...deltas.map((delta) => `content_block_delta ${index} ${delta}`),
    `content_block_stop ${index}`,
  ];
  expect(names).toEqual([
    "message_start",
    ...block(0, "thinking_delta", "signature_delta"),
    ...block(1, "text_delta"),
    ...block(2, "input_json_delta"),
    ...block(3, "input_json_delta"),
    "message_delta",
    "message_stop",
  ]);
});

test("an answer goes back whole as history, with the results of its calls", async () => {
  server.backend.answers = [ANSWERS["thoughts, text and two calls"] ?? {}];
  const { content } = await client.messages.create(REQUEST);
  const result = (index: number, rest: object) => ({
    type: "tool_result" as const,
    tool_use_id: `call_${index}`,
    ...rest,
  });
  const { response } = await client.messages
    .create({
      ...REQUEST,
      system: [
        { type: "text", text: "x-anthropic-billing-header: cc_version=1; cch=0af31;" },
        { type: "text", text: "Be brief.", cache_control: { type: "ephemeral" } },
      ],
      messages: [
        ...REQUEST.messages,
        { role: "assistant", content },
        {
          role: "user",
          content: [
            result(0, { content: [{ type: "text", text: "a.txt" }] }),
            result(1, { content: "no such file", is_error: true }),
            { type: "text", text: "Go on." },
          ],
        },
      ],
    })
    .withResponse();
  expect(response.headers.get("x-dynamo-ignored-params")).toBeNull();
  expect(server.backend.last.messages).toMatchObject([
    { role: "system", content: "Be brief." },
    { role: "user", content: "Mend it." },
    {
      role: "assistant",
      content: "I look.",
      reasoning: "First a look.",
      toolCalls: [
        { id: "call_0", name: "bash", arguments: '{"command":"ls \\"x\\" é"}' },
        { id: "call_1", arguments: "{}" },
      ],
    },
    { role: "tool", content: "a.txt", toolCallId: "call_0", name: "bash" },
    { role: "tool", content: "Error: no such file", toolCallId: "call_1" },
    { role: "user", content: "Go on." },
  ]);
});

test("what only Anthropic can do is passed over and named", async () => {
  const response = await server.post("/v1/messages?beta=true", {
    ...REQUEST,
    thinking: { type: "adaptive" },
    output_config: { effort: "high" },
    context_management: { edits: [] },
    metadata: { user_id: "u" },
    tools: [...REQUEST.tools, { type: "web_search_20250305", name: "web_search", max_uses: 5 }],
    messages: [...REQUEST.messages, { role: "system", content: "Now be quick." }],
    invented: 1,
  });
  expect(response.status).toBe(200);
  const ignored = response.headers.get("x-dynamo-ignored-params")?.split(", ");
  expect(ignored?.toSorted()).toEqual([
    "context_management",
    "invented",
    "tools[].web_search_20250305",
  ]);
  const { tools, templateVariables, messages } = server.backend.last;
  expect(tools.map(({ name }) => name)).toEqual(["bash"]);
  expect(templateVariables).toMatchObject({ enable_thinking: true, reasoning_effort: "high" });
  expect(messages.at(-1)).toMatchObject({ role: "system", content: "Now be quick." });
});

test("a conversation that the server is to keep is refused, and the client's runner then sends the whole", async () => {
  server.backend.answers = [
    { calls: [{ name: "bash", arguments: '{"command":"ls"}' }] },
    { text: "One file." },
  ];
  const [tool] = REQUEST.tools;
  const tools = [{ ...tool, type: "custom" as const, run: () => "a.txt", parse: Object }];
  const { content } = await client.beta.messages.toolRunner({ ...REQUEST, tools } as never);
  expect(content).toMatchObject([{ type: "text", text: "One file." }]);
  expect(server.backend.last.messages).toMatchObject([
    { role: "user", content: "Mend it." },
    { role: "assistant", toolCalls: [{ name: "bash" }] },
    { role: "tool", content: "a.txt", name: "bash" },
  ]);
  expect(server.backend.last.tools.map(({ name }) => name)).toEqual(["bash"]);

  for (const thread of [
    { type: "create" },
    { type: "continue", previous_message_id: "msg_1" },
    1,
  ]) {
    const response = await server.post("/v1/messages", { ...REQUEST, thread, messages: [] });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: {
        message: expect.stringContaining("'thread'"),
        details: { error_code: "thread_unsupported_request" },
      },
    });
  }
});

test("tokens are counted as the answer's prompt, without an answer", async () => {
  server.backend.answers = [{ numPromptTokens: 41 }];
  const { max_tokens: _, ...body } = REQUEST;
  expect(await client.messages.countTokens(body)).toMatchObject({ input_tokens: 41 });
});

describe("errors have Anthropic's shape", () => {
  const failed = async (body: object, options: object = {}) => {
    const error: unknown = await client.messages
      .create({ ...REQUEST, ...body }, options)
      .then(() => new Error("it did not fail"))
      .catch((reason: unknown) => reason);
    return error;
  };

  test("a wrong field is a 400 that names it", async () => {
    const cases: [object, string][] = [
      [{ max_tokens: "x" }, "max_tokens"],
      [
        { messages: [{ role: "user", content: [{ type: "image" }] }] },
        "messages[0].content[0].type",
      ],
      [{ tools: [], tool_choice: { type: "any" } }, "tool_choice"],
      [{ tool_choice: { type: "tool", name: "none" } }, "tool_choice"],
      [{ output_config: { format: { type: "regex" } } }, "output_config.format.type"],
      [{ stop_sequences: [""] }, "stop_sequences[0]"],
    ];
    for (const [body, field] of cases) {
      const error = await failed(body);
      expect(error).toBeInstanceOf(Anthropic.BadRequestError);
      expect(error).toMatchObject({
        status: 400,
        requestID: expect.any(String),
        error: {
          type: "error",
          error: { type: "invalid_request_error", message: expect.stringContaining(field) },
          request_id: expect.any(String),
        },
      });
    }
  });

  test("a model that is not there is a 404", async () => {
    expect(await failed({ model: "claude" })).toMatchObject({
      status: 404,
      error: { error: { type: "not_found_error" } },
    });
  });

  test("a server that cannot take more is a 529", async () => {
    server.backend.answers = [{ error: new Coded("engine_full") }];
    const error = await failed({});
    expect(error).toMatchObject({ status: 529, error: { error: { type: "overloaded_error" } } });
  });

  test("a failure in the middle of a stream is an error event", async () => {
    server.backend.answers = [{ text: "Half of", error: new Coded("actor_down") }];
    const stream = client.messages.stream(REQUEST);
    const error: unknown = await stream.finalMessage().catch((reason: unknown) => reason);
    expect(String(error)).toContain("overloaded_error");
  });
});

class Coded extends DynamoError {
  override readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

function partsOf({ content, stop_reason, stop_sequence, usage }: Anthropic.Message): unknown {
  const blocks = content.map((block) => JSON.parse(JSON.stringify(block)));
  return { blocks, stop_reason, stop_sequence, input: usage.input_tokens };
}

function expectedTypes({ reasoning, text, calls = [] }: PlayedAnswer): readonly string[] {
  return [
    ...(reasoning === undefined ? [] : ["thinking"]),
    ...(text === undefined ? [] : ["text"]),
    ...calls.map(() => "tool_use"),
  ];
}

function expectedReason({ calls = [], finishReason, stopString }: PlayedAnswer): string {
  if (stopString !== undefined) return "stop_sequence";
  if (finishReason === "length") return "max_tokens";
  return calls.length > 0 ? "tool_use" : "end_turn";
}
