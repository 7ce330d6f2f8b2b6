import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";

import { ModelError, ModelNotFoundError } from "../../src/model/model-files.ts";
import { openTokenizer } from "../../src/tokenizer/open-tokenizer.ts";
import { PRE_TOKENIZERS } from "../../src/tokenizer/pre-tokenizers.ts";
import { type GgufMetadata, ggufFile, type MetadataValue } from "../model/gguf-writer.ts";
import { withDirectory } from "../model/model-directory.ts";
import { BYTE_CHARS } from "./byte-chars.ts";
import { type GgufTokenizerOptions, ggufTokenizer } from "./gguf-tokenizer-writer.ts";
import {
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

const VARIED = [
  "",
  " ",
  "the the  the\n\n\tthe",
  "I'VE told you, we'll see; it's 'fine'",
  "1 22 333 4444 3.14159 ½ ٣٤٥",
  "你好，世界！ 한국어 नमस्ते",
  "😶\u200d🌫️🦙🦙 ✅",
  "naïve café cafe\u0301 ﬁ",
  "if (a[i] != b) { return `x`; } // done\r\n",
  "-------- ==== ~~~ <<>> $$ ^^ || \"\"''``",
  `${"x".repeat(300)}${" ".repeat(70)}y`,
];

// Pieces of text that pre-tokenizers treat differently, so that random texts meet their rules.
const anyText = fc
  .array(
    fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.constantFrom(" ", "  ", "\n", "\r\n", "\t", "'s", "'LL", "the", "12345", "...", "é", "Ab"),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(""))
  .filter((text) => !/<\|?\/?\w+\|?>|▁/.test(text));

function loadGguf(metadata: GgufMetadata): Promise<Tokenizer> {
  const files = { "m.gguf": ggufFile(metadata, {}) };
  return withDirectory(files, (directory) => Tokenizer.load(join(directory, "m.gguf")));
}

async function bothOf(source: TokenizerSource, options: GgufTokenizerOptions) {
  return { json: await load(source), gguf: await loadGguf(ggufTokenizer(source, options)) };
}

async function expectSame({ json, gguf }: Awaited<ReturnType<typeof bothOf>>): Promise<void> {
  const expectSameOn = (text: string) => {
    const ids = [...json.encode(text, ANY_LENGTH)];
    expect([...gguf.encode(text, ANY_LENGTH)]).toEqual(ids);
    expect(gguf.decode(ids)).toBe(json.decode(ids));
  };
  for (const text of VARIED) expectSameOn(text);
  await fc.assert(fc.property(anyText, expectSameOn), { numRuns: 300 });
  expect(gguf).toMatchObject({
    vocabSize: json.vocabSize,
    bosTokenId: json.bosTokenId,
    eosTokenId: json.eosTokenId,
  });
}

/** The byte-level tokenizer with the pre-tokenizer of a tokenizer.json. */
function withPreTokenizer(changes: JsonFields, modelChanges: JsonFields = {}): TokenizerSource {
  const { tokenizer, config } = byteLevelTokenizer();
  const model = { ...(tokenizer["model"] as JsonFields), ...modelChanges };
  return { tokenizer: { ...tokenizer, ...changes, model }, config };
}

const TO_BYTES = { type: "ByteLevel", add_prefix_space: false, use_regex: false };

function splitBy(...patterns: readonly string[]): JsonFields {
  const splits = patterns.map((Regex) => ({
    type: "Split",
    pattern: { Regex },
    behavior: "Isolated",
    invert: false,
  }));
  return { pre_tokenizer: { type: "Sequence", pretokenizers: [...splits, TO_BYTES] } };
}

// From the tokenizer.json of Llama 3.1, Qwen3 and Mistral Nemo.
const LLAMA3 =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const QWEN2 =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const TEKKEN =
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

// From the comments of src/llama-vocab.cpp, and DeepSeek V3's tokenizer.json.
const QWEN35 =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const GPT4O =
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const DEEPSEEK3 = [
  "\\p{N}{1,3}",
  "[一-龥぀-ゟ゠-ヿ]+",
  "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
] as const;
const EXAONE_MOE =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]?|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+";

/** Names of vocabularies whose texts are normalized to NFC first. */
const NORMALIZING = ["qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2"];

// "Digits" of tokenizer.json would leave digits outside ASCII together here, unlike in the reference.
const DIGITS = "\\p{N}";

