// The official client on /v1/responses: what it puts together of the events is the whole answer.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import OpenAI from "openai";
import type { Response as OpenAIResponse } from "openai/resources/responses/responses";

import { DynamoError } from "../../src/base/error.ts";
import { FAKE_MODEL } from "../api/fake-backend.ts";
import type { PlayedAnswer } from "../api/played-backend.ts";
import { type PlayedServer, playedServer } from "../api/played-server.ts";

let server: PlayedServer;
let client: OpenAI;

beforeAll(() => {
  server = playedServer();
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
});
afterAll(() => server.stop());

const SHELL = {
  type: "function",
  name: "shell",
  description: "Runs a command.",
  strict: false,
  parameters: { type: "object", properties: { command: { type: "string" } } },
} as const;
const PATCH = {
  type: "custom",
  name: "apply_patch",
  format: { type: "grammar", syntax: "lark", definition: "start: /.+/" },
} as const;
const REQUEST = { model: FAKE_MODEL, input: "Mend it.", tools: [SHELL, PATCH] };

const ANSWERS: Record<string, PlayedAnswer> = {
  text: { text: 'It is "mended": é 🙂\n\tdone.' },
  "thoughts and text": { reasoning: "The file\nis small.", text: "Done." },
  "thoughts, text and two calls": {
    reasoning: "First a look.",
    text: "I look.",
    calls: [
      { name: "shell", arguments: '{"command":"ls -la \\"x\\""}' },
      {
        name: "apply_patch",
        arguments: '{"input":"*** Begin\\n+\\"a\\" \\u00e9 \\ud83d\\ude42\\\\"}',
      },
    ],
  },
  "a custom call of another shape": {
    calls: [{ name: "apply_patch", arguments: '{"patch": "x"}' }],
  },
  "a text cut by length": { text: "It goes on and", finishReason: "length" },
  "a call cut by length": {
    calls: [{ name: "shell", arguments: '{"command":"l' }],
    finishReason: "length",
  },
  nothing: {},
};

describe("what the client puts together is the whole answer", () => {
  for (const [name, answer] of Object.entries(ANSWERS)) {
    test(name, async () => {
      server.backend.answers = [answer];
      const whole = await client.responses.create(REQUEST);
      for (let split = 0; split < 20; split++) {
        const stream = client.responses.stream(REQUEST);
        const events: { type: string; sequence_number: number }[] = [];
        for await (const event of stream) events.push(event);
        const streamed = await stream.finalResponse();
        expect(withoutIds(streamed)).toEqual(withoutIds(whole));
        expect(events.map((event) => event.sequence_number)).toEqual([...events.keys()]);
        expectBracketed(events as unknown as readonly Event[]);
      }
      expect(textsOf(whole)).toEqual(expectedOf(answer));
    });
  }

  test("the deltas alone, as agents read them, make the same items", async () => {
    const answer = ANSWERS["thoughts, text and two calls"] ?? {};
    server.backend.answers = [answer];
    const built = new Map<string, string>();
    for await (const event of await client.responses.create({ ...REQUEST, stream: true })) {
      if (!event.type.endsWith(".delta") || !("item_id" in event)) continue;
      const { item_id, delta } = event as { item_id: string; delta: string };
      const id = item_id.split("_")[0] ?? "";
      built.set(id, (built.get(id) ?? "") + delta);
    }
    expect(Object.fromEntries(built)).toEqual({
      rs: "First a look.",
      msg: "I look.",
      fc: '{"command":"ls -la \\"x\\""}',
      ctc: '*** Begin\n+"a" é 🙂\\',
    });
  });

  test("with a summary asked for, thoughts come as one", async () => {
    server.backend.answers = [{ reasoning: "I see.", text: "Yes." }];
    const stream = client.responses.stream({ ...REQUEST, reasoning: { summary: "auto" } });
    const types = new Set<string>();
    for await (const { type } of stream) types.add(type);
    expect(types).toContain("response.reasoning_summary_text.delta");
    const { output, reasoning } = await stream.finalResponse();
    expect(output[0]).toMatchObject({ summary: [{ type: "summary_text", text: "I see." }] });
    expect(reasoning).toEqual({ effort: null, summary: "auto" });
  });
});

