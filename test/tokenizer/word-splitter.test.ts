import { expect, test } from "bun:test";

import type { PreTokenizer } from "@huggingface/tokenizers";

import { WordSplitter } from "../../src/tokenizer/word-splitter.ts";

/** A Split of tokenizer.json, as the library makes it. */
function splitter(pattern: RegExp): WordSplitter {
  const split: unknown = { pattern, config: { pattern, behavior: "Isolated", invert: false } };
  return new WordSplitter(split as PreTokenizer); // of which no more is read
}

// Rust's \s is Unicode's White_Space: with U+0085, without U+FEFF. JavaScript's is the other way round.
test.each<[string, RegExp, string, readonly string[]]>([
  ["U+0085 is a space", /[^\s\p{L}]+|\s+/gu, "!\u0085!", ["!", "\u0085", "!"]],
  ["U+FEFF is none", /[^\s\p{L}]+|\s+/gu, "!\ufeff ", ["!\ufeff", " "]],
  ["\\S is the rest", /\S+|\s+/gu, "\u0085\ufeffa", ["\u0085", "\ufeffa"]],
  ["a lookahead sees it, too", /\s+(?!\S)|\s+/gu, "a \u0085\ufeff", ["a", " ", "\u0085", "\ufeff"]],
  ["an escaped backslash before an s is none", /\\s|./gu, "a\\s\u0085", ["a", "\\s", "\u0085"]],
])("%s", (_, pattern, text, words) => {
  expect([...splitter(pattern).words(text, 0)]).toEqual([...words]);
});
