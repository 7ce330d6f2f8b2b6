// Claims that any model runner must keep, whatever it computes. Called by each implementation's test.
//
// Prompts are laid out here by hand, at block numbers of the test's choice, so that a runner is judged
// without the scheduler and the block manager.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";

import { fillSampling } from "../../src/engine/fill-batch.ts";
import {
  MAX_BANNED_TOKENS,
  type ModelRunner,
  type RunnerLimits,
} from "../../src/engine/model-runner.ts";
import { maxRows } from "../../src/engine/step-batch.ts";
import { GREEDY } from "./requests.ts";

export interface RunnerSuiteOptions {
  /** Opens a runner with these limits, or with its own where it cannot choose (the vocabulary's size). */
  readonly open: (limits: SuiteLimits) => ModelRunner | Promise<ModelRunner>;
  /** Dependence of a sample: on the prompt, or on seed and position alone. */
  readonly samples: "by prompt" | "by seed";
}

export type SuiteLimits = Omit<RunnerLimits, "vocabSize">;

const LIMITS: SuiteLimits = {
  maxNumSeqs: 4,
  maxNumBatchedTokens: 48,
  maxModelLen: 40,
  blockSize: 4,
  firstBlock: 3,
  numBlocks: 40,
};

/** One sequence's part of a step. */
interface Piece {
  readonly tokenIds: readonly number[];
  /** Tokens before these, computed by earlier steps. */
  readonly numComputed?: number;
  /** As many as the sequence needs. */
  readonly blockIds: readonly number[];
  readonly isSampled?: boolean;
  readonly seed?: bigint;
  readonly temperature?: number;
  readonly banned?: readonly number[];
}

const PROMPT = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
const BLOCKS = [3, 4, 5];