// Merges across every border that some pre-tokenizer draws, so that each border shows in the ids.
const BORDER_MERGES = [
  ..."0123456789".split("").flatMap((a) => ["1", "2", "3", "4", "5"].map((b) => [a, b] as const)),
  ["1", "23"],
  ["12", "345"],
  ["'", "s"],
  ["'", "L"],
  ["'L", "L"],
  ["Ġ", "'"],
  [".", "."],
  ["..", "."],
  ["Ċ", "Ċ"],
  ["č", "Ċ"],
  ["Ġ", "Ċ"],
  ["A", "b"],
  ["b", "A"],
  ["e", "."],
  ["the", "Ġthe"],
] as const;

function withBorderMerges({ tokenizer, config }: TokenizerSource): TokenizerSource {
  const model = tokenizer["model"] as JsonFields;
  const merges = [...(model["merges"] as readonly (readonly string[])[]), ...BORDER_MERGES];
  const tokens = [...new Set([...BYTE_CHARS, ...merges.map((pair) => pair.join(""))])];
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const added = (tokenizer["added_tokens"] as readonly JsonFields[]).map((token, index) => ({
    ...token,
    id: tokens.length + index,
  }));
  return {
    tokenizer: {
      ...tokenizer,
      added_tokens: added,
      post_processor: null,
      model: { ...model, vocab, merges },
    },
    config,
  };
}

describe("a byte-level vocabulary in a GGUF file gives the ids of its tokenizer.json:", () => {
  test.each<[string, TokenizerSource]>([
    ["gpt-2", withPreTokenizer({})],
    ["llama-bpe", withPreTokenizer(splitBy(LLAMA3), { ignore_merges: true })],
    ["dbrx", withPreTokenizer(splitBy(LLAMA3))],
    ["qwen2", withPreTokenizer({ ...splitBy(QWEN2), normalizer: { type: "NFC" } })],
    ["stablelm2", withPreTokenizer(splitBy(QWEN2))],
    ["tekken", withPreTokenizer(splitBy(TEKKEN), { ignore_merges: true })],
    ["qwen35", withPreTokenizer(splitBy(QWEN35))],
    ["gpt-4o", withPreTokenizer(splitBy(GPT4O))],
    ["deepseek-v3", withPreTokenizer(splitBy(...DEEPSEEK3))],
    ["glm4", withPreTokenizer(splitBy(LLAMA3))],
    ["exaone4", withPreTokenizer({})],
    ["exaone-moe", withPreTokenizer(splitBy(EXAONE_MOE))],
    [
      "smollm",
      withPreTokenizer({
        pre_tokenizer: {
          type: "Sequence",
          pretokenizers: [
            { type: "Split", pattern: { Regex: DIGITS }, behavior: "Isolated", invert: false },
            { type: "ByteLevel", add_prefix_space: false, use_regex: true },
          ],
        },
      }),
    ],
  ])("%s", async (pre, source) => {
    await expectSame(await bothOf(withBorderMerges(source), { pre, addBos: false }));
  });

  test("and so does each of the other names", async () => {
    const metadata = ggufTokenizer(byteLevelTokenizer(), { pre: "gpt-2", addBos: false });
    for (const pre of PRE_TOKENIZERS.keys()) {
      const tokenizer = await loadGguf({ ...metadata, "tokenizer.ggml.pre": pre });
      for (const text of VARIED) {
        expect(tokenizer.decode(tokenizer.encode(text, ANY_LENGTH))).toBe(
          NORMALIZING.includes(pre) ? text.normalize("NFC") : text,
        );
      }
    }
  });

  test("and a file without a name is cut as by default, with a warning", async () => {
    const metadata = ggufTokenizer(byteLevelTokenizer(), { pre: "default", addBos: false });
    const { "tokenizer.ggml.pre": _, ...nameless } = metadata;
    const [named, guessed] = [await loadGguf(metadata), await loadGguf(nameless)];
    for (const text of VARIED) {
      expect(guessed.encode(text, ANY_LENGTH)).toEqual(named.encode(text, ANY_LENGTH));
    }
    const files = { "m.gguf": ggufFile(nameless, {}), "n.gguf": ggufFile(metadata, {}) };
    const [warned, silent] = await withDirectory(files, (directory) =>
      Promise.all(["m.gguf", "n.gguf"].map((name) => openTokenizer(join(directory, name)))),
    );
    expect(warned?.warnings).toEqual([expect.stringContaining("tokenizer.ggml.pre is missing")]);
    expect(silent?.warnings).toEqual([]);
  });
});

