// Regexes against JavaScript's own RegExp as an oracle, on patterns that are made here.

import { describe, expect, test } from "bun:test";
import { compileGrammar } from "../../src/grammar/compile.ts";
import { GrammarError } from "../../src/grammar/grammar-error.ts";
import { seededRandom } from "../seeded-random.ts";
import { textAcceptor } from "./accepts-text.ts";

const ATOMS = [
  "a",
  "b",
  "é",
  "中",
  "😀",
  ".",
  "[ab]",
  "[^a]",
  "[a-cé-ü]",
  "\\d",
  "\\w",
  "\\W",
  "\\s",
  "\\S",
  "\\u{61}",
  "\\.",
  "[\\d_]",
  "\\p{Lu}",
  "\\n",
];
const QUANTIFIERS = ["*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}", "*?", "+?"];
const CHARS = ["a", "b", "c", "é", "中", "😀", "1", "_", ".", " ", "\n", "Ä", "ü"];

type Random = () => number;
const pick = (list: readonly string[], random: Random) =>
  list[Math.floor(random() * list.length)] ?? "";

function randomRegex(random: Random, depth: number): string {
  const numParts = 1 + Math.floor(random() * 3);
  let regex = "";
  for (let part = 0; part < numParts; part++) {
    regex += depth > 0 && random() < 0.35 ? randomGroup(random, depth) : pick(ATOMS, random);
    if (random() < 0.4) regex += pick(QUANTIFIERS, random);
  }
  return regex;
}

function randomGroup(random: Random, depth: number): string {
  const numOptions = 1 + Math.floor(random() * 3);
  const options = Array.from({ length: numOptions }, () => randomRegex(random, depth - 1));
  return `(?:${options.join("|")})`;
}

function randomText(random: Random): string {
  return Array.from({ length: Math.floor(random() * 7) }, () => pick(CHARS, random)).join("");
}

describe("regex", () => {
  test("the whole text matches exactly where RegExp's does", () => {
    const random = seededRandom(11);
    let numMatches = 0;
    for (let round = 0; round < 400; round++) {
      const pattern = randomRegex(random, 2);
      const accepts = textAcceptor(compileGrammar({ type: "regex", pattern }));
      const oracle = new RegExp(`^(?:${pattern})$`, "u");
      for (let count = 0; count < 30; count++) {
        const text = randomText(random);
        const isMatch = oracle.test(text);
        if (isMatch) numMatches++;
        if (accepts(text) !== isMatch)
          throw new Error(`${pattern} on ${JSON.stringify(text)}: ${!isMatch}`);
      }
    }
    expect(numMatches).toBeGreaterThan(500);
  });

  // biome-ignore lint/complexity/noExcessiveCognitiveComplexity: one property, told in one place
  test("a schema's patterns match a part, and hold together with others and with lengths", () => {
    const random = seededRandom(12);
    let numMatches = 0;
    let numTooComplex = 0;
    for (let round = 0; round < 30; round++) {
      const anchored = (regex: string) =>
        `${random() < 0.3 ? "^" : ""}(?:${regex})${random() < 0.3 ? "$" : ""}`;
      const patterns = [anchored(randomRegex(random, 1)), anchored(randomRegex(random, 1))];
      const maxLength = 3 + Math.floor(random() * 4);
      const schema = { type: "string", maxLength, allOf: patterns.map((pattern) => ({ pattern })) };
      const program = acceptable(JSON.stringify(schema));
      if (program === "too complex") {
        numTooComplex++;
        continue;
      }
      const accepts = textAcceptor(program);
      for (let count = 0; count < 30; count++) {
        const text = randomText(random);
        const isValid =
          [...text].length <= maxLength &&
          patterns.every((pattern) => new RegExp(pattern, "u").test(text));
        if (isValid) numMatches++;
        if (accepts(JSON.stringify(text)) !== isValid)
          throw new Error(`${JSON.stringify(schema)} on ${JSON.stringify(text)}`);
      }
    }
    expect(numMatches).toBeGreaterThan(20);
    expect(numTooComplex).toBeLessThan(6);
  });

  test("what no automaton can do is refused by its place", () => {
    const unsupported = [
      "(?=a)b",
      "(?!a)b",
      "(?<=a)b",
      "(a)\\1",
      "\\bword",
      "(?i)a",
      "a(^b)",
      "\\p{Nonsense}",
      "a++",
    ];
    for (const pattern of unsupported) {
      expect(codeOf(pattern)).toBe("grammar_unsupported");
    }
  });

  test("what is no regex is refused", () => {
    for (const pattern of [
      "(a",
      "a)",
      "[a",
      "*a",
      "a{3,1}",
      "[b-a]",
      "\\",
      "\\x4",
      "\\u{110000}",
      "(?<name",
    ]) {
      expect(codeOf(pattern)).toBe("grammar_invalid");
    }
  });
});

function acceptable(schema: string) {
  try {
    return compileGrammar({ type: "json_schema", schema });
  } catch (error) {
    if (error instanceof GrammarError && error.message.includes("no text at all")) {
      return compileGrammar({ type: "choice", choices: ["no JSON"] });
    }
    if (error instanceof GrammarError && error.code === "grammar_too_complex") return "too complex";
    throw error;
  }
}

function codeOf(pattern: string): string {
  try {
    compileGrammar({ type: "regex", pattern });
  } catch (error) {
    if (error instanceof GrammarError) return error.code;
    throw error;
  }
  return "accepted";
}
