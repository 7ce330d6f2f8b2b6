// The whole way of a request on a real model, against a slow reference that shares no code with it.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ReferenceLlama } from "../reference/llama.ts";
import { Tokenizer } from "../tokenizer/whole-tokenizer.ts";
import { hasTinyStories, type Server, startServer, tinyStories } from "./server.ts";

const PROMPTS = [
  "Once upon a time",
  "The little dog",
  "Lily and Tom went to the park. They saw",
  "One day, a big bear",
  "She was very sad because",
  '"Can I have a cookie?" asked',
  "The sun was hot and the",
  "Ben had a red ball. He",
  "a",
  "It was night. The moon was bright, and all the animals in the forest were asleep. But one owl",
];
const NUM_TOKENS = 48;

describe.skipIf(!hasTinyStories)("greedy text of a real model (needs ../shared/data)", () => {
  let server: Server;
  let tokenizer: Tokenizer;
  let reference: ReferenceLlama;

  beforeAll(async () => {
    server = await startServer({ args: ["graphs.agg:Frontend", "--model", tinyStories] });
    tokenizer = await Tokenizer.load(tinyStories);
    reference = ReferenceLlama.load(tinyStories);
  });
  afterAll(() => server?.stop());

  for (const prompt of PROMPTS) {
    test(`equals the double-precision reference: ${prompt.slice(0, 30)}`, async () => {
      const promptIds = tokenizer.encode(prompt, { maxTokens: 512 });
      const outputIds = reference.greedy([...promptIds], NUM_TOKENS, [2]);
      const text = tokenizer.textStream({
        promptTokenIds: promptIds,
        stop: [],
        minTokens: 0,
        stopTokenIds: [2],
      });
      const expected = text.push(outputIds).text + text.finish();

      const request = { model: "tinystories-656k", temperature: 0, max_tokens: NUM_TOKENS };
      const completion = await server.complete({ ...request, prompt });
      expect(completion.choices[0]?.text).toBe(expected);
      expect(completion.usage.completion_tokens).toBe(outputIds.length);
      // Token ids as a prompt are used as they are.
      const byIds = await server.complete({ ...request, prompt: [...promptIds] });
      expect(byIds.choices[0]?.text).toBe(expected);
      expect(await streamed({ ...request, prompt })).toBe(expected);
      // This model has no chat template: its messages' texts are the prompt.
      const messages = [{ role: "user", content: prompt }];
      const chat = await server.post("/v1/chat/completions", { ...request, messages });
      expect(await chat.json()).toMatchObject({ choices: [{ message: { content: expected } }] });
    });
  }

  async function streamed(body: object): Promise<string> {
    const response = await server.post("/v1/completions", { ...body, stream: true });
    const events = (await response.text()).split("\n\n").filter((event) => event !== "");
    expect(events.at(-1)).toBe("data: [DONE]");
    return events
      .slice(0, -1)
      .map((event) => JSON.parse(event.replace(/^data: /, "")).choices[0]?.text ?? "")
      .join("");
  }
});