export function describeRunner(name: string, options: RunnerSuiteOptions): void {
  describe(`${name} as a model runner`, () => {
    let runner: ModelRunner;
    beforeEach(async () => {
      runner = await options.open(LIMITS);
    });
    afterEach(() => runner.close());

    const step = async (pieces: readonly Piece[]): Promise<number[]> => {
      const shape = layOut(runner, pieces);
      runner.submit(shape);
      await runner.wait();
      return [...runner.batch.sampledIds.subarray(0, shape.numRows)];
    };

    test("has the limits that it was opened with, and arrays of their sizes", () => {
      const { limits, batch } = runner;
      expect(limits).toMatchObject(LIMITS);
      expect(limits.vocabSize).toBeGreaterThan(Math.max(...PROMPT));
      const { maxNumSeqs: numSeqs, maxNumBatchedTokens: numTokens } = limits;
      expect(batch.tokenIds.length).toBe(numTokens);
      expect(batch.queryStartLoc.length).toBe(numSeqs + 1);
      for (const key of ["seqLens", "rows", "sampledIds", "logprobs"] as const) {
        expect([key, batch[key].length]).toEqual([key, numSeqs]);
      }
      const tableWidth = Math.ceil(limits.maxModelLen / limits.blockSize);
      expect(batch.blockTables.length).toBe(numSeqs * tableWidth);
      expect(batch.bannedTokenIds.length).toBe(numSeqs * MAX_BANNED_TOKENS);
      const numPenalties = numSeqs * Math.min(limits.maxModelLen, limits.vocabSize);
      expect(batch.penaltyTokenIds.length).toBeGreaterThanOrEqual(numPenalties);
      expect(batch.penaltyCounts.length).toBe(batch.penaltyTokenIds.length);
    });

    test("samples an id of the vocabulary, with its log-probability", async () => {
      const [id] = await step([{ tokenIds: PROMPT, blockIds: BLOCKS }]);
      expect(id).toBeWithin(0, runner.limits.vocabSize);
      const logprob = runner.batch.logprobs[0] as number;
      expect(logprob).toBeLessThanOrEqual(0);
      expect(logprob).toBeGreaterThan(-Infinity);
    });

    test("samples the same from the same batch, greedily and by seed", async () => {
      for (const temperature of [0, 1]) {
        const piece = { tokenIds: PROMPT, blockIds: BLOCKS, temperature, seed: 7n };
        expect(await step([piece])).toEqual(await step([piece]));
      }
    });

    test("samples differently by another seed", async () => {
      const ids = new Set<number>();
      for (let seed = 0n; seed < 40n; seed++) {
        const piece = { tokenIds: PROMPT, blockIds: BLOCKS, temperature: 2, seed };
        for (const id of await step([piece])) ids.add(id);
      }
      expect(ids.size).toBeGreaterThan(1);
    });

    test("gives the same for a prompt at once, in chunks, and token by token", async () => {
      const atOnce = await step([{ tokenIds: PROMPT, blockIds: BLOCKS }]);
      for (const chunk of [1, 3, 4, 7]) {
        const blockIds = [11, 9, 10];
        for (let start = 0; start < PROMPT.length; start += chunk) {
          const tokenIds = PROMPT.slice(start, start + chunk);
          const isSampled = start + chunk >= PROMPT.length;
          const ids = await step([{ tokenIds, numComputed: start, blockIds, isSampled }]);
          expect(ids).toEqual(isSampled ? atOnce : []);
        }
      }
    });

    test("gives a sequence the same alone and beside others, at any blocks", async () => {
      const alone = await step([{ tokenIds: PROMPT, blockIds: BLOCKS }]);
      const beside = await step([
        { tokenIds: [5, 5, 5], blockIds: [20], isSampled: false },
        { tokenIds: PROMPT, blockIds: [42, 7, 30] },
        { tokenIds: [9], blockIds: [21] },
      ]);
      expect(beside).toHaveLength(2);
      expect(beside.slice(0, 1)).toEqual(alone);
    });

    test("reads blocks that another sequence has filled", async () => {
      const alone = await step([{ tokenIds: PROMPT, blockIds: [30, 31, 32] }]);
      await step([{ tokenIds: PROMPT.slice(0, 8), blockIds: [12, 13], isSampled: false }]);
      const sharing = PROMPT.slice(8);
      const ids = await step([
        { tokenIds: sharing, numComputed: 8, blockIds: [12, 13, 14] },
        { tokenIds: sharing, numComputed: 8, blockIds: [12, 13, 15] },
      ]);
      expect(ids).toEqual([...alone, ...alone]);
    });

    test("fills as many sequences and tokens as its limits say", async () => {
      const { maxNumSeqs, maxNumBatchedTokens } = runner.limits;
      const length = maxNumBatchedTokens / maxNumSeqs;
      const pieces = Array.from({ length: maxNumSeqs }, (_, s) => ({
        tokenIds: Array.from({ length }, (_, i) => (s + i) % 11),
        blockIds: [0, 1, 2].map((i) => 3 + s * 3 + i),
      }));
      expect(await step(pieces)).toHaveLength(maxNumSeqs);
    });

    test("never samples what is banned", async () => {
      const banned: number[] = [];
      for (let i = 0; i < MAX_BANNED_TOKENS; i++) {
        const [id] = await step([{ tokenIds: PROMPT, blockIds: BLOCKS, banned }]);
        expect(banned).not.toContain(id as number);
        banned.push(id as number);
      }
    });

    test("refuses a step beyond its limits", () => {
      const { maxNumSeqs, maxNumBatchedTokens } = runner.limits;
      layOut(runner, [{ tokenIds: PROMPT, blockIds: BLOCKS }]);
      const shape = { numSeqs: 1, numTokens: PROMPT.length, numRows: 1 };
      expect(() => runner.submit({ ...shape, numSeqs: maxNumSeqs + 1 })).toThrow();
      expect(() => runner.submit({ ...shape, numTokens: maxNumBatchedTokens + 1 })).toThrow();
      expect(() => runner.submit({ ...shape, numRows: maxRows(runner.limits) + 1 })).toThrow();
    });

    if (options.samples === "by prompt") {
      test("depends on each token of the prompt", async () => {
        const logprobOf = async (tokenIds: readonly number[]) => {
          await step([{ tokenIds, blockIds: BLOCKS }]);
          return runner.batch.logprobs[0] as number;
        };
        const original = await logprobOf(PROMPT);
        for (let i = 0; i < PROMPT.length; i++) {
          expect(await logprobOf(PROMPT.with(i, 11))).not.toBe(original);
        }
      });
    }
  });
}

/** Writes `pieces` into the runner's batch, one after another. */
function layOut(runner: ModelRunner, pieces: readonly Piece[]) {
  const { batch, limits } = runner;
  const tableWidth = Math.ceil(limits.maxModelLen / limits.blockSize);
  let numTokens = 0;
  let numRows = 0;
  let numBanned = 0;
  batch.queryStartLoc[0] = 0;
  for (const [s, piece] of pieces.entries()) {
    const { tokenIds, numComputed = 0, blockIds, isSampled = true } = piece;
    for (const tokenId of tokenIds) batch.tokenIds[numTokens++] = tokenId;
    batch.queryStartLoc[s + 1] = numTokens;
    batch.seqLens[s] = numComputed + tokenIds.length;
    batch.blockTables.set(blockIds, s * tableWidth);
    if (!isSampled) continue;
    batch.rows.token.set(numRows, numTokens - 1);
    const { temperature = 0, seed = 0n } = piece;
    const sampling = { ...GREEDY, temperature, seed };
    fillSampling(batch, limits.vocabSize, { sampling }, numRows);
    batch.rows.numPenalties.set(numRows, 0);
    batch.rows.bannedStart.set(numRows, numBanned);
    batch.rows.numBanned.set(numRows, piece.banned?.length ?? 0);
    for (const tokenId of piece.banned ?? []) batch.bannedTokenIds[numBanned++] = tokenId;
    numRows += 1;
  }
  return { numSeqs: pieces.length, numTokens, numRows };
}
