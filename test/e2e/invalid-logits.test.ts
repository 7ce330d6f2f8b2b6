// Weights that hold a NaN, as a damaged file does: a request that meets it gets an error, and no other does.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { writeTinyModel } from "../engine/tiny-model.ts";
import { byteLevelTokenizer } from "../tokenizer/synthetic-tokenizers.ts";
import { type Server, startServer } from "./server.ts";

const BROKEN_TOKEN = 300;
const HIDDEN_SIZE = 32;

describe("a model whose embedding of one token is NaN", () => {
  const directory = mkdtempSync(join(tmpdir(), "dynamo-nan-"));
  const request = { model: basename(directory), temperature: 0, max_tokens: 20, ignore_eos: true };
  let server: Server;

  beforeAll(async () => {
    const { tokenizer, config } = byteLevelTokenizer();
    writeTinyModel(directory, {
      ...{ vocabSize: 512, hiddenSize: HIDDEN_SIZE, tieWordEmbeddings: false },
      nan: ["model.embed_tokens.weight", BROKEN_TOKEN * HIDDEN_SIZE],
    });
    writeFileSync(join(directory, "tokenizer.json"), JSON.stringify(tokenizer));
    writeFileSync(join(directory, "tokenizer_config.json"), JSON.stringify(config));
    server = await startServer({ args: ["graphs.agg:Frontend", "--model", directory] });
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(directory, { recursive: true });
  });

  test("answers whoever sends that token with a 500 that says so, and the others as before", async () => {
    const good = { ...request, prompt: [10, 20, 30] };
    const alone = await server.complete(good);
    const broken = { ...request, prompt: [10, BROKEN_TOKEN, 30] };
    const [beside, refused, streamed] = await Promise.all([
      server.complete(good),
      server.post("/v1/completions", broken),
      server.post("/v1/completions", { ...broken, stream: true }),
    ]);
    expect(beside.choices).toEqual(alone.choices);
    for (const response of [refused, streamed]) {
      expect(response.status).toBe(500); // No token was sent yet, so the status still can say it.
      expect(await response.json()).toMatchObject({
        error: {
          code: "invalid_logits",
          type: "server_error",
          message: expect.stringContaining("NaN"),
        },
      });
    }
    expect((await server.complete(good)).choices).toEqual(alone.choices);
    expect(server.stderr()).toContain("for token 3 of this sequence");
    expect(await server.metric("vllm:request_success_total", { finished_reason: "error" })).toBe(2);
    expect(await server.metric("dynamo_kv_blocks_used")).toBe(0);
    expect(await server.metric("dynamo_runtime_restarts_total")).toBe(0);
  });
});
