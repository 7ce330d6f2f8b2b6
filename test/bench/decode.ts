// Decode through HTTP beside the engine alone, on the same weights, alternating in one run: how much of the raw
// engine's speed reaches a client. The load generator shares the cores with the engine.
//
//     npm run bench -- decode [--model qwen3-0.6b] [--rounds 5]
//
// Random weights of 40 M parameters, so that a step takes a few milliseconds; or those of a real model's shapes in Q8_0.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";

import { systemClock } from "../../src/base/clock.ts";
import { LLMEngine } from "../../src/engine/llm-engine.ts";
import { publishNativeLibrary } from "../../src/engine/native-library.ts";
import { openNativeRunner } from "../../src/engine/native-runner.ts";
import { openModel } from "../../src/model/open-model.ts";
import { type Server, startServer } from "../e2e/server.ts";
import { GREEDY } from "../engine/requests.ts";
import { writeTinyModel } from "../engine/tiny-model.ts";
import { byteLevelTokenizer } from "../tokenizer/synthetic-tokenizers.ts";
import { benchModel, shapeOf } from "./engine/bench-model.ts";
import { median } from "./median.ts";

const NUM_TOKENS = 64;
const CONTEXT = 512;
const PROMPT = Array.from({ length: 32 }, (_, index) => 10 + index);

export async function run(args: readonly string[] = []): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { model: { type: "string" }, rounds: { type: "string", default: "5" } },
  });
  const directory = mkdtempSync(join(tmpdir(), "bench-decode-"));
  const path =
    values.model === undefined ? directory : benchModel(shapeOf(values.model), "Q8_0").path;
  if (path === directory) writeModel(directory);
  const server = await startServer({
    args: ["graphs.agg:Frontend", "--model", path, `--VllmWorker.max-model-len=${CONTEXT}`],
  });
  const engine = await openEngine(path);
  const running = engine.run();
  try {
    console.log("batch   engine alone   through HTTP   share");
    for (const batch of [1, 8, 32]) {
      const alone: number[] = [];
      const served: number[] = [];
      for (let round = -1; round < Number(values.rounds); round++) {
        const aloneMs = await time(batch, () => decodeAlone(engine));
        const servedMs = await time(batch, () => decodeServed(server, basename(path)));
        if (round < 0) continue; // warm-up
        alone.push((1000 * batch * NUM_TOKENS) / aloneMs);
        served.push((1000 * batch * NUM_TOKENS) / servedMs);
      }
      const ratios = served.map((value, index) => value / (alone[index] ?? Number.NaN));
      console.log(
        [
          String(batch).padStart(5),
          `${median(alone).toFixed(0)} tok/s`.padStart(15),
          `${median(served).toFixed(0)} tok/s`.padStart(15),
          `${(100 * median(ratios)).toFixed(1)} %`.padStart(8),
        ].join(""),
      );
    }
  } finally {
    await engine.close();
    await running;
    await server.stop();
    rmSync(directory, { recursive: true });
  }
}

function writeModel(directory: string): void {
  const { tokenizer, config } = byteLevelTokenizer();
  writeTinyModel(directory, {
    vocabSize: 4096,
    hiddenSize: 768,
    intermediateSize: 2048,
    numLayers: 6,
    numHeads: 12,
    numKvHeads: 4,
    headSize: 64,
    maxPositionEmbeddings: CONTEXT,
  });
  writeFileSync(join(directory, "tokenizer.json"), JSON.stringify(tokenizer));
  writeFileSync(join(directory, "tokenizer_config.json"), JSON.stringify(config));
}

async function openEngine(path: string): Promise<LLMEngine> {
  const runner = await openNativeRunner({
    model: await openModel(path),
    library: publishNativeLibrary(),
    owner: 1,
    poolName: "test",
    totalBlocks: 2048,
    kvCacheDType: path.endsWith(".gguf") ? "bfloat16" : "float32",
    threads: undefined,
    limits: {
      maxNumSeqs: 256,
      maxNumBatchedTokens: 2048,
      maxModelLen: CONTEXT,
      blockSize: 16,
      firstBlock: 0,
      numBlocks: 2048,
    },
  });
  const config = { enablePrefixCaching: true, maxWaiting: 100, maxStalled: 100 };
  return new LLMEngine({ runner, config, clock: systemClock });
}

/** `batch` sequences at once, first token to last. */
async function time(batch: number, decode: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await Promise.all(Array.from({ length: batch }, decode));
  return performance.now() - begun;
}

async function decodeAlone(engine: LLMEngine): Promise<void> {
  const stream = engine.generate({
    tenant: 1,
    tokenIds: Int32Array.from(PROMPT),
    sampling: GREEDY,
    stop: { maxTokens: NUM_TOKENS, minTokens: 0, stopTokenIds: [] },
  });
  for await (const _ of stream);
}

async function decodeServed(server: Server, model: string): Promise<void> {
  const response = await server.post("/v1/completions", {
    ...{ model, prompt: PROMPT, max_tokens: NUM_TOKENS },
    ...{ temperature: 0, ignore_eos: true, stream: true },
  });
  if (!response.ok) throw new Error(await response.text());
  for await (const _ of response.body ?? []);
}

if (import.meta.main) await run(process.argv.slice(2));
