// Layers with a window on the executable: prefix cache and prefill workers change no text, in a model of such layers
// alone, which frees the blocks that they leave, and in one of both kinds.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { writeTinyModel } from "../engine/tiny-model.ts";
import { writeTinyFamily } from "../model/tiny-family.ts";
import { hangLimit } from "../time-limits.ts";
import { spmTokenizer } from "../tokenizer/synthetic-tokenizers.ts";
import { type Server, startServer } from "./server.ts";

const scratch = mkdtempSync(join(tmpdir(), "dynamo-windows-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const { tokenizer, config } = spmTokenizer();
const VOCAB_SIZE = Object.keys((tokenizer["model"] as { vocab: object }).vocab).length;
const CONTEXT = 2048;

/** Writes a model, and a tokenizer beside it. */
function model(name: string, write: (directory: string) => void): string {
  const directory = join(scratch, name);
  write(directory);
  writeFileSync(join(directory, "tokenizer.json"), JSON.stringify(tokenizer));
  writeFileSync(join(directory, "tokenizer_config.json"), JSON.stringify(config));
  return directory;
}

const MODELS = {
  "windows alone": model("mistral", (directory) =>
    writeTinyModel(directory, {
      ...{ vocabSize: VOCAB_SIZE, slidingWindow: 100, headSize: 16, seed: 4 },
      maxPositionEmbeddings: CONTEXT,
    }),
  ),
  "windows and all": model("gemma3", (directory) => {
    const sizes = { vocab_size: VOCAB_SIZE, sliding_window: 40, max_position_embeddings: CONTEXT };
    writeTinyFamily(directory, { family: "gemma3_text", seed: 3, ...sizes });
  }),
};

/** 300 tokens and more; every second begins as the one before. */
const PROMPTS = ["the cat and the dog ", "a hill, a mill "].flatMap((text) => [
  text.repeat(40),
  `${text.repeat(35)}end`,
]);

async function withServer<T>(args: readonly string[], use: (server: Server) => Promise<T>) {
  const server = await startServer({ args: [...args], env: { DYNAMO_VERIFY: "1" } });
  try {
    return await use(server);
  } finally {
    await server.stop();
  }
}

async function textsOf(server: Server): Promise<string[]> {
  const texts: string[] = [];
  for (const prompt of PROMPTS) {
    const body = { model: "m", prompt, max_tokens: 60, temperature: 0, ignore_eos: true };
    const { choices } = await server.complete(body);
    texts.push(choices[0]?.text ?? "");
  }
  return texts;
}

describe.each(Object.entries(MODELS))("a model of layers with %s", (_, directory) => {
  const flags = ["--Frontend.served_model_name=m", `--model=${directory}`];

  test(
    "writes the same text from the prefix cache and behind prefill workers",
    async () => {
      const [plain, cached] = await withServer(
        ["graphs.agg:Frontend", ...flags],
        async (server) => {
          const texts = await textsOf(server);
          return [texts, await textsOf(server)];
        },
      );
      expect(cached).toEqual(plain);
      const disagg = ["graphs.disagg:Frontend", "-f", "configs/disagg.yaml", ...flags];
      await withServer(disagg, async (server) => {
        expect(await textsOf(server)).toEqual(plain);
        expect(await server.metric("dynamo_remote_prefills_total")).toBeGreaterThan(0);
        expect(await server.metric("dynamo_kv_blocks_used")).toBe(0);
      });
    },
    hangLimit(60_000),
  );
});
