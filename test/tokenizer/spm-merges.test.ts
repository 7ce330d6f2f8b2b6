import { expect, test } from "bun:test";

import { mergesOf } from "../../src/tokenizer/spm-merges.ts";

function pieces(...texts: readonly string[]) {
  return texts.map((text, id) => ({ text, score: -id }));
}

test("a piece is the merge of each pair of pieces that spells it", () => {
  expect(mergesOf(pieces("ab", "bc", "abc", "a", "b", "c"))).toEqual([
    ["a", "b"],
    ["b", "c"],
    ["ab", "c"], // of the cuts of `abc`, the one whose left part has the lower id
    ["a", "bc"],
  ]);
});

test("the better score comes first, whatever the id", () => {
  const merges = mergesOf([
    { text: "ab", score: -5 },
    { text: "ba", score: -1 },
    { text: "a", score: -9 },
    { text: "b", score: -9 },
  ]);
  expect(merges).toEqual([
    ["b", "a"],
    ["a", "b"],
  ]);
});

test("a piece whose parts are no pieces is no merge", () => {
  expect(mergesOf(pieces("abc", "a", "b", "c"))).toEqual([]);
});

test("characters are whole, however many units they have", () => {
  expect(mergesOf(pieces("😶a", "😶", "a", "\ud83d"))).toEqual([["😶", "a"]]);
});
