import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";

import { ModelError, ModelNotFoundError } from "../../src/model/model-files.ts";
import { PromptTooLongError } from "../../src/tokenizer/prompt-too-long.ts";
import { withDirectory } from "../model/model-directory.ts";
import {
  anyText,
  BOS,
  byteLevelTokenizer,
  EOT,
  type JsonFields,
  load,
  spmTokenizer,
  type TokenizerSource,
} from "./synthetic-tokenizers.ts";
import { Tokenizer } from "./whole-tokenizer.ts";

const TINYSTORIES = join(import.meta.dir, "../../../shared/data/tinystories-656k");
const ANY_LENGTH = { maxTokens: 1_000_000 };

const byteLevel = await load(byteLevelTokenizer());
const spm = await load(spmTokenizer());
const byteLevelBos = 266;

describe("encode", () => {
  test("merges as the vocabulary says", () => {
    expect([...byteLevel.encode("the the", ANY_LENGTH)]).toEqual([byteLevelBos, 257, 258]);
  });

  test("opens a text with the model's opening token, once", () => {
    expect([...byteLevel.encode("", ANY_LENGTH)]).toEqual([byteLevelBos]);
    expect([...byteLevel.encode(`${BOS}the`, ANY_LENGTH)]).toEqual([byteLevelBos, 257]);
    expect([...byteLevel.encode(`${BOS}${BOS}`, ANY_LENGTH)]).toEqual([byteLevelBos, byteLevelBos]);
  });

  test("takes none of the opening tokens that a text has, where nothing adds one", async () => {
    const { tokenizer, config } = byteLevelTokenizer();
    const plain = await load({ tokenizer: { ...tokenizer, post_processor: null }, config });
    const count = (text: string) =>
      plain.encode(text, ANY_LENGTH).filter((id) => id === byteLevelBos).length;
    expect([0, 1, 2, 3].map((times) => count(`${BOS.repeat(times)}the`))).toEqual([0, 1, 2, 3]);
  });

  test("adds none to those that a text has", () => {
    const count = (text: string) =>
      byteLevel.encode(text, ANY_LENGTH).filter((id) => id === byteLevelBos).length;
    expect([0, 1, 2, 3].map((times) => count(`${BOS.repeat(times)}the`))).toEqual([1, 1, 2, 3]);
  });

  test("opens a text when only tokenizer_config.json asks for it", async () => {
    const { tokenizer, config } = byteLevelTokenizer({ add_bos_token: true });
    const tokenizerOnly = await load({ tokenizer: { ...tokenizer, post_processor: null }, config });
    expect([...tokenizerOnly.encode("the", ANY_LENGTH)]).toEqual([byteLevelBos, 257]);
  });

  test("finds special tokens in a text", () => {
    expect([...byteLevel.encode(`the${EOT}`, ANY_LENGTH)].at(-1)).toBe(byteLevel.eosTokenId ?? 0);
  });

  test("knows its special ids and its size", () => {
    expect(byteLevel).toMatchObject({ bosTokenId: 266, eosTokenId: 267, vocabSize: 269 });
    expect(spm).toMatchObject({ bosTokenId: 1, eosTokenId: 2 });
  });

  test("refuses more tokens than the context holds, and says how many there are", () => {
    expect(byteLevel.encode("abc", { maxTokens: 4 })).toHaveLength(4);
    expect(() => byteLevel.encode("abcd", { maxTokens: 4 })).toThrow(PromptTooLongError);
    expect(() => byteLevel.encode("abcd", { maxTokens: 4 })).toThrow("has at least 5 tokens");
  });

  test("refuses a text by its bytes, before the work, when it cannot fit", () => {
    const huge = "a".repeat(50_000_000);
    expect(() => byteLevel.encode(huge, { maxTokens: 4096 })).toThrow(PromptTooLongError);
  });
});

describe("decode", () => {
  test.each([
    ["byte level", byteLevel],
    ["SentencePiece", spm],
  ])("gives back any text that was encoded: %s", async (_, tokenizer) => {
    await fc.assert(
      fc.property(anyText, (original) => {
        expect(tokenizer.decode(tokenizer.encode(original, ANY_LENGTH))).toBe(original);
      }),
    );
  });

  test("leaves special tokens out and other added tokens in", () => {
    expect(byteLevel.decode(byteLevel.encode(`the${EOT}<é>the`, ANY_LENGTH))).toBe("the<é>the");
  });

  test("ignores ids that have no token, as a padded vocabulary has", () => {
    expect(byteLevel.decode([257, 5000, 257])).toBe("thethe");
  });

  test("drops the space that SentencePiece puts at the start, and no other", () => {
    expect(spm.decode(spm.encode("the the", ANY_LENGTH))).toBe("the the");
    expect(spm.decode(spm.encode("  the", ANY_LENGTH))).toBe("  the");
  });
});

