// Streams with fewer events: nothing is lost, and nothing changes places.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";

import { ChoiceText } from "../../src/door/choice-text.ts";
import { JoinedOutputs } from "../../src/door/joined-outputs.ts";
import type { TextOutput } from "../../src/protocol/llm.ts";

const counts = { index: 0, numTokens: 1, numPromptTokens: 3, numCachedTokens: 0 };

async function joined(outputs: readonly TextOutput[], interval: number): Promise<TextOutput[]> {
  async function* source() {
    yield* outputs;
  }
  return Array.fromAsync(new JoinedOutputs(source(), interval));
}

const letters = (text: string, index = 0): TextOutput[] =>
  [...text].map((letter, at) => ({
    ...{ ...counts, index, text: letter, tokenIds: [at] },
    ...(at === text.length - 1 && { finishReason: "stop" as const }),
  }));

describe("joined outputs", () => {
  test("come one for so many tokens, the first at once and the rest at the end", async () => {
    const outputs = await joined(letters("abcdefgh"), 3);
    expect(outputs.map(({ text }) => text)).toEqual(["a", "bcd", "efg", "h"]);
    expect(outputs.map(({ numTokens }) => numTokens)).toEqual([1, 3, 3, 1]);
    expect(outputs.map(({ tokenIds }) => tokenIds)).toEqual([[0], [1, 2, 3], [4, 5, 6], [7]]);
    expect(outputs.at(-1)?.finishReason).toBe("stop");
  });

  test("of several choices are counted apart", async () => {
    const [a, b] = [letters("abcd"), letters("wxyz", 1)];
    const mixed = a.flatMap((output, at) => [output, b[at] as TextOutput]);
    const outputs = await joined(mixed, 2);
    const of = (index: number) => outputs.filter((one) => one.index === index);
    expect(of(0).map(({ text }) => text)).toEqual(["a", "bc", "d"]);
    expect(of(1).map(({ text }) => text)).toEqual(["w", "xy", "z"]);
  });

  test("without what a new start has made void", async () => {
    const restart = { ...counts, text: "n", restarts: true as const };
    const last = { ...counts, text: "w", finishReason: "stop" as const };
    const outputs = await joined(
      [{ ...counts, text: "" }, ...letters("ol").slice(0, 1), restart, last],
      9,
    );
    expect(outputs.map(({ text }) => text)).toEqual(["", "nw"]);
    expect(outputs[1]?.restarts).toBe(true);
  });

  test("say what the outputs say, in their order, whatever they are", async () => {
    const piece = fc.oneof(
      fc.string({ maxLength: 3 }).map((text) => ({ text })),
      fc.string({ minLength: 1, maxLength: 3 }).map((reasoning) => ({ text: "", reasoning })),
      fc.string({ maxLength: 3 }).map((more) => ({
        text: "",
        toolCalls: [{ index: 0, id: "a", name: "f", arguments: more }],
      })),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece),
        fc.integer({ min: 1, max: 5 }),
        async (pieces, interval) => {
          const outputs: TextOutput[] = pieces.map((one) => ({ ...counts, ...one }));
          const all = await joined(
            [...outputs, { ...counts, text: "", finishReason: "stop" }],
            interval,
          );
          const whole = new ChoiceText();
          const told = new ChoiceText();
          for (const output of outputs) whole.add(output);
          for (const output of all) told.add(output);
          const { finishReason: _, stopReason: __, ...said } = whole.whole("");
          expect(told.whole("")).toMatchObject(said);
          expect(orderOf(all)).toEqual(orderOf(outputs));
        },
      ),
    );
  });

  test("are left at once, also while the next is awaited", async () => {
    let hasLeft = false;
    const source: AsyncIterableIterator<TextOutput> = {
      [Symbol.asyncIterator]: () => source,
      next: () => new Promise(() => {}),
      async return() {
        hasLeft = true;
        return { done: true, value: undefined };
      },
    };
    const outputs = new JoinedOutputs(source, 4);
    void outputs.next();
    await outputs.return();
    expect(hasLeft).toBe(true);
  });
});

/** Kinds of what is told, runs of one kind as one. */
function orderOf(outputs: readonly TextOutput[]): readonly string[] {
  const kinds = outputs.flatMap(({ reasoning, text, toolCalls }) => [
    ...(reasoning === undefined ? [] : ["thought"]),
    ...(text === "" ? [] : ["text"]),
    ...(toolCalls === undefined ? [] : ["call"]),
  ]);
  return kinds.filter((kind, at) => kind !== kinds[at - 1]);
}
