// Fields that change the form of an answer, and what is refused, in all APIs.

import { describe, expect, test } from "bun:test";

import type { CompletionRequest } from "../../src/protocol/chat.ts";
import type { ScoredToken, TextOutput } from "../../src/protocol/llm.ts";
import { FakeBackend } from "./fake-backend.ts";
import { CHAT, COMPLETION, eventsOf, harness, post } from "./harness.ts";

const app = () => harness({ chat: (request) => new FakeBackend().chat(request) }).app;

const BODIES = {
  "/v1/chat/completions": CHAT,
  "/v1/responses": { model: "m", input: "hi" },
  "/v1/messages": { ...CHAT, max_tokens: 5 },
  "/v1/messages/count_tokens": CHAT,
  "/api/chat": { ...CHAT, stream: false },
  "/api/generate": { model: "m", prompt: "hi", stream: false },
  "/tokenize": { model: "m", prompt: "hi" },
  "/detokenize": { model: "m", tokens: [1] },
};

describe("a strict request", () => {
  for (const [path, body] of Object.entries(BODIES)) {
    const ask = (more: object) =>
      app().fetch(
        new Request(`http://test${path}`, {
          method: "POST",
          body: JSON.stringify({ ...body, ...more }),
        }),
      );

    test(`to ${path} is answered where nothing of it is passed over, and refused where something is`, async () => {
      expect((await ask({ strict: true })).status).toBe(200);
      const loose = await ask({ flavour: 1 });
      expect([loose.status, loose.headers.get("x-dynamo-ignored-params")]).toEqual([
        200,
        "flavour",
      ]);
      const strict = await ask({ flavour: 1, colour: 2, strict: true });
      expect(strict.status).toBe(400);
      expect(await strict.text()).toContain("'flavour', 'colour'");
      expect((await ask({ flavour: 1, strict: false })).status).toBe(200);
    });
  }
});

const counts = { numPromptTokens: 2, numCachedTokens: 0 };

/** A choice for each list: its tokens are as likely as it says. */
function scored(...choices: readonly (readonly number[])[]) {
  const asked: CompletionRequest[] = [];
  async function* complete(request: CompletionRequest): AsyncGenerator<TextOutput> {
    asked.push(request);
    for (const [index, logprobs] of choices.entries()) {
      const tokens = logprobs.map((logprob): ScoredToken => {
        const token = { tokenId: 1, text: "x", bytes: [120], rank: 1, top: [] };
        return { ...token, logprob };
      });
      const text = `choice ${index}`;
      const numTokens = logprobs.length;
      yield { ...counts, index, text, numTokens, logprobs: tokens, finishReason: "stop" };
    }
  }
  const { app } = harness({ complete: (request) => complete(request) });
  return { app, asked };
}

describe("best_of", () => {
  test("tells the likeliest choices, and counts them all", async () => {
    const { app, asked } = scored([-2, -2], [-0.5], [-1, -1, -1]);
    const response = await app.fetch(post({ ...COMPLETION, best_of: 3, n: 2 }));
    expect(await response.json()).toMatchObject({
      choices: [
        { index: 0, text: "choice 1", logprobs: null },
        { index: 1, text: "choice 2", logprobs: null },
      ],
      usage: { prompt_tokens: 2, completion_tokens: 6 },
    });
    expect(asked[0]).toMatchObject({ n: 3, logprobs: 0 });
  });

  test("tells their log-probabilities where they are asked for, of each prompt", async () => {
    const { app } = scored([-2], [-1], [-1], [-2]);
    const body = { ...COMPLETION, prompt: ["a", "b"], best_of: 2, logprobs: 0 };
    const response = await app.fetch(post(body));
    expect(await response.json()).toMatchObject({
      choices: [
        { text: "choice 1", logprobs: { token_logprobs: [-1] } },
        { text: "choice 2", logprobs: { token_logprobs: [-1] } },
      ],
    });
  });
});

describe("a stream", () => {
  const streamed = async (fields: object) => {
    const body = {
      ...COMPLETION,
      model: "m",
      max_tokens: 9,
      seed: 3,
      ignore_eos: true,
      stream: true,
    };
    const { app } = harness({ complete: (request) => new FakeBackend().complete(request) });
    const response = await app.fetch(post({ ...body, ...fields }));
    const events = eventsOf(await response.text()).slice(0, -1) as {
      readonly choices: readonly { readonly text: string }[];
      readonly usage?: { readonly completion_tokens: number } | null;
      readonly system_fingerprint: string;
    }[];
    const texts = events.flatMap(({ choices }) => choices).map(({ text }) => text);
    return { events, text: texts.join(""), numTexts: texts.filter(Boolean).length };
  };

  test("of fewer events has the same text", async () => {
    const [plain, joined] = [await streamed({}), await streamed({ stream_interval: 4 })];
    expect(joined.text).toBe(plain.text);
    expect([plain.numTexts, joined.numTexts]).toEqual([9, 3]);
  });

  test("with continuous usage counts up, and ends with the whole", async () => {
    const stream_options = { include_usage: true, continuous_usage_stats: true };
    const { events } = await streamed({ stream_options });
    const counted = events.map(({ usage }) => usage?.completion_tokens);
    expect(counted.slice(0, 9)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(counted.at(-1)).toBe(9);
    const { events: late } = await streamed({ stream_options: { include_usage: true } });
    expect(late.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
  });

  test("has one fingerprint, which is the model's", async () => {
    const { events } = await streamed({});
    const prints = new Set(events.map(({ system_fingerprint: print }) => print));
    expect(prints.size).toBe(1);
    expect([...prints][0]).toMatch(/^fp_[0-9a-f]{16}$/);
  });
});
