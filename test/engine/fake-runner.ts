// A runner whose "K and V" are a checksum of token and position, kept by slot. A sampled id depends on the
// content of every slot that the block table names, so a wrong slot mapping, a stale or stolen block,
// or a wrong penalty changes the output. `naiveOutput` says what it must be, without any block.

import type {
  BlockRun,
  ModelRunner,
  RunnerLimits,
  StepBatch,
  StepShape,
} from "../../src/engine/model-runner.ts";
import { createStepBatch, maxBlocksPerSeq, positionOf } from "../../src/engine/step-batch.ts";
import type { PreprocessedRequest } from "../../src/protocol/llm.ts";

export const SMALL_LIMITS: RunnerLimits = {
  maxNumSeqs: 8,
  maxNumBatchedTokens: 64,
  maxModelLen: 128,
  blockSize: 4,
  firstBlock: 0,
  numBlocks: 64,
  vocabSize: 50,
};

/** "K and V" that several runners share. Throws where one writes to a block that another uses in its step. */
export class FakeMemory {
  readonly slots: Int32Array;
  readonly #inUse = new Map<
    object,
    { readonly writes: Set<number>; readonly reads: Set<number> }
  >();

  constructor(numSlots: number) {
    this.slots = new Int32Array(numSlots).fill(-1);
  }

  beginStep(runner: object, use: { readonly writes: Set<number>; readonly reads: Set<number> }) {
    for (const other of this.#inUse.values()) {
      const clash =
        [...use.writes].find((block) => other.reads.has(block) || other.writes.has(block)) ??
        [...use.reads].find((block) => other.writes.has(block));
      if (clash !== undefined) throw new Error(`two runners use block ${clash} at once`);
    }
    this.#inUse.set(runner, use);
  }

  endStep(runner: object): void {
    this.#inUse.delete(runner);
  }
}

export class FakeRunner implements ModelRunner {
  readonly limits: RunnerLimits;
  readonly batch: StepBatch;
  /** One entry a step, oldest first. */
  readonly steps: StepShape[] = [];
  isClosed = false;
  /** Blocks, each as often as it was discarded. */
  numDiscarded = 0;
  readonly #memory: FakeMemory;
  readonly #slots: Int32Array;
  readonly #onStep: (() => void | Promise<void>) | undefined;
  #shape: StepShape = { numSeqs: 0, numTokens: 0, numRows: 0 };

  /** `onStep` runs while a step runs: it may abort, wait, or throw. */
  constructor(
    limits: Partial<RunnerLimits> = {},
    onStep?: () => void | Promise<void>,
    memory?: FakeMemory,
  ) {
    this.limits = { ...SMALL_LIMITS, ...limits };
    this.batch = createStepBatch(this.limits);
    const { firstBlock, numBlocks, blockSize } = this.limits;
    this.#memory = memory ?? new FakeMemory((firstBlock + numBlocks) * blockSize);
    this.#slots = this.#memory.slots;
    this.#onStep = onStep;
  }

  submit(shape: StepShape): void {
    this.steps.push(shape);
    this.#shape = shape;
    this.#memory.beginStep(this, this.#blocksInUse());
  }

  async wait(): Promise<void> {
    await this.#onStep?.();
    // The last sequence first: none may rely on what another of the same step writes.
    let row = this.#shape.numRows;
    for (let s = this.#shape.numSeqs - 1; s >= 0; s--) {
      const [start, end] = [at(this.batch.queryStartLoc, s), at(this.batch.queryStartLoc, s + 1)];
      for (let t = start; t < end; t++) this.#write(t, s);
      while (row > 0 && this.batch.rows.token.at(row - 1) >= start) this.#sample(--row, s);
    }
    this.#memory.endStep(this);
  }

  /** Discards what stood there. */
  discard(runs: readonly BlockRun[]): void {
    const { blockSize } = this.limits;
    for (const { firstBlock, numBlocks } of runs) {
      this.#slots.fill(-1, firstBlock * blockSize, (firstBlock + numBlocks) * blockSize);
      this.numDiscarded += numBlocks;
    }
  }

  close(): void {
    this.isClosed = true;
  }