test("a failure in the middle is an error event, then response.failed with what there is", async () => {
  const error = new (class extends DynamoError {
    override readonly code = "actor_down";
  })("gone");
  server.backend.answers = [{ text: "Half of", error }];
  const events: { type: string; sequence_number: number }[] = [];
  const stream = await client.responses.create({ ...REQUEST, stream: true });
  for await (const event of stream) events.push(event);
  expect(events.slice(-2)).toMatchObject([
    { type: "error", code: "actor_down", param: null },
    {
      type: "response.failed",
      response: {
        status: "failed",
        error: { code: "actor_down" },
        output: [{ status: "incomplete", content: [{ text: "Half of" }] }],
      },
    },
  ]);
  expect(events.map((event) => event.sequence_number)).toEqual([...events.keys()]);
});

describe("stored responses", () => {
  test("one goes on from another, with all of its items", async () => {
    server.backend.answers = [{ text: "One.", calls: [{ name: "shell", arguments: "{}" }] }];
    const first = await client.responses.create({ ...REQUEST, instructions: "Be short." });
    const output = { type: "function_call_output", call_id: "call_0", output: "ok" } as const;
    const second = await client.responses.create({
      ...REQUEST,
      previous_response_id: first.id,
      input: [output],
    });
    expect(second.previous_response_id).toBe(first.id);
    expect(server.backend.last.messages).toMatchObject([
      { role: "user", content: "Mend it." },
      { role: "assistant", content: "One.", toolCalls: [{ id: "call_0", name: "shell" }] },
      { role: "tool", content: "ok", toolCallId: "call_0", name: "shell" },
    ]);
    await client.responses.create({ ...REQUEST, previous_response_id: second.id, input: "More" });
    expect(server.backend.last.messages).toHaveLength(5);
  });

  test("it can be read, listed and deleted", async () => {
    server.backend.answers = [{ text: "Hi." }];
    const created = await client.responses.create(REQUEST);
    expect(withoutParsed(await client.responses.retrieve(created.id))).toEqual(
      withoutParsed(created),
    );
    const items = await Array.fromAsync(client.responses.inputItems.list(created.id));
    expect(items).toMatchObject([
      { type: "message", role: "user", content: [{ type: "input_text", text: "Mend it." }] },
    ]);
    await client.responses.delete(created.id);
    const gone = client.responses.retrieve(created.id);
    expect(await failureOf(gone)).toMatchObject({ status: 404, code: "not_found" });
    const onward = client.responses.create({ ...REQUEST, previous_response_id: created.id });
    expect(await failureOf(onward)).toMatchObject({
      status: 400,
      param: "previous_response_id",
      code: "previous_response_not_found",
    });
  });

  test("with store: false it is nowhere", async () => {
    const { id } = await client.responses.create({ ...REQUEST, store: false });
    expect(await failureOf(client.responses.retrieve(id))).toMatchObject({ status: 404 });
  });

  test("an item is found by its id, as clients refer to those of an answer", async () => {
    server.backend.answers = [{ reasoning: "Hm.", text: "Hi." }];
    const { output } = await client.responses.create(REQUEST);
    const refer = output.map(({ id }) => ({ type: "item_reference" as const, id: id ?? "" }));
    const user = { role: "user" as const, content: "And?" };
    await client.responses.create({ ...REQUEST, input: [...refer, user] });
    expect(server.backend.last.messages).toMatchObject([
      { role: "assistant", content: "Hi.", reasoning: "Hm." },
      { role: "user", content: "And?" },
    ]);
  });

  test("one that is being made is cancelled by its id, and its stream ends", async () => {
    server.backend.answers = [{ text: "word ".repeat(20_000) }];
    const stream = await client.responses.create({ ...REQUEST, stream: true });
    let last: unknown;
    let cancelled: Promise<OpenAIResponse> | undefined;
    for await (const event of stream) {
      last = event;
      if (event.type === "response.created") cancelled = client.responses.cancel(event.response.id);
    }
    expect(last).toMatchObject({ type: "response.incomplete", response: { status: "cancelled" } });
    const response = await cancelled;
    expect(response).toMatchObject({ status: "cancelled" });
    const again = await client.responses.cancel(response?.id ?? "");
    expect(again.status).toBe("cancelled");
    expect(server.backend.numOpen).toBe(0);
  });
});

