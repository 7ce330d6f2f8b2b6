import { describe, expect, test } from "bun:test";
import { compileGrammar, type GrammarSource } from "../../src/grammar/compile.ts";
import { GrammarMatcher } from "../../src/grammar/grammar-matcher.ts";
import { TokenMasks } from "../../src/grammar/token-masks.ts";
import type { TokenTrie } from "../../src/grammar/token-trie.ts";
import { seededRandom } from "../seeded-random.ts";
import { textAcceptor } from "./accepts-text.ts";
import { byteVocabulary } from "./byte-vocabulary.ts";
import { syntheticVocabulary } from "./model-vocabulary.ts";
import { allowedIds, randomWalk } from "./random-walk.ts";

const WORDS = [
  '{"',
  '":',
  '"}',
  "true",
  "tr",
  "ab",
  "abc",
  "1",
  "12",
  '", "',
  "null",
  "é",
  "aé",
  "\\n",
  "  ",
];
const small = byteVocabulary(WORDS);
const large = syntheticVocabulary(3000);

function masksOf(
  source: GrammarSource,
  trie: TokenTrie = small,
  maxTableBytes = 2 ** 24,
): TokenMasks {
  return new TokenMasks({
    program: compileGrammar(source),
    trie,
    ...(maxTableBytes && { maxTableBytes: () => maxTableBytes }),
  });
}

const SCHEMA = JSON.stringify({
  $defs: {
    list: { type: "array", items: { anyOf: [{ $ref: "#/$defs/list" }, { type: "boolean" }] } },
  },
  type: "object",
  properties: {
    name: { type: "string", maxLength: 9 },
    code: { type: "string", pattern: "^[a-c]{2,30}$" },
    kind: { enum: ["ab", "abc", 12] },
    nested: { $ref: "#/$defs/list" },
  },
  required: ["name"],
});

const SOURCES: readonly GrammarSource[] = [
  { type: "json_schema", schema: SCHEMA },
  { type: "json_object" },
  { type: "regex", pattern: "(ab|abc)*(1|12){1,3}.{0,9}" },
  { type: "regex", pattern: "(.{1,15}\\n){1,2}é" },
  { type: "choice", choices: ["ab", "abc", "null", "é"] },
  { type: "ebnf", grammar: 'root ::= s\ns ::= "ab" s "c" | "ab" s "1" | ("é" | "12")?' },
];