const CONFIG_KEYS = [
  "bos_token",
  "chat_template",
  "added_tokens_decoder",
  "additional_special_tokens",
];

describe("a broken tokenizer", () => {
  const { tokenizer, config } = byteLevelTokenizer();
  const model = tokenizer["model"] as JsonFields;
  const change = (fields: JsonFields): TokenizerSource => ({
    tokenizer: { ...tokenizer, ...fields },
    config,
  });

  test.each([
    ["model is missing", { model: undefined }],
    ["type WordPiece is not supported", { model: { ...model, type: "WordPiece" } }],
    ["vocab is missing", { model: { ...model, vocab: undefined } }],
    ["a is 4000000000", { model: { ...model, vocab: { a: 4e9 } } }],
    ["a is -1", { model: { ...model, vocab: { a: -1 } } }],
    ["is not a tokenizer that can be used", { model: { ...model, merges: 3 } }],
    ["decoder is missing", { decoder: null }],
    ["decoder WordPiece is not supported", { decoder: { type: "WordPiece" } }],
    ["is not a tokenizer that can be used", { pre_tokenizer: { type: "Magic" } }],
    ["added_tokens[0]: id is missing", { added_tokens: [{ content: "a" }] }],
    ["content is missing", { added_tokens: [{ id: 1 }] }],
  ])("is refused with the place: %s", async (message, fields) => {
    await expect(load(change(fields))).rejects.toThrow(ModelError);
    await expect(load(change(fields))).rejects.toThrow(message);
  });

  test("that is not there is named, and SentencePiece's own file is told apart", async () => {
    await withDirectory({}, async (directory) => {
      await expect(Tokenizer.load(directory)).rejects.toThrow(ModelNotFoundError);
    });
    await withDirectory({ "tokenizer.model": "" }, async (directory) => {
      await expect(Tokenizer.load(directory)).rejects.toThrow("convert it once");
    });
  });

  test("gives a ModelError or works, whatever JSON stands in a key", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.keys(tokenizer), ...CONFIG_KEYS),
        fc.jsonValue(),
        async (key, value) => {
          const source =
            key in tokenizer ? change({ [key]: value }) : { tokenizer, config: { [key]: value } };
          const outcome = await load(source).catch((error: unknown) => error);
          if (!(outcome instanceof Tokenizer)) expect(outcome).toBeInstanceOf(ModelError);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("tokenizer_config.json", () => {
  test("adds tokens to tokenizer.json's, and overrides them", async () => {
    const tokenizer = await load(
      byteLevelTokenizer({
        added_tokens_decoder: {
          267: { content: EOT, special: false },
          300: { content: "<|new|>", special: true },
        },
      }),
    );
    expect(tokenizer.decode([257, 267, 300])).toBe(`the${EOT}`);
    expect(tokenizer.vocabSize).toBe(301);
  });

  test("may be absent; special_tokens_map.json then names the special tokens", async () => {
    const { tokenizer } = byteLevelTokenizer();
    const files = { "special_tokens_map.json": JSON.stringify({ bos_token: { content: BOS } }) };
    expect((await load({ tokenizer, config: {} }, files)).bosTokenId).toBe(266);
  });
});

describe.skipIf(!existsSync(TINYSTORIES))("the TinyStories model (needs shared/data)", () => {
  // Ids as Hugging Face's tokenizers 0.23.2 gives them.
  const vectors = [
    ["Once upon a time", [1, 80, 147, 201, 282, 57]],
    ["caf", [1, 80, 295, 58]],
    ["", [1]],
    ["  two", undefined],
    ['Lily said, "I don\'t know!"\n\nThe end.', undefined],
  ] as const;

  test("encodes as the reference does, and decodes what it encoded", async () => {
    const tokenizer = await Tokenizer.load(TINYSTORIES);
    for (const [original, expected] of vectors) {
      const ids = tokenizer.encode(original, ANY_LENGTH);
      if (expected) expect([...ids]).toEqual([...expected]);
      expect(tokenizer.decode(ids)).toBe(original);
    }
  });
});
