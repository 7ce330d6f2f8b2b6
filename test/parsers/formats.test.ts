// Results of each format's parser on whole answers. Every example, read again in random pieces, must give the same.

import { describe, expect, test } from "bun:test";

import { reasoningFormatOf, toolFormatOf } from "../../src/parsers/formats.ts";
import { type Answer, cut, type ReadOptions, randomOf, read, tool } from "./read.ts";

type Example = readonly [name: string, text: string, expected: Partial<Answer>];

const call = (args: string, name = "f") => ({ name, arguments: args });
const content = (text: string) => ({ text, calls: [] });

const NUM_CUTS = 40;

function examples(title: string, options: ReadOptions, list: readonly Example[]): void {
  describe(title, () => {
    for (const [name, text, expected] of list) {
      test(name, () => {
        const whole = read([text], options);
        expect(whole).toMatchObject(expected);
        const letters = [...Array(text.length)].map((_, at) => text[at] ?? "");
        expect(read(letters, options)).toEqual(whole);
        for (let seed = 0; seed < NUM_CUTS; seed++) {
          expect(read(cut(text, randomOf(seed)), options)).toEqual(whole);
        }
      });
    }
  });
}

const PARIS = '{"city": "Paris"}';

examples("hermes", { tools: "hermes" }, [
  [
    "a call",
    `<tool_call>\n{"name": "f", "arguments": ${PARIS}}\n</tool_call>`,
    { text: "", calls: [call(PARIS)], isWhole: true },
  ],
  [
    "content, two calls, and content; space beside markers is theirs",
    `I look.\n\n<tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call>\n` +
      `<tool_call>\n{"name": "g", "arguments": {}}\n</tool_call>\nDone.\n`,
    { text: "I look.\nDone.\n", calls: [call('{"a": 1}'), call("{}", "g")] },
  ],
  [
    "brackets, quotes, markers and escapes in a string",
    `<tool_call>{"name": "f", "arguments": {"s": "}]\\"</tool_call>\\\\", "t": "é🎉\\n"}}</tool_call>`,
    { text: "", calls: [call('{"s": "}]\\"</tool_call>\\\\", "t": "é🎉\\n"}')] },
  ],
  [
    "arguments before the name, and keys that mean nothing",
    `<tool_call>{"id": 7, "arguments": {"a": [1, {"b": null}]}, "x": [{}], "name": "f"}</tool_call>`,
    { text: "", calls: [call('{"a": [1, {"b": null}]}')] },
  ],
  [
    "arguments as JSON in a string, as null, and none",
    `<tool_call>{"name": "f", "arguments": "{\\"a\\": 1}"}</tool_call><tool_call>{"name": "f", ` +
      `"arguments": null}</tool_call><tool_call>{"name": "g"}</tool_call>`,
    { text: "", calls: [call('{"a": 1}'), call("{}"), call("{}", "g")] },
  ],
  [
    "two objects between two markers, and no end marker",
    `<tool_call>\n{"name": "f", "arguments": {}}\n{"name": "g", "arguments": {}}`,
    { text: "", calls: [call("{}"), call("{}", "g")], isWhole: true },
  ],
  [
    "a call whose last bracket is missing",
    `<tool_call>{"name": "f", "arguments": {"a": 1}</tool_call>`,
    { text: "", calls: [call('{"a": 1}')], isWhole: true },
  ],
  [
    "a call that does not end",
    `<tool_call>{"name": "f", "arguments": {"a": "Par`,
    { text: "", calls: [call('{"a": "Par')], isWhole: false },
  ],
  [
    "a call that is cut in its end marker",
    `<tool_call>{"name": "f", "arguments": {}}\n</tool_c`,
    { text: "", calls: [call("{}")], isWhole: true },
  ],
  [
    "arguments that are no JSON stay the call's",
    `<tool_call>{"name": "f", "arguments": {"a": 'x'}}</tool_call>!`,
    { text: "!", calls: [call(`{"a": 'x'}}`)] },
  ],
  ["plain text", "  a < b, and <tool is none\n", content("  a < b, and <tool is none\n")],
  [
    "a marker that is talked about",
    "Use `<tool_call>` and `</tool_call>`.",
    content("Use `<tool_call>` and `</tool_call>`."),
  ],
  ...[
    `<tool_call>{"name": 5, "arguments": {}}</tool_call>`,
    `<tool_call>{"arguments": {}}</tool_call>`,
    `<tool_call>{"name": "f", "arguments": [1]}</tool_call>`,
    `<tool_call>{"name": "f", "arguments": "text"}</tool_call>`,
    `<tool_call>{'name': 'f'}</tool_call>`,
    `<tool_call>{{"name": "f"}}</tool_call>`,
    `<tool_call>[]</tool_call>`,
    `<tool_call>\n</tool_call>`,
    `<tool_call>{"name": "f"`,
    `<tool_call>{"na`,
    `<tool_c`,
  ].map((text): Example => [`no call: ${JSON.stringify(text)}`, text, content(text)]),
  [
    "a call after one that is none",
    `<tool_call>no</tool_call><tool_call>{"name": "f", "arguments": {}}</tool_call>`,
    { text: "<tool_call>no</tool_call>", calls: [call("{}")] },
  ],
]);

