import { describe, expect, test } from "bun:test";
import fc from "fast-check";

import { parseFlagValue } from "../../src/serve/override.ts";
import { formatJson, parseJson } from "../../src/serve/python-json.ts";
import type { PythonValue } from "../../src/serve/python-value.ts";
import { parseYaml } from "../../src/serve/python-yaml.ts";
import vectors from "./python-vectors.json";

/** Text of the value that `read` finds in `text`, or null where it refuses. */
function print(read: (text: string) => PythonValue, text: string, indent?: number) {
  try {
    return formatJson(read(text), indent);
  } catch {
    return null;
  }
}

const readYaml = (text: string) => parseYaml({ name: "vector.yaml", text }).root.value;

describe("read and printed as Python does", () => {
  for (const { text, printed } of vectors.yaml) {
    test(`YAML ${JSON.stringify(text)}`, () => expect(print(readYaml, text)).toBe(printed));
  }
  for (const { text, printed } of vectors.json) {
    test(`JSON ${JSON.stringify(text)}`, () => expect(print(parseJson, text)).toBe(printed));
  }
  for (const { text, printed } of vectors.indented) {
    test(`indented ${text}`, () => expect(print(parseJson, text, 2)).toBe(printed));
  }
  for (const { text, printed } of vectors.flags) {
    test(`flag value ${JSON.stringify(text)}`, () =>
      expect(print(parseFlagValue, text)).toBe(printed));
  }
});

describe("any JSON", () => {
  test("reads back as the value that was printed", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const value = parseJson(text);
        expect(parseJson(formatJson(value))).toEqual(value);
        expect(parseJson(formatJson(value, 2))).toEqual(value);
      }),
    );
  });

  test("means to YAML what it means to JSON, but for exponents without a sign", () => {
    fc.assert(
      fc.property(fc.json({ noUnicodeString: false, maxDepth: 3 }), (text) => {
        fc.pre(!/[eE]|[\u007f-\uffff]/.test(text));
        expect(formatJson(readYaml(text))).toBe(formatJson(parseJson(text)));
      }),
    );
  });

  test("printed floats are read back as the same bits", () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        expect(Object.is(parseJson(formatJson(value)), value)).toBe(true);
      }),
    );
  });
});

test("a value nested without end is an error, not a full stack", () => {
  expect(() => parseJson("[".repeat(100_000))).toThrow("Nested too deeply");
  expect(() => readYaml("&a [*a]")).toThrow("is too large, or contains itself");
  expect(() => readYaml("a: &x\n  <<: *x\n")).toThrow("merges itself");
});

test("aliases that multiply are refused before they fill the memory", () => {
  const lines = Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}]`);
  expect(() => readYaml(`a0: &a0 x\n${lines.join("\n")}`)).toThrow("is too large");
});

test("a date names its key, line and cure", () => {
  const read = () => readYaml("Frontend:\n  port: 1\n  since: 2024-01-01\n");
  expect(read).toThrow("vector.yaml:3:10: Frontend.since is a date, which JSON does not have");
  expect(read).toThrow('Quote it: "2024-01-01"');
});
