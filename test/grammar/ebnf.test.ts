import { describe, expect, test } from "bun:test";
import { compileGrammar } from "../../src/grammar/compile.ts";
import { GrammarError } from "../../src/grammar/grammar-error.ts";
import { seededRandom } from "../seeded-random.ts";
import { textAcceptor } from "./accepts-text.ts";

const acceptorOf = (grammar: string, root?: string) =>
  textAcceptor(compileGrammar({ type: "ebnf", grammar, ...(root === undefined ? {} : { root }) }));

/** A JSON grammar as llama.cpp's users write it. */
const JSON_GRAMMAR = `
# any value
root   ::= value
value  ::= object | array | string | number | ("true" | "false" | "null") ws
object ::= "{" ws ( string ":" ws value ("," ws string ":" ws value)* )? "}" ws
array  ::=
  "[" ws (
    value ("," ws value)*
  )? "]" ws
string ::= "\\"" ( [^"\\\\\\x00-\\x1F] | "\\\\" (["\\\\/bfnrt] | "u" [0-9a-fA-F]{4}) )* "\\"" ws
number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9]+)? ws
ws     ::= | " " | "\\n" [ \\t]{0,20}
`;

describe("EBNF", () => {
  test("a grammar of JSON takes what JSON.parse takes", () => {
    const accepts = acceptorOf(JSON_GRAMMAR);
    const random = seededRandom(31);
    const parts = [
      "{",
      "}",
      "[",
      "]",
      '"a"',
      '"é\\n"',
      ":",
      ",",
      "1",
      "-2.5e3",
      "true",
      "null",
      " ",
    ];
    let numValid = 0;
    for (let count = 0; count < 20_000; count++) {
      const text = Array.from(
        { length: 1 + Math.floor(random() * 6) },
        () => parts[Math.floor(random() * parts.length)],
      ).join("");
      const isJson = parses(text) && !text.startsWith(" ") && !text.includes("  ");
      if (isJson) numValid++;
      if (isJson && !/ [:,]/.test(text)) expect([text, accepts(text)]).toEqual([text, true]);
      if (!parses(text)) expect([text, accepts(text)]).toEqual([text, false]);
    }
    expect(numValid).toBeGreaterThan(200);
  });

  test("an ambiguous grammar is followed in every reading", () => {
    const accepts = acceptorOf('root ::= s\ns ::= "a" s "x" | "a" s "y" | "a" s | ""');
    expect(accepts(`${"a".repeat(200)}${"xy".repeat(80)}`)).toBe(true);
    expect(accepts(`${"a".repeat(20)}${"x".repeat(21)}`)).toBe(false);
  });

  test("palindromes: what no regex can do", () => {
    const accepts = acceptorOf('root ::= "a" root "a" | "b" root "b" | [ab]?');
    const random = seededRandom(32);
    for (let count = 0; count < 500; count++) {
      const half = Array.from({ length: Math.floor(random() * 8) }, () =>
        random() < 0.5 ? "a" : "b",
      );
      const text = [...half, ...(random() < 0.5 ? [] : ["a"]), ...half.toReversed()].join("");
      const other = text.replace("a", "b");
      expect(accepts(text)).toBe(true);
      expect(accepts(other)).toBe(other === [...other].reverse().join(""));
    }
  });

  test("another root, escapes, negated classes, repetitions", () => {
    const grammar = 'start ::= [^a-c\\n]{2} "\\u00e9" "\\x41"+ .\nroot ::= "no"';
    expect(acceptorOf(grammar, "start")("xyéAA\n")).toBe(true);
    expect(acceptorOf(grammar, "start")("ayéA.")).toBe(false);
    expect(acceptorOf(grammar)("no")).toBe(true);
  });

  test("errors name line and column", () => {
    expect(failureOf('root ::= "a"\nroot ::= "b"')).toEqual([
      "grammar_invalid",
      "line 2, column 1",
    ]);
    expect(failureOf("root ::= other")).toEqual(["grammar_invalid", "line 1, column 10"]);
    expect(failureOf('root ::= "a')).toEqual(["grammar_invalid", "line 1, column 10"]);
    expect(failureOf("root ::= (")).toEqual(["grammar_invalid", "line 1, column 10"]);
    expect(failureOf("root ::= [b-a]")).toEqual(["grammar_invalid", "line 1, column 10"]);
    expect(failureOf('root ::= "a" (= "b")')).toEqual(["grammar_unsupported", "line 1, column 14"]);
    expect(failureOf('other ::= "a"')[0]).toBe("grammar_invalid");
    expect(failureOf("root ::= <think>")[0]).toBe("grammar_invalid");
    expect(failureOf("")[0]).toBe("grammar_invalid");
  });
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function failureOf(grammar: string): readonly string[] {
  try {
    compileGrammar({ type: "ebnf", grammar });
  } catch (error) {
    if (error instanceof GrammarError) return [error.code, error.place];
    throw error;
  }
  return [];
}
