import { describe, expect, test } from "bun:test";

import { NgramDrafter, type NgramOptions } from "../../src/engine/ngram-drafter.ts";
import { Sequence } from "../../src/engine/sequence.ts";
import { requestOf } from "./requests.ts";

const OPTIONS: NgramOptions = {
  numSpeculativeTokens: 5,
  promptLookupMax: 3,
  promptLookupMin: 2,
  disableByBatchSize: 8,
};

function draftOf(tokenIds: readonly number[], options: Partial<NgramOptions> = {}): number[] {
  const sequence = new Sequence(requestOf(tokenIds), 0);
  sequence.draftLength = 10;
  new NgramDrafter({ ...OPTIONS, ...options }).draft(sequence, 10);
  const { numTokens, numDraftTokens } = sequence;
  return [...sequence.tokenIds.subarray(numTokens, numTokens + numDraftTokens)];
}

describe("a draft", () => {
  test("is what followed the last tokens where they stood before", () => {
    expect(draftOf([1, 2, 3, 4, 5, 6, 9, 1, 2])).toEqual([3, 4, 5, 6, 9]);
  });

  test("follows the longest match, and of equally long ones the latest", () => {
    expect(draftOf([7, 1, 2, 8, 8, 6, 1, 2, 5, 5, 7, 1, 2])).toEqual([8, 8, 6, 1, 2]);
    expect(draftOf([1, 2, 3, 3, 1, 2, 4, 4, 1, 2])).toEqual([4, 4, 1, 2, 4]);
  });

  test("goes on with itself where the match reaches the end", () => {
    expect(draftOf([9, 1, 2, 1, 2, 1, 2])).toEqual([1, 2, 1, 2, 1]);
    expect(draftOf([4, 4, 4])).toEqual([4, 4, 4, 4, 4]);
  });

  test("is empty where too few tokens match, or there is nothing before", () => {
    expect(draftOf([1, 2, 3, 9, 2])).toEqual([]);
    expect(draftOf([1, 2, 3, 9, 2], { promptLookupMin: 1 })).toEqual([3, 9, 2, 3, 9]);
    expect(draftOf([1])).toEqual([]);
  });
});
