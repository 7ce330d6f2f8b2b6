// A model runner without a model: Dynamo's mocker (lib/llm/src/mocker) as a runner. It takes the time that a
// large model on a data-centre GPU would, by a fit of theirs, and its tokens are random but repeatable.
// For routing, benchmarks, and trying a graph on a machine that could not run its model.

import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import {
  type ModelRunner,
  NO_SAMPLE,
  type RunnerLimits,
  type StepBatch,
  type StepShape,
} from "./model-runner.ts";
import { createStepBatch, maskWords, maxBlocksPerSeq, maxRows, positionOf } from "./step-batch.ts";
import { MAX_LOGPROBS } from "./step-results.ts";
import { RowKind } from "./step-rows.ts";
import { MASK_BITS } from "./token-mask.ts";

/** Dynamo's defaults. */
export const MOCK_DEFAULTS = {
  numBlocks: 16384,
  blockSize: 64,
  maxNumSeqs: 256,
  maxNumBatchedTokens: 8192,
  speedupRatio: 1,
} as const;

const MIN_PREFILL_MS = 50;

export interface MockRunnerOptions {
  readonly limits: RunnerLimits;
  readonly clock: Clock;
  /** How many times faster than the timing model. Infinity takes no time. */
  readonly speedupRatio: number;
}

export class MockRunner implements ModelRunner {
  readonly limits: RunnerLimits;
  readonly batch: StepBatch;
  /** Half of it is the fixed cost of the timing model; below it a chunk would hardly be worth its step. */
  readonly minPrefillMs: number;
  readonly #clock: Clock;
  readonly #speedupRatio: number;
  #shape: StepShape | undefined;
  #doneAt = 0;

  constructor({ limits, clock, speedupRatio }: MockRunnerOptions) {
    assert(speedupRatio > 0, "a mocked runner's speed-up is above 0");
    this.limits = limits;
    this.batch = createStepBatch(limits);
    this.#clock = clock;
    this.#speedupRatio = speedupRatio;
    this.minPrefillMs = MIN_PREFILL_MS / speedupRatio;
  }

  submit(shape: StepShape): void {
    assert(this.#shape === undefined, "a step is submitted while one runs");
    assert(shape.numSeqs <= this.limits.maxNumSeqs, "more sequences than maxNumSeqs");
    assert(shape.numTokens <= this.limits.maxNumBatchedTokens, "more than maxNumBatchedTokens");
    assert(shape.numRows <= maxRows(this.limits), "more rows than maxNumRows");
    this.#shape = shape;
    this.#doneAt = this.#clock.now() + this.#stepMs(shape) / this.#speedupRatio;
  }

  async wait(): Promise<void> {
    const shape = this.#shape;
    assert(shape !== undefined, "a step is waited for that was not submitted");
    const remainingMs = this.#doneAt - this.#clock.now();
    if (remainingMs > 0) await this.#clock.sleep(remainingMs);
    for (let row = 0; row < shape.numRows; row++) this.#sample(row);
    this.#shape = undefined;
  }

  close(): void {
    this.#shape = undefined;
  }

  #stepMs({ numSeqs }: StepShape): number {
    if (this.#speedupRatio === Number.POSITIVE_INFINITY) return 0;
    const { queryStartLoc } = this.batch;
    const chunks: number[] = [];
    for (let s = 0; s < numSeqs; s++) {
      const numTokens = (queryStartLoc[s + 1] as number) - (queryStartLoc[s] as number);
      if (numTokens > 1) chunks.push(numTokens);
    }
    return mockStepMs(chunks, this.#countBlocks(numSeqs) / this.limits.numBlocks);
  }

  /** Blocks of all sequences in the step; those that they share count once. */
  #countBlocks(numSeqs: number): number {
    const { seqLens, blockTables } = this.batch;
    const { blockSize } = this.limits;
    const width = maxBlocksPerSeq(this.limits);
    const blockIds = new Set<number>();
    for (let s = 0; s < numSeqs; s++) {
      const numBlocks = Math.ceil((seqLens[s] as number) / blockSize);
      for (let i = 0; i < numBlocks; i++) blockIds.add(blockTables[s * width + i] as number);
    }
    return blockIds.size;
  }

  #sample(row: number): void {
    const { rows } = this.batch;
    const { vocabSize } = this.limits;
    const position = positionOf(this.batch, rows.token.at(row));
    // Greedy sampling takes no chances, so it has no use for a seed.
    const isGreedy = rows.temperature.at(row) === 0 || rows.topK.at(row) === 1;
    let tokenId = mix(isGreedy ? 0 : fold(rows.seed.at(row)), position) % vocabSize;
    for (let i = 0; i < vocabSize && !this.#isAllowed(row, tokenId); i++) {
      tokenId = (tokenId + 1) % vocabSize;
    }
    if (rows.kind.at(row) === RowKind.SCORE) tokenId = rows.target.at(row);
    this.batch.sampledIds[row] = tokenId;
    this.batch.logprobs[row] = -Math.log(vocabSize); // As if all tokens were equally likely.
    this.batch.ranks[row] = tokenId + 1;
    for (let i = 0; i < rows.numLogprobs.at(row); i++) {
      this.batch.topIds[row * MAX_LOGPROBS + i] = i < vocabSize ? i : NO_SAMPLE;
      this.batch.topLogprobs[row * MAX_LOGPROBS + i] = -Math.log(vocabSize);
    }
  }

  #isAllowed(row: number, tokenId: number): boolean {
    const { rows, bannedTokenIds, biasTokenIds, biases, masks } = this.batch;
    const bannedStart = rows.bannedStart.at(row);
    const banned = bannedTokenIds.subarray(bannedStart, bannedStart + rows.numBanned.at(row));
    if (banned.includes(tokenId)) return false;
    const biasStart = rows.biasStart.at(row);
    for (let i = biasStart; i < biasStart + rows.numBiases.at(row); i++) {
      if (biasTokenIds[i] === tokenId && biases[i] === Number.NEGATIVE_INFINITY) return false;
    }
    const mask = rows.mask.at(row);
    if (mask === 0) return true;
    const word = masks[(mask - 1) * maskWords(this.limits) + Math.floor(tokenId / MASK_BITS)] ?? 0;
    return ((word >>> (tokenId % MASK_BITS)) & 1) === 1;
  }
}

/**
 * Time of a step at the speed of the timing model, in ms, as Dynamo's scheduler adds it up: each prompt's chunk by itself, as
 * if nothing came before it, and a decode in every step, by the share of KV blocks in use.
 */
export function mockStepMs(chunks: readonly number[], activeShare: number): number {
  return chunks.reduce((sum, numTokens) => sum + prefillMs(numTokens), decodeMs(activeShare));
}

/** Time to prefill `numTokens`, in ms. */
export function prefillMs(numTokens: number): number {
  return 1.25e-6 * numTokens ** 2 + 0.0741 * numTokens + 26.2;
}

/** Time of one decode step while `activeShare` of the KV blocks are in use, in ms. */
export function decodeMs(activeShare: number): number {
  return -5.47 * activeShare ** 2 + 43.88 * activeShare + 19.44;
}

function fold(seed: bigint): number {
  const low = Number(BigInt.asUintN(32, seed));
  const high = Number(BigInt.asUintN(32, seed >> 32n));
  return high === 0 ? low : mix(low, high);
}

/** 32 well-mixed bits of two numbers: the finaliser of MurmurHash3 over a Weyl sequence. */
function mix(seed: number, position: number): number {
  let h = Math.imul(seed ^ 0x9e37_79b9, 0x85eb_ca6b) + Math.imul(position + 1, 0x9e37_79b9);
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
