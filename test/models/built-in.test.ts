import { describe, expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";

import { corpus } from "../../models/built-in/corpus/corpus.ts";
import { Random } from "../../models/built-in/corpus/random.ts";
import { python, toolTask } from "../../models/built-in/corpus/tool-call.ts";
import { tokenizerFiles } from "../../models/built-in/tokenizer/train.ts";
import { marked, openEncoder } from "../../models/built-in/train/encode.ts";
import { openModel } from "../../src/model/open-model.ts";
import { Tokenizer } from "../tokenizer/whole-tokenizer.ts";

const directory = join(import.meta.dir, "../../models/built-in");
const encoder = await openEncoder();
const served = await Tokenizer.load(directory);

describe("the built-in tokenizer", () => {
  test("is what its program writes", async () => {
    const { tokenizer, config } = await tokenizerFiles();
    expect(tokenizer).toBe(readFileSync(join(directory, "tokenizer.json"), "utf8"));
    expect(config).toBe(readFileSync(join(directory, "tokenizer_config.json"), "utf8"));
  });

  test("gives back every text of the corpus", () => {
    for (const sample of corpus(2_000)) {
      const text = encoder.render(sample);
      expect(served.decode(encoder.encode(text))).toBe(text.replace(/<\|im_(start|end)\|>/g, ""));
    }
  });

  test("gives back what the corpus never says", () => {
    for (const text of [
      "Grüße, 世界! 🙂",
      "\ttabs\r\nand\u00a0spaces  ",
      "x".repeat(300),
      "\u0000",
    ]) {
      expect(served.decode(encoder.encode(text))).toBe(text);
    }
  });

  test("is asked while serving for the very tokens that were trained on", () => {
    for (const sample of corpus(500)) {
      const ids = encoder.encode(encoder.render(sample));
      const question = { ...sample, messages: sample.messages.slice(0, -1) };
      const promptIds = encoder.encode(`${encoder.render(question)}<|im_start|>assistant\n`);
      if (!sample.tools) {
        expect([...served.encodeChat(question.messages, { maxTokens: 1024 })]).toEqual(promptIds);
      }
      expect(ids.slice(0, promptIds.length)).toEqual(promptIds);
      const [firstLearned = 0] = marked(ids, encoder).slice(promptIds.length);
      expect(firstLearned).toBeGreaterThanOrEqual(0x8000);
    }
  });

  test("sees tools in the system message as it sees `tools`", () => {
    const { tools, request } = toolTask(new Random(8));
    const user = { role: "user", content: request } as const;
    const text = `Tools:\n${tools.map((tool) => python(tool.function)).join("\n")}\n`;
    const byTemplate = encoder.render({ kind: "tool", template: "", tools, messages: [user] });
    const byText = encoder.render({
      kind: "tool",
      template: "",
      messages: [{ role: "system", content: text }, user],
    });
    expect(byText).toBe(byTemplate);
  });
});

describe("the built-in model", () => {
  test("is a directory that the model room opens", async () => {
    const { config, tensors } = await openModel(directory);
    expect(config.vocabSize).toBe(served.vocabSize);
    expect(tensors.size).toBe(2 + 9 * config.numLayers);
  });

  test("is small enough for the repository", () => {
    expect(statSync(join(directory, "model.safetensors")).size).toBeLessThan(8 * 2 ** 20);
  });
});
