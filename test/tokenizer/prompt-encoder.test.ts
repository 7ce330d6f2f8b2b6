import { describe, expect, test } from "bun:test";
import { Tokenizer as Library } from "@huggingface/tokenizers";
import * as fc from "fast-check";
import { PromptEncoder } from "../../src/tokenizer/prompt-encoder.ts";
import { PromptTooLongError } from "../../src/tokenizer/prompt-too-long.ts";
import { readTokenizerDirectory } from "../../src/tokenizer/tokenizer-files.ts";
import { withDirectory } from "../model/model-directory.ts";
import {
  byteLevelTokenizer,
  type JsonFields,
  spmTokenizer,
  type TokenizerSource,
} from "./synthetic-tokenizers.ts";

const ANY = { maxTokens: Number.POSITIVE_INFINITY, form: "as-is" } as const;

/** Merges over few letters, drawn so that many overlap: `aa`, `aaaa`, `ab`, `▁a`, ... */
function denseMerges(letters: readonly string[], numMerges: number): [string, string][] {
  let state = 12345;
  const below = (n: number) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % n;
  };
  const pieces = [...letters];
  const merges: [string, string][] = [];
  const seen = new Set<string>();
  while (merges.length < numMerges) {
    const left = pieces[below(pieces.length)] ?? "";
    const right = pieces[below(pieces.length)] ?? "";
    const key = `${left} ${right}`;
    if (seen.has(key) || left.length + right.length > 12) continue;
    seen.add(key);
    merges.push([left, right]);
    if (!pieces.includes(left + right)) pieces.push(left + right);
  }
  return merges;
}

function withMerges(
  source: TokenizerSource,
  merges: readonly (readonly [string, string])[],
  fields: JsonFields = {},
): TokenizerSource {
  const model = source.tokenizer["model"] as JsonFields;
  const vocab = { ...(model["vocab"] as Record<string, number>) };
  let next = 1000;
  for (const [left, right] of merges) vocab[left + right] ??= next++;
  return {
    tokenizer: {
      ...source.tokenizer,
      ...fields,
      model: { ...model, vocab, merges, ...(fields["model"] as JsonFields) },
    },
    config: source.config,
  };
}

const split = (pattern: string) => ({
  type: "Sequence",
  pretokenizers: [
    { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false },
    { type: "ByteLevel", add_prefix_space: false, use_regex: false },
  ],
});
const LLAMA3 =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const letters = ["a", "b", "c", "Ġ", "t", "h", "e"];
const spmLetters = ["▁", "a", "b", "c", "t", "h", "e"];

const unigram = (source: TokenizerSource): TokenizerSource => ({
  tokenizer: {
    ...source.tokenizer,
    model: {
      type: "Unigram",
      unk_id: 0,
      vocab: [
        "<unk>",
        "<s>",
        "</s>",
        "▁",
        "a",
        "b",
        "c",
        "aa",
        "aba",
        "▁a",
        "bc",
        "cab",
        "the",
        "▁the",
        "t",
        "h",
        "e",
      ].map((piece, index) => [piece, -(index % 7) - index / 64]),
    },
  },
  config: source.config,
});

const SOURCES: readonly (readonly [string, TokenizerSource])[] = [
  ["bytes, GPT-2's words", byteLevelTokenizer()],
  ["bytes, dense merges", withMerges(byteLevelTokenizer(), denseMerges(letters, 120))],
  [
    "bytes, Llama 3's words",
    withMerges(byteLevelTokenizer(), denseMerges(letters, 120), {
      pre_tokenizer: split(LLAMA3),
      model: { ignore_merges: true },
    }),
  ],
  [
    "bytes, no words",
    withMerges(byteLevelTokenizer(), denseMerges(letters, 90), {
      pre_tokenizer: { type: "ByteLevel", use_regex: false },
    }),
  ],
  ["SentencePiece", spmTokenizer()],
  ["SentencePiece, dense merges", withMerges(spmTokenizer(), denseMerges(spmLetters, 120))],
  [
    "SentencePiece, no bytes",
    withMerges(spmTokenizer(), denseMerges(spmLetters, 60), { model: { byte_fallback: false } }),
  ],
  [
    "SentencePiece by Metaspace",
    withMerges(spmTokenizer(), denseMerges(spmLetters, 60), {
      normalizer: null,
      pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: "first" },
    }),
  ],
  ["Unigram", unigram(spmTokenizer())],
  [
    "ends of words",
    withMerges(byteLevelTokenizer(), denseMerges(letters, 40), {
      model: { end_of_word_suffix: "</w>", unk_token: "a" },
    }),
  ],
  [
    "tokens that take spaces",
    withAdded([
      { id: 900, content: "<L>", lstrip: true, rstrip: false, special: false, normalized: false },
      { id: 901, content: "<R>", rstrip: true, special: true, normalized: false },
      { id: 902, content: "<N>", normalized: true, special: false },
      { id: 903, content: "<|", special: true, normalized: false },
    ]),
  ],
];

