import { describe, expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";

import { corpus } from "../../models/built-in/corpus/corpus.ts";
import { Random } from "../../models/built-in/corpus/random.ts";
import { shown, toolTask } from "../../models/built-in/corpus/tool-call.ts";
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

  test("sees of a tool what it was trained on, whatever its schema has besides", () => {
    const parameters = {
      type: "object",
      properties: { city: { type: "string" }, days: { type: "number" } },
      required: ["city", "days"],
    };
    const seen = (given: unknown) => {
      const tool = { name: "f", description: "Do it", parameters: given };
      return encoder.render({
        kind: "tool",
        template: "",
        tools: [{ type: "function", function: tool as never }],
        messages: [{ role: "user", content: "Hi" }],
      });
    };
    const plain = seen(parameters);
    expect(plain).toContain(
      '{"name": "f", "arguments": {"city": "string", "days": "number"}} Do it\n',
    );
    const rich = {
      $schema: "http://json-schema.org/draft-07/schema#",
      additionalProperties: false,
      required: ["days", "city"],
      properties: {
        city: { description: "Its name", minLength: 1, title: "City" },
        days: { anyOf: [{ type: "integer", minimum: 1 }] },
        detail: { type: ["null", "boolean"] },
      },
    };
    expect(seen(rich)).toBe(plain);
    const { required: _, ...open } = rich;
    expect(seen(open)).toContain('"days": "number", "detail": "null"}}');
  });

  test("sees the texts that an argument may be, and nothing of one with a default or one that items is the name of", () => {
    const properties = {
      unit: { enum: ["celsius", "fahrenheit"] },
      kind: { const: "daily" },
      items: { type: "array" },
      limit: { type: "integer", default: 5 },
    };
    const required = Object.keys(properties);
    const tool = {
      name: "f",
      description: "Do it\nat length",
      parameters: { properties, required },
    };
    const text = encoder.render({
      kind: "tool",
      template: "",
      tools: [{ type: "function", function: tool }],
      messages: [{ role: "user", content: "Hi" }],
    });
    expect(text).toContain(
      '{"name": "f", "arguments": {"unit": "celsius|fahrenheit", "kind": "daily", "items": "array"}} Do it\n<|im_end|>',
    );
  });

  test("sees tools with the oddest schemas", () => {
    const schemas = [
      ...[undefined, { properties: [] }, { properties: "x" }, { required: 5 }, { required: "a" }],
      {
        properties: { a: true, b: null, c: { type: 5 }, d: { anyOf: 3 }, e: { anyOf: [null, 3] } },
      },
      { properties: { a: {} }, required: { a: 1 } },
      { properties: { a: { oneOf: "x", type: [] } }, required: ["b"] },
    ];
    for (const parameters of schemas) {
      const tools = [{ type: "function" as const, function: { name: "f", parameters } as never }];
      const messages = [{ role: "user" as const, content: "Hi" }];
      const text = encoder.render({ kind: "tool", template: "", tools, messages });
      expect(text).toContain('Tools:\n{"name": "f", "arguments": {');
    }
  });

  test("sees tools in the system message as it sees `tools`", () => {
    const { tools, request } = toolTask(new Random(8));
    const user = { role: "user", content: request } as const;
    const text = `Tools:\n${tools.map(shown).join("\n")}\n`;
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