test("what only OpenAI can do is passed over and named, as an agent sends it", async () => {
  server.backend.answers = [{ text: "Hi." }];
  const response = await server.post("/v1/responses", {
    model: FAKE_MODEL,
    instructions: "Be brief.",
    input: [
      { type: "message", role: "developer", content: [{ type: "input_text", text: "Rules." }] },
      { type: "web_search_call", id: "ws", status: "completed" },
      { type: "compaction", encrypted_content: "gAAA" },
      { type: "reasoning", summary: [], encrypted_content: "gAAA" },
      { type: "message", role: "user", content: [{ type: "input_text", text: "Look." }] },
    ],
    tools: [SHELL, { type: "web_search" }, { type: "namespace", name: "mcp", tools: [] }],
    tool_choice: "auto",
    parallel_tool_calls: true,
    reasoning: { effort: "none", summary: "auto" },
    include: ["reasoning.encrypted_content"],
    prompt_cache_key: "key",
    text: { verbosity: "low" },
    client_metadata: { session: "x" },
    store: false,
    stream: true,
    invented: 1,
  });
  expect(response.status).toBe(200);
  const ignored = response.headers.get("x-dynamo-ignored-params")?.split(", ");
  expect(ignored?.toSorted()).toEqual([
    "input[].compaction",
    "input[].encrypted_content",
    "input[].web_search_call",
    "invented",
    "text.verbosity",
    "tools[].namespace",
    "tools[].web_search",
  ]);
  const { messages, tools, templateVariables } = server.backend.last;
  expect(messages.map(({ role, content }) => `${role}: ${content}`)).toEqual([
    "system: Be brief.",
    "developer: Rules.",
    "user: Look.",
  ]);
  expect(tools.map(({ name }) => name)).toEqual(["shell"]);
  expect(templateVariables).toMatchObject({ enable_thinking: false });
});

test("thoughts go back to the model by content, by summary, and by what a client keeps sealed", async () => {
  for (const reasoning of [{}, { summary: "auto" as const }]) {
    server.backend.answers = [{ reasoning: "Hm. é", text: "Hi." }];
    const { output } = await client.responses.create({
      ...REQUEST,
      reasoning,
      include: ["reasoning.encrypted_content"],
    });
    const [thoughts, said] = output;
    const bare = { ...thoughts, content: undefined, summary: [] };
    for (const items of [output, [bare, said]]) {
      const input = [...items, { role: "user", content: "And?" }];
      await server.post("/v1/responses", { ...REQUEST, input });
      expect(server.backend.last.messages[0]).toMatchObject({ reasoning: "Hm. é", content: "Hi." });
    }
  }
});

test("what is not there is refused by name", async () => {
  const cases: [object, string][] = [
    [{ tools: [], tool_choice: "required" }, "tool_choice"],
    [{ tools: [], tool_choice: { type: "function", name: "shell" } }, "tool_choice"],
    [{ text: { format: { type: "json_schema" } } }, "text.format.schema"],
    [{ background: true }, "background"],
    [{ conversation: "conv_1" }, "conversation"],
    [{ input: [{ role: "user", content: [{ type: "input_image" }] }] }, "input[0].content[0].type"],
  ];
  for (const [body, param] of cases) {
    const response = await server.post("/v1/responses", { ...REQUEST, ...body });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param } });
  }
});

test("a form, a strict tool and a forced call are asked for, and repeated", async () => {
  const schema = { type: "object", properties: { a: { type: "integer" } } };
  const format = { type: "json_schema", name: "n", schema, strict: true };
  const allowed = { type: "allowed_tools", mode: "required", tools: [SHELL] };
  const response = await server.post("/v1/responses", {
    ...{ ...REQUEST, tools: [{ ...SHELL, strict: true }], tool_choice: allowed, text: { format } },
  });
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({
    ...{ tools: [{ name: SHELL.name, strict: true }], tool_choice: allowed },
    text: { format: { ...format, description: null } },
  });
  expect(server.backend.last).toMatchObject({
    toolChoice: "required",
    tools: [{ name: SHELL.name, strict: true, field: "tools[0].parameters" }],
    form: {
      type: "field",
      field: "text.format.schema",
      body: { type: "json_schema", schema: JSON.stringify(schema) },
    },
  });
});

