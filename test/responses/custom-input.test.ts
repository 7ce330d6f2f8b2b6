import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";

import { CustomInput, customArguments } from "../../src/responses/custom-input.ts";

/** The deltas of the input, for arguments that come in these pieces. */
function deltasOf(pieces: readonly string[]): readonly string[] {
  const input = new CustomInput();
  return [...pieces.map((piece) => input.add(piece)), input.end()];
}

/** Cut behind these shares of its length. */
function cut(text: string, shares: readonly number[]): readonly string[] {
  const ends = shares.map((share) => Math.floor(share * text.length)).toSorted((a, b) => a - b);
  return [0, ...ends].map((start, index) => text.slice(start, ends[index] ?? text.length));
}

const shares = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });

describe("the input of a custom tool", () => {
  test("is what was put into the arguments, cut anywhere", () => {
    const letters = ["a", "u", '"', "\\", "/", "\n", "\u0000", "é", "日", "🙂", "{", "}", ":"];
    const text = fc.string({ unit: fc.constantFrom(...letters), maxLength: 40 });
    const check = (input: string, at: readonly number[]) => {
      const deltas = deltasOf(cut(customArguments(input), at));
      expect(deltas.join("")).toBe(input);
      // Half of a character in a delta would be no JSON to some clients.
      expect(deltas.every((delta) => delta.isWellFormed())).toBe(true);
    };
    void fc.assert(fc.property(text, shares, check), { numRuns: 500 });
  });

  test("is the same with escapes that JSON.stringify does not write", () => {
    const escaped = '{ "input" :\n"\\u0041\\/\\ud83d\\ude42\\u00e9" }';
    for (let at = 0; at <= escaped.length; at++) {
      const deltas = deltasOf([escaped.slice(0, at), escaped.slice(at)]);
      expect(deltas.join("")).toBe("A/🙂é");
      expect(deltas.every((delta) => delta.isWellFormed())).toBe(true);
    }
  });

  test("comes as soon as it is there", () => {
    expect(deltasOf(['{"input":"a', "b\\", 'n"}'])).toEqual(["a", "b", "\n", ""]);
  });

  test("that is cut is as far as it came", () => {
    expect(deltasOf(['{"input":"a\\u00'])).toEqual(["a", ""]);
  });

  test("in arguments of another shape is found at their end, or else is the arguments", () => {
    expect(deltasOf(['{"x":1,"input":', '"a"}']).join("")).toBe("a");
    expect(deltasOf(['{"patch":', '"a"}']).join("")).toBe('{"patch":"a"}');
    expect(deltasOf(["no JSON"]).join("")).toBe("no JSON");
  });
});
