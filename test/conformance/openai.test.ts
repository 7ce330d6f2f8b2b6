// Every answer and every chunk that the client's suite gets, and those of an agent's conversation, against OpenAI's
// published document: DYNAMO_OPENAPI names the folder that has it as openapi.json or openapi.yaml.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";

import { createApp } from "../../src/api/app.ts";
import { systemClock } from "../../src/base/clock.ts";
import { createLogger } from "../../src/base/log.ts";
import { type HttpServer, listen } from "../../src/http/listen.ts";
import type { ChatCompletionRequest } from "../../src/protocol/chat.ts";
import type { TextOutput } from "../../src/protocol/llm.ts";
import { openaiClientSuite } from "../api/client.suite.ts";
import { FAKE_MODEL, FakeBackend } from "../api/fake-backend.ts";
import { OpenApiDocument } from "./openapi-document.ts";

const folder = process.env["DYNAMO_OPENAPI"];

/** Thinks, says a word and calls twice where there are tools. */
class CallingBackend extends FakeBackend {
  override chat(request: ChatCompletionRequest) {
    return request.tools.length === 0 ? super.chat(request) : played(request.n);
  }
}

async function* played(n: number): AsyncIterableIterator<TextOutput> {
  const calls = ["read", "list"].map((name, index) => ({ index, id: `call_${index}`, name }));
  for (let index = 0; index < n; index++) {
    const counts = { index, numTokens: 1, numPromptTokens: 5, numCachedTokens: 0 };
    yield { ...counts, text: "", reasoning: "Look.", numReasoningTokens: 1 };
    yield { ...counts, text: "I look." };
    for (const call of calls) {
      yield { ...counts, text: "", toolCalls: [{ ...call, arguments: "" }] };
      yield { ...counts, text: "", toolCalls: [{ index: call.index, arguments: "{}" }] };
    }
    yield { ...counts, text: "", finishReason: "tool_calls" };
  }
}

type Watched = Pick<Response, "status" | "text"> & {
  readonly headers: Pick<Headers, "get">;
};

/** Answers of the server by the schema that they must have, with what is wrong. */
class Conformance {
  readonly #document: OpenApiDocument;
  readonly #fetch = globalThis.fetch;
  readonly #pending: Promise<void>[] = [];
  readonly counts = new Map<string, number>();
  readonly errors: string[] = [];

  constructor(document: OpenApiDocument) {
    this.#document = document;
  }

  /** Watches what `fetch` gets from `origin` until `unwatch`. */
  watch(origin: string): void {
    const watched = async (...args: Parameters<typeof fetch>) => {
      const response = await this.#fetch(...args);
      const { pathname, origin: asked } = new URL(String(args[0]));
      if (asked === origin) this.#pending.push(this.#look(pathname, response.clone()));
      return response;
    };
    globalThis.fetch = Object.assign(watched, { preconnect: this.#fetch.preconnect });
  }

  unwatch(): void {
    globalThis.fetch = this.#fetch;
  }

  async settled(): Promise<void> {
    await Promise.all(this.#pending);
  }

  async #look(path: string, response: Watched): Promise<void> {
    const text = await response.text().catch(() => ""); // its client has left
    if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
      const name = schemaOf(path, response.status);
      if (name !== undefined && text !== "") this.#check(name, JSON.parse(text));
      return;
    }
    for (const [, data = ""] of text.matchAll(/^data: (\{.*\})$/gm)) {
      const chunk = JSON.parse(data);
      this.#check("error" in chunk ? "ErrorResponse" : chunkSchemaOf(path), withoutOpenEnd(chunk));
    }
  }

  #check(name: string, value: unknown): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    const error = this.#document.errorOf(name, value);
    if (error !== undefined) this.errors.push(`${name}: ${error}`);
  }
}