test("a response has every key that openresponses requires", async () => {
  const response = await client.responses.create(REQUEST);
  expect(Object.keys(response)).toEqual(expect.arrayContaining(REQUIRED_KEYS));
});

const REQUIRED_KEYS = [
  ...["id", "object", "created_at", "completed_at", "status", "incomplete_details", "model"],
  ...["previous_response_id", "instructions", "output", "error", "tools", "tool_choice"],
  ...["truncation", "parallel_tool_calls", "text", "top_p", "presence_penalty", "temperature"],
  ...["frequency_penalty", "top_logprobs", "reasoning", "usage", "max_output_tokens", "store"],
  ...["max_tool_calls", "background", "service_tier", "metadata", "safety_identifier"],
  "prompt_cache_key",
];

test("input tokens are counted without an answer", async () => {
  server.backend.answers = [{ numPromptTokens: 41 }];
  const { input_tokens } = await client.responses.inputTokens.count(REQUEST);
  expect(input_tokens).toBe(41);
  expect(server.backend.last.annotations).toEqual(["query_instance_id"]);
});

/** Their promises are no plain ones. */
async function failureOf(call: PromiseLike<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

interface Event {
  readonly type: string;
  readonly output_index?: number;
}

/** Every item and part that begins ends, in order, and nothing of an item comes outside of it. */
function expectBracketed(events: readonly Event[]): void {
  expect(events.slice(0, 2).map(({ type }) => type)).toEqual([
    "response.created",
    "response.in_progress",
  ]);
  expect(events.at(-1)?.type).toMatch(/^response\.(completed|incomplete)$/);
  let open: number | undefined;
  let numParts = 0;
  for (const { type, output_index } of events.slice(2, -1)) {
    if (type === "response.output_item.added") {
      expect(open).toBeUndefined();
      open = output_index;
    }
    expect(output_index).toBe(open);
    if (type.endsWith("_part.added")) numParts++;
    if (type.endsWith("_part.done")) numParts--;
    if (type !== "response.output_item.done") continue;
    expect(numParts).toBe(0);
    open = undefined;
  }
  expect(open).toBeUndefined();
}

function textsOf({ output, status, incomplete_details }: OpenAIResponse): unknown {
  const texts = output.map((item) => {
    switch (item.type) {
      case "message":
        return item.content.map((part) => (part.type === "output_text" ? part.text : "")).join("");
      case "reasoning":
        return item.content?.map(({ text }) => text).join("");
      case "function_call":
        return item.arguments;
      case "custom_tool_call":
        return item.input;
      default:
        return item.type;
    }
  });
  return { texts, status, reason: incomplete_details?.reason };
}

function expectedOf({ reasoning, text, calls = [], finishReason }: PlayedAnswer): unknown {
  const isCut = finishReason === "length";
  const said = [
    reasoning,
    text,
    ...calls.map(({ name, arguments: args }) => {
      if (name !== "apply_patch") return args;
      return JSON.parse(args).input ?? args;
    }),
  ].filter((each) => each !== undefined);
  return {
    texts: said.length > 0 ? said : [""],
    status: isCut ? "incomplete" : "completed",
    reason: isCut ? "max_output_tokens" : undefined,
  };
}

/** Two answers differ in ids, times and counts of tokens: the whole one was cut at other places. */
function withoutIds(response: OpenAIResponse): unknown {
  return JSON.parse(
    JSON.stringify(withoutParsed(response), (key, value) =>
      ["id", "created_at", "completed_at", "usage", "_request_id"].includes(key)
        ? undefined
        : value,
    ),
  );
}

/** The client adds keys of its own. */
function withoutParsed(response: OpenAIResponse): unknown {
  return JSON.parse(
    JSON.stringify(response, (key, value) =>
      ["parsed", "output_parsed", "output_text", "parsed_arguments", "_request_id"].includes(key)
        ? undefined
        : value,
    ),
  );
}