const TAG = "<|python_tag|>";

examples("llama3_json", { tools: "llama3_json" }, [
  ["a call", `{"name": "f", "parameters": ${PARIS}}`, { text: "", calls: [call(PARIS)] }],
  [
    "a call behind its marker, of a tool that is not known",
    `${TAG}{"name": "h", "parameters": ${PARIS}}`,
    { text: "", calls: [call(PARIS, "h")] },
  ],
  [
    "several",
    `\n{"name": "f", "parameters": {}}; {"name": "g", "parameters": {"a": ";"}};`,
    { text: "", calls: [call("{}"), call('{"a": ";"}', "g")] },
  ],
  [
    "several, each behind a marker",
    `${TAG}{"name": "f", "parameters": {}};${TAG}{"name": "g", "arguments": {}}`,
    { text: "", calls: [call("{}"), call("{}", "g")] },
  ],
  [
    "content before a marker",
    `I look. ${TAG}{"type": "function", "name": "f", "parameters": {}}`,
    { text: "I look.", calls: [call("{}")] },
  ],
  [
    "content behind a call",
    `{"name": "f", "parameters": {}} and so on; ok`,
    { text: " and so on; ok", calls: [call("{}")] },
  ],
  ["no end", `{"name": "f", "parameters": {"a": 1`, { calls: [call('{"a": 1')], isWhole: false }],
  [
    "only the last bracket missing",
    `{"name": "f", "parameters": {}`,
    { calls: [call("{}")], isWhole: true },
  ],
  ...[
    `{"name": "Bob", "age": 5}`,
    `{"name": "f", "parameters": [1]}`,
    `{"parameters": {}, "name": "Bob"}`,
    "{ not JSON }",
    `[{"name": "f"}]`,
    `Say {"name": "f", "parameters": {}}`,
    `${TAG}print("hi")`,
    `{"name": "f"`,
    "; then",
    "",
    "  ",
  ].map((text): Example => [`no call: ${JSON.stringify(text)}`, text, content(text)]),
]);

