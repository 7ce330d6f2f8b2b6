import { describe, expect, test } from "bun:test";
import { compileGrammar, type JsonLayout } from "../../src/grammar/compile.ts";
import { GrammarError } from "../../src/grammar/grammar-error.ts";
import { GrammarMatcher } from "../../src/grammar/grammar-matcher.ts";
import { TokenMasks } from "../../src/grammar/token-masks.ts";
import { seededRandom } from "../seeded-random.ts";
import { hangLimit } from "../time-limits.ts";
import { textAcceptor } from "./accepts-text.ts";
import { textsOf } from "./json-documents.ts";
import { syntheticVocabulary } from "./model-vocabulary.ts";
import { below, chance, NAMES, pick, type Random, randomSchema } from "./random-schema.ts";
import { randomWalk } from "./random-walk.ts";
import { isValid } from "./small-validator.ts";

function acceptorOf(schema: unknown, layout: JsonLayout = {}) {
  const text = typeof schema === "string" ? schema : JSON.stringify(schema);
  return textAcceptor(compileGrammar({ type: "json_schema", schema: text, layout }));
}

function randomValue(random: Random, depth: number): unknown {
  const kind = below(random, depth > 0 ? 8 : 5);
  if (kind === 0) return pick(random, ["", "a", "ab", "b", "bb", "x1", "é😀", "aaaa"]);
  if (kind === 1) return below(random, 16) - 3;
  if (kind === 2) return (below(random, 40) - 8) / 4;
  if (kind === 3) return chance(random, 0.5);
  if (kind === 4) return null;
  const size = below(random, 4);
  if (kind === 5) return Array.from({ length: size }, () => randomValue(random, depth - 1));
  return Object.fromEntries(
    Array.from({ length: size }, () => [pick(random, NAMES), randomValue(random, depth - 1)]),
  );
}

