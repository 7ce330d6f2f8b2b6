// Grammars that are made to cost: each ends in an error that names the place, or in a program that can be run.

import { describe, expect, test } from "bun:test";
import { compileGrammar, type GrammarSource } from "../../src/grammar/compile.ts";
import { GrammarError } from "../../src/grammar/grammar-error.ts";
import { GrammarMatcher } from "../../src/grammar/grammar-matcher.ts";
import { TokenMasks } from "../../src/grammar/token-masks.ts";
import { hangLimit } from "../time-limits.ts";
import { syntheticVocabulary } from "./model-vocabulary.ts";

const nested = (open: string, close: string, depth: number) =>
  open.repeat(depth) + close.repeat(depth);
const schemaOf = (value: unknown): GrammarSource => ({
  type: "json_schema",
  schema: JSON.stringify(value),
});
const range = (count: number) => Array.from({ length: count }, (_, index) => index);

const REFUSED: Readonly<Record<string, GrammarSource>> = {
  "nested repetitions": { type: "regex", pattern: "(a{1000}){1000}" },
  "thrice nested repetitions": { type: "regex", pattern: "((a{90}){90}){90}" },
  "deep groups": { type: "regex", pattern: nested("(", ")", 5000) },
  "a long regex": { type: "regex", pattern: "a".repeat(50_000) },
  "deep arrays": {
    type: "json_schema",
    schema: `${'{"items":'.repeat(500)}true${"}".repeat(500)}`,
  },
  "deep JSON": { type: "json_schema", schema: nested("[", "]", 100_000) },
  "exponential anyOf": schemaOf({
    allOf: range(12).map((index) => ({
      anyOf: range(4).map((branch) => ({ minLength: index * 4 + branch })),
    })),
  }),
  "many overlapping oneOf": schemaOf({ oneOf: range(600).map((index) => ({ const: index })) }),
  "a huge enum": schemaOf({ enum: range(90_000).map((index) => `${index}-some-word`) }),
  "a long chain of references": schemaOf({
    $defs: Object.fromEntries(
      range(1000).map((index) => [`d${index}`, { $ref: `#/$defs/d${index + 1}` }]),
    ),
    $ref: "#/$defs/d0",
  }),
  "patterns to be intersected": schemaOf({
    type: "string",
    allOf: [{ pattern: "(a|b)*a(a|b){14}$" }, { pattern: "(a|b)*b(a|b){13}$" }],
  }),
  "many patternProperties": schemaOf({
    patternProperties: Object.fromEntries(range(20).map((index) => [`x${index}`, {}])),
  }),
  "deep groups in EBNF": { type: "ebnf", grammar: `root ::= ${nested("(", ")", 5000)}` },
  "nested repetitions in EBNF": { type: "ebnf", grammar: 'root ::= ("a"{500}){500}' },
  "properties counted": schemaOf({ properties: { a: {} }, maxProperties: 900_000 }),
};

describe("limits", () => {
  for (const [name, source] of Object.entries(REFUSED)) {
    test(`${name}: grammar_too_complex, with a place`, () => {
      const error = failureOf(() => compileGrammar(source));
      expect(error.code).toBe("grammar_too_complex");
      expect(error.place.length).toBeGreaterThan(0);
      expect(error.message.length).toBeLessThan(600);
    });
  }

  test("a reference to itself is no endless loop", () => {
    const error = failureOf(() => compileGrammar(schemaOf({ $ref: "#" })));
    expect(error.code).toBe("grammar_invalid");
    expect(failureOf(() => compileGrammar(schemaOf({ anyOf: [{ $ref: "#" }] }))).code).toBe(
      "grammar_invalid",
    );
  });

  test("a recursion that never ends matches no text", () => {
    const endless = { type: "object", properties: { next: { $ref: "#" } }, required: ["next"] };
    expect(failureOf(() => compileGrammar(schemaOf(endless))).code).toBe("grammar_invalid");
    expect(
      failureOf(() => compileGrammar({ type: "ebnf", grammar: 'root ::= "a" root' })).code,
    ).toBe("grammar_invalid");
  });

  test("left recursion is refused by the rule's name, behind empty rules too", () => {
    for (const grammar of [
      'root ::= e\ne ::= e "+" "1" | "1"',
      'root ::= e\nn ::= "x"?\ne ::= n e "1" | "2"',
    ]) {
      const error = failureOf(() => compileGrammar({ type: "ebnf", grammar }));
      expect([error.code, error.place]).toEqual(["grammar_unsupported", "rule e"]);
    }
  });

  test(
    "a mask that leads to too many states is an error, not a long wait",
    () => {
      const program = compileGrammar({ type: "regex", pattern: ".*[aeiou].{25}" });
      const masks = new TokenMasks({ program, trie: syntheticVocabulary(60_000) });
      const matcher = new GrammarMatcher(masks);
      const words = new Uint32Array(masks.trie.numMaskWords);
      const error = failureOf(() => {
        for (let count = 0; count < 60; count++) {
          matcher.fillMask(words);
          matcher.accept([0x61, 0x62, 0x65, 0x63][(count * count) % 4] ?? 0);
        }
        throw new GrammarError("grammar_too_complex", "none", "it was followed");
      });
      expect(error.code).toBe("grammar_too_complex");
    },
    hangLimit(30_000),
  );

  test("large but plain grammars are taken", () => {
    const properties = Object.fromEntries(
      range(400).map((index) => [`property${index}`, { type: "string", maxLength: 9000 }]),
    );
    expect(
      compileGrammar(schemaOf({ type: "object", properties, required: Object.keys(properties) }))
        .rules.length,
    ).toBeGreaterThan(0);
    expect(
      compileGrammar(schemaOf({ enum: range(5000).map((index) => `word ${index}`) })).nodes.length,
    ).toBeGreaterThan(0);
    expect(compileGrammar({ type: "regex", pattern: "a{100000}" }).nodes.length).toBeLessThan(10);
  });
});

function failureOf(action: () => unknown): GrammarError {
  try {
    action();
  } catch (error) {
    if (error instanceof GrammarError) return error;
    throw error;
  }
  throw new Error("no error");
}