examples("mistral", { tools: "mistral" }, [
  [
    "a list of objects",
    `[TOOL_CALLS] [{"name": "f", "arguments": ${PARIS}}, {"arguments": {}, "name": "g"}]`,
    { text: "", calls: [call(PARIS), call("{}", "g")], isWhole: true },
  ],
  [
    "names and objects",
    `Well. [TOOL_CALLS]f${PARIS}[TOOL_CALLS]g {"a": {"b": "[TOOL_CALLS]"}}`,
    { text: "Well.", calls: [call(PARIS), call('{"a": {"b": "[TOOL_CALLS]"}}', "g")] },
  ],
  [
    "names, ids and objects",
    `[TOOL_CALLS]f[CALL_ID]abc123def[ARGS]${PARIS}[TOOL_CALLS]g[ARGS]{}`,
    { text: "", calls: [call(PARIS), call("{}", "g")] },
  ],
  ["one object", `[TOOL_CALLS]{"name": "f", "arguments": {}}`, { calls: [call("{}")] }],
  [
    "content behind a list",
    `[TOOL_CALLS][{"name": "f", "arguments": {}}]ok`,
    { text: "ok", calls: [call("{}")] },
  ],
  ["no end", `[TOOL_CALLS]f{"a": "x`, { calls: [call('{"a": "x')], isWhole: false }],
  [
    "arguments that are no JSON stay the call's",
    `[TOOL_CALLS]f{"a": 'x'}[TOOL_CALLS]g{}`,
    { text: "", calls: [call(`{"a": 'x'}`), call("{}", "g")] },
  ],
  ...[
    "[TOOL_CALLS]",
    "[TOOL_CALLS] ",
    "[TOOL_CALLS][]",
    "[TOOL_CALLS][1]",
    "[TOOL_CALLS]hello world",
    "[TOOL_CALLS]what? [ARGS]{}",
    "[TOOL_CALLS]f[ARGS][]",
    "[TOOL_CALLS]f[ARG",
    "[TOOL_CALLS]f[CALL_ID]abc",
    `[TOOL_CALLS]f[CALL_ID]${"x".repeat(600)}[ARGS]{}`,
    "[TOOL_CALLS]f[OTHER]{}",
    "[TOOL_C",
    "a [list] of [things",
  ].map((text): Example => [`no call: ${JSON.stringify(text)}`, text, content(text)]),
]);

const typed = {
  definitions: [
    tool("f", {
      city: { type: "string" },
      days: { type: "integer" },
      ratio: { type: "number" },
      isLong: { type: "boolean" },
      tags: { type: "array", items: { type: "string" } },
      where: { $ref: "#/$defs/place" },
      maybe: { anyOf: [{ type: "integer" }, { type: "null" }] },
      zip: { type: ["string", "null"] },
      unit: { enum: ["C", "F"] },
    }),
    tool("g"),
    tool("module.h"),
  ],
};
Object.assign(typed.definitions[0]?.parameters ?? {}, { $defs: { place: { type: "object" } } });

examples("pythonic", { tools: "pythonic", ...typed }, [
  [
    "calls with arguments of all kinds",
    `[f(city='Par\\'is', days=3, ratio=-.5, isLong=True, tags=["a", ('b')], where={'x': [1, None]}), g()]`,
    {
      text: "",
      calls: [
        call(
          `{"city": "Par'is", "days": 3, "ratio": -0.5, "isLong": true, "tags": ["a", ["b"]], "where": {"x": [1, null]}}`,
        ),
        call("{}", "g"),
      ],
      isWhole: true,
    },
  ],
  [
    "kinds as the schema has them",
    `[f(city=75001, days="3", isLong='true', zip=None, where='{"a": 1}')]`,
    {
      calls: [call('{"city": "75001", "days": 3, "isLong": true, "zip": null, "where": {"a": 1}}')],
    },
  ],
  [
    "brackets and commas in strings, many digits, a trailing comma, another name",
    `<|python_start|>[module.h(a="),(", b=12345678901234567890, c=1_000, )]<|python_end|>\n`,
    { text: "", calls: [call('{"a": "),(", "b": 12345678901234567890, "c": 1000}', "module.h")] },
  ],
  ["no end", `[f(city="Paris", days=`, { calls: [call('{"city": "Paris"')], isWhole: false }],
  ["content behind the list", "[g()] ok", { text: " ok", calls: [call("{}", "g")] }],
  [
    "a mistake behind an argument",
    "[f(days=1, city=nowhere)]",
    { text: " city=nowhere)]", calls: [call('{"days": 1')], isWhole: false },
  ],
  ...[
    "[1, 2, 3]",
    "[link](https://example.com)",
    "[unknown(a=1)]",
    "[f('Paris')]",
    "[f(city=Paris)]",
    "[f(city='Paris'",
    "[f(city={)]",
    "[]",
    "[f",
    "[",
    "f(city='Paris')",
    "hello",
    "",
  ].map((text): Example => [`no call: ${JSON.stringify(text)}`, text, content(text)]),
]);

const xml = (body: string, name = "f") =>
  `<tool_call>\n<function=${name}>\n${body}</function>\n</tool_call>`;
