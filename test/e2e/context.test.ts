// The context that a model is listed with is the one that requests are held to, wherever it was configured.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";

import { type Server, startServer } from "./server.ts";

const MAX_MODEL_LEN = 64;

for (const service of ["Processor", "VllmWorker"]) {
  describe(`max-model-len of ${service}`, () => {
    let server: Server;

    beforeAll(async () => {
      const limit = `--${service}.max-model-len=${MAX_MODEL_LEN}`;
      const args = ["graphs.agg:Frontend", "-f", "configs/mock.yaml", limit];
      server = await startServer({ args: [...args, "--VllmWorker.speedup-ratio=100"] });
    });
    afterAll(() => server?.stop());

    test("is listed, can be filled to the last token, and not by one more", async () => {
      const card = await (await fetch(`${server.url}/v1/models/mock`)).json();
      expect(card).toMatchObject({ max_model_len: MAX_MODEL_LEN });
      for (const numTokens of [1, 10, MAX_MODEL_LEN - 1]) {
        const prompt = new Array(numTokens).fill(7);
        const room = MAX_MODEL_LEN - numTokens;
        const request = { model: "mock", prompt, ignore_eos: true };
        const { usage } = await server.complete({ ...request, max_tokens: room });
        expect(usage.completion_tokens).toBe(room);
        const refused = await server.post("/v1/completions", { ...request, max_tokens: room + 1 });
        expect(refused.status).toBe(400);
        expect(await refused.json()).toMatchObject({
          error: { code: "context_length_exceeded", param: "prompt" },
        });
      }
    });

    test("holds for a prompt of token ids that alone is too long", async () => {
      const prompt = new Array(MAX_MODEL_LEN).fill(7);
      const response = await server.post("/v1/completions", {
        model: "mock",
        prompt,
        max_tokens: 1,
      });
      expect(response.status).toBe(400);
    });
  });
}
