// Claims that the official client may expect of any correct server, whatever model is behind it.
// Run here against a made-up model, and by e2e against the executable with a real one.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import OpenAI from "openai";
import { hangLimit } from "../time-limits.ts";

export interface ClientTarget {
  /** Ends in `/v1`. */
  readonly baseURL: string;
  readonly model: string;
}

const PROMPT = "Once upon a time, there was a little girl named Lily.";
const TIMEOUT_MS = hangLimit(60_000);

export function openaiClientSuite(name: string, target: () => ClientTarget): void {
  describe(name, () => {
    let client: OpenAI;
    let model: string;
    let maxModelLen: number;
    /** The greedy answer to `PROMPT`, piece by piece: what stop strings are cut from. */
    let pieces: string[];

    beforeAll(async () => {
      client = new OpenAI({ baseURL: target().baseURL, apiKey: "none", maxRetries: 0 });
      model = target().model;
      maxModelLen = contextOf(await client.models.retrieve(model));
      pieces = await piecesOf(completion({ max_tokens: 48, ignore_eos: true }));
    }, TIMEOUT_MS);

    afterAll(async () => {
      await expectNothingInFlight(target());
    }, TIMEOUT_MS);

    // Greedy unless a case says otherwise; `extra` may hold fields that OpenAI does not know.
    const completion = (extra: object = {}) => ({
      model,
      prompt: PROMPT,
      temperature: 0,
      ...extra,
    });
    const chat = (extra: object = {}) => ({
      model,
      messages: [{ role: "user" as const, content: PROMPT }],
      temperature: 0,
      ...extra,
    });
    const complete = (extra?: object) =>
      client.completions.create({ ...completion(extra), stream: false });
    const converse = (extra?: object) =>
      client.chat.completions.create({ ...chat(extra), stream: false });
    const streamCompletion = (extra?: object) =>
      client.completions.create({ ...completion(extra), stream: true });
    const streamChat = (extra?: object) =>
      client.chat.completions.create({ ...chat(extra), stream: true });
    const piecesOf = async (body: ReturnType<typeof completion>) => {
      const texts: string[] = [];
      for await (const chunk of await client.completions.create({ ...body, stream: true })) {
        const text = chunk.choices[0]?.text ?? "";
        if (text !== "") texts.push(text);
      }
      return texts;
    };
    const claim = (text: string, run: () => Promise<void>) => test(text, run, TIMEOUT_MS);

    describe("models", () => {
      claim("the list has the model, with its context's length", async () => {
        const models = await Array.fromAsync(client.models.list());
        const card = models.find(({ id }) => id === model);
        expect(card).toMatchObject({ id: model, object: "model", owned_by: "dynamo" });
        expect(maxModelLen).toBeGreaterThan(0);
      });

      claim("a model can be retrieved by its name", async () => {
        expect((await client.models.retrieve(model)).id).toBe(model);
      });

      claim("retrieving a model that does not exist is 404", async () => {
        const error = await failureOf(client.models.retrieve("no/such-model"));
        expect(error).toMatchObject({ status: 404, code: "model_not_found" });
      });
    });

    describe("whole answers", () => {
      claim("a completion has the shape that OpenAI documents", async () => {
        const answer = await complete({ max_tokens: 8 });
        expect(answer).toMatchObject({ object: "text_completion", model });
        expect(answer.id).toStartWith("cmpl-");
        expect(answer.choices).toHaveLength(1);
        expect(answer.choices[0]).toMatchObject({ index: 0, text: expect.any(String) });
      });

      claim("a chat completion has the shape that OpenAI documents", async () => {
        const answer = await converse({ max_tokens: 8 });
        expect(answer).toMatchObject({ object: "chat.completion", model });
        expect(answer.id).toStartWith("chatcmpl-");
        expect(answer.choices[0]?.message).toMatchObject({
          role: "assistant",
          content: expect.any(String),
        });
      });

      claim("usage adds up and has the cached tokens", async () => {
        const { usage } = await complete({ max_tokens: 8, ignore_eos: true });
        expect(usage?.completion_tokens).toBe(8);
        expect(usage?.total_tokens).toBe((usage?.prompt_tokens ?? 0) + 8);
        const cached = usage?.prompt_tokens_details?.cached_tokens;
        expect(cached).toBeGreaterThanOrEqual(0);
        expect(cached).toBeLessThanOrEqual(usage?.prompt_tokens ?? 0);
      });

      claim("max_tokens 1 gives one token and the reason length", async () => {
        const { usage, choices } = await complete({ max_tokens: 1, ignore_eos: true });
        expect(usage?.completion_tokens).toBe(1);
        expect(choices[0]?.finish_reason).toBe("length");
      });

      claim("max_completion_tokens limits a chat completion", async () => {
        const answer = await converse({ max_completion_tokens: 3, ignore_eos: true });
        expect(answer.usage?.completion_tokens).toBe(3);
        expect(answer.choices[0]?.finish_reason).toBe("length");
      });

      claim("a completion without max_tokens has at most OpenAI's 16", async () => {
        const { usage } = await complete({ ignore_eos: true });
        expect(usage?.completion_tokens).toBe(16);
      });

      claim("min_tokens keeps the answer going", async () => {
        const { usage } = await complete({ max_tokens: 40, min_tokens: 40 });
        expect(usage?.completion_tokens).toBe(40);
      });

      claim("greedy answers repeat", async () => {
        const [one, two] = [await complete({ max_tokens: 24 }), await complete({ max_tokens: 24 })];
        expect(one.choices[0]?.text).toBe(two.choices[0]?.text ?? "");
      });

      claim("greed_sampling in nvext is temperature 0", async () => {
        const greedy = await complete({ max_tokens: 24 });
        const nvext = { greed_sampling: true };
        const answer = await complete({ max_tokens: 24, temperature: undefined, nvext });
        expect(answer.choices[0]?.text).toBe(greedy.choices[0]?.text ?? "");
      });

      claim("content as text parts is the same as a string", async () => {
        const whole = await converse({ max_tokens: 12 });
        const messages = [{ role: "user", content: [{ type: "text", text: PROMPT }] }];
        const parts = await converse({ max_tokens: 12, messages });
        expect(parts.choices[0]?.message.content).toBe(whole.choices[0]?.message.content ?? "");
      });

      claim("every role is taken, in a conversation of several turns", async () => {
        const roles = ["system", "developer", "user", "assistant", "tool", "user"];
        const messages = roles.map((role) => ({ role, content: "Hello.", tool_call_id: "1" }));
        const answer = await converse({ max_tokens: 2, messages });
        expect(answer.choices).toHaveLength(1);
      });

      claim("a prompt of token ids is used as it is", async () => {
        const { usage } = await complete({ prompt: [5, 6, 7, 8], max_tokens: 2, ignore_eos: true });
        expect(usage?.prompt_tokens).toBe(4);
      });

      claim("several prompts give their choices in order", async () => {
        const alone = await complete({ prompt: "The dog", max_tokens: 6 });
        const answer = await complete({ prompt: [PROMPT, "The dog"], max_tokens: 6, n: 2 });
        expect(answer.choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
        expect(answer.choices[2]?.text).toBe(alone.choices[0]?.text ?? "");
        expect(answer.choices[3]?.text).toBe(alone.choices[0]?.text ?? "");
      });

      claim("prompts may be lists of token ids, each counted once", async () => {
        const answer = await complete({
          prompt: [
            [5, 6, 7],
            [8, 9],
          ],
          max_tokens: 2,
          n: 2,
        });
        expect(answer.choices).toHaveLength(4);
        expect(answer.usage?.prompt_tokens).toBe(5);
      });
    });

    describe("sampling", () => {
      const sample = async (extra: object) =>
        (await complete({ max_tokens: 32, temperature: 1, ignore_eos: true, ...extra })).choices;

      claim("the same seed gives the same text", async () => {
        const [[one], [two]] = [await sample({ seed: 7 }), await sample({ seed: 7 })];
        expect(one?.text).toBe(two?.text ?? "");
      });

      claim("another seed gives another text", async () => {
        const [[one], [two]] = [await sample({ seed: 7 }), await sample({ seed: 8 })];
        expect(one?.text).not.toBe(two?.text ?? "");
      });

      claim("three choices of one seed differ from each other", async () => {
        const texts = (await sample({ seed: 7, n: 3 })).map(({ text }) => text);
        expect(new Set(texts).size).toBe(3);
      });

      claim("a second choice is not the first of the next seed", async () => {
        const [, second] = await sample({ seed: 7, n: 2 });
        const [next] = await sample({ seed: 8 });
        expect(second?.text).not.toBe(next?.text ?? "");
      });

      claim("a prompt among others has the choices that it has alone", async () => {
        const extra = { seed: 7, n: 2 };
        const [a, b] = ["the cat ran", "the big dog"];
        const texts = (await sample({ ...extra, prompt: [a, b] })).map(({ text }) => text);
        for (const [at, prompt] of [a, b].entries()) {
          const alone = (await sample({ ...extra, prompt })).map(({ text }) => text);
          expect(texts.slice(2 * at, 2 * at + 2)).toEqual(alone);
        }
      });

      claim("without a seed, equal prompts have texts of their own", async () => {
        const [one, two] = await sample({ prompt: ["the cat ran", "the cat ran"] });
        expect(one?.text).not.toBe(two?.text ?? "");
      });

      claim("each of a seed's 64 bits counts, with a sign or without", async () => {
        const textOf = async (seed: string) => {
          const extra = { max_tokens: 32, temperature: 1, ignore_eos: true, seed: 0 };
          const body = JSON.stringify(completion(extra)).replace('"seed":0', `"seed":${seed}`);
          const response = await fetch(`${target().baseURL}/completions`, { method: "POST", body });
          return ((await response.json()) as OpenAI.Completion).choices[0]?.text ?? "";
        };
        const max = await textOf("18446744073709551615");
        expect(await textOf("18446744073709551614")).not.toBe(max);
        expect(await textOf("-1")).toBe(max);
        const [odd, even] = ["9007199254740993", "9007199254740992"];
        expect(await textOf(odd)).not.toBe(await textOf(even));
      });

      claim("every sampling parameter is taken within its bounds", async () => {
        const extra = { top_p: 0.9, top_k: 5, min_p: 0.05, presence_penalty: 0.5 };
        const penalties = { frequency_penalty: -0.5, repetition_penalty: 1.1 };
        expect(await sample({ ...extra, ...penalties, seed: 1 })).toHaveLength(1);
      });

      claim("extreme values that are allowed are taken, and harm nobody", async () => {
        const [off] = await sample({ seed: 1 });
        const [all] = await sample({ seed: 1, top_k: Number.MAX_SAFE_INTEGER });
        expect(all?.text).toBe(off?.text ?? "");
        for (const field of ["temperature", "top_p", "min_p", "repetition_penalty"]) {
          expect(await sample({ [field]: Number.MIN_VALUE })).toHaveLength(1);
        }
      });

      claim("top_k 1 is greedy whatever the temperature", async () => {
        const [choice] = await sample({ top_k: 1, seed: 1 });
        const [greedy] = (await complete({ max_tokens: 32, ignore_eos: true })).choices;
        expect(choice?.text).toBe(greedy?.text ?? "");
      });
    });

    describe("streams", () => {
      claim("a streamed completion is the whole one, in pieces", async () => {
        const whole = await complete({ max_tokens: 48, ignore_eos: true });
        expect(pieces.length).toBeGreaterThan(1);
        expect(pieces.join("")).toBe(whole.choices[0]?.text ?? "");
      });

      claim("a streamed chat completion is the whole one, in pieces", async () => {
        const whole = await converse({ max_tokens: 32 });
        let text = "";
        for await (const chunk of await streamChat({ max_tokens: 32 })) {
          text += chunk.choices[0]?.delta.content ?? "";
        }
        expect(text).toBe(whole.choices[0]?.message.content ?? "");
      });

      claim("the role is in the first delta only", async () => {
        const chunks = await Array.fromAsync(await streamChat({ max_tokens: 4 }));
        const roles = chunks.map(({ choices }) => choices[0]?.delta.role);
        expect(roles[0]).toBe("assistant");
        expect(roles.slice(1).filter(Boolean)).toEqual([]);
      });

      claim("only the last chunk has a finish reason, and no text", async () => {
        const chunks = await Array.fromAsync(await streamChat({ max_tokens: 4, ignore_eos: true }));
        const reasons = chunks.map(({ choices }) => choices[0]?.finish_reason ?? null);
        expect(reasons.pop()).toBe("length");
        expect(reasons.every((reason) => reason === null)).toBe(true);
        expect(chunks.at(-1)?.choices[0]?.delta).toEqual({});
      });

      claim("all chunks have one id, one time and the model's name", async () => {
        const chunks = await Array.fromAsync(await streamCompletion({ max_tokens: 4 }));
        const heads = chunks.map(({ id, created, object }) => `${id} ${created} ${object}`);
        expect(new Set(heads).size).toBe(1);
        expect(chunks.every((chunk) => chunk.model === model)).toBe(true);
      });

      claim("without include_usage no chunk has a usage", async () => {
        const chunks = await Array.fromAsync(await streamCompletion({ max_tokens: 4 }));
        expect(chunks.some((chunk) => "usage" in chunk)).toBe(false);
      });

      claim("with include_usage the last chunk has the usage and no choices", async () => {
        const stream_options = { include_usage: true };
        const whole = await converse({ max_tokens: 8 });
        const chunks = await Array.fromAsync(await streamChat({ max_tokens: 8, stream_options }));
        const last = chunks.pop();
        expect(last?.choices).toEqual([]);
        expect(last?.usage?.completion_tokens).toBe(whole.usage?.completion_tokens ?? -1);
        expect(last?.usage?.prompt_tokens).toBe(whole.usage?.prompt_tokens ?? -1);
        expect(chunks.every(({ usage }) => usage === null)).toBe(true);
      });

      claim("three streamed choices are the three whole ones", async () => {
        const extra = { n: 3, seed: 3, temperature: 1, max_tokens: 16 };
        const whole = await complete(extra);
        const texts = ["", "", ""];
        const reasons: string[] = [];
        for await (const chunk of await streamCompletion(extra)) {
          for (const { index, text, finish_reason } of chunk.choices) {
            texts[index] = `${texts[index]}${text}`;
            if (finish_reason) reasons[index] = finish_reason;
          }
        }
        expect(texts).toEqual(whole.choices.map(({ text }) => text));
        expect(reasons).toEqual(whole.choices.map(({ finish_reason }) => finish_reason));
      });

      claim("the raw stream is events that end with [DONE]", async () => {
        const body = JSON.stringify(completion({ max_tokens: 3, stream: true }));
        const response = await fetch(`${target().baseURL}/completions`, { method: "POST", body });
        expect(response.headers.get("content-type")).toStartWith("text/event-stream");
        const text = await response.text();
        expect(text).toEndWith("\n\ndata: [DONE]\n\n");
        const events = text.trimEnd().split("\n\n");
        expect(events.every((event) => event.startsWith("data: "))).toBe(true);
      });
    });

    describe("stop strings", () => {
      /** The text before the first `stop` in the greedy answer. */
      const before = (...stops: string[]) => {
        const text = pieces.join("");
        const cuts = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
        return text.slice(0, Math.min(...cuts));
      };
      const stopped = { max_tokens: 48, ignore_eos: true };
      /** The word that stands at a share of the text. */
      const word = (share: number) => {
        const words = pieces.join("").trim().split(/\s+/);
        return words[Math.floor(words.length * share)] ?? "";
      };

      claim("a string ends the answer before itself", async () => {
        const stop = word(0.4);
        const [choice] = (await complete({ ...stopped, stop })).choices;
        expect(choice).toMatchObject({ text: before(stop), finish_reason: "stop" });
      });

      claim("of a list the first that appears counts", async () => {
        const stop = [word(0.8), word(0.5), "never in any text 4711"];
        const [choice] = (await complete({ ...stopped, stop })).choices;
        expect(choice).toMatchObject({ text: before(...stop), finish_reason: "stop" });
      });

      claim("a string across the border of two tokens is found", async () => {
        const stop = acrossBorder(pieces);
        const [choice] = (await complete({ ...stopped, stop })).choices;
        expect(choice).toMatchObject({ text: before(stop), finish_reason: "stop" });
      });

      claim("no piece of a stream shows any part of a stop string", async () => {
        const stop = acrossBorder(pieces);
        const shown = await piecesOf(completion({ ...stopped, stop }));
        expect(shown.join("")).toBe(before(stop));
      });

      claim("a string that never comes changes nothing", async () => {
        const [choice] = (await complete({ ...stopped, stop: "never in any text 4711" })).choices;
        expect(choice).toMatchObject({ text: pieces.join(""), finish_reason: "length" });
      });
    });

    describe("errors", () => {
      const cases: readonly ErrorCase[] = [
        ["an unknown model", { model: "no-such-model" }, 404, "model", "model_not_found"],
        ["a wrong type", { temperature: "hot" }, 400, "temperature", "invalid_type"],
        ["a temperature above 2", { temperature: 2.1 }, 400, "temperature", "invalid_value"],
        ["a top_p of 0", { top_p: 0 }, 400, "top_p", "invalid_value"],
        ["an n of 0", { n: 0 }, 400, "n", "invalid_value"],
        ["an n of 129", { n: 129 }, 400, "n", "invalid_value"],
        ["a fractional max_tokens", { max_tokens: 1.5 }, 400, "max_tokens", "invalid_value"],
        ["a max_tokens of 0", { max_tokens: 0 }, 400, "max_tokens", "invalid_value"],
        ["33 stop strings", { stop: Array(33).fill("x") }, 400, "stop", "invalid_value"],
        ["a stop string that is no string", { stop: ["a", 1] }, 400, "stop[1]", "invalid_type"],
        ["a nested field out of range", { nvext: { top_k: -2 } }, 400, "nvext.top_k", undefined],
        ["log-probabilities of 100 tokens", { logprobs: 100 }, 400, "logprobs", "invalid_value"],
        ["a bias of no token", { logit_bias: { x: 1 } }, 400, "logit_bias"],
      ];
      for (const [what, extra, status, param, code] of cases) {
        claim(`${what} is ${status} and names ${param}`, async () => {
          const error = await failureOf(complete(extra));
          expect(error).toMatchObject({ status, param, type: "invalid_request_error" });
          if (code !== undefined) expect(error.code).toBe(code);
        });
      }

      const chatCases: readonly ErrorCase[] = [
        ["no messages", { messages: [] }, 400, "messages", "invalid_value"],
        ["absent messages", { messages: null }, 400, "messages", "missing_required_parameter"],
        ["an unknown role", { messages: [{ role: "cat", content: "" }] }, 400, "messages[0].role"],
        ["absent content", { messages: [{ role: "user" }] }, 400, "messages[0].content"],
        ["a call that is forced", { tool_choice: "required" }, 400, "tool_choice"],
        ["a form of no type", { response_format: { type: "xml" } }, 400, "response_format.type"],
      ];
      for (const [what, extra, status, param, code] of chatCases) {
        claim(`in a chat, ${what} is ${status} and names ${param}`, async () => {
          const error = await failureOf(converse(extra));
          expect(error).toMatchObject({ status, param, type: "invalid_request_error" });
          if (code !== undefined) expect(error.code).toBe(code);
        });
      }

      claim("a streamed request that is wrong is a status, not an event", async () => {
        const error = await failureOf(streamChat({ top_p: 2 }));
        expect(error).toMatchObject({ status: 400, param: "top_p" });
      });

      claim("a prompt above the context is 400 with the counts", async () => {
        const prompt = "the cat ".repeat(maxModelLen);
        const error = await failureOf(complete({ prompt }));
        expect(error).toMatchObject({ status: 400, code: "context_length_exceeded" });
        expect(error.param).toBe("prompt");
        expect(error.message).toContain(String(maxModelLen));
      });

      claim("a conversation above the context is 400, streamed or not", async () => {
        const messages = [{ role: "user", content: "the cat ".repeat(maxModelLen) }];
        const error = await failureOf(streamChat({ messages }));
        expect(error).toMatchObject({ status: 400, code: "context_length_exceeded" });
        expect(error.param).toBe("messages");
      });

      claim("a body above 16 MiB is 413", async () => {
        const error = await failureOf(complete({ prompt: "x".repeat(16 * 2 ** 20) }));
        expect(error).toMatchObject({ status: 413, code: "request_too_large" });
      });

      claim("malformed JSON is 400 in OpenAI's shape, with the request's id", async () => {
        const response = await post(target(), "/chat/completions", `{"model": "x",`);
        expect(response.status).toBe(400);
        const body = await response.json();
        expect(body).toMatchObject({
          error: { type: "invalid_request_error", code: "invalid_json", param: null },
          request_id: response.headers.get("x-request-id"),
        });
      });

      claim("a path that does not exist is 404 in the same shape", async () => {
        const response = await post(target(), "/no/such/route", "{}");
        expect(response.status).toBe(404);
        expect(await response.json()).toMatchObject({ error: { code: "route_not_found" } });
      });

      claim("a wrong method is 405 in the same shape", async () => {
        const response = await fetch(`${target().baseURL}/completions`);
        expect(response.status).toBe(405);
        expect(response.headers.get("allow")).toBe("POST, OPTIONS");
        expect(await response.json()).toMatchObject({ error: { code: "method_not_allowed" } });
      });
    });

    describe("requests", () => {
      claim("a client's request id comes back", async () => {
        const body = JSON.stringify(completion({ max_tokens: 1 }));
        const headers = { "x-request-id": "mine-1" };
        const url = `${target().baseURL}/completions`;
        const response = await fetch(url, { method: "POST", body, headers });
        expect(response.headers.get("x-request-id")).toBe("mine-1");
        await response.text();
      });

      claim("an unknown field is ignored and named in a header", async () => {
        const extra = { max_tokens: 1, flavour: "mint", nvext: { colour: "red" } };
        const { response, data } = await client.completions
          .create({ ...completion(extra), stream: false })
          .withResponse();
        expect(data.choices).toHaveLength(1);
        expect(response.headers.get("x-dynamo-ignored-params")).toBe("flavour, nvext.colour");
      });

      claim("fields set to what is the default anyway are taken", async () => {
        const neutral = {
          tools: [],
          logprobs: false,
          response_format: { type: "text" },
          user: "me",
        };
        const answer = await converse({ ...neutral, stop: null, seed: null, max_tokens: 1 });
        expect(answer.choices).toHaveLength(1);
      });

      claim("a client may leave a stream, and the next request is served", async () => {
        const stream = await streamCompletion({ max_tokens: maxModelLen / 2, ignore_eos: true });
        for await (const _ of stream) break;
        await expectNothingInFlight(target());
        expect((await complete({ max_tokens: 1 })).choices).toHaveLength(1);
      });

      claim("a client may leave before its whole answer is there", async () => {
        const controller = new AbortController();
        const extra = { max_tokens: maxModelLen / 2, ignore_eos: true };
        const answer = client.completions.create(
          { ...completion(extra), stream: false },
          { signal: controller.signal },
        );
        await Bun.sleep(5);
        controller.abort();
        await answer.catch(() => {}); // it may have been faster than the abort
        await expectNothingInFlight(target());
      });

      claim("many requests at once get their own answers", async () => {
        const prompts = Array.from({ length: 16 }, (_, i) => `The number is ${i}.`);
        const together = await Promise.all(
          prompts.map((prompt) => complete({ prompt, max_tokens: 8 })),
        );
        for (const [i, prompt] of prompts.entries()) {
          const alone = await complete({ prompt, max_tokens: 8 });
          expect(together[i]?.choices[0]?.text).toBe(alone.choices[0]?.text ?? "");
        }
      });
    });
  });
}

/** The request, and the error's words. */
type ErrorCase = readonly [
  what: string,
  extra: object,
  status: number,
  param: string,
  code?: string | undefined,
];

async function failureOf(call: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
  try {
    await call;
  } catch (error) {
    if (error instanceof OpenAI.APIError) return error;
    throw error;
  }
  throw new Error("the call should have failed");
}

/** The end of one piece and the start of the next. */
function acrossBorder(pieces: readonly string[]): string {
  const isPlain = (piece = "") => /^[ -~]+$/.test(piece);
  const at = pieces.findIndex((piece, i) => i >= 4 && isPlain(piece) && isPlain(pieces[i + 1]));
  return `${pieces[at]?.slice(-2)}${pieces[at + 1]?.slice(0, 2)}`;
}

function contextOf(card: object): number {
  return "max_model_len" in card ? Number(card.max_model_len) : Number.NaN;
}

function post({ baseURL }: ClientTarget, path: string, body: string): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return fetch(baseURL + path, { method: "POST", body, headers });
}

/** The gauge of requests in flight falls to zero: what clients left behind has ended. */
async function expectNothingInFlight({ baseURL }: ClientTarget): Promise<void> {
  const deadline = performance.now() + hangLimit(30_000);
  let left: string[] = [];
  do {
    const text = await (await fetch(new URL("/metrics", baseURL))).text();
    const gauges = text.match(/^dynamo_frontend_inflight_requests\{.*$/gm) ?? [];
    left = gauges.filter((line) => !line.endsWith(" 0"));
    if (left.length === 0) return;
    await Bun.sleep(10);
  } while (performance.now() < deadline);
  expect(left).toEqual([]);
}
