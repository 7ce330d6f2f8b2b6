// Greedy text of the engine beside two references: one that rounds as the engine does (docs/numerics.md), whose ids
// it must give, and one in double precision, which says what rounding costs.

import { Isa, loadLibrary } from "../../src/engine/abi.ts";
import type { ModelRunner } from "../../src/engine/model-runner.ts";
import { openNativeRunner } from "../../src/engine/native-runner.ts";
import { openReference } from "../reference/open-reference.ts";
import type { PoolType } from "../reference/rounding/attention.ts";
import { FACTS, type IsaName, type RoundingFacts } from "../reference/rounding/facts.ts";
import { openRounded, type RoundedModel } from "../reference/rounding/open-rounded.ts";
import { builtLibrary, openCpu } from "./native-build.ts";
import { fillGreedyRow } from "./requests.ts";
import { type Cell, type CellModel, promptsOf, withCellModel } from "./rounding-cells.ts";

export interface SweepOptions {
  readonly isa: IsaName;
  readonly pool: PoolType;
  readonly numPrompts: number;
  readonly numTokens: number;
}

/** A prompt's texts, and how far their numbers are apart while the texts are the same. */
export interface PromptResult {
  /** The first token at which the engine parts from the rounding reference. */
  readonly partsAt: number | undefined;
  /** The engine's log-probability minus the rounding reference's, at most. */
  readonly noise: number;
  /** Distance where it parts: between the two likeliest logits. */
  readonly gap: number | undefined;
  /** The first token at which rounding parts from double precision; all if undefined. */
  readonly roundingPartsAt: number | undefined;
  /** Error of rounding in a logit, at most, until then. */
  readonly logitError: number;
}

/** A prompt's text is wrong where it parts from the rounding reference's beyond a near tie. */
export function summaryOf(results: readonly PromptResult[]) {
  const noise = Math.max(...results.map((result) => result.noise));
  const parted = results.map((result) => result.roundingPartsAt).filter((at) => at !== undefined);
  return {
    noise,
    numEqual: results.filter(({ partsAt }) => partsAt === undefined).length,
    numWrong: results.filter(({ gap }) => gap !== undefined && gap > 2 * noise).length,
    numParted: parted.length,
    firstParted: parted.length === 0 ? undefined : Math.min(...parted),
    logitError: Math.max(...results.map((result) => result.logitError)),
  };
}

export function runCell(cell: Cell, options: SweepOptions): Promise<readonly PromptResult[]> {
  return withCellModel(cell, async (model) => {
    const { files } = model;
    const prompts = promptsOf(files.config.vocabSize).slice(0, options.numPrompts);
    const exact = openReference(files, model.quantization);
    const rounded = openRounded(files, { ...options, quantization: model.quantization });
    return withRunner(model, options, async (runner) => {
      const results: PromptResult[] = [];
      for (const prompt of prompts) {
        const ours = await greedy(runner, prompt, options.numTokens);
        const twin = greedyRounded(rounded, FACTS[options.isa], prompt, options.numTokens);
        results.push({
          ...beside(ours, twin),
          ...roundingCost(twin, exact.greedyLogits(prompt, options.numTokens)),
        });
      }
      return results;
    });
  });
}

type Logits = Float32Array | Float64Array;

interface Sample {
  readonly id: number;
  readonly logprob: number;
}

export function greedyRounded(
  model: RoundedModel,
  facts: RoundingFacts,
  prompt: readonly number[],
  numTokens: number,
): Logits[] {
  const sequence = model.start(facts);
  const hidden = prompt.map((id) => sequence.next(id));
  const steps = [sequence.logits(hidden.at(-1) as Float32Array<ArrayBuffer>)];
  while (steps.length < numTokens) {
    steps.push(sequence.logits(sequence.next(likeliest(steps.at(-1) as Float32Array))));
  }
  return steps;
}

function beside(ours: readonly Sample[], twin: readonly Logits[]) {
  let noise = 0;
  for (const [at, { id, logprob }] of ours.entries()) {
    const logits = twin[at] as Logits;
    if (likeliest(logits) !== id) return { partsAt: at, noise, gap: gapOf(logits) };
    noise = Math.max(noise, Math.abs(logprob - logprobOf(logits, id)));
  }
  return { partsAt: undefined, noise, gap: undefined };
}

export function roundingCost(rounded: readonly Logits[], exact: readonly Logits[]) {
  let logitError = 0;
  for (const [at, logits] of rounded.entries()) {
    const wanted = exact[at] as Logits;
    for (const [id, logit] of logits.entries()) {
      logitError = Math.max(logitError, Math.abs(logit - (wanted[id] as number)));
    }
    if (likeliest(logits) !== likeliest(wanted)) return { roundingPartsAt: at, logitError };
  }
  return { roundingPartsAt: undefined, logitError };
}

function likeliest(logits: Logits): number {
  let best = 0;
  for (const [id, logit] of logits.entries()) if (logit > (logits[best] as number)) best = id;
  return best;
}

function gapOf(logits: Logits): number {
  const [first = 0, second = 0] = logits.toSorted().reverse();
  return first - second;
}

function logprobOf(logits: Logits, id: number): number {
  const max = Math.max(...logits);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - max);
  return (logits[id] as number) - max - Math.log(sum);
}

const LIMITS = {
  ...{ maxNumSeqs: 1, maxNumBatchedTokens: 128, maxModelLen: 128 },
  ...{ blockSize: 16, firstBlock: 0, numBlocks: 8 },
};
const OWNER = 24;
const NUM_THREADS = 2;

// --- the engine --------------------------------------------------------------------------------

async function withRunner<T>(
  { files, quantization }: CellModel,
  { isa, pool }: SweepOptions,
  use: (runner: ModelRunner) => Promise<T>,
): Promise<T> {
  // Who opens the device chooses its instruction set; the runner joins.
  const native = loadLibrary(builtLibrary);
  const device = new BigUint64Array(1);
  if (openCpu(native, { owner: OWNER, numThreads: NUM_THREADS, isa: Isa[isa] }, device) !== 0) {
    throw new Error(`${isa}: ${native.lastError()}`);
  }
  try {
    const runner = await openNativeRunner({
      ...{ model: files, quantization, library: builtLibrary, owner: OWNER, threads: NUM_THREADS },
      ...{
        poolName: "rounding",
        kvCacheDType: pool,
        totalBlocks: LIMITS.numBlocks,
        limits: LIMITS,
      },
    });
    try {
      return await use(runner);
    } finally {
      runner.close();
    }
  } finally {
    native.deviceClose(Number(device[0]));
  }
}

/** The prompt in one step, then a token a step. */
async function greedy(
  runner: ModelRunner,
  prompt: readonly number[],
  numTokens: number,
): Promise<Sample[]> {
  const { batch } = runner;
  const samples: Sample[] = [];
  let next = prompt;
  let position = 0;
  batch.blockTables.set(Array.from({ length: LIMITS.numBlocks }, (_, block) => block));
  while (samples.length < numTokens) {
    batch.tokenIds.set(next);
    position += next.length;
    batch.queryStartLoc[1] = next.length;
    batch.seqLens[0] = position;
    fillGreedyRow(batch, 0, next.length - 1);
    runner.submit({ numSeqs: 1, numTokens: next.length, numRows: 1 });
    await runner.wait();
    const id = batch.sampledIds[0] as number;
    samples.push({ id, logprob: batch.logprobs[0] as number });
    next = [id];
  }
  return samples;
}