describe("a SentencePiece vocabulary in a GGUF file", () => {
  test("gives the ids of its tokenizer.json", async () => {
    await expectSame(await bothOf(spmTokenizer(), {}));
  });

  test("may go without the space before a text", async () => {
    const metadata = ggufTokenizer(spmTokenizer(), { addBos: false });
    const plain = await loadGguf({ ...metadata, "tokenizer.ggml.add_space_prefix": false });
    const prefixed = await loadGguf(metadata);
    expect([...plain.encode(" the", ANY_LENGTH)]).toEqual([...prefixed.encode("the", ANY_LENGTH)]);
    expect(plain.decode(plain.encode(" the", ANY_LENGTH))).toBe(" the");
  });

  test.skipIf(!existsSync(TINYSTORIES))(
    "of a real model does too (needs shared/data)",
    async () => {
      const [tokenizer, config] = ["tokenizer.json", "tokenizer_config.json"].map(
        (name) => JSON.parse(readFileSync(join(TINYSTORIES, name), "utf8")) as JsonFields,
      );
      const both = await bothOf({ tokenizer: tokenizer ?? {}, config: config ?? {} }, {});
      await expectSame(both);
      const story =
        'Once upon a time, there was a little girl named Lily. She said, "I don\'t know!"\n\nThe end.';
      expect([...both.gguf.encode(story, ANY_LENGTH)]).toEqual([
        ...both.json.encode(story, ANY_LENGTH),
      ]);
    },
  );
});

describe("what a GGUF file says beside its vocabulary", () => {
  const source = byteLevelTokenizer({ chat_template: "{{ bos_token }}{{ messages[0].content }}" });
  const metadata = ggufTokenizer(source, { pre: "gpt-2" });
  const bos = 266;
  const eos = 267;

  const encode = async (changes: GgufMetadata, text = "the") => [
    ...(await loadGguf({ ...metadata, ...changes })).encode(text, ANY_LENGTH),
  ];

  test("a text is opened and ended as the flags say", async () => {
    expect(await encode({ "tokenizer.ggml.add_bos_token": true })).toEqual([bos, 257]);
    expect(await encode({ "tokenizer.ggml.add_bos_token": false })).toEqual([257]);
    expect(await encode({ "tokenizer.ggml.add_eos_token": true })).toEqual([257, eos]);
  });

  test("a text is opened as its kind of tokenizer does, where no flag says", async () => {
    expect(await encode({})).toEqual([257]);
    expect(await encode({ "tokenizer.ggml.pre": "llama-bpe" })).toEqual([bos, 257]);
    const spm = await loadGguf(ggufTokenizer(spmTokenizer()));
    expect(spm.encode("the", ANY_LENGTH)[0]).toBe(1);
  });

  test("a text that has the opening token gets no second one", async () => {
    expect(await encode({ "tokenizer.ggml.add_bos_token": true }, `${BOS}the`)).toEqual([bos, 257]);
  });

  test("control tokens are found in a text and have none of their own", async () => {
    const tokenizer = await loadGguf(metadata);
    const ids = tokenizer.encode(`the${EOT}<é>the`, ANY_LENGTH);
    expect([...ids]).toEqual([257, eos, 268, 257]);
    expect(tokenizer.decode(ids)).toBe("the<é>the");
  });

  test("the named tokens are control tokens, whatever their type", async () => {
    const types = new Int32Array(269).fill(1);
    const tokenizer = await loadGguf({ ...metadata, "tokenizer.ggml.token_type": types });
    expect(tokenizer.decode(tokenizer.encode(`the${EOT}`, ANY_LENGTH))).toBe("the");
  });

  test("the chat template is the file's", async () => {
    const tokenizer = await loadGguf(metadata);
    const messages = [{ role: "user", content: "the" }];
    expect([...tokenizer.encodeChat(messages, ANY_LENGTH)]).toEqual([bos, 257]);
    const { "tokenizer.chat_template": _, ...without } = metadata;
    const plain = await loadGguf(without);
    expect([...plain.encodeChat(messages, ANY_LENGTH)]).toEqual([257]);
  });

  test("a directory with one file has its tokenizer", async () => {
    const files = { "m.gguf": ggufFile(metadata, {}) };
    const tokenizer = await withDirectory(files, (directory) => Tokenizer.load(directory));
    expect(tokenizer.vocabSize).toBe(269);
  });
});

