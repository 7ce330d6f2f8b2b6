import { describe, expect, test } from "bun:test";

import { JsonObject } from "../../src/model/json-object.ts";
import { ModelError } from "../../src/model/model-files.ts";
import { TokenPieces } from "../../src/tokenizer/token-pieces.ts";
import type { JsonFields } from "./synthetic-tokenizers.ts";

/** The pieces of `tokens`, by index, under this decoder. */
function pieces(decoder: JsonFields, tokens: readonly string[]) {
  const table = new TokenPieces({
    decoder: new JsonObject("decoder", decoder),
    addedTokens: new Map(),
    tokenOf: (tokenId) => tokens[tokenId],
  });
  return { list: tokens.map((_, id) => table.pieceOf(id)), strip: table.leadingStrip };
}

function sequence(...decoders: readonly JsonFields[]): JsonFields {
  return { type: "Sequence", decoders };
}

const FUSE = { type: "Fuse" };

describe("a token's piece", () => {
  test("under ByteLevel is text where its bytes are whole characters, else the bytes", () => {
    const { list } = pieces({ type: "ByteLevel" }, ["Ġthe", "Ã©", "Ã", "ðŁ", "plain 你"]);
    expect(list).toEqual([
      " the",
      "é",
      Uint8Array.of(0xc3),
      Uint8Array.of(0xf0, 0x9f),
      "plain 你", // not made of that alphabet
    ]);
  });

  test("under Metaspace has spaces for its marks, one of which the text's start drops", () => {
    expect(pieces({ type: "Metaspace" }, ["▁a▁b"])).toEqual({
      list: [" a b"],
      strip: { char: " ", count: 1 },
    });
    const never = { type: "Metaspace", replacement: "_", prepend_scheme: "never" };
    expect(pieces(never, ["_a"])).toEqual({ list: [" a"], strip: { char: " ", count: 0 } });
  });

  test("under a sequence is what its steps make of it, one after the other", () => {
    const decoder = sequence(
      { type: "Replace", pattern: { String: "▁" }, content: "$&" },
      { type: "ByteFallback" },
      FUSE,
      { type: "Strip", content: "$", start: 2, stop: 0 },
    );
    expect(pieces(decoder, ["▁a", "<0x41>", "<0xC3>", "<0xZZ>"])).toEqual({
      list: ["$&a", "A", Uint8Array.of(0xc3), "<0xZZ>"],
      strip: { char: "$", count: 2 },
    });
  });

  test("is stripped itself where the step stands before Fuse", () => {
    const strip = { type: "Strip", content: " ", start: 1, stop: 0 };
    expect(pieces(sequence(strip, FUSE), ["  a", "b"]).list).toEqual([" a", "b"]);
  });

  test("is empty for an id without a token", () => {
    const table = new TokenPieces({
      decoder: new JsonObject("decoder", FUSE),
      addedTokens: new Map(),
      tokenOf: () => undefined,
    });
    expect(table.pieceOf(7)).toBe("");
  });
});

test.each([
  ["decoder WordPiece is not supported", { type: "WordPiece" }],
  ["decoder CTC is not supported", sequence({ type: "CTC" })],
  ["a Replace decoder after Fuse", sequence(FUSE, { type: "Replace", pattern: { String: "a" } })],
  ["pattern must be a String", { type: "Replace", pattern: { Regex: "a+" }, content: "" }],
  ["only one character, at the start", sequence(FUSE, { type: "Strip", content: " ", stop: 1 })],
])("a decoder whose text cannot grow token by token is refused: %s", (message, decoder) => {
  expect(() => pieces(decoder, [])).toThrow(ModelError);
  expect(() => pieces(decoder, [])).toThrow(message);
});