const parameter = (key: string, value: string) => `<parameter=${key}>\n${value}\n</parameter>\n`;

examples("qwen3_coder", { tools: "qwen3_coder", ...typed }, [
  [
    "arguments of all kinds",
    xml(
      parameter("city", 'Par"is\n\n🎉') +
        parameter("days", "3") +
        parameter("ratio", "5.0") +
        parameter("isLong", "True") +
        parameter("tags", "['a', \"b\"]") +
        parameter("where", '{"x": [1, null]}') +
        parameter("maybe", "null") +
        parameter("zip", "75001") +
        parameter("unit", "C") +
        parameter("other", "5"),
    ),
    {
      text: "",
      calls: [
        call(
          `{"city": "Par\\"is\\n\\n🎉", "days": 3, "ratio": 5.0, "isLong": true, "tags": ["a", "b"], ` +
            `"where": {"x": [1, null]}, "maybe": null, "zip": "75001", "unit": "C", "other": "5"}`,
        ),
      ],
      isWhole: true,
    },
  ],
  [
    "a value of another kind than the schema's is text",
    xml(parameter("days", "soon") + parameter("where", "here") + parameter("maybe", "1.5")),
    { calls: [call('{"days": "soon", "where": "here", "maybe": "1.5"}')] },
  ],
  [
    "content, two calls, content",
    `Let me see.\n\n${xml("", "g")}\n${xml(parameter("city", "<b>a</b> & </param"))}\n\nOk.`,
    {
      text: "Let me see.\n\nOk.",
      calls: [call("{}", "g"), call('{"city": "<b>a</b> & </param"}')],
    },
  ],
  [
    "without the outer markers",
    `<function=f>\n${parameter("city", "Paris")}</function>`,
    { text: "", calls: [call(PARIS)], isWhole: true },
  ],
  [
    "forgotten ends of parameters",
    "<tool_call>\n<function=f>\n<parameter=city>\nParis\n<parameter=days>\n3\n</function>\n</tool_call>",
    { text: "", calls: [call('{"city": "Paris", "days": 3}')] },
  ],
  [
    "a value that is one line with its marks",
    "<function=f><parameter=city>Paris</parameter></function>",
    { calls: [call(PARIS)] },
  ],
  [
    "a turn that ends in a value",
    "<function=f>\n<parameter=city>\nParis",
    { calls: [call(PARIS)], isWhole: true },
  ],
  ...[
    "<tool_call>",
    "<tool_call>\n{}\n</tool_call>",
    "<function=",
    "<function=f",
    "<function=a b>",
    "<tool_call>\n<func",
    "<fun",
  ].map((text): Example => [`no call: ${JSON.stringify(text)}`, text, content(text)]),
]);

examples("qwen3_coder, cut", { tools: "qwen3_coder", ...typed, ending: "cut" }, [
  [
    "in a text",
    "<function=f>\n<parameter=city>\nPar",
    { calls: [call('{"city": "Par')], isWhole: false },
  ],
  [
    "in a number",
    "<function=f>\n<parameter=days>\n3",
    { calls: [call('{"days": ')], isWhole: false },
  ],
  ["in a marker", "<function=f>\n<parameter=city>\nPar\n</para", { text: "", isWhole: false }],
  ["between parameters", "<function=f>\n", { text: "", calls: [call("")], isWhole: false }],
]);

examples("one call at most", { tools: "hermes", maxCalls: 1 }, [
  [
    "a second call and all behind it are dropped",
    `a<tool_call>{"name": "f", "arguments": {}}</tool_call>b<tool_call>{"name": "g", "arguments": {}}</tool_call>c`,
    { text: "ab", calls: [call("{}")] },
  ],
  [
    "what looks like a second one is none",
    `<tool_call>{"name": "f", "arguments": {}}</tool_call><tool_call>no</tool_call>`,
    { text: "<tool_call>no</tool_call>", calls: [call("{}")] },
  ],
]);

