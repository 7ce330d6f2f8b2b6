// Chat requests that were damaged on their way: in their bytes, their JSON, their fields or their head. The same seed
// and number give the same request.

import { gzipSync } from "node:zlib";

/** The bytes of request `number`, head and body. */
export function mutatedChat(seed: number, number: number): Buffer {
  const dice = new Dice(seed * 1_000_003 + number);
  const fields = chat(dice);
  if (dice.chance(0.5)) mutateFields(fields, dice);
  let text = JSON.stringify(fields).replace(NESTED, (_, depth: string, open: string) =>
    nest(Number(depth), open),
  );
  if (dice.chance(0.2)) text = mutateText(text, dice);
  let body: Buffer = Buffer.from(text);
  if (dice.chance(0.15)) body = mutateBytes(body, dice);
  const isGzip = dice.chance(0.05);
  if (isGzip) body = gzipSync(body);
  if (isGzip && dice.chance(0.3)) body = mutateBytes(body, dice);
  return framed(body, { isGzip, dice });
}

/** Park and Miller's generator. */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed % 0x7fff_fffe) + 1;
    for (let i = 0; i < 4; i++) this.next();
  }

  next(): number {
    this.#state = (this.#state * 48271) % 0x7fff_ffff;
    return this.#state / 0x7fff_ffff;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}

function chat(dice: Dice): Record<string, unknown> {
  return {
    model: "mock",
    messages: [{ role: "user", content: dice.of(STRINGS) }],
    max_tokens: 1 + dice.below(6),
    ...(dice.chance(0.3) && { stream: true }),
    ...(dice.chance(0.2) && { temperature: dice.next() * 2, seed: dice.below(100) }),
    ...(dice.chance(0.2) && { stop: dice.of([["a"], "b", ["c", "dd"]]) }),
    ...(dice.chance(0.1) && { n: 1 + dice.below(3) }),
  };
}

const STRINGS = [
  "hi",
  "",
  "\u0000",
  "\ud800 alone",
  "\udfff\ud800",
  "\u202e right to left \u2066",
  "👩‍👩‍👧‍👦🏳️‍🌈",
  "e\u0301".repeat(50),
  "\ufeff\uffff\u2028",
  "<|im_start|>system",
  "{{ messages }} {% for x in y %}",
  "data: [DONE]\n\n",
  "__proto__",
  '\\"\\',
  "x".repeat(5000),
  "日本語のテキスト",
];

const ODD: readonly unknown[] = [
  ...[null, true, false, 0, -0, -1, 1.5, 1e308, 5e-324, 2 ** 31, 2 ** 53, 2 ** 63, -(2 ** 63)],
  ...["", "3", "true", "null", "mock", [], {}, [[]], [null], [{}], { a: 1 }, [1, "a", null]],
  ...[[{ type: "function", function: { name: "f", parameters: { a: [1] } } }], [{ name: "f" }]],
  ...[[{ type: "function", function: { strict: true } }, { type: "web_search" }], "auto", "none"],
  ...[["x".repeat(300)], Array.from({ length: 40 }, () => "s"), { toString: 1 }, { length: 3 }],
];

const FIELDS = [
  ...["model", "messages", "max_tokens", "max_completion_tokens", "stream", "stream_options", "n"],
  ...["temperature", "top_p", "top_k", "min_p", "seed", "stop", "presence_penalty", "user"],
  ...["frequency_penalty", "repetition_penalty", "min_tokens", "ignore_eos", "nvext", "tools"],
  ...["tool_choice", "parallel_tool_calls", "functions", "function_call", "reasoning_effort"],
  ...["chat_template_kwargs", "enable_thinking", "include_reasoning", "session_id", "metadata"],
  ...["prompt_cache_key", "mirostat", "grammar", "store", "add_special_tokens", "cache_salt"],
  ...["priority", "stream_interval", "truncate_prompt_tokens", "truncation_side", "strict"],
  ...["add_generation_prompt", "continue_final_message", "service_tier", "best_of"],
  ...["response_format", "logprobs", "logit_bias", "__proto__", "constructor", "", "\u0000", "é"],
];

const MESSAGES: readonly unknown[] = [
  ...["hi", null, 7, [], {}, { role: "user" }, { content: "x" }, { role: "user", content: null }],
  ...[
    { role: "wizard", content: "x" },
    { role: "assistant", content: [] },
  ],
  { role: "user", content: [{ type: "text", text: "part" }, { type: "text" }] },
  { role: "user", content: [{ type: "image_url", image_url: { url: "http://127.0.0.1/" } }] },
  { role: "tool", content: "x", tool_call_id: 3 },
  { role: "tool", content: "x", tool_call_id: "a" },
  { role: "function", content: "x", name: "f" },
  { role: "assistant", tool_calls: [{ id: "a", function: { name: "f", arguments: "{" } }] },
  { role: "assistant", content: null, tool_calls: [{ function: {} }, { type: "custom" }] },
  { role: "assistant", function_call: { name: "f" }, reasoning: "x", refusal: "no" },
  { role: "assistant", content: [{ type: "thinking", thinking: [{ type: "text" }] }] },
  { role: "user", content: { deep: { er: [1] } } },
  { role: "user", content: "x", name: ["n"] },
];

function mutateFields(fields: Record<string, unknown>, dice: Dice): void {
  const count = 1 + dice.below(3);
  for (let i = 0; i < count; i++) {
    const name = dice.of(FIELDS);
    const kind = dice.below(5);
    if (kind === 0) delete fields[name];
    else if (kind === 1) fields["messages"] = [dice.of(MESSAGES), dice.of(MESSAGES)];
    else if (kind === 2) put(fields, name, nested(dice.of([3, 62, 63, 64, 65, 500, 20_000]), dice));
    else put(fields, name, dice.of(ODD));
  }
}

/** Also a field named `__proto__`. */
function put(fields: Record<string, unknown>, name: string, value: unknown): void {
  const how = { value, enumerable: true, configurable: true, writable: true };
  Object.defineProperty(fields, name, how);
}

/** Stands for lists or objects in each other, since `JSON.stringify` would stop at such a depth. */
const NESTED = /"nested:(\d+):(list|object)"/g;

function nested(depth: number, dice: Dice): string {
  return `nested:${depth}:${dice.of(["list", "object"])}`;
}

function nest(depth: number, kind: string): string {
  const [open, close] = kind === "list" ? ["[", "]"] : ['{"a":', "}"];
  return `${open.repeat(depth)}1${close.repeat(depth)}`;
}

const NUMBERS = [
  ...["1e400", "-1e400", "1e-400", "-0", "9007199254740993", "18446744073709551615", "NaN"],
  ...["Infinity", "0x10", "01", "1.", ".5", "1e", "--1", "9".repeat(400), "0.1".padEnd(900, "1")],
];

function mutateText(text: string, dice: Dice): string {
  switch (dice.below(6)) {
    case 0:
      return text.replace(/\d+(\.\d+)?/, dice.of(NUMBERS));
    case 1:
      return text.replace(
        "{",
        `{${JSON.stringify(dice.of(FIELDS))}:${JSON.stringify(dice.of(ODD))},`,
      );
    case 2:
      return text.slice(0, dice.below(text.length));
    case 3:
      return dice.of(["\ufeff", " ", "[", "null", "}", "\u0000"]) + text;
    case 4:
      return text + dice.of([",", "{}", "\u0000", "]", "\n\n", text]);
    default:
      return text.replace(/"/g, () => (dice.chance(0.03) ? "'" : '"'));
  }
}

function mutateBytes(bytes: Buffer, dice: Dice): Buffer {
  const mutated = Buffer.from(bytes);
  const count = 1 + dice.below(4);
  for (let i = 0; i < count && mutated.length > 0; i++)
    mutated[dice.below(mutated.length)] = dice.below(256);
  if (dice.chance(0.3)) return mutated.subarray(0, dice.below(mutated.length + 1));
  return mutated;
}

interface Framing {
  readonly isGzip: boolean;
  readonly dice: Dice;
}

function framed(body: Buffer, { isGzip, dice }: Framing): Buffer {
  const isChunked = dice.chance(0.15);
  const lines = [
    `POST ${dice.chance(0.8) ? CHAT : dice.of(OTHER_ROUTES)} HTTP/1.1`,
    "Host: 127.0.0.1",
    "Content-Type: application/json",
    isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${body.length}`,
    ...(isGzip ? ["Content-Encoding: gzip"] : []),
  ];
  if (dice.chance(0.2)) mutateLines(lines, dice);
  let head: Buffer = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  if (dice.chance(0.1)) head = mutateBytes(head, dice);
  return Buffer.concat([Buffer.from("\r\n"), head, isChunked ? chunks(body, dice) : body]);
}

const CHAT = "/v1/chat/completions";
/** Those that take a chat's body, or a part of it. */
const OTHER_ROUTES = [
  ...["/tokenize", "/detokenize", "/apply-template", "/v1/chat/completions/render"],
  ...["/v1/completions", "/ping"],
];

const LINES = [
  ...["Host: other", "Host:", "Content-Length: 5", "Content-Length: -1", "Transfer-Encoding: gzip"],
  ...["Transfer-Encoding: chunked", "Expect: 100-continue", "Expect: x", "Connection: close", "X"],
  ...[
    "Connection: upgrade",
    "Upgrade: h2c",
    "Content-Encoding: br",
    "Content-Encoding: zstd",
    ": x",
  ],
  ...[
    " folded",
    "X-Request-Id: ä\u0001",
    `X-Request-Id: ${"i".repeat(200)}`,
    "X\u0000: y",
    "X: a\rb",
  ],
  ...[
    "X: a\nb",
    `X: ${"x".repeat(40_000)}`,
    "Cookie: a=b; c",
    "Content-Type: text/plain",
    "A: b".repeat(9),
  ],
];
const FIRST_LINES = [
  ...["POST /v1/chat/completions HTTP/1.0", "PUT /v1/chat/completions HTTP/1.1", "GET / HTTP/1.1"],
  ...["POST http://h/v1/chat/completions HTTP/1.1", "POST * HTTP/1.1", "OPTIONS * HTTP/1.1"],
  ...["POST /v1/chat/completions/ HTTP/1.1", "POST /%00%zz?%= HTTP/1.1", "PRI * HTTP/2.0", "POST"],
  ...["CONNECT a:1 HTTP/1.1", "TRACE / HTTP/1.1", "POST  / HTTP/1.1", "post /v1/models HTTP/1.9"],
  ...[`GET /v1/models/${"%2e%2e/".repeat(9)} HTTP/1.1`],
];

function mutateLines(lines: string[], dice: Dice): void {
  const kind = dice.below(4);
  if (kind === 0) lines[0] = dice.of(FIRST_LINES);
  else if (kind === 1) lines.splice(1 + dice.below(lines.length - 1), 1);
  else lines.splice(1 + dice.below(lines.length), 0, dice.of(LINES));
}

const SIZES = ["zz", "-1", "", "0x2", "fffffffff", "5;x=y", "5 "];

function chunks(body: Buffer, dice: Dice): Buffer {
  const parts: (Buffer | string)[] = [];
  for (let at = 0; at < body.length; ) {
    const chunk = body.subarray(at, at + 1 + dice.below(200));
    const size = dice.chance(0.02) ? dice.of(SIZES) : chunk.length.toString(16);
    parts.push(`${size}\r\n`, chunk, dice.chance(0.01) ? "\n" : "\r\n");
    at += chunk.length;
  }
  parts.push(
    dice.of(["0\r\n\r\n", "0\r\n\r\n", "0\r\nX-T: 1\r\n\r\n", "0\r\n", "0\r\nbad\r\n\r\n"]),
  );
  return Buffer.concat(parts.map((part) => Buffer.from(part)));
}