function schemaOf(path: string, status: number): string | undefined {
  if (!path.startsWith("/v1/")) return undefined;
  if (status >= 400) return "ErrorResponse";
  if (path === "/v1/chat/completions") return "CreateChatCompletionResponse";
  if (path === "/v1/completions") return "CreateCompletionResponse";
  return path === "/v1/models" ? "ListModelsResponse" : "Model";
}

function chunkSchemaOf(path: string): string {
  if (path === "/v1/completions") return "CreateCompletionResponse";
  return "CreateChatCompletionStreamResponse";
}

interface Chunk {
  readonly object?: string;
  readonly usage?: unknown;
  readonly choices?: readonly { readonly finish_reason: string | null }[];
}

/** The document has no chunks of text completions, but for whole answers: an end and a usage that are to come are left out. */
function withoutOpenEnd(chunk: Chunk): object {
  if (chunk.object !== "text_completion") return chunk;
  const { usage, choices = [], ...rest } = chunk;
  return {
    ...rest,
    choices: choices.map((one) => ({ ...one, finish_reason: one.finish_reason ?? "stop" })),
    ...(usage !== null && usage !== undefined && { usage }),
  };
}

if (folder === undefined) {
  test.skip("answers against OpenAI's document: DYNAMO_OPENAPI names no folder that has it", () => {});
} else {
  const document = new OpenApiDocument(folder);
  const conformance = new Conformance(document);
  let server: HttpServer;

  beforeAll(() => {
    const log = createLogger("test", "error");
    const app = createApp(new CallingBackend(), { clock: systemClock, log });
    server = listen(app, { host: "127.0.0.1", port: 0, clock: systemClock });
    conformance.watch(new URL(server.url).origin);
  });

  afterAll(async () => {
    conformance.unwatch();
    await server.stop(1000);
  });

  test("the document refuses what it should, and takes null where it says nullable", () => {
    const choices = [{ index: 0, delta: {}, logprobs: null, finish_reason: null }];
    const head = { id: "x", created: 1, model: "m", object: "chat.completion.chunk" };
    const check = (fields: object) =>
      document.errorOf("CreateChatCompletionStreamResponse", { ...head, ...fields });
    expect(check({ choices })).toBeUndefined();
    expect(check({ choices: [{ ...choices[0], finish_reason: "tired" }] })).toBeString();
    expect(check({})).toContain("choices");
  });

  describe("an agent's conversation", () => {
    const tools = [{ type: "function", function: { name: "read", parameters: {} } }];
    const body = { messages: [{ role: "user", content: "hi" }], tools };
    const usage = { stream: true, stream_options: { include_usage: true } };
    const functions = tools.map((tool) => tool.function);
    for (const extra of [{}, { n: 2 }, usage, { ...usage, n: 2 }, { include_reasoning: false }]) {
      for (const style of [{}, { tools: undefined, functions }]) {
        test(`with ${JSON.stringify({ ...extra, ...style })}`, async () => {
          const request = { method: "POST", body: JSON.stringify({ ...body, ...extra, ...style }) };
          const answer = await fetch(`${server.url}v1/chat/completions`, request);
          expect(answer.status).toBe(200);
          expect(await answer.text()).toContain("_call");
        });
      }
    }
  });

  openaiClientSuite("the client's suite", () => ({
    baseURL: `${server.url}v1`,
    model: FAKE_MODEL,
  }));

  test("every answer and every chunk is as OpenAI's document has it", async () => {
    await conformance.settled();
    console.log(
      `  ${[...conformance.counts].map(([name, count]) => `${count} ${name}`).join(", ")}`,
    );
    expect(conformance.errors.slice(0, 10)).toEqual([]);
    for (const name of [
      ...["CreateChatCompletionResponse", "CreateChatCompletionStreamResponse"],
      ...["CreateCompletionResponse", "ListModelsResponse", "Model", "ErrorResponse"],
    ]) {
      expect([name, (conformance.counts.get(name) ?? 0) > 0]).toEqual([name, true]);
    }
  });
}
