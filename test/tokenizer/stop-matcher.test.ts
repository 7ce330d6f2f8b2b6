import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";

import { StopMatcher } from "../../src/tokenizer/stop-matcher.ts";

/** Text that each piece shows, then that of the end. */
function run(stops: readonly string[], pieces: readonly string[]): readonly string[] {
  const matcher = new StopMatcher(stops);
  return [...pieces.map((piece) => matcher.push(piece)), matcher.finish()];
}

describe("stop strings", () => {
  test("end the text before them", () => {
    expect(run(["END"], ["one END two"])).toEqual(["one ", ""]);
  });

  test("are found across pieces, and nothing of them is shown", () => {
    expect(run(["END"], ["one E", "N", "D two"])).toEqual(["one ", "", "", ""]);
  });

  test("are held back only as far as they may still come", () => {
    expect(run(["END"], ["one E", "AST"])).toEqual(["one ", "EAST", ""]);
    expect(run(["aab"], ["aaa", "b"])).toEqual(["a", "", ""]);
  });

  test("that never came whole are shown at the end", () => {
    expect(run(["END"], ["one EN"])).toEqual(["one ", "EN"]);
  });

  test("several: the one that is complete first ends the text", () => {
    expect(run(["abcd", "bc"], ["xabcd"])).toEqual(["xa", ""]);
    expect(run(["abcd", "bc"], ["x", "a", "b", "c", "d"])).toEqual(["x", "", "", "a", "", ""]);
  });

  test("several that end together: the longest counts", () => {
    expect(run(["c", "abc"], ["xabc"])).toEqual(["x", ""]);
  });

  test("that are empty or half a character are no stop strings", () => {
    expect(run(["", "\ud83d"], ["😀"])).toEqual(["😀", ""]);
  });

  test("none: text passes at once", () => {
    expect(run([], ["a", "b"])).toEqual(["a", "b", ""]);
  });
});

describe("for any text, cut anywhere", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 40 });
  const stops = fc.array(
    fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 5 }),
    { maxLength: 4 },
  );
  const pieces = fc.array(letters, { maxLength: 12 });

  /** The text before the stop string that is complete first; the whole text where none comes. */
  function expected(stops: readonly string[], text: string): string {
    for (let end = 1; end <= text.length; end++) {
      const lengths = stops
        .filter((stop) => text.slice(0, end).endsWith(stop))
        .map((s) => s.length);
      if (lengths.length > 0) return text.slice(0, end - Math.max(...lengths));
    }
    return text;
  }

  function longestBegun(stops: readonly string[], text: string): number {
    const begins = (length: number) =>
      stops.some((s) => length < s.length && text.endsWith(s.slice(0, length)));
    return Array.from({ length: 5 }, (_, length) => length).findLast(begins) ?? 0;
  }

  test("what is shown is the text before the first stop string", async () => {
    await fc.assert(
      fc.property(stops, pieces, (stops, pieces) => {
        expect(run(stops, pieces).join("")).toBe(expected(stops, pieces.join("")));
      }),
      { numRuns: 2000 },
    );
  });

  test("what is held back is exactly the longest beginning of a stop string", async () => {
    await fc.assert(
      fc.property(stops, pieces, (stops, pieces) => {
        const matcher = new StopMatcher(stops);
        let text = "";
        let shown = "";
        for (const piece of pieces) {
          text += piece;
          shown += matcher.push(piece);
          if (matcher.stopped) return;
          expect(text.length - shown.length).toBe(longestBegun(stops, text));
        }
      }),
      { numRuns: 2000 },
    );
  });
});
