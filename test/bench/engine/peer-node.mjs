// Runs in Node, since node-llama-cpp is written for it:
//
//     node peer-node.mjs <folder with node_modules> <model> <threads>
//
// A line {"batch", "numSteps"} or {"numTokens"} on stdin is answered by a rate in tokens a second.

import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const CONTEXT = 128;
const MAX_PREFILL = 2048;

const [folder = "", modelPath = "", threads = "1"] = process.argv.slice(2);
const entry = join(folder, "node_modules/node-llama-cpp/dist/index.js");
const { getLlama } = await import(pathToFileURL(entry).href);
const llama = await getLlama({ gpu: false, build: "never", logLevel: "error" });
const model = await llama.loadModel({ modelPath });

for await (const line of createInterface({ input: process.stdin })) {
  const { batch, numSteps, numTokens } = JSON.parse(line);
  const rate = numTokens === undefined ? decode(batch, numSteps) : prefill(numTokens);
  process.stdout.write(`${await rate}\n`);
}
await model.dispose();

async function withSequences(count, use) {
  const context = await model.createContext({
    sequences: count,
    contextSize: MAX_PREFILL + 64,
    batchSize: 512,
    threads: { ideal: Number(threads), min: Number(threads) },
  });
  try {
    return await use(Array.from({ length: count }, () => context.getSequence()));
  } finally {
    await context.dispose();
  }
}

/** When each of `numTokens` tokens came. */
async function generate(sequence, prompt, numTokens) {
  const times = [];
  for await (const _ of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
    times.push(performance.now());
    if (times.length === numTokens) break;
  }
  return times;
}

function randomPrompt(length) {
  return Array.from({ length }, () => 300 + Math.floor(Math.random() * 30000));
}

function decode(batch, numSteps) {
  return withSequences(batch, async (sequences) => {
    for (const sequence of sequences)
      await sequence.evaluateWithoutGeneratingNewTokens(randomPrompt(CONTEXT));
    const all = await Promise.all(
      sequences.map((sequence) => generate(sequence, randomPrompt(1), numSteps + 1)),
    );
    const from = Math.max(...all.map((times) => times[0]));
    const to = Math.min(...all.map((times) => times.at(-1)));
    const inside = all.flat().filter((time) => time > from && time <= to);
    return (1000 * inside.length) / (to - from);
  });
}

function prefill(numTokens) {
  return withSequences(1, async ([sequence]) => {
    const begun = performance.now();
    const [first] = await generate(sequence, randomPrompt(numTokens), 1);
    return (1000 * numTokens) / (first - begun);
  });
}