examples("deepseek_r1", { reasoning: "deepseek_r1" }, [
  ["thinks from the start", "Hm.\n</think>\n\nHello!\n", { reasoning: "Hm.", text: "Hello!\n" }],
  ["writes the marker itself", "<think>\nHm.</think>Hello!", { reasoning: "Hm.", text: "Hello!" }],
  ["does not come to an end", "Hm, <b> and </thin", { reasoning: "Hm, <b> and </thin", text: "" }],
  ["thinks nothing", "\n</think>\n\nHello", { reasoning: "", text: "Hello" }],
]);

examples(
  "deepseek_r1 after closed thoughts",
  { reasoning: "deepseek_r1", promptTail: "<|A|></think>" },
  [["answers", "Hello </think>", { reasoning: "", text: "Hello </think>" }]],
);

examples("qwen3", { reasoning: "qwen3", promptTail: "<|im_start|>assistant\n" }, [
  [
    "thinks",
    "<think>\nHm.\n\nSo.\n</think>\n\nHello!",
    { reasoning: "Hm.\n\nSo.", text: "Hello!" },
  ],
  ["does not think", "\n Hello <think>", { reasoning: "", text: "\n Hello <think>" }],
  ["begins like a marker", "<thin ice", { reasoning: "", text: "<thin ice" }],
]);

examples("qwen3 after its opening", { reasoning: "qwen3", promptTail: "assistant\n<think>\n" }, [
  ["thinks", "Hm.</think>Hello!", { reasoning: "Hm.", text: "Hello!" }],
  ["does not come to an end", "Hm. ", { reasoning: "Hm.", text: "" }],
]);

examples("qwen3 told not to think", { reasoning: "qwen3", promptTail: "<think>\n\n</think>\n\n" }, [
  ["answers", "<think>", { reasoning: "", text: "<think>" }],
]);

examples("thoughts and calls", { reasoning: "qwen3", tools: "hermes" }, [
  [
    "a call behind thoughts that talk of calls",
    `<think>\nI could <tool_call>{"name": "g", "arguments": {}}</tool_call>.\n</think>\n\n` +
      `<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>`,
    {
      reasoning: 'I could <tool_call>{"name": "g", "arguments": {}}</tool_call>.',
      text: "",
      calls: [call("{}")],
    },
  ],
]);

const GPT_OSS = {
  tools: "openai",
  reasoning: "openai_gptoss",
  promptTail: "Hi<|end|><|start|>assistant",
} as const;

// The examples of docs/format.md of openai/harmony, and what models do beside them. The token that ends a turn is not
// spelled.
examples("harmony", GPT_OSS, [
  [
    "thoughts and an answer",
    `<|channel|>analysis<|message|>User asks: "What is 2 + 2?" Simple arithmetic. Provide answer.<|end|>` +
      "<|start|>assistant<|channel|>final<|message|>2 + 2 = 4.",
    {
      reasoning: 'User asks: "What is 2 + 2?" Simple arithmetic. Provide answer.',
      ...content("2 + 2 = 4."),
    },
  ],
  [
    "a call behind a thought",
    "<|channel|>analysis<|message|>Need to use function get_weather.<|end|><|start|>assistant<|channel|>commentary " +
      'to=functions.get_weather <|constrain|>json<|message|>{"location":"San Francisco"}',
    {
      ...{ text: "", reasoning: "Need to use function get_weather.", isWhole: true },
      calls: [call('{"location":"San Francisco"}', "get_weather")],
    },
  ],
  [
    "a preamble before a call",
    "<|channel|>analysis<|message|>{long chain of thought}<|end|><|start|>assistant<|channel|>commentary<|message|>" +
      "**Action plan**:\n1. Generate an HTML file\n---\nWill start<|end|><|start|>assistant<|channel|>commentary " +
      'to=functions.generate_file<|constrain|>json<|message|>{"path": "index.html"}<|call|>',
    {
      text: "**Action plan**:\n1. Generate an HTML file\n---\nWill start",
      reasoning: "{long chain of thought}",
      calls: [call('{"path": "index.html"}', "generate_file")],
    },
  ],
  [
    "a recipient behind the role, in the prompt's message and in another",
    ` to=functions.f<|channel|>commentary json<|message|>${PARIS}<|end|>` +
      `<|start|>assistant to=functions.g<|channel|>commentary json<|message|>`,
    { text: "", calls: [call(PARIS), call("{}", "g")], isWhole: true },
  ],
  [
    "thoughts in two messages, one to a tool of their own, and content in two",
    "<|channel|>analysis<|message|>One.<|end|><|start|>assistant<|channel|>analysis to=python code<|message|>" +
      "print(1)<|end|>\n<|start|>assistant<|channel|>final<|message|>A<|end|><|start|>assistant<|channel|>final<|message|>B",
    { reasoning: "One.\nprint(1)", ...content("A\nB") },
  ],
  [
    "messages that are not closed",
    "<|channel|>analysis<|message|>One.<|start|>assistant<|channel|>final<|message|>A<|channel|>commentary " +
      "to=functions.f<|message|>{}",
    { reasoning: "One.", text: "A", calls: [call("{}")] },
  ],
  ["text without messages", "Hello, <b> world.\n", content("Hello, <b> world.\n")],
  ["a header that is cut off says nothing", "<|channel|>analy", { ...content(""), reasoning: "" }],
  ["no channel", "<|message|>Hello.", content("Hello.")],
  [
    "text before a header that is none",
    `<|channel|>${"x".repeat(2000)}<|message|>a`,
    content(`<|channel|>${"x".repeat(2000)}<|message|>a`),
  ],
]);

