import { expect, test } from "bun:test";

import { bestChoices } from "../../src/door/best-choices.ts";
import type { Choice } from "../../src/door/generation-route.ts";

function choiceOf(text: string, ...logprobs: readonly number[]): Choice {
  const token = { tokenId: 1, text: "x", bytes: [120], rank: 1, top: [] };
  return {
    ...{ text, reasoning: "", toolCalls: [], finishReason: "stop" },
    logprobs: logprobs.map((logprob) => ({ ...token, logprob })),
  };
}

const CHOICES = [
  ...[choiceOf("short", -1), choiceOf("long", -0.9, -0.9, -0.9), choiceOf("worst", -5)],
  ...[choiceOf("none"), choiceOf("second", -3, -1), choiceOf("first", -0.1)],
];

test("those stay whose tokens were likeliest on average, the best first, of each prompt", () => {
  const best = { of: 3, keep: 2, tellsLogprobs: true };
  const told = bestChoices(CHOICES, best);
  expect(told.map(({ text }) => text)).toEqual(["long", "short", "first", "second"]);
  expect(told[0]?.logprobs).toHaveLength(3);
});

test("log-probabilities that only decided are not told", () => {
  const told = bestChoices(CHOICES, { of: 3, keep: 1, tellsLogprobs: false });
  expect(told.map(({ text }) => text)).toEqual(["long", "first"]);
  for (const choice of told) expect(choice).not.toHaveProperty("logprobs");
});
