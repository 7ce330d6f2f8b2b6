// Thoughts and calls on the wire, whole and streamed.

import { expect, test } from "bun:test";
import { ChoiceText } from "../../src/door/choice-text.ts";
import { Tally } from "../../src/door/tally.ts";
import { chatFormat, completionFormat } from "../../src/openai/wire-format.ts";
import type { TextOutput } from "../../src/protocol/llm.ts";

const counts = { index: 0, numTokens: 1, numPromptTokens: 5, numCachedTokens: 0 };
const OUTPUTS: readonly TextOutput[] = [
  { ...counts, text: "", reasoning: "Look ", numReasoningTokens: 1 },
  { ...counts, text: "", reasoning: "first.", numReasoningTokens: 1 },
  { ...counts, text: "", toolCalls: [{ index: 0, id: "call_a", name: "read", arguments: "" }] },
  { ...counts, text: "", toolCalls: [{ index: 0, arguments: '{"path"' }] },
  {
    ...counts,
    text: "",
    toolCalls: [
      { index: 0, arguments: ':"a"}' },
      { index: 1, id: "call_b", name: "list", arguments: "{}" },
    ],
    finishReason: "tool_calls",
  },
];
const head = {
  ...{ id: "x", model: "m", created: 1, includeUsage: false },
  ...{ continuousUsage: false, fingerprint: "fp_1" },
};
const TOLD = { calls: "tool_calls", thoughts: "told" } as const;

function answerOf(style: Parameters<typeof chatFormat>[0], outputs = OUTPUTS) {
  const choice = new ChoiceText();
  const tally = new Tally({ numPrompts: 1, n: 1 });
  for (const output of outputs) {
    choice.add(output);
    tally.add(output);
  }
  return chatFormat(style).answer(head, [choice.whole("")], tally.usage());
}

function chunksOf(style: Parameters<typeof chatFormat>[0]) {
  const writer = chatFormat(style).events(head);
  const text = OUTPUTS.map((output) => writer.output(output, () => usageOf())).join("");
  return text
    .split("\n\n")
    .filter(Boolean)
    .map((event) => JSON.parse(event.replace("data: ", "")).choices[0]);
}

function eventsOf(text: string): readonly Record<string, unknown>[] {
  const events = text.split("\n\n").filter(Boolean);
  return events.map((event) => JSON.parse(event.replace("data: ", "")));
}

const usageOf = () => new Tally({ numPrompts: 1, n: 1 }).usage();

test("an answer and each of its chunks have the fingerprint, and the tier where one was named", () => {
  expect(answerOf(TOLD)).toMatchObject({ system_fingerprint: "fp_1" });
  expect(answerOf(TOLD)).not.toHaveProperty("service_tier");
  const style = { ...TOLD, tellsTier: true };
  const named = { system_fingerprint: "fp_1", service_tier: "default" };
  expect(answerOf(style)).toMatchObject(named);
  const writer = chatFormat(style).events(head);
  const chunks = eventsOf(OUTPUTS.map((one) => writer.output(one, usageOf)).join(""));
  expect(chunks.length).toBeGreaterThan(4);
  for (const chunk of chunks) expect(chunk).toMatchObject(named);
  expect(completionFormat.answer(head, [], usageOf())).toMatchObject({
    system_fingerprint: "fp_1",
  });
});

test("with continuous usage every chunk has what was counted so far", () => {
  const tally = new Tally({ numPrompts: 1, n: 1 });
  const continuous = { ...head, includeUsage: true, continuousUsage: true };
  for (const format of [chatFormat(TOLD), completionFormat]) {
    const writer = format.events(continuous);
    const tricky = { ...counts, text: '"usage":null}\n\n' };
    const outputs = [
      tricky,
      { ...tricky, tokenIds: [5] },
      { ...counts, text: "", finishReason: "stop" as const },
    ];
    const events = outputs.map((output) => {
      tally.add(output);
      return eventsOf(writer.output(output, () => tally.usage()));
    });
    const total = tally.choiceTokens[0] ?? 0;
    for (const [i, chunks] of events.entries()) {
      const completion_tokens = total - outputs.length + i + 1;
      for (const chunk of chunks) expect(chunk).toMatchObject({ usage: { completion_tokens } });
    }
    const told = JSON.stringify(events[0]?.at(-1));
    expect(told).toContain(JSON.stringify(tricky.text));
  }
});

test("a whole answer of calls has no content, both names of its thoughts, and their count", () => {
  expect(answerOf(TOLD)).toMatchObject({
    choices: [
      {
        message: {
          ...{ role: "assistant", content: null, refusal: null },
          ...{ reasoning: "Look first.", reasoning_content: "Look first." },
          tool_calls: [
            {
              id: "call_a",
              type: "function",
              function: { name: "read", arguments: '{"path":"a"}' },
            },
            { id: "call_b", type: "function", function: { name: "list", arguments: "{}" } },
          ],
        },
        finish_reason: "tool_calls",
      },
    ],
    usage: { completion_tokens_details: { reasoning_tokens: 2 } },
  });
});

test("a stream has a call's id and name where it begins, and its arguments in pieces", () => {
  const deltas = chunksOf(TOLD).map(({ delta }) => delta);
  expect(deltas).toEqual([
    { role: "assistant", content: "" },
    { reasoning: "Look ", reasoning_content: "Look " },
    { reasoning: "first.", reasoning_content: "first." },
    {
      tool_calls: [
        { index: 0, id: "call_a", type: "function", function: { name: "read", arguments: "" } },
      ],
    },
    { tool_calls: [{ index: 0, function: { arguments: '{"path"' } }] },
    { tool_calls: [{ index: 0, function: { arguments: ':"a"}' } }] },
    {
      tool_calls: [
        { index: 1, id: "call_b", type: "function", function: { name: "list", arguments: "{}" } },
      ],
    },
    {},
  ]);
  expect(chunksOf(TOLD).at(-1).finish_reason).toBe("tool_calls");
});

test("include_reasoning: false keeps thoughts back and counts them", () => {
  const kept = { ...TOLD, thoughts: "kept" } as const;
  const answer = JSON.stringify(answerOf(kept));
  expect(answer).not.toContain("Look");
  expect(answer).toContain('"reasoning_tokens":2');
  expect(JSON.stringify(chunksOf(kept))).not.toContain("Look");
});

test("a client of functions gets its one call in the older form", () => {
  const older = { calls: "function_call", thoughts: "told" } as const;
  expect(answerOf(older)).toMatchObject({
    choices: [
      {
        message: { content: null, function_call: { name: "read", arguments: '{"path":"a"}' } },
        finish_reason: "function_call",
      },
    ],
  });
  const [, , , begun] = chunksOf(older);
  expect(begun.delta).toEqual({ function_call: { name: "read", arguments: "" } });
});

test("an answer of text alone has no keys of thoughts or calls", () => {
  const plain = [{ ...counts, text: "hi", finishReason: "stop" as const }];
  expect(answerOf(TOLD, plain)).toMatchObject({
    choices: [{ message: { role: "assistant", content: "hi", refusal: null } }],
  });
  expect(JSON.stringify(answerOf(TOLD, plain))).not.toMatch(/"reasoning"|tool_calls/);
});