examples("harmony, cut off by a limit", { ...GPT_OSS, ending: "cut" }, [
  [
    "in a call",
    '<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a": ',
    { text: "", calls: [call('{"a": ')], isWhole: false },
  ],
]);

examples(
  "harmony behind a prompt with a header",
  { ...GPT_OSS, promptTail: "<|start|>assistant<|channel|>analysis<|message|>" },
  [
    [
      "goes on in its message",
      "Hm.<|end|><|start|>assistant<|channel|>final<|message|>A",
      { reasoning: "Hm.", ...content("A") },
    ],
  ],
);

examples("harmony without tools", { reasoning: "openai_gptoss", promptTail: GPT_OSS.promptTail }, [
  [
    "leaves a call as it is written",
    "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant to=functions.f<|channel|>commentary<|message|>{}",
    {
      reasoning: "Hm.",
      ...content("<|start|>assistant to=functions.f<|channel|>commentary<|message|>{}"),
    },
  ],
]);

examples("harmony's calls alone", { tools: "openai" }, [
  [
    "leave thoughts as they are written",
    "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary to=functions.f<|message|>{}",
    { text: "<|channel|>analysis<|message|>Hm.<|end|>", calls: [call("{}")], reasoning: "" },
  ],
]);

describe("random answers in harmony", () => {
  const scraps = [
    ...["<|start|>", "assistant", "<|channel|>", "analysis", "final", "commentary", "<|message|>"],
    ...["<|end|>", "<|call|>", " to=functions.f", " to=python", "<|constrain|>", "json", "<|"],
    ...['{"a": 1}', "text", "é🎉", "\n", " ", "<", "x".repeat(700)],
  ];
  test("come to the same in any pieces", () => {
    const random = randomOf(20_261_130);
    for (let round = 0; round < 2000; round++) {
      const pieces = Array.from({ length: 1 + Math.floor(random() * 20) }, () => {
        return scraps[Math.floor(random() * scraps.length)] ?? "";
      });
      const options = {
        ...(random() < 0.7 && { tools: "openai" as const }),
        ...(random() < 0.7 && { reasoning: "openai_gptoss" as const }),
        promptTail: random() < 0.7 ? GPT_OSS.promptTail : "",
        ending: random() < 0.5 ? ("cut" as const) : ("stop" as const),
      };
      const text = pieces.join("");
      const whole = read([text], options);
      expect([text, read(cut(text, random), options)]).toEqual([text, whole]);
      expect([text, read(pieces, options)]).toEqual([text, whole]);
    }
  });
});

const wordsOf = (text: string) => ["text", "🎉"].map((word) => text.split(word).length);

function saidBy({ text, reasoning, calls }: Answer): string {
  return text + reasoning + calls.map((one) => one.name + one.arguments).join();
}

