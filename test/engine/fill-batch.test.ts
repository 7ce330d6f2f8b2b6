import { describe, expect, test } from "bun:test";
import fc from "fast-check";

import { fillBatch } from "../../src/engine/fill-batch.ts";
import type { RunnerLimits, StepBatch } from "../../src/engine/model-runner.ts";
import { Sequence } from "../../src/engine/sequence.ts";
import { createStepBatch, positionOf } from "../../src/engine/step-batch.ts";
import type { StepRows } from "../../src/engine/step-rows.ts";
import type { PreprocessedRequest } from "../../src/protocol/llm.ts";
import { SMALL_LIMITS } from "./fake-runner.ts";
import { GREEDY, requestOf } from "./requests.ts";

const limits: RunnerLimits = { ...SMALL_LIMITS, maxModelLen: 16, maxNumSeqs: 3 };

/** A sequence at these blocks that computes `numScheduled` tokens behind `numComputed`. */
function place(
  request: PreprocessedRequest,
  at: {
    readonly blockIds: readonly number[];
    readonly computed: number;
    readonly scheduled: number;
  },
): Sequence {
  const sequence = new Sequence(request, 0);
  for (const blockId of at.blockIds) sequence.table.push(blockId);
  sequence.numComputedTokens = at.computed;
  sequence.numScheduledTokens = at.scheduled;
  return sequence;
}

function fill(sequences: readonly Sequence[]) {
  const batch = createStepBatch(limits);
  const shape = fillBatch(batch, limits, { sequences });
  return { batch, shape };
}

/** Each row's list in `values`. */
function listsOf(
  { rows }: StepBatch,
  [start, count]: readonly ["penaltyStart" | "bannedStart", "numPenalties" | "numBanned"],
  values: Int32Array,
  numRows: number,
): number[][] {
  return Array.from({ length: numRows }, (_, row) => {
    const first = rows[start].at(row);
    return [...values.subarray(first, first + rows[count].at(row))];
  });
}

const PENALTIES = ["penaltyStart", "numPenalties"] as const;
const BANNED = ["bannedStart", "numBanned"] as const;

describe("a batch", () => {
  test("lays decodes and chunks end to end, each at its slots", () => {
    const decode = place(requestOf([1, 2, 3, 4, 5]), {
      blockIds: [9, 7],
      computed: 4,
      scheduled: 1,
    });
    const chunk = place(requestOf([11, 12, 13, 14, 15, 16, 17, 18]), {
      blockIds: [4, 3],
      computed: 2,
      scheduled: 4,
    });
    const whole = place(requestOf([21, 22]), { blockIds: [6], computed: 0, scheduled: 2 });
    const { batch, shape } = fill([decode, chunk, whole]);

    expect(shape).toEqual({ numSeqs: 3, numTokens: 7, numRows: 2 });
    expect([...batch.tokenIds.subarray(0, 7)]).toEqual([5, 13, 14, 15, 16, 21, 22]);
    const positions = [0, 1, 2, 3, 4, 5, 6].map((token) => positionOf(batch, token));
    expect(positions).toEqual([4, 2, 3, 4, 5, 0, 1]);
    expect([...batch.queryStartLoc]).toEqual([0, 1, 5, 7]);
    expect([...batch.seqLens]).toEqual([5, 6, 2]);
    expect([batch.rows.token.at(0), batch.rows.token.at(1)]).toEqual([0, 6]);
    const table = (s: number) => [...batch.blockTables.subarray(s * 4, s * 4 + 2)];
    expect([table(0), table(1), table(2)[0]]).toEqual([[9, 7], [4, 3], 6]);
  });

  test("bears each row's sampling options", () => {
    const { seed: _, ...off } = GREEDY;
    const names = Object.keys(off) as (keyof typeof off & keyof StepRows)[];
    const sampling = Object.fromEntries(names.map((name, index) => [name, index + 2]));
    const at = { blockIds: [0], computed: 0, scheduled: 1 };
    const { batch } = fill([place(requestOf([1]), at), place(requestOf([1], { sampling }), at)]);
    for (const [index, name] of names.entries()) {
      const column = batch.rows[name];
      expect([name, column.at(0), column.at(1)]).toEqual([name, off[name], index + 2]);
    }
  });

  test("bears what 32 bits cannot hold as the nearest that means the same", () => {
    const at = { blockIds: [0], computed: 0, scheduled: 1 };
    for (const topK of [2 ** 31, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER]) {
      const { batch } = fill([place(requestOf([1], { sampling: { topK } }), at)]);
      expect(batch.rows.topK.at(0)).toBe(limits.vocabSize);
    }
    for (const repetitionPenalty of [Number.MIN_VALUE, 1e-50, 1e-38]) {
      const { batch } = fill([place(requestOf([1], { sampling: { repetitionPenalty } }), at)]);
      expect(batch.rows.repetitionPenalty.at(0)).toBeGreaterThan(1e-30); // the least that native takes
    }
  });

  test("bears all 64 bits of a seed", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (seed) => {
        const request = requestOf([1], { sampling: { seed } });
        const { batch } = fill([place(request, { blockIds: [0], computed: 0, scheduled: 1 })]);
        expect(batch.rows.seed.at(0)).toBe(seed);
      }),
    );
  });

  test("counts the output's tokens under a penalty, the prompt's too if repetition is one", () => {
    const at = { blockIds: [0, 1], computed: 0, scheduled: 6 };
    const plain = place(requestOf([1, 2, 3]), { ...at, scheduled: 3 });
    const penalised = [{ frequencyPenalty: 0.5 }, { repetitionPenalty: 1.5 }].map((sampling) => {
      const sequence = place(requestOf([5, 6, 5], { sampling }), at);
      for (const tokenId of [7, 5, 7]) sequence.append(tokenId);
      return sequence;
    });
    const { batch, shape } = fill([plain, ...penalised]);
    expect(listsOf(batch, PENALTIES, batch.penaltyTokenIds, shape.numRows)).toEqual([
      [],
      [7, 5],
      [5, 6, 7],
    ]);
    expect(listsOf(batch, PENALTIES, batch.penaltyCounts, shape.numRows)).toEqual([
      [],
      [2, 1],
      [1, 0, 2],
    ]);
    const each = (column: StepBatch["rows"]["frequencyPenalty"]) =>
      [0, 1, 2].map((row) => column.at(row));
    expect(each(batch.rows.frequencyPenalty)).toEqual([0, 0.5, 0]);
    expect(each(batch.rows.repetitionPenalty)).toEqual([1, 1, 1.5]);
  });

  test("bans stop tokens below min_tokens, those that the vocabulary has", () => {
    const stop = { stopTokenIds: [3, 99, 4], minTokens: 1 };
    const at = { blockIds: [0, 1], computed: 0, scheduled: 1 };
    const young = place(requestOf([1], { stop }), at);
    const old = place(requestOf([1], { stop }), { ...at, scheduled: 2 });
    old.append(8);
    const { batch, shape } = fill([old, young]);
    expect(listsOf(batch, BANNED, batch.bannedTokenIds, shape.numRows)).toEqual([[], [3, 4]]);
  });
});