describe("a tokenizer that cannot be used is refused by name:", () => {
  const byteLevel = ggufTokenizer(byteLevelTokenizer(), { pre: "gpt-2" });
  const spm = ggufTokenizer(spmTokenizer());

  test.each<[string, GgufMetadata, Readonly<Record<string, MetadataValue | undefined>>]>([
    ["has no tokenizer", byteLevel, { "tokenizer.ggml.tokens": undefined }],
    [
      'tokenizer.ggml.model is "bert"; supported: gpt2',
      byteLevel,
      { "tokenizer.ggml.model": "bert" },
    ],
    [
      'tokenizer.ggml.pre is "roberta-bpe"; supported: default, gpt-2',
      byteLevel,
      { "tokenizer.ggml.pre": "roberta-bpe" },
    ],
    ["tokenizer.ggml.merges is missing", byteLevel, { "tokenizer.ggml.merges": undefined }],
    ['has "th", which is no pair', byteLevel, { "tokenizer.ggml.merges": ["th"] }],
    [
      "token_type has 1 items for 269 tokens",
      byteLevel,
      { "tokenizer.ggml.token_type": Int32Array.of(1) },
    ],
    [
      "bos_token_id is 269; expected a whole number from 0 to 268",
      byteLevel,
      { "tokenizer.ggml.bos_token_id": 269 },
    ],
    ["tokenizer.ggml.scores is missing", spm, { "tokenizer.ggml.scores": undefined }],
    ["scores has 2 items for", spm, { "tokenizer.ggml.scores": Float32Array.of(1, 2) }],
    ["expected a list of numbers", spm, { "tokenizer.ggml.scores": Float32Array.of(Number.NaN) }],
    [
      "tokenizer.chat_template is not a valid template",
      byteLevel,
      { "tokenizer.chat_template": "{% if %}" },
    ],
  ])("%s", async (message, metadata, changes) => {
    const entries = Object.entries({ ...metadata, ...changes });
    const defined = entries.filter((e): e is [string, MetadataValue] => e[1] !== undefined);
    const loaded = loadGguf(Object.fromEntries(defined));
    await expect(loaded).rejects.toThrow(ModelError);
    await expect(loaded).rejects.toThrow(message);
  });

  test("a missing file is no tokenizer", async () => {
    const loaded = Tokenizer.load("/no/such/m.gguf");
    await expect(loaded).rejects.toThrow(ModelNotFoundError);
  });

  test("a piece that is too long to be cut everywhere", async () => {
    const tokens = ["<unk>", "a".repeat(100_000)];
    const metadata = {
      "tokenizer.ggml.model": "llama",
      "tokenizer.ggml.tokens": tokens,
      "tokenizer.ggml.scores": new Float32Array(2),
    };
    await expect(loadGguf(metadata)).rejects.toThrow("token 1 has 100000 characters; at most 512");
  });

  test("any value in any key gives a tokenizer or a ModelError", async () => {
    const value = fc.oneof<fc.Arbitrary<MetadataValue>[]>(
      fc.nat(300),
      fc.string(),
      fc.boolean(),
      fc.array(fc.string(), { maxLength: 5 }),
      fc.int32Array({ maxLength: 5 }),
      fc.float32Array({ maxLength: 5 }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(byteLevel, spm),
        fc.constantFrom(...Object.keys({ ...byteLevel, ...spm })),
        value,
        async (metadata, key, changed) => {
          const outcome = await loadGguf({ ...metadata, [key]: changed }).catch((e: unknown) => e);
          if (!(outcome instanceof Tokenizer)) expect(outcome).toBeInstanceOf(ModelError);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("a small vocabulary of any tokens gives a tokenizer that encodes, or a ModelError", async () => {
    const token = fc.record({
      text: fc.oneof(
        fc.string({ maxLength: 4 }),
        fc.constantFrom("", " ", "▁", "<0x41>", "a", "ab"),
      ),
      type: fc.nat(7),
      score: fc.float({ noNaN: true }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(token, { maxLength: 8 }), async (tokens) => {
        const outcome = await loadGguf({
          "tokenizer.ggml.model": "llama",
          "tokenizer.ggml.tokens": tokens.map(({ text }) => text),
          "tokenizer.ggml.token_type": Int32Array.from(tokens, ({ type }) => type),
          "tokenizer.ggml.scores": Float32Array.from(tokens, ({ score }) => score),
        }).catch((error: unknown) => error);
        if (outcome instanceof Tokenizer) outcome.encode("ab a", ANY_LENGTH);
        else expect(outcome).toBeInstanceOf(ModelError);
      }),
      { numRuns: 300 },
    );
  });
});