describe("JSON Schema", () => {
  test(
    "random documents are accepted exactly where an independent validator accepts them",
    () => {
      const random = seededRandom(21);
      const counts = { valid: 0, invalid: 0, schemas: 0 };
      for (let round = 0; round < 500; round++) {
        const schema = {
          ...(randomSchema(random, 2) as object),
          $defs: { d: randomSchema(random, 0) },
        };
        const accepts = acceptorOrNone(schema);
        counts.schemas++;
        for (let count = 0; count < 25; count++) {
          const value = randomValue(random, 2);
          const expected = isValid(value, schema);
          counts[expected ? "valid" : "invalid"]++;
          const isAccepted = [...textsOf(value)].some(accepts);
          if (isAccepted !== expected) {
            throw new Error(
              `${JSON.stringify(schema)} on ${JSON.stringify(value)}: valid is ${expected}`,
            );
          }
        }
      }
      expect(counts.valid).toBeGreaterThan(500);
      expect(counts.invalid).toBeGreaterThan(500);
    },
    hangLimit(20_000),
  );

  // biome-ignore lint/complexity/noExcessiveCognitiveComplexity: one property, told in one place
  test("random texts under random schemas are valid", () => {
    const random = seededRandom(22);
    const trie = syntheticVocabulary(2000);
    let numTexts = 0;
    for (let round = 0; round < 150; round++) {
      const schema = {
        ...(randomSchema(random, 2) as object),
        $defs: { d: randomSchema(random, 0) },
      };
      let masks: TokenMasks;
      try {
        masks = new TokenMasks({
          program: compileGrammar({ type: "json_schema", schema: JSON.stringify(schema) }),
          trie,
        });
      } catch (error) {
        if (error instanceof GrammarError && error.code === "grammar_invalid") continue;
        throw error;
      }
      for (let count = 0; count < 4; count++) {
        const text = randomWalk(new GrammarMatcher(masks), { trie, random, maxTokens: 15 });
        if (text === undefined) continue;
        numTexts++;
        if (!isValid(JSON.parse(text), schema))
          throw new Error(`${JSON.stringify(schema)} gave ${text}`);
      }
    }
    expect(numTexts).toBeGreaterThan(100);
  });

  test("keys come in the schema's order, integer-like ones and __proto__ included", () => {
    const schema =
      '{"type":"object","properties":{"b":{"type":"integer"},"1":{"type":"integer"},"__proto__":{"type":"integer"},"0":{"type":"integer"}},' +
      '"required":["0","1","b","__proto__"],"additionalProperties":false}';
    const accepts = acceptorOf(schema);
    expect(accepts('{"b":1,"1":2,"__proto__":3,"0":4}')).toBe(true);
    expect(accepts('{"0":4,"1":2,"b":1,"__proto__":3}')).toBe(false);
    expect(accepts('{"b":1,"1":2,"0":4}')).toBe(false);
  });

  test("a declared key comes once: no other key spells it again", () => {
    const accepts = acceptorOf({ type: "object", properties: { ab: { type: "integer" } } });
    expect(accepts('{"ab": 1, "abc": "x", "a": []}')).toBe(true);
    expect(accepts('{"ab": 1, "ab": "x"}')).toBe(false);
    expect(accepts('{"\\u0061b": "x"}')).toBe(false);
    expect(accepts('{"c": 1, "ab": "x"}')).toBe(false);
  });

  test("recursion, white space, escapes and halves of surrogate pairs", () => {
    const node = {
      type: "object",
      properties: { next: { anyOf: [{ $ref: "#" }, { type: "null" }] } },
      required: ["next"],
    };
    expect(acceptorOf(node)('{"next": {"next": null}}')).toBe(true);
    const any = acceptorOf({});
    expect(any('{\n  "a": [1, 2],\n  "b": {}\n}')).toBe(true);
    expect(any('"\\ud83d\\ude00\\u00e9\\/\\n"')).toBe(true);
    expect(any('"\\ud83d"')).toBe(false);
    expect(any('{"a":1 \t \t }')).toBe(false);
    expect(acceptorOf({}, { whitespace: "compact" })("[1, 2]")).toBe(false);
    expect(acceptorOf({}, { whitespace: { pattern: "[ \\t]{0,3}" } })("[1,\t  2]")).toBe(true);
    expect(() => acceptorOf({}, { whitespace: { pattern: "\\s*" } })).toThrow("whitespace_pattern");
  });

  test("undeclared properties can be refused for schemas that are silent about them", () => {
    const accepts = acceptorOf(
      { properties: { a: {} }, allOf: [{ properties: { b: {} } }] },
      { undeclaredProperties: "refused" },
    );
    expect(accepts('{"a":1,"b":2}')).toBe(true);
    expect(accepts('{"a":1,"c":2}')).toBe(false);
    expect(acceptorOf({ type: "object" }, { undeclaredProperties: "refused" })('{"c":2}')).toBe(
      true,
    );
  });

  test("required properties that have a default can be left out, if the caller says so", () => {
    const schema = {
      properties: { a: { type: "integer" }, b: { type: "string", default: "x" } },
      required: ["a", "b"],
      type: "object",
    };
    const accepts = acceptorOf(schema, { mayOmitDefaults: true });
    expect(accepts('{"a":1}')).toBe(true);
    expect(accepts('{"a":1,"b":"y"}')).toBe(true);
    expect(accepts('{"b":"y"}')).toBe(false);
    expect(acceptorOf(schema)('{"a":1}')).toBe(false);
  });

  test("oneOf is taken where branches cannot overlap, else refused", () => {
    const kind = (name: string) => ({
      properties: { kind: { const: name }, [name]: { type: "integer" } },
      required: ["kind"],
      type: "object",
    });
    expect(acceptorOf({ oneOf: [kind("a"), kind("b")] })('{"kind":"b","b":1}')).toBe(true);
    expect(failureOf({ oneOf: [{ type: "integer" }, { minimum: 2 }] })).toEqual([
      "grammar_unsupported",
      "#/oneOf/1",
    ]);
  });

  test("an unsupported keyword is named with its pointer", () => {
    expect(failureOf({ properties: { "a/b": { not: {} } } })).toEqual([
      "grammar_unsupported",
      "#/properties/a~1b/not",
    ]);
    expect(failureOf({ items: { if: {} } })).toEqual(["grammar_unsupported", "#/items/if"]);
    expect(failureOf({ anyOf: [{}, { uniqueItems: true }] })).toEqual([
      "grammar_unsupported",
      "#/anyOf/1/uniqueItems",
    ]);
    expect(failureOf({ typo: 1 })).toEqual(["grammar_unsupported", "#/typo"]);
    expect(failureOf({ minLength: "3" })).toEqual(["grammar_invalid", "#/minLength"]);
    expect(failureOf({ $ref: "#/$defs/none" })).toEqual(["grammar_invalid", "#/$ref"]);
    expect(failureOf('{"type": "string",}')).toEqual(["grammar_invalid", "line 1, column 19"]);
  });
});

function acceptorOrNone(schema: object): (text: string) => boolean {
  try {
    return acceptorOf(schema);
  } catch (error) {
    if (error instanceof GrammarError && error.message.includes("no text at all"))
      return () => false;
    throw error;
  }
}

function failureOf(schema: unknown): readonly string[] {
  try {
    acceptorOf(schema);
  } catch (error) {
    if (error instanceof GrammarError) return [error.code, error.place];
    throw error;
  }
  return [];
}
