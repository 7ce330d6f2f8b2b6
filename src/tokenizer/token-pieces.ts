// Text that each token of a vocabulary adds.
//
// The `decoder` of tokenizer.json turns a list of tokens into text. For the decoders of causal language
// models this is: each token's bytes, end to end, less a space at the very start. So a token has a
// piece of its own, looked up once and kept, and a text can grow token by token at no cost but that.

import type { JsonObject } from "../model/json-object.ts";
import { ModelError } from "../model/model-files.ts";
import { SWITCH, TEXT, whole } from "../model/value-schemas.ts";
import type { AddedToken } from "./tokenizer-files.ts";

/** Text, or bytes that are not whole characters by themselves. */
export type TokenPiece = string | Uint8Array;

/** Characters that the decoder drops at the start of a text: up to `count` times `char`. */
export interface LeadingStrip {
  readonly char: string;
  readonly count: number;
}

export interface TokenPiecesOptions {
  /** The `decoder` of tokenizer.json. */
  readonly decoder: JsonObject;
  readonly addedTokens: ReadonlyMap<number, AddedToken>;
  /** The vocabulary's entry for an id, as tokenizer.json spells it. */
  readonly tokenOf: (tokenId: number) => string | undefined;
}

export class TokenPieces {
  readonly leadingStrip: LeadingStrip;
  readonly #decode: DecodeToken;
  readonly #addedTokens: ReadonlyMap<number, AddedToken>;
  readonly #tokenOf: (tokenId: number) => string | undefined;
  readonly #pieces: (TokenPiece | undefined)[] = [];

  constructor({ decoder, addedTokens, tokenOf }: TokenPiecesOptions) {
    const { decode, leadingStrip } = compileDecoder(decoder);
    this.leadingStrip = leadingStrip;
    this.#decode = decode;
    this.#addedTokens = addedTokens;
    this.#tokenOf = tokenOf;
  }

  /** A token's piece. Special tokens, and ids without a token, have the empty one. < 50 ns. */
  pieceOf(tokenId: number): TokenPiece {
    return this.#pieces[tokenId] ?? this.#lookUp(tokenId);
  }

  #lookUp(tokenId: number): TokenPiece {
    const added = this.#addedTokens.get(tokenId);
    const token = this.#tokenOf(tokenId);
    let piece: TokenPiece = "";
    if (added !== undefined) piece = added.special ? "" : this.#decode(added.content, "added");
    else if (token !== undefined) piece = this.#decode(token, "vocabulary");
    if (token !== undefined || added !== undefined) this.#pieces[tokenId] = piece;
    return piece;
  }
}

type DecodeToken = (token: string, origin: "vocabulary" | "added") => TokenPiece;

interface CompiledDecoder {
  readonly decode: DecodeToken;
  readonly leadingStrip: LeadingStrip;
}

interface Step {
  /** Step of the decoder on one token. */
  readonly apply?: (token: string) => TokenPiece;
  /** Added tokens are spelled as text, not in the alphabet that stands for bytes. */
  readonly appliesTo?: "vocabulary";
  /** Step on the text as a whole. */
  readonly leadingStrip?: LeadingStrip;
}

const NO_STRIP: LeadingStrip = { char: " ", count: 0 };

function compileDecoder(decoder: JsonObject): CompiledDecoder {
  const isSequence = decoder.read("type", TEXT) === "Sequence";
  const configs = isSequence ? (decoder.objects("decoders") ?? []) : [decoder];
  const fuse = configs.findIndex((config) => config.read("type", TEXT) === "Fuse");
  const steps = configs.map((config, index) =>
    compileStep(config, fuse >= 0 && index > fuse ? "text" : "token"),
  );
  return {
    decode(token, origin) {
      let piece: TokenPiece = token;
      for (const { apply, appliesTo = origin } of steps) {
        // Bytes are final: the steps that may follow treat characters.
        if (apply && appliesTo === origin && typeof piece === "string") piece = apply(piece);
      }
      return piece;
    },
    leadingStrip: steps.findLast((step) => step.leadingStrip)?.leadingStrip ?? NO_STRIP,
  };
}

