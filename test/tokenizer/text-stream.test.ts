import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";

import { AssertionError } from "../../src/base/assert.ts";
import type { TextStreamOptions } from "../../src/tokenizer/text-stream.ts";
import { BYTE_CHARS } from "./byte-chars.ts";
import { anyText, byteLevelTokenizer, load, spmTokenizer } from "./synthetic-tokenizers.ts";
import type { Tokenizer } from "./whole-tokenizer.ts";

const ANY_LENGTH = { maxTokens: 1_000_000 };
const byteLevel = await load(byteLevelTokenizer());
const spm = await load(spmTokenizer());
const both = [
  ["byte level", byteLevel],
  ["SentencePiece", spm],
] as const;

function stream(tokenizer: Tokenizer, options: Partial<TextStreamOptions> = {}) {
  return tokenizer.textStream({
    promptTokenIds: [],
    stop: [],
    minTokens: 0,
    stopTokenIds: [],
    ...options,
  });
}

/** The ids of a text alone, without the opening token. */
function idsOf(tokenizer: Tokenizer, text: string): number[] {
  return [...tokenizer.encode(text, ANY_LENGTH)].slice(1);
}

/** Text that each push shows, then that of the end. */
function pieces(
  tokenizer: Tokenizer,
  steps: readonly (readonly number[])[],
  options: Partial<TextStreamOptions> = {},
): readonly string[] {
  const text = stream(tokenizer, options);
  const shown: string[] = [];
  for (const step of steps) {
    const { text: piece, stopped } = text.push(step);
    shown.push(piece);
    if (stopped) return shown;
  }
  return [...shown, text.finish()];
}

function oneByOne(ids: readonly number[]): number[][] {
  return ids.map((id) => [id]);
}

describe("text as it comes", () => {
  test("shows a character when its last byte is there", () => {
    const ids = idsOf(byteLevel, "x😀é");
    expect(pieces(byteLevel, oneByOne(ids))).toEqual(["x", "", "", "😀", "é", ""]);
  });

  test("shows what one token completes and begins", () => {
    const ids = idsOf(byteLevel, "你好");
    expect(ids).toHaveLength(4);
    expect(pieces(byteLevel, oneByOne(ids))).toEqual(["", "你", "", "好", ""]);
  });

  test("shows U+FFFD for a character that is never completed", () => {
    expect(pieces(byteLevel, [[0xf0], [0x61]])).toEqual(["", "\ufffda", ""]);
    expect(pieces(byteLevel, [[0xf0]])).toEqual(["", "\ufffd"]);
  });

  test("lets a special token pass through the middle of a character", () => {
    expect(pieces(byteLevel, [[0xc3], [266], [0xa9]])).toEqual(["", "", "é", ""]);
  });

  test("keeps a byte-order mark", () => {
    expect(pieces(byteLevel, oneByOne([0xef, 0xbb, 0xbf, 0x61])).join("")).toBe("\ufeffa");
  });

  test("falls back to bytes", () => {
    const ids = idsOf(spm, "a你b");
    expect(pieces(spm, oneByOne(ids)).join("")).toBe("a你b");
  });

  test.each(both)("is what decoding all ids gives, for any ids: %s", async (_, tokenizer) => {
    const ids = fc.array(fc.nat(tokenizer.vocabSize + 3), { maxLength: 40 });
    await fc.assert(
      fc.property(ids, (ids) => {
        expect(pieces(tokenizer, oneByOne(ids)).join("")).toBe(tokenizer.decode(ids));
      }),
      { numRuns: 1000 },
    );
  });

  test("is what the bytes of any ids spell", async () => {
    await fc.assert(
      fc.property(fc.array(fc.nat(255), { maxLength: 40 }), (ids) => {
        expect(BYTE_CHARS).toHaveLength(256);
        const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
        expect(pieces(byteLevel, oneByOne(ids)).join("")).toBe(utf8.decode(Uint8Array.from(ids)));
      }),
      { numRuns: 2000 },
    );
  });
});

