import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";

import { systemClock } from "../../../src/base/clock.ts";
import { VllmWorkerConfig } from "../../../src/components/worker/config.ts";
import { openScriptedRunner } from "../../../src/components/worker/open-scripted.ts";
import { readScript } from "../../../src/components/worker/script-file.ts";
import { LLMEngine } from "../../../src/engine/llm-engine.ts";
import { openTokenizer } from "../../../src/tokenizer/open-tokenizer.ts";
import { TokenText } from "../../../src/tokenizer/token-text.ts";
import { answerOf, requestOf } from "../../engine/requests.ts";

const scratch = mkdtempSync(join(tmpdir(), "dynamo-script-"));
afterAll(() => rmSync(scratch, { recursive: true }));

let numFiles = 0;
function scriptFile(text: string): string {
  const path = join(scratch, `${numFiles++}.yaml`);
  writeFileSync(path, text);
  return path;
}

const text = new TokenText(await openTokenizer("models/built-in"));
const EOS = 2;

/** The tokens of the script's first answer. */
async function playedOf(script: unknown): Promise<readonly number[]> {
  const path = scriptFile(JSON.stringify([script]));
  const config = v.parse(VllmWorkerConfig, { model: "built-in", engine: "scripted", script: path });
  const limits = {
    ...{ maxNumSeqs: 4, maxNumBatchedTokens: 64, maxModelLen: 4096, blockSize: 16 },
    ...{ firstBlock: 0, numBlocks: 256 },
  };
  const runner = await openScriptedRunner(config, { clock: systemClock, limits });
  const engine = new LLMEngine({
    ...{ runner, clock: systemClock },
    config: { enablePrefixCaching: true, maxWaiting: 4, maxStalled: 4 },
  });
  const running = engine.run();
  const stop = { stopTokenIds: [EOS], maxTokens: 1000 };
  const { tokenIds } = await answerOf(engine.generate(requestOf([5], { stop })));
  await engine.close();
  await running;
  expect(tokenIds.pop()).toBe(EOS);
  return tokenIds;
}

const SAID = "Grüße 🎉 <tool_call>{}</tool_call>";

describe("a script's answer", () => {
  test("is text in the model's own tokens, markers as theirs", async () => {
    const ids = await playedOf({ text: SAID });
    expect(text.decode(ids)).toBe(SAID);
    expect(ids).toContain(3); // <tool_call>
    expect(ids.length).toBeLessThan(20);
  });

  test("is cut at each character, or at each byte", async () => {
    const characters = await playedOf({ text: SAID, split: "characters" });
    expect(text.decode(characters)).toBe(SAID);
    expect(characters).not.toContain(3);
    const bytes = await playedOf({ text: SAID, split: "bytes" });
    expect(text.decode(bytes)).toBe(SAID);
    expect(bytes.length).toBe(Buffer.byteLength(SAID));
  });

  test("is cut as its pieces are, or given by its ids", async () => {
    const pieces = ["<tool", "_call>", "x"];
    const ids = await playedOf({ pieces });
    expect(text.decode(ids)).toBe(pieces.join(""));
    expect(ids).not.toContain(3);
    expect(await playedOf({ tokens: [3, 9, 4] })).toEqual([3, 9, 4]);
  });

  test("has no token that the model has not", async () => {
    await expect(playedOf({ tokens: [1_000_000] })).rejects.toThrow(/entry 1: 1000000 is no token/);
  });
});

describe("a script's file", () => {
  const wrong: readonly (readonly [string, string, RegExp])[] = [
    ["no list", "a: 1", /is no list of answers/],
    ["an empty list", "[]", /is no list of answers/],
    ["a misspelt key", "- text: a\n- txt: b", /entry 2: an entry has `text`/],
    ["two answers in one", "- {text: a, tokens: [1]}", /entry 1/],
    ["a negative delay", "- {text: a, delay-ms: -1}", /entry 1/],
    ["no YAML", "- {text: a", /cannot be played/],
  ];
  for (const [name, content, message] of wrong) {
    test(`is refused with ${name}`, () => {
      expect(() => readScript(scriptFile(content))).toThrow(message);
    });
  }

  test("is refused if it is not there, or is a directory", () => {
    expect(() => readScript(join(scratch, "none.yaml"))).toThrow(/cannot be played/);
    expect(() => readScript(scratch)).toThrow(/cannot be played/);
  });
});
