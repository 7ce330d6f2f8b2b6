// Greedy text beside llama.cpp on the same F16 file, and beside the double-precision reference on the same weights:
//
//     npm run bench -- agreement --peer-bin DIR        DIR has llama-server
//
// Two engines that round differently may part only where the reference's two likeliest tokens are closer than twice
// the error of the log-probabilities, which is measured where they agree. The model is a random
// Qwen3 of 6 M parameters.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { BlockManager } from "../../src/engine/block-manager.ts";
import { fillBatch } from "../../src/engine/fill-batch.ts";
import type { ModelRunner } from "../../src/engine/model-runner.ts";
import { publishNativeLibrary } from "../../src/engine/native-library.ts";
import { openNativeRunner } from "../../src/engine/native-runner.ts";
import { Scheduler } from "../../src/engine/scheduler.ts";
import { Sequence } from "../../src/engine/sequence.ts";
import { openModel } from "../../src/model/open-model.ts";
import { requestOf } from "../engine/requests.ts";
import type { ModelShape } from "../model/model-shapes.ts";
import { writeRandomGguf } from "../model/random-gguf.ts";
import type { ReferenceLlama, ReferenceSample } from "../reference/llama.ts";
import { openReference } from "../reference/open-reference.ts";
import { startLlamaServer } from "./llama-server.ts";

const NUM_PROMPTS = 20;
/** llama-server ends an answer at a token that is no whole character. Those that are whole are compared. */
const MAX_PROMPTS = 60;
const NUM_TOKENS = 64;

const SHAPE: ModelShape = {
  ...{ architecture: "qwen3", vocabSize: 4000, hiddenSize: 256, intermediateSize: 768 },
  ...{ numLayers: 6, numHeads: 4, numKvHeads: 2, headSize: 64, rmsNormEps: 1e-6, ropeTheta: 1e6 },
  ...{ contextLength: 1024, isTied: true, pre: "qwen2" },
};

