import { describe, expect, test } from "bun:test";

import { systemClock } from "../../src/base/clock.ts";
import { LLMEngine } from "../../src/engine/llm-engine.ts";
import { type ScriptEntry, ScriptedRunner } from "../../src/engine/scripted-runner.ts";
import { SMALL_LIMITS } from "./fake-runner.ts";
import { answerOf, promptOf, requestOf } from "./requests.ts";

const END = 49;
const stop = { stopTokenIds: [END], maxTokens: 40 };

/** A prompt's text is its ids. */
const textOf = (tokenIds: Int32Array) => `${[...tokenIds].join(" ")} `;

function entry(tokenIds: readonly number[], match?: string): ScriptEntry {
  return { match, tokenIds: Int32Array.from(tokenIds), delayMs: 0 };
}

/** An engine that plays entries, and how to ask it. */
async function playing(
  entries: readonly ScriptEntry[],
  use: (engine: LLMEngine) => Promise<void>,
  limits = SMALL_LIMITS,
): Promise<void> {
  const runner = new ScriptedRunner({
    ...{ limits, clock: systemClock, entries, textOf, fillerId: 7 },
    otherwise: entry([40, 41]),
  });
  const ngram = {
    numSpeculativeTokens: 4,
    promptLookupMax: 3,
    promptLookupMin: 1,
    disableByBatchSize: 8,
  };
  const config = { enablePrefixCaching: true, maxWaiting: 100, maxStalled: 10, ngram };
  const engine = new LLMEngine({ runner, config, clock: systemClock });
  const running = engine.run();
  await use(engine);
  await engine.close();
  await running;
}

describe("a scripted engine", () => {
  test("plays the entry whose match stands last in the prompt, then the model's end", () =>
    playing([entry([1, 2], "5 6 "), entry([3], "8 "), entry([4, 4], "6 ")], async (engine) => {
      const ask = (prompt: readonly number[]) =>
        answerOf(engine.generate(requestOf(prompt, { stop })));
      expect((await ask([8, 5, 6])).tokenIds).toEqual([1, 2, END]);
      expect((await ask([5, 6, 8])).tokenIds).toEqual([3, END]);
      expect((await ask([5, 6, 8, 6])).tokenIds).toEqual([4, 4, END]);
      expect(await ask([9])).toMatchObject({ tokenIds: [40, 41, END], finishReason: "stop" });
    }));

  test("plays those without a match in turn, and begins again", () =>
    playing([entry([1]), entry([9], "8 "), entry([2])], async (engine) => {
      const all: number[][] = [];
      for (const prompt of [[5], [8], [5], [5]]) {
        all.push((await answerOf(engine.generate(requestOf(prompt, { stop })))).tokenIds);
      }
      expect(all).toEqual([
        [1, END],
        [9, END],
        [2, END],
        [1, END],
      ]);
    }));

  test("begins an answer again where its end must not come yet", () =>
    playing([entry([1, 2]), entry([])], async (engine) => {
      const longer = { ...stop, minTokens: 5 };
      const ask = (request: object) => answerOf(engine.generate(requestOf([5], request)));
      expect((await ask({ stop: longer })).tokenIds).toEqual([1, 2, 1, 2, 1, END]);
      expect((await ask({ stop })).tokenIds).toEqual([END]);
      expect(await ask({ stop: { stopTokenIds: [], maxTokens: 3 } })).toMatchObject({
        tokenIds: [1, 2, 1],
        finishReason: "length",
      });
      expect((await ask({ stop: { ...longer, maxTokens: 6 } })).tokenIds).toEqual([
        ...[7, 7, 7, 7, 7, END],
      ]);
    }));

  test("says the same where guesses bring several tokens in a step", () => {
    const script = Array.from({ length: 36 }, (_, i) => i % 4);
    const limits = { ...SMALL_LIMITS, maxNumRows: 40 };
    return playing(
      [entry(script)],
      async (engine) => {
        const { tokenIds } = await answerOf(engine.generate(requestOf([5], { stop })));
        expect(tokenIds).toEqual([...script, END]);
        expect(engine.stats().stepsTotal).toBeLessThan(script.length);
      },
      limits,
    );
  });

  test("goes on where it was after a preemption, for many at once", () => {
    const script = Array.from({ length: 30 }, (_, i) => i);
    const limits = { ...SMALL_LIMITS, numBlocks: 24 }; // of the 8 sequences that may run, 2 have room
    return playing(
      [entry(script)],
      async (engine) => {
        const asked = Array.from({ length: 8 }, (_, seed) =>
          answerOf(engine.generate(requestOf(promptOf(10, seed), { stop }))),
        );
        for (const { tokenIds } of await Promise.all(asked)) {
          expect(tokenIds).toEqual([...script, END]);
        }
        expect(engine.stats().preemptionsTotal).toBeGreaterThan(0);
      },
      limits,
    );
  });
});
