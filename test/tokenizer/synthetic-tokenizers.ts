// Two small tokenizers, made here so that tests run anywhere: one over bytes as Llama 3's, one with
// spaces as letters and bytes to fall back on as Llama 2's.

import * as fc from "fast-check";
import { withDirectory } from "../model/model-directory.ts";
import { BYTE_CHARS } from "./byte-chars.ts";
import { Tokenizer } from "./whole-tokenizer.ts";

export type JsonFields = Readonly<Record<string, unknown>>;

export interface TokenizerSource {
  readonly tokenizer: JsonFields;
  readonly config: JsonFields;
}

export const BOS = "<|bos|>";
export const EOT = "<|eot|>";

/** Any text that tokens can spell: none of the special tokens, nor SentencePiece's mark for a space. */
export const anyText = fc
  .string({ unit: "grapheme" })
  .filter((text) => !/<\|?\/?\w+\|?>|▁|\ufffd/.test(text));

const BYTE_LEVEL_MERGES = [
  ["t", "h"],
  ["th", "e"],
  ["Ġ", "the"],
  ["h", "e"],
  ["l", "l"],
  ["Ġ", "Ġ"],
  ["ð", "Ł"], // the first two bytes of most emoji
  ["Ã", "©"], // é
  ["ä", "½"], // the first two of three bytes of 你
  ["ł", "å"], // its last byte, and the first of 好
] as const;

/** Ids 0 to 255 are the bytes, then come the merges, then the added tokens. */
export function byteLevelTokenizer(config: JsonFields = {}): TokenizerSource {
  const tokens = [...BYTE_CHARS, ...BYTE_LEVEL_MERGES.map((pair) => pair.join(""))];
  const numTokens = tokens.length;
  return {
    tokenizer: {
      added_tokens: [
        addedToken(numTokens, BOS, { special: true }),
        addedToken(numTokens + 1, EOT, { special: true }),
        addedToken(numTokens + 2, "<é>", { special: false }),
      ],
      normalizer: null,
      pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, use_regex: true },
      post_processor: openedBy(BOS, numTokens),
      decoder: { type: "ByteLevel" },
      model: { type: "BPE", vocab: vocabularyOf(tokens), merges: BYTE_LEVEL_MERGES },
    },
    config: { bos_token: BOS, eos_token: { content: EOT }, ...config },
  };
}

export const SPM_SPECIAL = ["<unk>", "<s>", "</s>"] as const;

/** Ids 0 to 2 are special, 3 to 258 are bytes, then come letters and merges. */
export function spmTokenizer(config: JsonFields = {}): TokenizerSource {
  const hex = (byte: number) => byte.toString(16).toUpperCase().padStart(2, "0");
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${hex(byte)}>`);
  const merges = ["▁ t", "▁t h", "▁th e", "l l", "▁ ▁"];
  const pieces = [
    ..."▁abcdefghijklmnopqrstuvwxyz.,",
    ...merges.map((pair) => pair.replace(" ", "")),
  ];
  return {
    tokenizer: {
      added_tokens: SPM_SPECIAL.map((content, id) => addedToken(id, content, { special: true })),
      normalizer: {
        type: "Sequence",
        normalizers: [
          { type: "Prepend", prepend: "▁" },
          { type: "Replace", pattern: { String: " " }, content: "▁" },
        ],
      },
      pre_tokenizer: null,
      post_processor: openedBy("<s>", 1),
      decoder: {
        type: "Sequence",
        decoders: [
          { type: "Replace", pattern: { String: "▁" }, content: " " },
          { type: "ByteFallback" },
          { type: "Fuse" },
          { type: "Strip", content: " ", start: 1, stop: 0 },
        ],
      },
      model: {
        type: "BPE",
        vocab: vocabularyOf([...SPM_SPECIAL, ...bytes, ...pieces]),
        merges,
        unk_token: "<unk>",
        fuse_unk: true,
        byte_fallback: true,
      },
    },
    config: { bos_token: "<s>", eos_token: "</s>", ...config },
  };
}

/** Loads a tokenizer from a directory with these files. */
export async function load(
  source: TokenizerSource,
  files: Readonly<Record<string, string>> = {},
): Promise<Tokenizer> {
  const all = {
    "tokenizer.json": JSON.stringify(source.tokenizer),
    "tokenizer_config.json": JSON.stringify(source.config),
    ...files,
  };
  return withDirectory(all, (directory) => Tokenizer.load(directory));
}

function addedToken(id: number, content: string, { special }: { special: boolean }): JsonFields {
  return { id, content, special, normalized: false };
}

/** The post-processor that puts a token before every text. */
export function openedBy(token: string, id: number): JsonFields {
  const first = { SpecialToken: { id: token, type_id: 0 } };
  const text = { Sequence: { id: "A", type_id: 0 } };
  return {
    type: "TemplateProcessing",
    single: [first, text],
    pair: [first, text, first, text],
    special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
  };
}

function vocabularyOf(tokens: readonly string[]): JsonFields {
  return Object.fromEntries(tokens.map((token, id) => [token, id]));
}
