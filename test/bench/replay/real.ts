// A trace, scaled down, on real workers: the executable with a model of random weights, each worker on a thread of its
// own, and clients over HTTP that come when the trace says. All share the cores of this machine.
//
//     trace --1 token of 32--> clients ==HTTP==> Frontend, Processor, Router --> VllmWorker 1..n
//
// A block of the trace (512 tokens) becomes one of 16, and so does a block of the cache, so hits are what they would be.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import type { RoutingPolicy } from "../../../src/kv/worker-selector.ts";
import { type Server, startServer } from "../../e2e/server.ts";
import { writeTinyModel } from "../../engine/tiny-model.ts";
import { byteLevelTokenizer } from "../../tokenizer/synthetic-tokenizers.ts";
import type { Replay, ReplayedRequest, ReplayedWorker } from "./simulate.ts";
import { HASH_ID_TOKENS, type TraceRequest } from "./trace.ts";

/** Tokens of the trace for one of ours. */
const SCALE = 32;
const BLOCK_SIZE = HASH_ID_TOKENS / SCALE;
/** The mocker's pool, scaled: a million tokens. */
const BLOCKS_PER_WORKER = (16384 * 64) / SCALE / BLOCK_SIZE;
const MAX_MODEL_LEN = 8192;
const VOCAB_SIZE = 512;
/** Ids behind those that a tokenizer has a meaning for. */
const FIRST_ID = 300;

export interface RealOptions {
  readonly policy: RoutingPolicy;
  readonly numWorkers: number;
  /** How many times faster than recorded requests arrive. */
  readonly speed: number;
}

/** The model's folder, removed when it is disposed of. */
export function randomModel(): { readonly directory: string } & Disposable {
  const directory = mkdtempSync(join(tmpdir(), "dynamo-replay-"));
  const { tokenizer, config } = byteLevelTokenizer();
  writeTinyModel(directory, {
    ...{ vocabSize: VOCAB_SIZE, hiddenSize: 128, intermediateSize: 384, numLayers: 4 },
    ...{ numHeads: 4, numKvHeads: 2, headSize: 32, maxPositionEmbeddings: MAX_MODEL_LEN },
  });
  writeFileSync(join(directory, "tokenizer.json"), JSON.stringify(tokenizer));
  writeFileSync(join(directory, "tokenizer_config.json"), JSON.stringify(config));
  return { directory, [Symbol.dispose]: () => rmSync(directory, { recursive: true }) };
}

/** How many times faster than recorded this trace may come, if its prompts are to take this share of the machine. */
export async function speedFor(
  trace: readonly TraceRequest[],
  load: number,
  directory: string,
): Promise<number> {
  const sizes = trace.map((request) => scaled(request.numPromptTokens));
  const meanTokens = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
  const server = await serve(directory, { policy: "round-robin", numWorkers: 1 });
  try {
    const msFor = async (seed: number) => {
      const hashIds = Array.from(
        { length: Math.ceil(meanTokens / BLOCK_SIZE) },
        (_, i) => i * 100 + seed,
      );
      const numPromptTokens = hashIds.length * HASH_ID_TOKENS;
      const request = { arrivesAt: 0, numPromptTokens, numOutputTokens: 1, hashIds };
      const { arrivedAt, endedAt } = await ask(server, basename(directory), request, 0);
      return endedAt - arrivedAt;
    };
    let ms = await msFor(0);
    for (let seed = 1; seed <= PROBES; seed++) ms = Math.min(ms, await msFor(seed));
    const recordedMs = (trace.at(-1)?.arrivesAt ?? 0) / trace.length;
    return (load * recordedMs) / ms;
  } finally {
    await server.stop();
  }
}

const PROBES = 20;

/** Serves the trace with a fresh server. Times are this machine's. */
export async function replayReal(
  trace: readonly TraceRequest[],
  options: RealOptions,
  directory: string,
): Promise<Replay> {
  const server = await serve(directory, options);
  try {
    const begun = performance.now();
    const replays: Promise<ReplayedRequest>[] = [];
    for (const request of trace) {
      const waitMs = request.arrivesAt / options.speed - (performance.now() - begun);
      if (waitMs > 0) await Bun.sleep(waitMs);
      replays.push(ask(server, basename(directory), request, begun));
    }
    const requests = await Promise.all(replays);
    const totalMs = performance.now() - begun;
    const workers: ReplayedWorker[] = [];
    for (let i = 0; i < options.numWorkers; i++) workers.push(await workerOf(server, i));
    return { requests, workers, totalMs };
  } finally {
    await server.stop();
  }
}

function serve(directory: string, { policy, numWorkers }: Omit<RealOptions, "speed">) {
  const keys = {
    "Processor.router": policy,
    "Router.min-workers": numWorkers,
    "VllmWorker.ServiceArgs.workers": numWorkers,
    "VllmWorker.block-size": BLOCK_SIZE,
    "VllmWorker.max-model-len": MAX_MODEL_LEN,
    "VllmWorker.num-gpu-blocks-override": BLOCKS_PER_WORKER,
  };
  const flags = Object.entries(keys).map(([key, value]) => `--${key}=${value}`);
  return startServer({ args: ["graphs.agg_router:Frontend", "--model", directory, ...flags] });
}

/** Its times are those since `begun`. */
async function ask(
  server: Server,
  model: string,
  request: TraceRequest,
  begun: number,
): Promise<ReplayedRequest> {
  const prompt = tokenIdsOf(request);
  const now = () => performance.now() - begun;
  const arrivedAt = now();
  const response = await server.post("/v1/completions", {
    ...{ model, prompt, max_tokens: scaled(request.numOutputTokens), temperature: 0 },
    ...{ ignore_eos: true, stream: true, stream_options: { include_usage: true } },
  });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  let firstTokenAt: number | undefined;
  let text = "";
  const decoder = new TextDecoder();
  for await (const bytes of response.body ?? []) {
    firstTokenAt ??= now();
    text += decoder.decode(bytes, { stream: true });
  }
  const endedAt = now();
  const cached = /"cached_tokens":(\d+)/.exec(text)?.[1];
  if (firstTokenAt === undefined || cached === undefined) throw new Error(`no usage in: ${text}`);
  const numPromptTokens = prompt.length;
  return { arrivedAt, firstTokenAt, endedAt, numPromptTokens, numCachedTokens: Number(cached) };
}

async function workerOf(server: Server, index: number): Promise<ReplayedWorker> {
  const labels = { engine: `${index}` };
  const promptTokens = await server.metric("vllm:prompt_tokens_total", labels);
  const numHits = await server.metric("vllm:prefix_cache_hits_total", labels);
  return {
    numRequests: await server.metric("vllm:request_success_total", labels),
    promptTokens,
    computedTokens: promptTokens - numHits,
    busyMs: Number.NaN,
    numPreemptions: await server.metric("vllm:num_preemptions_total", labels),
  };
}

function scaled(numTokens: number): number {
  return Math.max(1, Math.round(numTokens / SCALE));
}

/** Each block begins with its id, in digits of the vocabulary. */
function tokenIdsOf({ numPromptTokens, hashIds }: TraceRequest): number[] {
  const numIds = VOCAB_SIZE - FIRST_ID;
  return Array.from({ length: scaled(numPromptTokens) }, (_, i) => {
    const id = hashIds[Math.floor(i / BLOCK_SIZE)] ?? 0;
    return FIRST_ID + (Math.floor(id / numIds ** (i % BLOCK_SIZE)) % numIds);
  });
}
