// Bodies of all routes that take one, and what damage does to them. The same seed and number give the same body.

import { seededRandom } from "../seeded-random.ts";
import { FAKE_MODEL } from "./fake-backend.ts";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const SCHEMA: Json = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  properties: { path: { type: "string", pattern: "^/", default: "/" } },
  required: ["path"],
};

const CHATS: readonly Json[] = [
  { model: FAKE_MODEL, messages: [{ role: "user", content: "Hello" }], max_tokens: 4 },
  {
    model: FAKE_MODEL,
    messages: [
      { role: "developer", content: [{ type: "text", text: "Be brief." }] },
      { role: "user", content: "Look.", name: "ann" },
      {
        role: "assistant",
        content: null,
        reasoning: "Hm.",
        refusal: null,
        tool_calls: [
          { id: "c1", type: "function", function: { name: "read", arguments: '{"path":"/"}' } },
          { id: "c1", type: "function", function: { name: "read", arguments: "{" } },
        ],
      },
      { role: "tool", tool_call_id: "c1", content: "a" },
      { role: "tool", tool_call_id: "c1", content: [{ type: "text", text: "b" }] },
      { role: "user", content: "Go on." },
    ],
    tools: [
      {
        type: "function",
        function: { name: "read", description: "Reads.", parameters: SCHEMA, strict: false },
      },
      { type: "function", function: { name: "__proto__" } },
      { type: "web_search" },
    ],
    tool_choice: "auto",
    parallel_tool_calls: false,
    reasoning_effort: "low",
    chat_template_kwargs: { enable_thinking: false },
    include_reasoning: true,
    stream: true,
    stream_options: { include_usage: true },
    max_completion_tokens: 4,
    stop: ["END"],
    seed: 1,
    n: 2,
  },
];

const OTHER_BODIES: Readonly<Record<string, readonly Json[]>> = {
  "/v1/responses": [
    { model: FAKE_MODEL, input: "Hello", max_output_tokens: 4 },
    {
      model: FAKE_MODEL,
      instructions: "Be brief.",
      input: [
        { type: "message", role: "user", content: [{ type: "input_text", text: "Look." }] },
        { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "x" },
        { type: "function_call", call_id: "c1", name: "read", arguments: '{"path":"/"}' },
        {
          type: "function_call_output",
          call_id: "c1",
          output: [{ type: "input_text", text: "a" }],
        },
        { type: "custom_tool_call", call_id: "c2", name: "patch", input: "+a" },
        { type: "custom_tool_call_output", call_id: "c2", output: "done" },
        { type: "web_search_call", id: "ws_1", status: "completed" },
        { role: "assistant", content: [{ type: "output_text", text: "Yes.", annotations: [] }] },
        { role: "developer", content: "Go on." },
      ],
      tools: [
        { type: "function", name: "read", strict: false, parameters: SCHEMA },
        { type: "custom", name: "patch", format: { type: "grammar", syntax: "lark" } },
        { type: "web_search" },
      ],
      tool_choice: "auto",
      parallel_tool_calls: false,
      reasoning: { effort: "low", summary: "auto" },
      include: ["reasoning.encrypted_content"],
      text: { verbosity: "low", format: { type: "text" } },
      store: false,
      stream: true,
      max_output_tokens: 4,
      metadata: { a: "b" },
      prompt_cache_key: "k",
      client_metadata: { x: "y" },
    },
  ],
  "/v1/messages": [
    { model: FAKE_MODEL, max_tokens: 4, messages: [{ role: "user", content: "Hello" }] },
    {
      model: FAKE_MODEL,
      max_tokens: 4,
      stream: true,
      system: [{ type: "text", text: "Be brief.", cache_control: { type: "ephemeral" } }],
      messages: [
        { role: "user", content: [{ type: "text", text: "Look." }] },
        {
          role: "assistant",
          content: [
            { type: "thinking", thinking: "Hm.", signature: "s" },
            { type: "text", text: "I look." },
            { type: "tool_use", id: "t1", name: "read", input: { path: "/" } },
          ],
        },
        {
          role: "user",
          content: [
            { type: "tool_result", tool_use_id: "t1", content: [{ type: "text", text: "a" }] },
            { type: "tool_result", tool_use_id: "t2", content: "b", is_error: true },
          ],
        },
      ],
      tools: [
        { name: "read", description: "Reads.", input_schema: SCHEMA },
        { type: "web_search_20250305", name: "web_search" },
      ],
      tool_choice: { type: "auto", disable_parallel_tool_use: true },
      thinking: { type: "enabled", budget_tokens: 1024 },
      output_config: { effort: "low" },
      stop_sequences: ["END"],
      temperature: 1,
      metadata: { user_id: "u" },
    },
  ],
  "/api/chat": [
    { model: FAKE_MODEL, messages: [{ role: "user", content: "Hi" }], options: { num_predict: 4 } },
    {
      model: FAKE_MODEL,
      stream: false,
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "Look.", images: [] },
        {
          role: "assistant",
          content: "",
          thinking: "Hm.",
          tool_calls: [{ function: { name: "read", arguments: { path: "/" } } }],
        },
        { role: "tool", content: "a", tool_name: "read" },
      ],
      tools: [{ type: "function", function: { name: "read", parameters: SCHEMA } }],
      think: true,
      options: { num_predict: 4, temperature: 0.5, stop: ["END"], seed: 1, num_ctx: 100 },
      keep_alive: "5m",
    },
  ],
  "/api/generate": [
    { model: FAKE_MODEL, prompt: "Once", options: { num_predict: 4 } },
    { model: FAKE_MODEL, prompt: "Once", system: "s", raw: true, options: { num_predict: 4 } },
  ],
};