/** `unit` is what the decoder is given at this place: single tokens, or, after a Fuse, the text. */
function compileStep(config: JsonObject, unit: "token" | "text"): Step {
  const type = config.read("type", TEXT);
  if (unit === "text") {
    if (type === "Strip") return { leadingStrip: stripOf(config) };
    throw new ModelError(`${config.place}: a ${type} decoder after Fuse is not supported`);
  }
  switch (type) {
    case "ByteLevel":
      return { apply: decodeByteLevel, appliesTo: "vocabulary" };
    case "ByteFallback":
      return { apply: decodeByteFallback };
    case "Fuse":
      return {};
    case "Replace":
      return { apply: replacer(config) };
    case "Strip": {
      const strip = stripOf(config);
      return { apply: (token) => stripStart(token, strip) };
    }
    case "Metaspace":
      return metaspaceStep(config);
    default:
      throw new ModelError(
        `${config.place}: decoder ${type} is not supported; supported: ByteLevel, Metaspace, and ` +
          "sequences of Replace, ByteFallback, Fuse and Strip",
      );
  }
}

function metaspaceStep(config: JsonObject): Step {
  const replacement = config.read("replacement", TEXT) ?? "▁";
  const isPrefixed =
    config.read("prepend_scheme", TEXT) !== "never" &&
    (config.read("add_prefix_space", SWITCH) ?? true);
  return {
    apply: (token) => token.replaceAll(replacement, " "),
    leadingStrip: { char: " ", count: isPrefixed ? 1 : 0 },
  };
}

function replacer(config: JsonObject): (token: string) => string {
  const pattern = config.object("pattern")?.read("String", TEXT);
  if (pattern === undefined) {
    throw new ModelError(`${config.place}: pattern must be a String; others are not supported`);
  }
  const content = config.read("content", TEXT) ?? "";
  return (token) => token.replaceAll(pattern, () => content);
}

function stripOf(config: JsonObject): LeadingStrip {
  const char = config.read("content", TEXT) ?? " ";
  if (char.length !== 1 || config.read("stop", whole({ min: 0, max: 1000 }))) {
    throw new ModelError(`${config.place}: only one character, at the start, can be stripped`);
  }
  return { char, count: config.read("start", whole({ min: 0, max: 1000 })) ?? 0 };
}

/** `text` less what `strip` drops at its start. */
export function stripStart(text: string, { char, count }: LeadingStrip): string {
  let start = 0;
  while (start < count && text[start] === char) start++;
  return text.slice(start);
}

/** `<0x41>` is a byte of a character that the vocabulary does not have. */
function decodeByteFallback(token: string): TokenPiece {
  const hex = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
  return hex === undefined ? token : wholeOrBytes(Uint8Array.of(Number.parseInt(hex, 16)));
}

function decodeByteLevel(token: string): TokenPiece {
  const chars = [...token];
  const bytes = chars.map((char) => BYTE_OF_CHAR.get(char)).filter((byte) => byte !== undefined);
  // A token with a character outside the alphabet was never made of bytes: it is text already.
  return bytes.length === chars.length ? wholeOrBytes(Uint8Array.from(bytes)) : token;
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function wholeOrBytes(bytes: Uint8Array): TokenPiece {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return bytes; // not whole characters: what they mean depends on their neighbours
  }
}

/**
 * GPT-2's alphabet for bytes: a printable Latin-1 character stands for itself, and the other bytes, in
 * order, for the characters from U+0100 on.
 */
const BYTE_OF_CHAR: ReadonlyMap<string, number> = new Map(
  byteAlphabet().map((char, byte) => [char, byte]),
);

export function byteAlphabet(): readonly string[] {
  let numOthers = 0;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable =
      (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xff && byte !== 0xad);
    return String.fromCharCode(isPrintable ? byte : 0x100 + numOthers++);
  });
}