function withAdded(tokens: readonly JsonFields[]): TokenizerSource {
  const { tokenizer, config } = spmTokenizer();
  const added = [...(tokenizer["added_tokens"] as readonly JsonFields[]), ...tokens];
  return { tokenizer: { ...tokenizer, added_tokens: added }, config };
}

async function both(source: TokenizerSource) {
  const files = {
    "tokenizer.json": JSON.stringify(source.tokenizer),
    "tokenizer_config.json": JSON.stringify(source.config),
  };
  const read = await withDirectory(files, (directory) => readTokenizerDirectory(directory));
  const encoder = await PromptEncoder.create(read);
  const library = new Library(structuredClone(source.tokenizer), source.config);
  return {
    encoder,
    library: (text: string) =>
      library.encode(text, { add_special_tokens: false }).ids.map((id) => id ?? 0),
  };
}

const parts = fc.array(
  fc.oneof(
    fc.constantFrom(
      "a",
      "b",
      "c",
      "ab",
      "the",
      " the",
      " ",
      "  ",
      "\n",
      " \n",
      "\r\n",
      "\t",
      "'s",
      "123",
      "1",
      "<|bos|>",
      "<s>",
      "</s>",
      "<|",
      "<L>",
      "<R>",
      "<N>",
      "<unk>",
      "▁",
      "é",
      "你好",
      "😶",
      "\ud83d",
      "e\u0301",
      "...",
      "!?",
    ),
    fc.string({ unit: "grapheme", maxLength: 6 }),
    fc.integer({ min: 1, max: 300 }).map((count) => "a".repeat(count)),
    fc.integer({ min: 60, max: 400 }).map((count) => " ".repeat(count)),
    fc.integer({ min: 20, max: 150 }).map((count) => "abcat".repeat(count)),
  ),
  { maxLength: 24 },
);

describe.each(SOURCES)("%s", (_, source) => {
  test("gives the ids that the whole text has in @huggingface/tokenizers", async () => {
    const { encoder, library } = await both(source);
    await fc.assert(
      fc.property(parts, (texts) => {
        const text = texts.join("");
        expect([...encoder.encodeNow(text, ANY)]).toEqual(library(text));
      }),
      { numRuns: 120 },
    );
  });

  test("gives no ids for spaces that a token beside them takes", async () => {
    const { encoder, library } = await both(source);
    for (const text of ["<R>   ", "   <L>", "<R>   <L>", "a<R> <L>b"]) {
      expect([...encoder.encodeNow(text, ANY)]).toEqual(library(text));
    }
  });
});

describe("two prompts at once", () => {
  test.each(SOURCES)("do not disturb each other: %s", async (_, source) => {
    const { encoder } = await both(source);
    const texts = ["a".repeat(30_000), "abc the ".repeat(4000), "cab".repeat(10_000)];
    const expected = texts.map((text) => encoder.encodeNow(text, ANY));
    const runs = texts.map((text) => encoder.encode(text, ANY));
    const results = new Map<number, Int32Array>();
    const runOnce = (index: number) => {
      const step = runs[index]?.next();
      if (step?.done && step.value) results.set(index, step.value);
    };
    for (let turn = 0; results.size < runs.length; turn++) {
      if (!results.has(turn % runs.length)) runOnce(turn % runs.length);
    }
    expect(runs.map((_, index) => results.get(index))).toEqual(expected);
  });
});

describe("the limit", () => {
  test.each(SOURCES)("is exact: %s", async (_, source) => {
    const { encoder } = await both(source);
    await fc.assert(
      fc.property(parts, fc.integer({ min: -2, max: 2 }), (texts, offset) => {
        const text = texts.join("");
        const { length } = encoder.encodeNow(text, ANY);
        const maxTokens = Math.max(0, length + offset);
        const encode = () => encoder.encodeNow(text, { maxTokens, form: "as-is" });
        if (maxTokens >= length) expect(encode()).toHaveLength(length);
        else expect(encode).toThrow(PromptTooLongError);
      }),
      { numRuns: 40 },
    );
  });

  test("stops the work: few steps are made of a text that is far too long", async () => {
    const { encoder } = await both(withMerges(byteLevelTokenizer(), denseMerges(letters, 120)));
    const steps = (maxTokens: number) => {
      const run = encoder.encode("abc the ".repeat(50_000), { maxTokens, form: "as-is" });
      let count = 0;
      try {
        while (!run.next().done) count++;
      } catch (error) {
        expect(error).toBeInstanceOf(PromptTooLongError);
      }
      return count;
    };
    expect(steps(Number.POSITIVE_INFINITY)).toBeGreaterThan(200);
    expect(steps(50_000)).toBeLessThan(60);
  });

  test("comes between the steps of one word of a million characters", async () => {
    const { encoder } = await both(withMerges(byteLevelTokenizer(), denseMerges(letters, 120)));
    const run = encoder.encode("a".repeat(1_000_000), ANY);
    let count = 0;
    while (!run.next().done) count++;
    expect(count).toBeGreaterThan(400);
  });
});