describe("random answers", () => {
  const scraps = [
    ...[
      "<tool_call>",
      "</tool_call>",
      '{"name": "f", "arguments": ',
      "{",
      "}",
      "[",
      "]",
      '"',
      "\\",
      "\n",
    ],
    ...[
      "[TOOL_CALLS]",
      "[ARGS]",
      "f",
      "g(",
      "city=",
      "'",
      ",",
      ")",
      "<function=f>",
      "<parameter=city>",
    ],
    ...[
      "</parameter>",
      "</function>",
      "<think>",
      "</think>",
      TAG,
      "<|python_start|>",
      ";",
      " ",
      "é🎉",
      "null",
    ],
    ...['{"a": 1}', "}}", '"name": "g", ', '"parameters": ', "text", "<", ">"],
  ];
  const formats = ["hermes", "qwen3_coder", "llama3_json", "mistral", "pythonic"] as const;
  for (const tools of formats) {
    test(`of ${tools} come to the same in any pieces, and lose no word`, () => {
      const random = randomOf(20_261_130);
      for (let round = 0; round < 500; round++) {
        const pieces = Array.from({ length: 1 + Math.floor(random() * 14) }, () => {
          return scraps[Math.floor(random() * scraps.length)] ?? "";
        });
        const text = pieces.join("");
        const reasoning = random() < 0.3 ? ("qwen3" as const) : undefined;
        const ending = random() < 0.5 ? ("cut" as const) : ("stop" as const);
        const options = { tools, ...typed, ending, ...(reasoning && { reasoning }) };
        const whole = read([text], options);
        expect([text, read(cut(text, random), options)]).toEqual([text, whole]);
        expect([text, read(pieces, options)]).toEqual([text, whole]);
        expect([text, wordsOf(saidBy(whole))]).toEqual([text, wordsOf(text)]);
      }
    });
  }
});

describe("white space without end", () => {
  const many = " ".repeat(3000);
  const CALLED = '{"name": "f", "parameters": {}}';
  examples("before an answer", { tools: "llama3_json", reasoning: "qwen3" }, [
    [
      "is content, and so is what follows",
      `${many}<think>a</think>${CALLED}`,
      content(`${many}<think>a</think>${CALLED}`),
    ],
  ]);
  examples("in llama3_json", { tools: "llama3_json" }, [
    ["is content", `${many}${CALLED}`, content(`${many}${CALLED}`)],
    [
      "ends the calls",
      `${CALLED}${many}${CALLED}`,
      { text: `${many}${CALLED}`, calls: [call("{}")] },
    ],
  ]);
  examples("in hermes", { tools: "hermes" }, [
    [
      "ends the calls between two markers",
      `<tool_call>{"name": "f", "arguments": {}}${many}{}</tool_call>`,
      { text: `${many}{}`, calls: [call("{}")] },
    ],
  ]);
  examples("in pythonic", { tools: "pythonic" }, [
    ["ends the list", `[f()${many}, g()]`, { text: `${many}, g()]`, calls: [call("{}")] }],
    ["is no name's", `[f(a${many}=1)]`, content(`[f(a${many}=1)]`)],
  ]);
});

describe("a template tells its format", () => {
  const templates: readonly (readonly [string, string | undefined, string | undefined])[] = [
    ["{{ '<tool_call>\\n{\"name\": ' }}", "hermes", undefined],
    ["'<tool_call>\\n<function=' + name + '>' ... '</think>'", "qwen3_coder", "qwen3"],
    ["{{ '[TOOL_CALLS]' }}", "mistral", undefined],
    ['{"name": function name, "parameters": dictionary}', "llama3_json", undefined],
    ["[func_name1(params_name1=params_value1)]", "pythonic", undefined],
    ["<｜Assistant｜> {{ content.split('</think>') }}", undefined, "deepseek_r1"],
    ["<|start|>assistant<|channel|>analysis ... <|channel|>commentary", "openai", "openai_gptoss"],
    ["{{ message.content }}", undefined, undefined],
  ];
  for (const [template, tools, reasoning] of templates) {
    test(template, () => {
      expect(toolFormatOf(template)).toBe(tools as never);
      expect(reasoningFormatOf(template)).toBe(reasoning as never);
    });
  }
});
