// Mistakes in YAML: place and words, none of them the library's.

import { describe, expect, test } from "bun:test";

import { readYamlConfig } from "../../src/serve/config-tree.ts";

/** A text, and the first line of what is said about it. */
const MISTAKES: readonly (readonly [text: string, message: string])[] = [
  [
    "Frontend: port: 9000",
    "c.yaml:1:11: not YAML: a value is followed by another key. Either the line is indented too far, or two keys stand on one line: give each its own line",
  ],
  [
    "Frontend:\n  port: 8000\n   host: x",
    "c.yaml:2:9: not YAML: a value is followed by another key. Either the line is indented too far, or two keys stand on one line: give each its own line",
  ],
  ["Frontend:\n\tport: 1", "c.yaml:2:1: not YAML: a tab cannot indent; use spaces"],
  [
    "a:\n  b: 1\n c: 2",
    "c.yaml:3:1: not YAML: the line begins at another column than its neighbours; indent keys of one map alike",
  ],
  ["a: [1, 2", "c.yaml:1:9: not YAML: a [ is not closed; end the list with ]"],
  ["a: {b: 1", "c.yaml:1:9: not YAML: a { is not closed; end the map with }"],
  ["a: {b: 1}}", "c.yaml:1:10: not YAML: this } closes nothing; remove it, or quote the value"],
  ['a: "x', 'c.yaml:1:6: not YAML: a double quote (") is not closed'],
  ["a: 'x", "c.yaml:1:6: not YAML: a single quote (') is not closed"],
  ["a: @x", "c.yaml:1:4: not YAML: a value cannot begin with this character unless it is quoted"],
  [
    'a: "\\q"',
    "c.yaml:1:5: not YAML: this escape does not exist between double quotes; write \\\\ for a backslash, or use 'single quotes'",
  ],
  [
    "port:8000\nhost: x",
    'c.yaml:1:1: not YAML: a key needs a ":" and a space behind it, as in port: 8000',
  ],
  ["a: b\nc", 'c.yaml:2:1: not YAML: a key needs a ":" and a space behind it, as in port: 8000'],
  [
    "a: 1\n---\nb: 2",
    'c.yaml:2:1: not YAML: the file goes on behind a second "---"; a configuration is one document',
  ],
  [
    "a: 'b' c",
    "c.yaml:1:8: not YAML: something stands behind a complete value; indent it if it is part of the map above, or quote the whole value",
  ],
  [
    "a: - b",
    'c.yaml:1:4: not YAML: a "-" begins an item of a list, which needs a line of its own; quote the value if it is text',
  ],
  [
    "a: !x!y 1",
    'c.yaml:1:4: not YAML: a "!" begins a tag, and this one is not known; quote the value if it is text',
  ],
  [
    "a: *",
    'c.yaml:1:4: not YAML: a "*" begins the name of an anchor; quote the value if it is text',
  ],
  ["a: &x &y 1", "c.yaml:1:7: not YAML: a value has two anchors (&); keep one"],
];

describe("a mistake in YAML is told at its place, in our words", () => {
  for (const [text, message] of MISTAKES) {
    test(JSON.stringify(text), () => expect(firstLine(text)).toBe(message));
  }
});

describe("what is given twice is an error with both lines", () => {
  for (const [text, message] of [
    [
      "Frontend:\n  port: 1\nProcessor: {}\nFrontend:\n  host: x",
      "c.yaml:4:1: Frontend is given twice, in lines 1 and 4; put all its keys into one section",
    ],
    [
      "Frontend:\n  port: 1\n  host: x\n  port: 2",
      "c.yaml:4:3: Frontend.port is given twice, in lines 2 and 4; keep one of the two",
    ],
    [
      "W:\n  ServiceArgs: {workers: 1, workers: 2}",
      "c.yaml:2:29: W.ServiceArgs.workers is given twice, in line 2; keep one of the two",
    ],
  ] as const) {
    test(JSON.stringify(text), () => expect(firstLine(text)).toBe(message));
  }

  test("but a map may say otherwise what it merges in", () => {
    const text = "A: &a {x: 1}\nB:\n  <<: *a\n  x: 2\n";
    expect(readYamlConfig({ name: "c.yaml", text }).services.get("B")?.get("x")).toBe(2n);
  });
});

function firstLine(text: string): string {
  try {
    readYamlConfig({ name: "c.yaml", text });
  } catch (error) {
    return error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
  }
  return "it was read";
}
