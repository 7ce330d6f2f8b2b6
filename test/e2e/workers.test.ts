// Several workers of one model: they share its weights and KV pool, and the work.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";

import { hasTinyStories, type Server, startServer, tinyStories } from "./server.ts";

const MODEL = "tinystories-656k";
const NUM_WORKERS = 2;
const NUM_REQUESTS = 20;

describe.skipIf(!hasTinyStories)("two workers of one model (needs ../shared/data)", () => {
  let server: Server;

  beforeAll(async () => {
    server = await startServer({
      args: [
        ...["graphs.agg:Frontend", "--model", tinyStories, "--Processor.router=round-robin"],
        `--VllmWorker.ServiceArgs.workers=${NUM_WORKERS}`,
      ],
    });
  });
  afterAll(() => server?.stop());

  test("round robin gives each the same number of requests, and each the same answers", async () => {
    const request = { model: MODEL, prompt: "The cat sat on", max_tokens: 24, temperature: 0 };
    const answers = await Promise.all(
      Array.from({ length: NUM_REQUESTS }, () => server.complete(request)),
    );
    const texts = new Set(answers.map(({ choices }) => choices[0]?.text));
    expect(texts.size).toBe(1);
    for (let engine = 0; engine < NUM_WORKERS; engine++) {
      const labels = { engine: String(engine), model_name: MODEL };
      const count = await server.metric("vllm:request_success_total", labels);
      expect(count).toBe(NUM_REQUESTS / NUM_WORKERS);
    }
  });

  test("a prompt that was served before is found in the cache of its worker", async () => {
    const request = { model: MODEL, prompt: "Lily had a ".repeat(20), max_tokens: 1, n: 2 };
    await server.complete(request);
    const { usage } = await server.complete(request);
    const cached = usage.prompt_tokens_details.cached_tokens;
    // All whole blocks but the one with the last token, which has to be computed.
    expect(cached).toBeGreaterThanOrEqual(usage.prompt_tokens - 2 * 16);
    expect(cached).toBeGreaterThan(0);
  });
});
