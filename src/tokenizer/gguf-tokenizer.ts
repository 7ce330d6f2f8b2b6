// The tokenizer inside a GGUF file, written out as the tokenizer.json that it was made from, so that one
// encoder and one detokenizer serve both. Keys: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md;
// what a file leaves out is as src/llama-vocab.cpp of llama.cpp has it.

import { showFound } from "../base/describe-issue.ts";
import { GgufTokenType } from "../model/gguf-config.ts";
import { readGgufHeader } from "../model/gguf-header.ts";
import { JsonObject } from "../model/json-object.ts";
import { ModelError, ModelNotFoundError } from "../model/model-files.ts";
import { listOf, SWITCH, TEXT, TEXTS, whole, wholes } from "../model/value-schemas.ts";
import { PRE_TOKENIZERS, type PreTokenizer } from "./pre-tokenizers.ts";
import { type Merge, mergesOf, type Piece } from "./spm-merges.ts";
import { type AddedToken, measureVocabulary, type TokenizerFiles } from "./tokenizer-files.ts";

const TOKEN_ID = { min: 0, max: 2 ** 24 };
const SCORE = { min: -1e30, max: 1e30 };

// Scores become merges by trying all cuts of a piece. SentencePiece's own limit is 16 characters, and the
// longest pieces known, of spaces, have 31.
const MAX_PIECE_LENGTH = 512;

const SPACE_MARK = "▁";

/** Reads the tokenizer of the GGUF file at `path`. */
export async function readGgufTokenizer(path: string): Promise<TokenizerFiles> {
  const { metadata } = await readGgufHeader(path);
  const vocabulary = readVocabulary(metadata);
  const addedTokens = addedTokensOf(vocabulary);
  const scheme = schemeOf(metadata, vocabulary);
  const tokenizer = new JsonObject(path, {
    added_tokens: [...addedTokens.values()].map(({ fields }) => fields),
    post_processor: postProcessorOf(metadata, vocabulary, scheme.addBos),
    ...scheme.fields,
  });
  const template = metadata.read("tokenizer.chat_template", TEXT);
  return {
    tokenizer,
    config: new JsonObject(path, {}),
    addedTokens,
    vocabulary: measureVocabulary(tokenizer, addedTokens),
    bosToken: vocabulary.tokenAt("bos"),
    eosToken: vocabulary.tokenAt("eos"),
    addBosToken: false, // the post-processor does
    chatTemplate:
      template === undefined
        ? undefined
        : {
            place: `${path}: tokenizer.chat_template`,
            text: template,
            toolUse: metadata.read("tokenizer.chat_template.tool_use", TEXT),
          },
    warnings: scheme.warnings,
  };
}

type NamedToken = "bos" | "eos" | "eot" | "eom" | "unknown";

interface Vocabulary {
  readonly tokens: readonly string[];
  readonly types: readonly number[];
  readonly idOf: (name: NamedToken) => number | undefined;
  readonly tokenAt: (name: NamedToken) => string | undefined;
}

function readVocabulary(metadata: JsonObject): Vocabulary {
  const tokens = metadata.read("tokenizer.ggml.tokens", TEXTS);
  if (tokens === undefined) {
    throw new ModelNotFoundError(
      `${metadata.place} has no tokenizer; take another conversion of the model`,
    );
  }
  const types =
    metadata.read("tokenizer.ggml.token_type", wholes({ min: 0, max: 2 ** 31 })) ??
    tokens.map(() => GgufTokenType.NORMAL);
  checkLength(metadata, "tokenizer.ggml.token_type", types, tokens);
  const ids = { min: 0, max: Math.min(TOKEN_ID.max, tokens.length - 1) };
  const idOf = (name: NamedToken) => metadata.read(`tokenizer.ggml.${name}_token_id`, whole(ids));
  return { tokens, types, idOf, tokenAt: (name) => tokens[idOf(name) ?? -1] };
}

function checkLength(
  metadata: JsonObject,
  key: string,
  list: readonly unknown[],
  tokens: readonly string[],
): void {
  if (list.length === tokens.length) return;
  throw new ModelError(
    `${metadata.place}: ${key} has ${list.length} items for ${tokens.length} tokens; the file is damaged`,
  );
}

/** Tokens that are found in a text as a whole, before anything else is made of it. */
function addedTokensOf({ tokens, types, idOf }: Vocabulary): ReadonlyMap<number, AddedToken> {
  const named = new Set([idOf("bos"), idOf("eos"), idOf("eot"), idOf("eom")]);
  const added = new Map<number, AddedToken>();
  for (const [id, content] of tokens.entries()) {
    const type = types[id];
    const special =
      type === GgufTokenType.CONTROL || type === GgufTokenType.UNKNOWN || named.has(id);
    if (content === "" || (!special && type !== GgufTokenType.USER_DEFINED)) continue;
    added.set(id, { id, content, special, fields: { id, content, special, normalized: false } });
  }
  return added;
}

/** The rest of tokenizer.json, which differs between the kinds of tokenizers. */
interface Scheme {
  readonly fields: Readonly<Record<string, unknown>>;
  /** Used where the file does not say. */
  readonly addBos: boolean;
  readonly warnings: readonly string[];
}

function schemeOf(metadata: JsonObject, vocabulary: Vocabulary): Scheme {
  const model = metadata.read("tokenizer.ggml.model", TEXT);
  if (model === "gpt2") return byteLevelScheme(metadata, vocabulary);
  if (model === "llama") return sentencePieceScheme(metadata, vocabulary);
  throw new ModelError(
    `${metadata.place}: tokenizer.ggml.model is ${showFound(model)}; supported: gpt2 (byte-level BPE) and ` +
      "llama (SentencePiece BPE)",
  );
}

