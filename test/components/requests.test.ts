// Requests that services make: checked as a client's are, and told in the words of the fields.

import { describe, expect, test } from "bun:test";

import { chatRequest, completionRequest, textOf } from "../../src/components/requests.ts";
import { parseChatRequest, parseCompletionRequest } from "../../src/openai/schema.ts";
import type { TextOutput } from "../../src/protocol/llm.ts";

const messages = [{ role: "user", content: "hello" }] as const;
const everything = {
  ...{ model: "m", n: 2, stream: true, stream_options: { include_usage: true } },
  ...{ temperature: 0.5, top_p: 0.9, top_k: 40, min_p: 0.1, seed: 7, stop: ["end"] },
  ...{ presence_penalty: 1, frequency_penalty: -1, repetition_penalty: 1.5 },
  ...{ max_tokens: 20, min_tokens: 2, ignore_eos: true },
  ...{ cache_salt: "mine", priority: 3, stream_interval: 2 },
  ...{ truncate_prompt_tokens: 9, truncation_side: "right" },
  nvext: { backend_instance_id: 3, annotations: ["query_instance_id"], use_raw_prompt: true },
};

describe("chatRequest", () => {
  test("has every default that a client's request has", () => {
    const { request } = parseChatRequest({ model: "m", messages }, 0);
    expect(chatRequest({ model: "m", messages })).toEqual(request);
  });

  test("of another request is that request", () => {
    const named = [{ ...messages[0], name: "Ada" }];
    const ofChat = { messages: named, add_generation_prompt: false, add_special_tokens: true };
    const { request } = parseChatRequest({ ...everything, ...ofChat }, 5);
    expect(chatRequest(request)).toEqual(request);
    const owned = { ...request, cacheOwner: "ann", continuousUsage: true };
    expect(chatRequest(owned)).toEqual(owned);
    expect(chatRequest({ ...request, temperature: 0 })).toEqual({ ...request, temperature: 0 });
  });

  test("of an agent's request is that request, its tools, calls and thoughts included", () => {
    const parameters = { type: "object", properties: { path: { type: "string" } } };
    const body = {
      ...everything,
      ...{ tool_choice: "none", parallel_tool_calls: false, reasoning_effort: "low" },
      ...{ chat_template_kwargs: { locale: "de" }, prompt_cache_key: "one" },
      tools: [{ type: "function", function: { name: "read", parameters } }],
      messages: [
        ...messages,
        {
          ...{ role: "assistant", content: null, reasoning: "Look first." },
          tool_calls: [{ id: "a", function: { name: "read", arguments: '{"path":"b"}' } }],
        },
        { role: "tool", tool_call_id: "a", content: "text" },
      ],
    };
    const { request } = parseChatRequest(body, 5);
    expect(chatRequest(request)).toEqual(request);
    expect(request.sessionId).toBe("one");
  });

  for (const [fields, message] of [
    [{ maxTokens: 0 }, "'maxTokens' must be"],
    [{ temperature: 3 }, "'temperature' must be"],
    [{ topP: Number.NaN }, "'topP' must be"],
    [{ n: 1000 }, "'n' must be"],
    [{ minTokens: 5, maxTokens: 2 }, "'minTokens' must not be above 'maxTokens', which is 2"],
    [{ messages: [] }, "'messages' must"],
  ] as const) {
    test(`refuses ${JSON.stringify(fields)} by the field's name`, () => {
      expect(() => chatRequest({ messages, ...fields })).toThrow(message);
    });
  }
});

describe("completionRequest", () => {
  test("of another request is that request, its prompts in order", () => {
    const ids = [[1, 2], [3]];
    for (const prompt of ["one", ["one", "two"], ids]) {
      const own = { prompt, add_special_tokens: false };
      const { request } = parseCompletionRequest({ ...everything, ...own }, 5);
      const owned = { ...request, cacheOwner: "ann" };
      expect(completionRequest(owned)).toEqual(owned);
    }
  });

  test("refuses what a client could not send", () => {
    expect(() => completionRequest({ prompts: [] })).toThrow("'prompts' must have at least one");
    expect(() => completionRequest({ prompts: ["x"], minP: 2 })).toThrow("'minP' must be");
  });

  test("counts choices as for a client: prompts times n", () => {
    const prompts = ["one", Int32Array.of(1)];
    expect(completionRequest({ prompts, n: 128 }).prompts).toHaveLength(2);
    const message = "'n' times the number of prompts must be at most 256";
    expect(() => completionRequest({ prompts: [...prompts, "two"], n: 128 })).toThrow(message);
    expect(() => completionRequest({ prompts: Array(257).fill("x") })).toThrow("at most 256");
  });
});

test("textOf is the text that is valid at the end: what came before a new start is void", async () => {
  const counts = { index: 0, numTokens: 1, numPromptTokens: 1, numCachedTokens: 0 };
  async function* answer(): AsyncGenerator<TextOutput> {
    yield { ...counts, text: "lost" };
    yield { ...counts, text: "a", restarts: true };
    yield { ...counts, text: "b", finishReason: "stop" };
  }
  expect(await textOf(answer())).toBe("ab");
});