export async function run(options: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...options],
    options: { "peer-bin": { type: "string" } },
  });
  const peerBin = values["peer-bin"];
  if (peerBin === undefined) throw new Error("agreement needs --peer-bin DIR, with llama-server");

  const directory = mkdtempSync(join(tmpdir(), "bench-agreement-"));
  try {
    const file = join(directory, "m.gguf");
    writeRandomGguf(file, { shape: SHAPE, type: "F16" });
    const reference = openReference(await openModel(file));
    const candidates = Array.from({ length: MAX_PROMPTS }, (_, seed) => promptOf(8 + seed, seed));
    const answers = await samplePeer(peerBin, file, candidates);
    const whole = candidates.flatMap((prompt, index) => {
      const peer = answers[index] ?? [];
      return peer.length === NUM_TOKENS ? [{ prompt, peer }] : [];
    });
    const chosen = whole.slice(0, NUM_PROMPTS);
    const prompts = chosen.map(({ prompt }) => prompt);
    const peers = chosen.map(({ peer }) => peer);
    const ours = await sampleOurs(file, prompts);
    report({ reference, prompts, ours, peers });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

interface Results {
  readonly reference: ReferenceLlama;
  readonly prompts: readonly (readonly number[])[];
  readonly ours: readonly (readonly ReferenceSample[])[];
  readonly peers: readonly (readonly ReferenceSample[])[];
}

function report({ reference, prompts, ours, peers }: Results): void {
  const expected = prompts.map((prompt) => reference.greedySamples(prompt, NUM_TOKENS));
  const maxError = (all: Results["ours"]) =>
    Math.max(...all.map((samples, i) => errorOf(samples, expected[i] ?? [])));
  console.log(`prompts ${prompts.length}, tokens each ${NUM_TOKENS}`);
  console.log(`largest error of log-probabilities: ours ${maxError(ours).toExponential(2)}`);
  console.log(`                              llama.cpp's ${maxError(peers).toExponential(2)}`);
  let numAsReference = 0;
  let numAsPeer = 0;
  for (const [index, prompt] of prompts.entries()) {
    const ids = (ours[index] ?? []).map(({ id }) => id);
    const wanted = (expected[index] ?? []).map(({ id }) => id);
    const peer = (peers[index] ?? []).map(({ id }) => id);
    numAsReference += firstDifference(ids, wanted) === undefined ? 1 : 0;
    const at = firstDifference(ids, peer);
    if (at === undefined) {
      numAsPeer += 1;
      continue;
    }
    const [first, second] = reference.likeliest([...prompt, ...ids.slice(0, at)], 2);
    const gap = (first?.logprob ?? Number.NaN) - (second?.logprob ?? Number.NaN);
    console.log(
      `prompt ${index} parts from llama.cpp at token ${at}: ours ${ids[at]}, llama.cpp ${peer[at]}; the ` +
        `reference's two likeliest are ${first?.id} and ${second?.id}, ${gap.toExponential(2)} apart`,
    );
  }
  console.log(`texts equal to the reference's: ${numAsReference} of ${prompts.length}`);
  console.log(`texts equal to llama.cpp's: ${numAsPeer} of ${prompts.length}`);
}

/** The largest difference of log-probabilities, as far as the texts are the same. */
function errorOf(
  samples: readonly ReferenceSample[],
  expected: readonly ReferenceSample[],
): number {
  let maxError = 0;
  for (const [at, { id, logprob }] of samples.entries()) {
    const sample = expected[at];
    if (sample === undefined || sample.id !== id) break;
    maxError = Math.max(maxError, Math.abs(sample.logprob - logprob));
  }
  return maxError;
}

function firstDifference(a: readonly number[], b: readonly number[]): number | undefined {
  const at = a.findIndex((id, index) => id !== b[index]);
  return at < 0 ? undefined : at;
}

async function sampleOurs(file: string, prompts: Results["prompts"]): Promise<Results["ours"]> {
  const runner = await openNativeRunner({
    model: await openModel(file),
    library: publishNativeLibrary(),
    owner: 1,
    poolName: "agreement",
    totalBlocks: 32,
    kvCacheDType: "float32",
    threads: undefined,
    limits: {
      ...{ maxNumSeqs: 1, maxNumBatchedTokens: 256, maxModelLen: 512 },
      ...{ blockSize: 16, firstBlock: 0, numBlocks: 32 },
    },
  });
  try {
    const all: (readonly ReferenceSample[])[] = [];
    for (const prompt of prompts) all.push(await generate(runner, prompt));
    return all;
  } finally {
    runner.close();
  }
}

interface PeerEvent {
  readonly completion_probabilities?: readonly ReferenceSample[];
}

/** Through the scheduler and the batch, as the engine does it; the engine's streams have no log-probabilities. */
async function generate(
  runner: ModelRunner,
  prompt: readonly number[],
): Promise<readonly ReferenceSample[]> {
  const blocks = new BlockManager({ ...runner.limits, enablePrefixCaching: false });
  const scheduler = new Scheduler(runner.limits, blocks);
  scheduler.add(new Sequence(requestOf(prompt, { stop: { maxTokens: NUM_TOKENS } }), 0));
  const samples: ReferenceSample[] = [];
  while (scheduler.numUnfinished > 0) {
    const output = scheduler.schedule(0);
    runner.submit(fillBatch(runner.batch, runner.limits, output));
    await runner.wait();
    const { sampledIds, logprobs } = runner.batch;
    if (scheduler.update(output, runner.batch, 1).length === 0) continue; // part of the prompt
    samples.push({ id: sampledIds[0] as number, logprob: logprobs[0] as number });
  }
  return samples;
}

async function samplePeer(
  peerBin: string,
  file: string,
  prompts: Results["prompts"],
): Promise<Results["peers"]> {
  const server = await startLlamaServer(peerBin, [
    ...["-m", file, "-c", "1024", "-np", "1", "-t", "2"],
    ...["--cache-type-k", "f32", "--cache-type-v", "f32", "--flash-attn", "off"],
  ]);
  try {
    const all: ReferenceSample[][] = [];
    for (const prompt of prompts) {
      const events = await server.stream("/completion", {
        ...{ prompt, n_predict: NUM_TOKENS, temperature: 0, ignore_eos: true },
        ...{ cache_prompt: false, n_probs: 1, stream: true },
      });
      const samples = events.flatMap(
        (event) => (event as PeerEvent).completion_probabilities ?? [],
      );
      all.push(samples.slice(0, NUM_TOKENS));
    }
    return all;
  } finally {
    await server.stop();
  }
}

function promptOf(length: number, seed: number): number[] {
  return Array.from({ length }, (_, i) => (Math.imul(i + 1, 7919 + 26 * seed) >>> 3) % 3900);
}