  #blocksInUse() {
    const { blockSize } = this.limits;
    const writes = new Set<number>();
    const reads = new Set<number>();
    for (let s = 0; s < this.#shape.numSeqs; s++) {
      const [start, end] = [at(this.batch.queryStartLoc, s), at(this.batch.queryStartLoc, s + 1)];
      for (let t = start; t < end; t++) writes.add(Math.floor(this.#slotOf(t, s) / blockSize));
      const tableStart = s * maxBlocksPerSeq(this.limits);
      for (let i = 0; i * blockSize < at(this.batch.seqLens, s); i++) {
        reads.add(at(this.batch.blockTables, tableStart + i));
      }
    }
    return { writes, reads };
  }

  #write(t: number, s: number): void {
    const position = positionOf(this.batch, t);
    this.#slots[this.#slotOf(t, s)] = entryOf(at(this.batch.tokenIds, t), position);
  }

  #slotOf(t: number, s: number): number {
    const { blockSize } = this.limits;
    const position = positionOf(this.batch, t);
    const tableStart = s * maxBlocksPerSeq(this.limits);
    const blockId = at(this.batch.blockTables, tableStart + Math.floor(position / blockSize));
    return blockId * blockSize + (position % blockSize);
  }

  #sample(row: number, s: number): void {
    const { blockSize, vocabSize } = this.limits;
    const tableStart = s * maxBlocksPerSeq(this.limits);
    let checksum = 0;
    const last = positionOf(this.batch, this.batch.rows.token.at(row));
    for (let position = 0; position <= last; position++) {
      const blockId = at(this.batch.blockTables, tableStart + Math.floor(position / blockSize));
      checksum = fold(checksum, at(this.#slots, blockId * blockSize + (position % blockSize)));
    }
    const { rows, penaltyTokenIds, penaltyCounts, bannedTokenIds } = this.batch;
    const counts = new Map<number, number>();
    for (let i = 0; i < rows.numPenalties.at(row); i++) {
      const index = rows.penaltyStart.at(row) + i;
      counts.set(at(penaltyTokenIds, index), at(penaltyCounts, index));
    }
    const start = rows.bannedStart.at(row);
    const banned = bannedTokenIds.slice(start, start + rows.numBanned.at(row));
    const seed = rows.seed.at(row);
    this.batch.sampledIds[row] = pick({ checksum, counts, banned: [...banned], seed, vocabSize });
    this.batch.logprobs[row] = -1;
  }
}

/** The output of `request` by the same rule, from its tokens alone. */
export function naiveOutput(request: PreprocessedRequest, vocabSize: number): number[] {
  const { sampling, stop } = request;
  const seed = BigInt.asUintN(64, BigInt(sampling.seed));
  const tokenIds = [...request.tokenIds];
  const output: number[] = [];
  while (output.length < stop.maxTokens) {
    const checksum = tokenIds.reduce((sum, id, position) => fold(sum, entryOf(id, position)), 0);
    const counts = countPenalised(request, output);
    const banned = output.length < stop.minTokens ? stop.stopTokenIds : [];
    const tokenId = pick({ checksum, counts, banned, seed, vocabSize });
    output.push(tokenId);
    tokenIds.push(tokenId);
    if (stop.stopTokenIds.includes(tokenId)) break;
  }
  return output;
}

function countPenalised(
  { tokenIds, sampling }: PreprocessedRequest,
  output: readonly number[],
): Map<number, number> {
  const counts = new Map<number, number>();
  const { presencePenalty, frequencyPenalty, repetitionPenalty } = sampling;
  if (repetitionPenalty !== 1) for (const id of tokenIds) counts.set(id, 0);
  if (counts.size === 0 && presencePenalty === 0 && frequencyPenalty === 0) return counts;
  for (const id of output) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

function pick(row: {
  readonly checksum: number;
  readonly counts: ReadonlyMap<number, number>;
  readonly banned: readonly number[];
  readonly seed: bigint;
  readonly vocabSize: number;
}): number {
  let value = fold(row.checksum, Number(BigInt.asUintN(31, row.seed)));
  for (const [id, count] of row.counts) value = (value + entryOf(id, count)) | 0; // In any order.
  let tokenId = (value >>> 0) % row.vocabSize;
  while (row.banned.includes(tokenId)) tokenId = (tokenId + 1) % row.vocabSize;
  return tokenId;
}

function entryOf(tokenId: number, position: number): number {
  return Math.imul(tokenId + 1, 0x9e37_79b1) ^ Math.imul(position + 1, 0x85eb_ca77);
}

function fold(sum: number, entry: number): number {
  return Math.imul(sum ^ entry, 0x0100_0193) + 0x1234_567;
}

function at(array: Int32Array, index: number): number {
  return array[index] as number;
}
