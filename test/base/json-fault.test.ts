import { expect, test } from "bun:test";
import fc from "fast-check";

import { jsonFault } from "../../src/base/json-fault.ts";

test("each fault has its place and what should stand there", () => {
  for (const [text, fault] of [
    ["", "1:1: it is empty"],
    [" \n", "2:1: it is empty"],
    ['{"a": 1,\n "b": [1, 2', "2:12: the text ends in the middle: it was cut short"],
    ['{"a": 1,\n "b"', "2:5: the text ends in the middle: it was cut short"],
    ['{"a": 1,\n}', "2:1: a comma stands before the end; remove it"],
    ["{'a': 1}", "1:2: expected a key in double quotes"],
    ['{"a" 1}', '1:6: expected ":"'],
    ['{"a": 1 "b": 2}', '1:9: expected "," or "}"'],
    ["[1 2]", '1:4: expected "," or "]"'],
    ["[NaN]", "1:2: expected a value"],
    ["[01]", "1:2: expected a value"],
    ["[tru]", "1:2: expected a value"],
    ["[1]]", "1:4: expected the end: the value is complete"],
    ['["a\\x"]', "1:2: this string does not end, or has a wrong escape"],
    ["version https://git-lfs", "1:1: expected a value"],
  ] as const) {
    const found = jsonFault(text);
    expect([text, `${found?.line}:${found?.column}: ${found?.message}`]).toEqual([text, fault]);
  }
});

test("a text has a fault if and only if JSON.parse refuses it", () => {
  const cut = fc
    .tuple(fc.json(), fc.nat())
    .map(([text, at]) => text.slice(0, at % (text.length + 1)));
  const spoilt = fc
    .tuple(
      fc.json(),
      fc.nat(),
      fc.constantFrom(",", "}", "]", '"', ":", "1", "-", "x", "\\", ".", "e"),
    )
    .map(([text, at, more]) => {
      const place = at % (text.length + 1);
      return text.slice(0, place) + more + text.slice(place);
    });
  fc.assert(
    fc.property(fc.oneof(fc.json(), cut, spoilt), (text) => {
      expect(jsonFault(text) === undefined).toBe(isJson(text));
    }),
    { numRuns: 2000 },
  );
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
