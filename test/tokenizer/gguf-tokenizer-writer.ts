// A tokenizer.json as the metadata of a GGUF file, by the rules of llama.cpp's converter
// (conversion/base.py, get_vocab_base and _create_vocab_sentencepiece).

import { GgufTokenType } from "../../src/model/gguf-config.ts";
import type { GgufMetadata } from "../model/gguf-writer.ts";
import type { JsonFields, TokenizerSource } from "./synthetic-tokenizers.ts";

export interface GgufTokenizerOptions {
  /** The name of the pre-tokenizer, for byte-level vocabularies. */
  readonly pre?: string;
  readonly addBos?: boolean;
}

export function ggufTokenizer(
  { tokenizer, config }: TokenizerSource,
  { pre, addBos }: GgufTokenizerOptions = {},
): GgufMetadata {
  const model = tokenizer["model"] as JsonFields;
  const added = tokenizer["added_tokens"] as readonly JsonFields[];
  const tokens: string[] = [];
  const types: number[] = [];
  for (const [token, id] of Object.entries(model["vocab"] as Record<string, number>)) {
    tokens[id] = token;
    types[id] = /^<0x[0-9A-F]{2}>$/.test(token) ? GgufTokenType.BYTE : GgufTokenType.NORMAL;
  }
  for (const { id, content, special } of added) {
    tokens[Number(id)] = String(content);
    types[Number(id)] = special ? GgufTokenType.CONTROL : GgufTokenType.USER_DEFINED;
  }
  if (typeof model["unk_token"] === "string") {
    types[tokens.indexOf(model["unk_token"])] = GgufTokenType.UNKNOWN;
  }
  const padded = Array.from(tokens, (token, id) => token ?? `[PAD${id}]`);
  return {
    "tokenizer.ggml.model": pre === undefined ? "llama" : "gpt2",
    "tokenizer.ggml.tokens": padded,
    "tokenizer.ggml.token_type": Int32Array.from(
      padded,
      (_, id) => types[id] ?? GgufTokenType.UNUSED,
    ),
    ...(pre === undefined
      ? { "tokenizer.ggml.scores": scoresOf(padded, mergesOf(model)) }
      : {
          "tokenizer.ggml.pre": pre,
          "tokenizer.ggml.merges": mergesOf(model).map((pair) => pair.join(" ")),
        }),
    ...namedToken("bos", config["bos_token"], padded),
    ...namedToken("eos", config["eos_token"], padded),
    ...(addBos !== undefined && { "tokenizer.ggml.add_bos_token": addBos }),
    ...(typeof config["chat_template"] === "string" && {
      "tokenizer.chat_template": config["chat_template"],
    }),
  };
}

function mergesOf(model: JsonFields): readonly (readonly string[])[] {
  const merges = model["merges"] as readonly (string | readonly string[])[];
  return merges.map((merge) => (typeof merge === "string" ? merge.split(" ") : merge));
}

/** The sooner a piece is merged, the better; pieces that are no merge come last. */
function scoresOf(tokens: readonly string[], merges: readonly (readonly string[])[]): Float32Array {
  const ranks = new Map<string, number>();
  for (const [rank, pair] of merges.entries()) {
    const piece = pair.join("");
    if (!ranks.has(piece)) ranks.set(piece, rank);
  }
  return Float32Array.from(tokens, (token, id) => -(ranks.get(token) ?? merges.length + id));
}

function namedToken(name: string, token: unknown, tokens: readonly string[]): GgufMetadata {
  if (token === undefined || token === null) return {};
  const text = typeof token === "string" ? token : String((token as JsonFields)["content"]);
  return { [`tokenizer.ggml.${name}_token_id`]: tokens.indexOf(text) };
}