describe("after a prompt", () => {
  test("the first piece keeps its space, and at the start of a text it does not", () => {
    const the = idsOf(spm, "the");
    expect(pieces(spm, [the], { promptTokenIds: [] })).toEqual(["the", ""]);
    expect(pieces(spm, [the], { promptTokenIds: [1] })).toEqual(["the", ""]);
    expect(pieces(spm, [the], { promptTokenIds: [1, ...the] })).toEqual([" the", ""]);
    expect(pieces(spm, [the], { promptTokenIds: [...the, 1] })).toEqual([" the", ""]);
  });

  test("a character that the prompt began is completed", () => {
    expect(pieces(byteLevel, [[0x98, 0x80]], { promptTokenIds: [0x61, 0xf0, 0x9f] })[0]).toBe("😀");
  });

  test.each(both)("the text goes on from it, wherever it ends: %s", async (_, tokenizer) => {
    await fc.assert(
      fc.property(anyText, fc.nat(40), (text, cut) => {
        const ids = tokenizer.encode(text, ANY_LENGTH);
        const prompt = ids.subarray(0, cut);
        const rest = pieces(tokenizer, [[...ids.subarray(cut)]], { promptTokenIds: prompt });
        const before = tokenizer.decode(prompt).replace(/\ufffd+$/, "");
        expect(before + rest.join("")).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("stop strings", () => {
  test("end the text in the middle of a token, and say which token it was", () => {
    const ids = idsOf(byteLevel, "he the end");
    const text = stream(byteLevel, { stop: ["th"] });
    // "he", " the" and more: the stop string is inside the second token.
    expect(text.push(ids)).toEqual({
      ...{ text: "he ", stopped: true, numTokens: 2 },
      stopString: "th",
    });
    expect(text.finish()).toBe("");
  });

  test("end the text across tokens, and nothing of them is shown before", () => {
    const ids = idsOf(byteLevel, "a STOP b");
    const shown = pieces(byteLevel, oneByOne(ids), { stop: ["STOP"] });
    expect(shown).toEqual(["a", " ", "", "", "", ""]);
  });

  test("that never came whole are shown at the end", () => {
    const ids = idsOf(byteLevel, "a ST");
    expect(pieces(byteLevel, oneByOne(ids), { stop: ["STOP"] })).toEqual(["a", " ", "", "", "ST"]);
  });

  test("are looked for from the token on that minTokens says", () => {
    const ids = idsOf(byteLevel, "x.y.z");
    const shown = (minTokens: number) =>
      pieces(byteLevel, oneByOne(ids), { stop: ["."], minTokens }).join("");
    expect([0, 1, 2].map(shown)).toEqual(["x", "x", "x"]);
    expect([3, 4].map(shown)).toEqual(["x.y", "x.y"]);
    expect(shown(5)).toBe("x.y.z");
  });

  test("take no more tokens after them", () => {
    const text = stream(byteLevel, { stop: ["a"] });
    text.push([0x61]);
    expect(() => text.push([0x61])).toThrow(AssertionError);
  });

  test.each(both)("give the same text however tokens are grouped: %s", async (_, tokenizer) => {
    const letters = fc.string({
      unit: fc.constantFrom("t", "h", "e", " ", "l", "é"),
      maxLength: 30,
    });
    const stop = fc.array(
      fc.string({ unit: fc.constantFrom("t", "h", "e", " ", "é"), minLength: 1, maxLength: 4 }),
      { maxLength: 3 },
    );
    await fc.assert(
      fc.property(letters, stop, fc.array(fc.nat(5)), (original, stop, sizes) => {
        const ids = idsOf(tokenizer, original);
        const groups: number[][] = [];
        for (let start = 0; start < ids.length; start += groups.at(-1)?.length ?? 0) {
          groups.push(ids.slice(start, start + 1 + (sizes[groups.length] ?? 0)));
        }
        const grouped = pieces(tokenizer, groups, { stop }).join("");
        expect(grouped).toBe(pieces(tokenizer, oneByOne(ids), { stop }).join(""));
        expect(original.startsWith(grouped)).toBe(true);
        expect(stop.some((string) => grouped.includes(string))).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("stop tokens", () => {
  test("have no text, though the vocabulary gives them one", () => {
    expect(pieces(byteLevel, [[257, 0x61]], { stopTokenIds: [0x61] })).toEqual(["the", ""]);
  });

  test("count as tokens", () => {
    expect(stream(byteLevel, { stopTokenIds: [257] }).push([257]).numTokens).toBe(1);
  });
});