function byteLevelScheme(metadata: JsonObject, { tokens }: Vocabulary): Scheme {
  const name = metadata.read(PRE, TEXT);
  const pre = preTokenizerOf(metadata, name ?? "default");
  const merges = metadata.require("tokenizer.ggml.merges", TEXTS);
  const splits = pre.patterns.map((pattern) => ({
    type: "Split",
    pattern: { Regex: pattern },
    behavior: "Isolated",
    invert: false,
  }));
  const toBytes = { type: "ByteLevel", add_prefix_space: false, use_regex: false };
  return {
    fields: {
      normalizer: pre.normalizer === undefined ? null : { type: pre.normalizer },
      pre_tokenizer: { type: "Sequence", pretokenizers: [...splits, toBytes] },
      decoder: { type: "ByteLevel" },
      model: {
        type: "BPE",
        vocab: vocabOf(tokens),
        merges: merges.map((merge) => pairOf(metadata, merge)),
        ignore_merges: pre.ignoreMerges ?? false,
      },
    },
    addBos: pre.addBos ?? false,
    warnings: name === undefined ? [`${PRE} is missing: ${GUESSED}`] : [],
  };
}

const PRE = "tokenizer.ggml.pre";
const GUESSED =
  "words are cut as by default, which may not be the model's way; a newer conversion of the model says how";

function preTokenizerOf(metadata: JsonObject, name: string): PreTokenizer {
  const pre = PRE_TOKENIZERS.get(name);
  if (pre !== undefined) return pre;
  const supported = [...PRE_TOKENIZERS.keys()].join(", ");
  throw new ModelError(`${metadata.place}: ${PRE} is ${showFound(name)}; supported: ${supported}`);
}

/** Merges are written with a space between their parts, and no byte's character is a space. */
function pairOf(metadata: JsonObject, merge: string): Merge {
  const space = merge.indexOf(" ", 1);
  if (space > 0) return [merge.slice(0, space), merge.slice(space + 1)];
  throw new ModelError(
    `${metadata.place}: tokenizer.ggml.merges has ${showFound(merge)}, which is no pair`,
  );
}

function sentencePieceScheme(metadata: JsonObject, vocabulary: Vocabulary): Scheme {
  const isPrefixed = metadata.read("tokenizer.ggml.add_space_prefix", SWITCH) ?? true;
  const replaceSpaces = { type: "Replace", pattern: { String: " " }, content: SPACE_MARK };
  const prepend = { type: "Prepend", prepend: SPACE_MARK };
  const strip = { type: "Strip", content: " ", start: 1, stop: 0 };
  return {
    fields: {
      normalizer: {
        type: "Sequence",
        normalizers: isPrefixed ? [prepend, replaceSpaces] : [replaceSpaces],
      },
      pre_tokenizer: null,
      decoder: {
        type: "Sequence",
        decoders: [
          { type: "Replace", pattern: { String: SPACE_MARK }, content: " " },
          { type: "ByteFallback" },
          { type: "Fuse" },
          ...(isPrefixed ? [strip] : []),
        ],
      },
      model: {
        type: "BPE",
        vocab: vocabOf(vocabulary.tokens),
        merges: mergesOf(piecesOf(metadata, vocabulary)),
        unk_token: unknownToken(vocabulary) ?? null,
        fuse_unk: true,
        byte_fallback: true,
      },
    },
    addBos: true,
    warnings: [],
  };
}

/** The tokens that a text can be merged to. */
function piecesOf(metadata: JsonObject, { tokens, types }: Vocabulary): readonly Piece[] {
  const key = "tokenizer.ggml.scores";
  const scores = metadata.require(key, listOf(SCORE));
  checkLength(metadata, key, scores, tokens);
  const pieces: Piece[] = [];
  for (const [id, text] of tokens.entries()) {
    if (types[id] !== GgufTokenType.NORMAL) continue;
    if (text.length > MAX_PIECE_LENGTH) {
      throw new ModelError(
        `${metadata.place}: token ${id} has ${text.length} characters; at most ${MAX_PIECE_LENGTH}`,
      );
    }
    pieces.push({ text, score: scores[id] ?? 0 });
  }
  return pieces;
}

function vocabOf(tokens: readonly string[]): Readonly<Record<string, number>> {
  return Object.fromEntries(tokens.map((token, id) => [token, id]));
}

/** Writes the tokens that open and end a text, if any. */
function postProcessorOf(metadata: JsonObject, vocabulary: Vocabulary, addBos: boolean): unknown {
  const bos =
    (metadata.read("tokenizer.ggml.add_bos_token", SWITCH) ?? addBos) ? ["bos" as const] : [];
  const eos = metadata.read("tokenizer.ggml.add_eos_token", SWITCH) ? ["eos" as const] : [];
  const item = (name: NamedToken) => {
    const id = vocabulary.tokenAt(name);
    return id === undefined ? [] : [{ SpecialToken: { id, type_id: 0 } }];
  };
  const single = [
    ...bos.flatMap(item),
    { Sequence: { id: "A", type_id: 0 } },
    ...eos.flatMap(item),
  ];
  return single.length === 1 ? null : { type: "TemplateProcessing", single, pair: single };
}

function unknownToken({ tokens, types, tokenAt }: Vocabulary): string | undefined {
  return tokenAt("unknown") ?? tokens[types.indexOf(GgufTokenType.UNKNOWN)];
}
