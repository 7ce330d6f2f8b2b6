// A format's parser reads what its grammar lets a model write: random texts under each grammar, read back as calls.

import { describe, expect, test } from "bun:test";

import { compileGrammar } from "../../src/grammar/compile.ts";
import { GrammarMatcher } from "../../src/grammar/grammar-matcher.ts";
import { TokenMasks } from "../../src/grammar/token-masks.ts";
import { AnswerParser } from "../../src/parsers/answer-parser.ts";
import { REASONING_FORMATS, TOOL_FORMATS, type ToolFormatName } from "../../src/parsers/formats.ts";
import { behindThoughts } from "../../src/parsers/reasoning.ts";
import type { ToolDefinition } from "../../src/protocol/chat.ts";
import type { GrammarSource } from "../../src/protocol/grammar.ts";
import { textAcceptor } from "../grammar/accepts-text.ts";
import { byteVocabulary } from "../grammar/byte-vocabulary.ts";
import { randomWalk } from "../grammar/random-walk.ts";
import { isValid, type Schema } from "../grammar/small-validator.ts";
import { seededRandom } from "../seeded-random.ts";

const WEATHER = {
  type: "object",
  properties: {
    city: { type: "string", maxLength: 12 },
    code: { type: "string", pattern: "^[A-Z]{2}\\n?[0-9]$" },
    days: { type: "integer", minimum: 1, maximum: 30 },
    note: { type: ["string", "null", "integer"], maxLength: 6, maximum: 50 },
    units: { enum: ["metric", "imperial", null] },
    flags: { type: "array", items: { type: "boolean" }, maxItems: 3 },
    area: { $ref: "#/$defs/area" },
    any: {},
  },
  required: ["city", "units", "area"],
  additionalProperties: false,
  $defs: {
    area: {
      type: "object",
      properties: { "a b": { type: "string", maxLength: 8 }, r: { type: "number" } },
      required: ["a b"],
      additionalProperties: false,
    },
  },
};

const TOOLS: readonly ToolDefinition[] = [
  tool("get_weather", WEATHER),
  tool("time.now", { type: "object", properties: {}, additionalProperties: false }),
];

function tool(name: string, parameters: ToolDefinition["parameters"]): ToolDefinition {
  return { name, description: undefined, parameters, strict: true, field: `of ${name}` };
}

const trie = byteVocabulary(['"', '", "', "</", "<tool_call>", "\n", "city", "null", "true"]);

/** Up to `count` whole random texts of a form. */
function textsOf(source: GrammarSource, count: number): readonly string[] {
  const masks = new TokenMasks({ program: compileGrammar(source), trie });
  const random = seededRandom(11);
  return Array.from({ length: count }, () =>
    randomWalk(new GrammarMatcher(masks), { trie, random, maxTokens: 150 }),
  ).filter((text) => text !== undefined);
}

function read(format: ToolFormatName, text: string, tools = TOOLS) {
  const answer = {
    ...{ tools: TOOL_FORMATS[format], reasoning: REASONING_FORMATS.qwen3 },
    ...{ promptTail: "", definitions: tools, maxCalls: Number.POSITIVE_INFINITY },
  };
  const parser = new AnswerParser(answer);
  parser.push(text);
  parser.finish("stop");
  const { text: content, toolCalls } = parser.take();
  const calls = new Map<number, { name: string; arguments: string }>();
  for (const { index, name = "", arguments: json } of toolCalls) {
    const call = calls.get(index) ?? { name, arguments: "" };
    calls.set(index, { ...call, arguments: call.arguments + json });
  }
  return { content, calls: [...calls.values()], isWhole: parser.hasWholeCalls };
}

function expectValid(calls: readonly { name: string; arguments: string }[], text: string): void {
  for (const { name, arguments: json } of calls) {
    const schema = TOOLS.find((one) => one.name === name)?.parameters;
    const isHeld = schema !== undefined && isValid(JSON.parse(json), schema as Schema);
    expect(isHeld ? "" : `${json} of ${text}`).toBe("");
  }
}

for (const format of Object.keys(TOOL_FORMATS) as ToolFormatName[]) {
  const { grammar } = TOOL_FORMATS[format];
  describe(format, () => {
    test("forced calls are read as calls and nothing else, with arguments of their schemas", () => {
      const texts = textsOf(grammar.calls(TOOLS, Number.POSITIVE_INFINITY), 60);
      expect(texts.length).toBeGreaterThan(20);
      for (const text of texts) {
        const { content, calls, isWhole } = read(format, text);
        expect([content, calls.length > 0, isWhole, text]).toEqual(["", true, true, text]);
        expectValid(calls, text);
      }
    });

    test("one call is one", () => {
      for (const text of textsOf(grammar.calls(TOOLS, 1), 20))
        expect(read(format, text).calls).toHaveLength(1);
    });

    test("calls in free text obey their schemas", () => {
      const accepts = textAcceptor(compileGrammar(grammar.mixed(TOOLS, Number.POSITIVE_INFINITY)));
      expect([accepts("Hello, how are you? 🎉"), accepts("")]).toEqual([true, true]);
      const [one = ""] = textsOf(grammar.calls([TOOLS[1] as ToolDefinition], 1), 60);
      expect([one.includes("time.now"), accepts(one)]).toEqual([true, true]);
      const isMarked = format !== "llama3_json" && format !== "pythonic";
      expect(accepts(`I look. ${one} Wait.`)).toBe(isMarked);
      expect(accepts(one.replace("time.now", "time.then"))).toBeFalse();
      for (const text of textsOf(grammar.mixed(TOOLS, Number.POSITIVE_INFINITY), 40))
        expectValid(read(format, text).calls, text);
    });

    test("a schema that has no form here is refused if it is strict, else any arguments may come", () => {
      const odd = tool("odd", { not: {}, type: "object" });
      const strict = () => compileGrammar(grammar.calls([odd], 1));
      expect(strict).toThrow("of odd");
      const [text = ""] = textsOf(grammar.calls([{ ...odd, strict: false }], 1), 60);
      expect(read(format, text, [odd]).calls).toMatchObject([{ name: "odd" }]);
    });
  });
}

test("an answer may think before its call where it may think at all", () => {
  const call = TOOL_FORMATS.hermes.grammar.calls(TOOLS, 1);
  const [text = ""] = textsOf(call, 60);
  const thought = "<think>\n<tool_call>no</tool_call>\n</think>\n\n";
  const [open, thinking, told] = (["open", "thought", "content"] as const).map((beginning) =>
    textAcceptor(compileGrammar(behindThoughts(beginning, call))),
  );
  expect([open?.(text), open?.(thought + text), open?.(thought)]).toEqual([true, true, false]);
  expect([thinking?.(text), thinking?.(thought + text)]).toEqual([false, true]);
  expect([told?.(text), told?.(thought + text)]).toEqual([true, false]);
  expect(read("hermes", thought + text)).toMatchObject({ content: "", isWhole: true });
});