describe("GrammarMatcher", () => {
  for (const [index, source] of SOURCES.entries()) {
    for (const [size, trie] of [
      ["small", small],
      ["large", large],
    ] as const) {
      // biome-ignore lint/complexity/noExcessiveCognitiveComplexity: one property, told in one place
      test(`grammar ${index}, ${size} vocabulary: a mask has exactly the tokens that are accepted`, () => {
        const masks = masksOf(source, trie);
        const random = seededRandom(index);
        const words = new Uint32Array(trie.numMaskWords);
        for (let text = 0; text < 5; text++) {
          const matcher = new GrammarMatcher(masks);
          for (let count = 0; count < 20 && !matcher.isFinished; count++) {
            matcher.fillMask(words);
            const allowed = allowedIds(words);
            expect(allowed).toEqual(acceptedBy(matcher, trie));
            const chosen = allowed[Math.floor(random() * allowed.length)];
            if (chosen === undefined) throw new Error("a text cannot go on");
            expect(matcher.accept(chosen)).toBe(true);
          }
        }
      });
    }

    test(`grammar ${index}: random texts by its masks are valid`, () => {
      const masks = masksOf(source, large);
      const isValid = textAcceptor(compileGrammar(source));
      const random = seededRandom(100 + index);
      let numEnded = 0;
      for (let text = 0; text < 60; text++) {
        const written = randomWalk(new GrammarMatcher(masks), {
          trie: large,
          random,
          maxTokens: 30,
        });
        if (written === undefined) continue;
        numEnded++;
        expect(isValid(written)).toBe(true);
        if (source.type.startsWith("json")) JSON.parse(written);
      }
      expect(numEnded).toBeGreaterThan(10);
    });
  }

  test("tables that are thrown away change nothing", () => {
    const kept = masksOf({ type: "json_schema", schema: SCHEMA }, large);
    const poor = masksOf({ type: "json_schema", schema: SCHEMA }, large, 1);
    const [a, b] = [new GrammarMatcher(kept), new GrammarMatcher(poor)];
    const [wordsA, wordsB] = [
      new Uint32Array(large.numMaskWords),
      new Uint32Array(large.numMaskWords),
    ];
    const random = seededRandom(3);
    for (let count = 0; count < 60 && !a.isFinished; count++) {
      a.fillMask(wordsA);
      b.fillMask(wordsB);
      expect(wordsB).toEqual(wordsA);
      const allowed = allowedIds(wordsA);
      const chosen = allowed[Math.floor(random() * allowed.length)] ?? 0;
      expect([a.accept(chosen), b.accept(chosen)]).toEqual([true, true]);
    }
    expect(poor.tableBytes).toBeLessThan(kept.tableBytes);
  });

  test("EOS is allowed where the text may end, and nothing follows it", () => {
    const matcher = new GrammarMatcher(masksOf({ type: "choice", choices: ["ab", "abc"] }));
    const [eos = -1] = small.eosTokenIds;
    const words = new Uint32Array(small.numMaskWords);
    expect(matcher.accept(eos)).toBe(false);
    expect(matcher.accept(256 + WORDS.indexOf("ab"))).toBe(true);
    expect(matcher.mayEnd).toBe(true);
    matcher.fillMask(words);
    expect(allowedIds(words)).toEqual([0x63, eos]);
    expect(matcher.accept(eos)).toBe(true);
    expect([matcher.isFinished, matcher.mayEnd]).toEqual([true, false]);
    matcher.fillMask(words);
    expect(allowedIds(words)).toEqual([]);
    expect(matcher.accept(0x63)).toBe(false);
    matcher.rollback(1);
    expect(matcher.accept(0x63)).toBe(true);
  });

  test("a special token never matches, whatever the grammar", () => {
    const matcher = new GrammarMatcher(masksOf({ type: "regex", pattern: "[^a]*" }));
    const words = new Uint32Array(small.numMaskWords).fill(-1);
    matcher.fillMask(words);
    const special = 256 + WORDS.length;
    expect(allowedIds(words)).not.toContain(special);
    expect(matcher.accept(special)).toBe(false);
    expect(matcher.accept(100_000)).toBe(false);
  });

  test("rollback and clone give the same masks as the way there", () => {
    const masks = masksOf({ type: "json_object" });
    const matcher = new GrammarMatcher(masks);
    const seen: Uint32Array[] = [];
    const text = '{"ab": [1, {"é": null}]}';
    const bytes = [...new TextEncoder().encode(text)];
    const mask = (one: GrammarMatcher) => {
      const words = new Uint32Array(small.numMaskWords);
      one.fillMask(words);
      return words;
    };
    for (const byte of bytes) {
      seen.push(mask(matcher));
      expect(matcher.accept(byte)).toBe(true);
    }
    const copy = matcher.clone();
    for (let at = bytes.length - 1; at >= 0; at--) {
      matcher.rollback(1);
      expect(mask(matcher)).toEqual(seen[at] as Uint32Array<ArrayBuffer>);
    }
    expect(copy.mayEnd).toBe(true);
    expect(copy.numAccepted).toBe(bytes.length);
    expect(() => matcher.rollback(1)).toThrow(RangeError);
  });

  test("forced bytes and tokens are those without a choice", () => {
    const schema =
      '{"type":"object","properties":{"abc":{"const":"é"}},"required":["abc"],"additionalProperties":false}';
    const layout = { whitespace: "compact" } as const;
    const matcher = new GrammarMatcher(masksOf({ type: "json_schema", schema, layout }));
    expect(Buffer.from(matcher.forcedBytes()).toString()).toBe('{"abc":"é"}');
    const tokens = matcher.forcedTokens();
    const written = Buffer.concat(tokens.map((id) => small.bytesOf(id)));
    expect(written.toString()).toBe('{"abc":"é"}');
    expect(tokens.length).toBeLessThan(8);
    for (const token of tokens) expect(matcher.accept(token)).toBe(true);
    expect(matcher.mayEnd).toBe(true);
    expect(matcher.forcedTokens()).toEqual([]);
  });

  test("no boundary is forced inside what may be one token", () => {
    // "1" is forced, but the token "12" may come too.
    const matcher = new GrammarMatcher(masksOf({ type: "regex", pattern: "1[0-9]" }));
    expect([...matcher.forcedBytes()]).toEqual([0x31]);
    expect(matcher.forcedTokens()).toEqual([]);
  });

  test("a compiled program can be posted to another thread", () => {
    const program = compileGrammar({ type: "json_schema", schema: SCHEMA });
    expect(structuredClone(program)).toEqual(program);
  });
});

function acceptedBy(matcher: GrammarMatcher, trie: TokenTrie): number[] {
  const accepted: number[] = [];
  for (let id = 0; id < trie.vocabSize; id++) {
    if (!matcher.accept(id)) continue;
    matcher.rollback(1);
    accepted.push(id);
  }
  return accepted;
}