/** By route: bodies that are answered with 200. */
export const BODIES: Readonly<Record<string, readonly Json[]>> = {
  ...OTHER_BODIES,
  "/v1/responses/input_tokens": OTHER_BODIES["/v1/responses"] ?? [],
  "/v1/messages/count_tokens": OTHER_BODIES["/v1/messages"] ?? [],
  "/v1/chat/completions": CHATS,
  "/v1/chat/completions/render": CHATS,
  "/apply-template": CHATS,
  "/v1/completions": [
    { model: FAKE_MODEL, prompt: "Once", max_tokens: 4 },
    { model: FAKE_MODEL, prompt: ["Once", "Twice"], max_tokens: 4, n: 2, stream: true },
    {
      model: FAKE_MODEL,
      prompt: [1, 2, 3],
      max_tokens: 4,
      temperature: 0.5,
      top_p: 0.5,
      stop: "x",
    },
  ],
  "/tokenize": [...CHATS, { model: FAKE_MODEL, prompt: "Once", return_token_strs: true }],
  "/detokenize": [{ model: FAKE_MODEL, tokens: [1, 2, 3] }],
  "/api/show": [{ model: FAKE_MODEL, verbose: true }, { name: FAKE_MODEL }],
};

const ODD: readonly Json[] = [
  ...[null, true, false, 0, -1, 1.5, 1e308, 2 ** 53, "", "3", "null", "\ud800", "\u0000"],
  ...[[], {}, [[]], [null], [{}], { a: 1 }, [1, "a", null], { type: "text" }, { toString: 1 }],
  ...["x".repeat(300), Array.from({ length: 40 }, () => "s"), { type: 7 }, { length: 3 }],
];
const NAMES = ["__proto__", "constructor", "", "\u0000", "é", "type", "content", "background"];

/** JSON text of body `number` of the route. */
export function mutatedBody(route: string, seed: number, number: number): string {
  const random = seededRandom(seed * 1_000_003 + number);
  const of = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T;
  const holder: { body: Json } = { body: structuredClone(of(BODIES[route] ?? [])) };
  const count = Math.floor(random() * 4);
  for (let i = 0; i < count; i++) mutate(holder, of, random);
  const text = JSON.stringify(holder.body) ?? ""; // the whole body may be gone
  return random() < 0.03 ? text.slice(0, Math.floor(random() * text.length)) : text;
}

/** Changes one value, wherever it is. */
function mutate(holder: { body: Json }, of: <T>(list: readonly T[]) => T, random: () => number) {
  let parent: { [key: string]: Json } | Json[] = holder;
  let key = "body";
  while (random() < 0.85) {
    const value: Json = (parent as { [key: string]: Json })[key] ?? null;
    if (typeof value !== "object" || value === null) break;
    const keys = Object.keys(value);
    if (keys.length === 0) break;
    parent = value;
    key = of(keys);
  }
  const kind = Math.floor(random() * 4);
  const owner = parent as { [key: string]: Json };
  if (kind === 0 && !Array.isArray(parent)) delete owner[key];
  else if (kind === 1 && Array.isArray(parent)) parent.push(structuredClone(of(ODD)));
  else if (kind === 2) put(parent, of(NAMES), structuredClone(of(ODD)));
  else owner[key] = structuredClone(of(ODD));
}

/** Also a field named `__proto__`. */
function put(object: object, name: string, value: Json): void {
  if (Array.isArray(object)) return;
  const how = { value, enumerable: true, configurable: true, writable: true };
  Object.defineProperty(object, name, how);
}
