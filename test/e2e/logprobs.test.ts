// Log-probabilities over the executable: what an evaluation harness sends and reads, whole and as a stream.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";

import { type Server, startServer } from "./server.ts";

interface Told {
  readonly tokens: readonly string[];
  readonly token_logprobs: readonly (number | null)[];
  readonly top_logprobs: readonly (Readonly<Record<string, number>> | null)[];
  readonly text_offset: readonly number[];
}

interface Choice {
  readonly text: string;
  readonly logprobs: Told;
  readonly finish_reason: string | null;
}

/** As lm-evaluation-harness' local-completions client asks for the likelihood of a continuation. */
const HARNESS = {
  model: "dynamo",
  temperature: 0,
  max_tokens: 1,
  logprobs: 1,
  seed: 1234,
  echo: true,
};

describe("log-probabilities of the built-in model", () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer({ args: [] });
  });
  afterAll(() => server?.stop());

  async function choicesOf(body: object): Promise<readonly Choice[]> {
    const response = await server.post("/v1/completions", body);
    expect(response.status).toBe(200);
    const { choices } = (await response.json()) as { readonly choices: readonly Choice[] };
    return choices;
  }

  test("are the same alone and in a batch, of a text and of its ids, with a cache and without", async () => {
    const texts = ["What is dynamo?", "What is dynamo? It serves models.", "Blocks of a cache"];
    const alone: Choice[] = [];
    for (const prompt of texts) alone.push(...(await choicesOf({ ...HARNESS, prompt })));
    const together = await choicesOf({ ...HARNESS, prompt: texts });
    expect(together.map(({ logprobs }) => logprobs)).toEqual(alone.map(({ logprobs }) => logprobs));
    const ids = await server.post("/tokenize", { prompt: texts[1], add_special_tokens: false });
    const { tokens } = (await ids.json()) as { readonly tokens: readonly number[] };
    const [byIds] = await choicesOf({ ...HARNESS, prompt: [tokens] });
    expect(byIds?.logprobs).toEqual(alone[1]?.logprobs as Told);
    for (const [i, choice] of alone.entries()) expectConsistent(choice, texts[i] ?? "-");
  });

  test("come without any output, and in a stream piece by piece", async () => {
    const body = { ...HARNESS, prompt: "What is dynamo?", max_tokens: 6 };
    const [whole] = await choicesOf(body);
    const [scored] = await choicesOf({ ...body, max_tokens: 0 });
    expect(scored?.text).toBe("What is dynamo?");
    const numScored = scored?.logprobs.tokens.length ?? 0;
    expect(whole?.logprobs.token_logprobs.slice(0, numScored)).toEqual([
      ...(scored?.logprobs.token_logprobs ?? []),
    ]);
    const response = await server.post("/v1/completions", { ...body, stream: true });
    const events = (await response.text())
      .split("\n\n")
      .filter((line) => line.startsWith("data: {"));
    const pieces = events.map(
      (line) => (JSON.parse(line.slice(6)) as { choices: Choice[] }).choices[0],
    );
    expect(pieces.map((piece) => piece?.text).join("")).toBe(whole?.text as string);
    for (const key of ["tokens", "token_logprobs", "top_logprobs", "text_offset"] as const) {
      expect(pieces.flatMap((piece) => [...(piece?.logprobs?.[key] ?? [])])).toEqual([
        ...(whole?.logprobs[key] ?? []),
      ]);
    }
  });

  test("of a chat name the likeliest tokens with their bytes", async () => {
    const response = await server.post("/v1/chat/completions", {
      ...{ model: "dynamo", messages: [{ role: "user", content: "Hi" }] },
      ...{ temperature: 0, max_tokens: 5, logprobs: true, top_logprobs: 3 },
    });
    const { choices } = (await response.json()) as {
      readonly choices: readonly {
        readonly message: { readonly content: string };
        readonly logprobs: { readonly content: readonly ChatToken[] };
      }[];
    };
    const { message, logprobs } = choices[0] as (typeof choices)[number];
    expect(logprobs.content.map(({ token }) => token).join("")).toBe(message.content);
    for (const { token, logprob, bytes, top_logprobs } of logprobs.content) {
      expect(Buffer.from(bytes).toString()).toBe(token);
      expect(top_logprobs).toHaveLength(3);
      expect(top_logprobs[0]).toEqual({ token, logprob, bytes }); // greedy
    }
  });
});

interface ChatToken {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[];
  readonly top_logprobs: readonly Omit<ChatToken, "top_logprobs">[];
}

/** The lists of a choice say one thing: an end is told, and is no text. */
function expectConsistent({ text, logprobs }: Choice, prompt: string): void {
  const { tokens, token_logprobs, top_logprobs, text_offset } = logprobs;
  expect(text.startsWith(prompt)).toBeTrue();
  expect(tokens.join("").replace("<|im_end|>", "")).toBe(text);
  expect([token_logprobs[0], top_logprobs[0]]).toEqual([null, null]);
  for (const [at, logprob] of [...token_logprobs.entries()].slice(1)) {
    const top = top_logprobs[at] ?? {};
    expect(logprob).toBeLessThanOrEqual(0);
    expect(top[tokens[at] ?? ""]).toBe(logprob as number);
    expect(Math.max(...Object.values(top))).toBeGreaterThanOrEqual(logprob ?? 1);
    const rest = text.slice(text_offset[at]);
    if (rest !== "") expect(rest).toStartWith(tokens[at] ?? "-");
  }
}
