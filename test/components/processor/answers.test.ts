// Course of a chat answer's tokens: content, thoughts and calls, as they come, with the counts and the end.

import { afterAll, describe, expect, test } from "bun:test";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { systemClock } from "../../../src/base/clock.ts";
import { createLogger } from "../../../src/base/log.ts";
import type { Send } from "../../../src/components/processor/choice-output.ts";
import { TextGenerator } from "../../../src/components/processor/text-generator.ts";
import type { ChatCompletionRequest } from "../../../src/protocol/chat.ts";
import type { TextOutput, TokenOutput } from "../../../src/protocol/llm.ts";
import { openTokenizer } from "../../../src/tokenizer/open-tokenizer.ts";
import { PromptEncoder } from "../../../src/tokenizer/prompt-encoder.ts";
import { TokenText } from "../../../src/tokenizer/token-text.ts";
import { spawnSideThread } from "../../../src/worker-entries.ts";
import { openedBy } from "../../tokenizer/synthetic-tokenizers.ts";

const scratch = mkdtempSync(join(tmpdir(), "dynamo-answers-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const BUILT_IN = join(import.meta.dir, "../../../models/built-in");
const EOS = 2;
const files = await openTokenizer(BUILT_IN);
const encoder = await PromptEncoder.create(files);
const spelling = new TokenText(files);
const idsOf = (text: string) => [...encoder.encodeNow(text, { maxTokens: 9999, form: "as-is" })];

function file(name: string, text: string): string {
  const path = join(scratch, name);
  writeFileSync(path, text);
  return path;
}

const CHATML =
  "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n";
const thinking = file(
  "thinking.jinja",
  `{# tools </think> #}${CHATML}{% if not quick %}<think>\n{% endif %}`,
);

type Keys = Partial<Parameters<typeof TextGenerator.open>[0]>;

async function open(keys: Keys = {}): Promise<TextGenerator> {
  const generator = await TextGenerator.open({
    ...{ model: BUILT_IN, renderTimeoutMs: 2000, allowSpecialTokens: false, numShared: 64 },
    context: { sideThread: spawnSideThread, clock: systemClock },
    log: createLogger("test", "error"),
    ...keys,
  });
  generator.maxModelLen = 2000;
  return generator;
}

const tools = [
  { name: "f", description: undefined, parameters: { type: "object", properties: {} } },
];

function chatOf(fields: Partial<ChatCompletionRequest>): ChatCompletionRequest {
  return {
    ...{ tenant: 1, model: "m", n: 1, stream: true, includeUsage: false, seed: 1n },
    ...{ temperature: 0, maxTokens: undefined, minTokens: 0, ignoreEos: false, stop: [] },
    ...{ backendInstanceId: undefined, annotations: [], useRawPrompt: false },
    messages: [{ role: "user", content: "hi", name: undefined }],
    ...{ tools: [], toolChoice: "auto", parallelToolCalls: true, templateVariables: {} },
    ...fields,
  };
}

interface Played {
  readonly outputs: readonly TextOutput[];
  readonly text: string;
  readonly reasoning: string;
  readonly calls: readonly { readonly name: string; readonly arguments: string }[];
  readonly end: string | undefined;
  readonly numTokens: number;
  readonly numReasoningTokens: number;
}

/** Plays token ids, `perStep` at once, as a worker would. */
async function play(
  generator: TextGenerator,
  ids: readonly number[],
  fields: Partial<ChatCompletionRequest> = {},
  { perStep = 1, end = "stop" as "stop" | "length" } = {},
): Promise<Played> {
  const send: Send = async function* () {
    for (let at = 0; at < ids.length; at += perStep) {
      const isLast = at + perStep >= ids.length;
      const tokenIds = ids.slice(at, at + perStep);
      const output: TokenOutput = { tokenIds, numCachedTokens: 0 };
      yield isLast ? { ...output, finishReason: end } : output;
    }
  };
  const outputs: TextOutput[] = [];
  const answering = { send, left: new Promise<void>(() => {}) };
  for await (const output of generator.chat(chatOf(fields), answering)) outputs.push(output);
  const deltas = outputs.flatMap(({ toolCalls = [] }) => toolCalls);
  const calls: { name: string; arguments: string }[] = [];
  for (const { index, name, arguments: more } of deltas) {
    const before = calls[index] ?? { name: name ?? "", arguments: "" };
    calls[index] = { ...before, arguments: before.arguments + more };
  }
  const sum = (of: (output: TextOutput) => number) =>
    outputs.reduce((all, one) => all + of(one), 0);
  return {
    ...{ outputs, calls },
    text: outputs.map(({ text }) => text).join(""),
    reasoning: outputs.map(({ reasoning = "" }) => reasoning).join(""),
    end: outputs.at(-1)?.finishReason,
    numTokens: sum(({ numTokens }) => numTokens),
    numReasoningTokens: sum(({ numReasoningTokens = 0 }) => numReasoningTokens),
  };
}

const CALL = `<tool_call>\n{"name": "f", "arguments": {"city": "Zürich", "days": 3}}\n</tool_call>`;
const ARGUMENTS = '{"city": "Zürich", "days": 3}';
const SAID = [...idsOf(`Let me see.\n${CALL}`), EOS];

describe("the prompt of a chat", () => {
  const turns = (content: string) => [
    { role: "user" as const, content: "Tell me of a cat.", name: undefined },
    { role: "assistant" as const, content, name: undefined },
  ];
  /** The text that a worker gets, special tokens spelled. */
  const promptFor = async (fields: Partial<ChatCompletionRequest>, keys: Keys = {}) => {
    const generator = await open(keys);
    let text = "";
    const send: Send = async function* ({ tokenIds }) {
      text = spelling.spell(tokenIds);
      yield { tokenIds: [EOS], numCachedTokens: 0, finishReason: "stop" };
    };
    const answering = { send, left: new Promise<void>(() => {}) };
    for await (const _ of generator.chat(chatOf(fields), answering));
    return text;
  };

  test("ends within the message that is continued", async () => {
    const messages = turns("Once upon a");
    const continued = await promptFor({ messages, continueFinalMessage: true });
    const closed = await promptFor({ messages, addGenerationPrompt: false });
    expect(continued.endsWith("Once upon a")).toBe(true);
    expect(closed.startsWith(continued)).toBe(true);
    expect(closed.length).toBeGreaterThan(continued.length);
    const begun = await promptFor({ messages });
    expect(begun.startsWith(closed)).toBe(true);
    expect(begun.length).toBeGreaterThan(closed.length);
  });

  test("is opened as a text where the client says so, and cut behind the template", async () => {
    const model = join(scratch, "opened");
    cpSync(BUILT_IN, model, { recursive: true });
    const path = join(model, "tokenizer.json");
    const json = JSON.parse(readFileSync(path, "utf8"));
    writeFileSync(path, JSON.stringify({ ...json, post_processor: openedBy("<|endoftext|>", 0) }));
    const messages = turns("Once upon a").slice(0, 1);
    const plain = await promptFor({ messages }, { model });
    expect(await promptFor({ messages, addSpecialTokens: true }, { model })).toBe(
      `<|endoftext|>${plain}`,
    );
    const cut = await promptFor({ messages, truncatePromptTokens: 3 });
    expect(plain.endsWith(cut)).toBe(true);
    expect(cut.length).toBeLessThan(plain.length);
  });
});

describe("an answer with a call", () => {
  test("comes in pieces, the first with its id and name, and ends with `tool_calls`", async () => {
    const generator = await open();
    for (const perStep of [1, 3, 100]) {
      const played = await play(generator, SAID, { tools }, { perStep });
      expect(played).toMatchObject({
        ...{ text: "Let me see.", calls: [{ name: "f", arguments: ARGUMENTS }], end: "tool_calls" },
        numTokens: SAID.length,
      });
      const deltas = played.outputs.flatMap(({ toolCalls = [] }) => toolCalls);
      expect(deltas[0]?.id).toMatch(/^call_\w{24}$/);
      expect(deltas.slice(1).filter((delta) => delta.id ?? delta.name)).toEqual([]);
      if (perStep === 1) expect(deltas.length).toBeGreaterThan(5);
      expect(
        played.outputs.every(
          ({ finishReason }, i) => !finishReason || i === played.outputs.length - 1,
        ),
      ).toBe(true);
    }
  });

  test("is plain text without tools, under `none`, and with the parser off", async () => {
    const expected = { text: `Let me see.\n${CALL}`, calls: [], end: "stop" };
    expect(await play(await open(), SAID)).toMatchObject(expected);
    expect(await play(await open(), SAID, { tools, toolChoice: "none" })).toMatchObject(expected);
    const off = await open({ toolCallParser: "none" });
    expect(await play(off, SAID, { tools })).toMatchObject(expected);
  });

  test("is read as the configuration says, whatever the template", async () => {
    const generator = await open({ toolCallParser: "mistral" });
    const ids = [...idsOf('[TOOL_CALLS]f[ARGS]{"a": 1}'), EOS];
    const { calls, outputs } = await play(generator, ids, { tools });
    expect(calls).toEqual([{ name: "f", arguments: '{"a": 1}' }]);
    const [first] = outputs.flatMap(({ toolCalls = [] }) => toolCalls);
    expect(first?.id).toMatch(/^[A-Za-z0-9]{9}$/); // all that Mistral's templates take
  });

  test("has `length` as its end where a limit cuts it, and what came until then", async () => {
    const cut = SAID.slice(0, -6);
    const played = await play(await open(), cut, { tools }, { end: "length" });
    expect(played.end).toBe("length");
    expect(ARGUMENTS).toStartWith(played.calls[0]?.arguments ?? "nothing");
  });

  test("ends at the second call where one is all that it may have", async () => {
    const ids = [...idsOf(`${CALL}\n${CALL}`), EOS];
    const played = await play(await open(), ids, { tools, parallelToolCalls: false });
    expect(played).toMatchObject({
      text: "",
      calls: [{ arguments: ARGUMENTS }],
      end: "tool_calls",
    });
    expect(played.calls).toHaveLength(1);
    expect(played.numTokens).toBeLessThan(ids.length);
    const all = await play(await open(), ids, { tools });
    expect(all.calls).toHaveLength(2);
  });

  test("ends at a stop string, which is looked for in all of its text", async () => {
    const played = await play(await open(), SAID, { tools, stop: ["days"] });
    expect(played).toMatchObject({ calls: [{ arguments: '{"city": "Zürich", "' }], end: "stop" });
  });

  test("is found where its markers are special tokens, which are no text", async () => {
    const model = join(scratch, "special");
    cpSync(BUILT_IN, model, { recursive: true });
    const path = join(model, "tokenizer.json");
    const json = JSON.parse(readFileSync(path, "utf8"));
    for (const token of json.added_tokens) token.special = true;
    writeFileSync(path, JSON.stringify(json));
    const generator = await open({ model });
    expect(await play(generator, SAID, { tools })).toMatchObject({
      ...{ text: "Let me see.", calls: [{ arguments: ARGUMENTS }], end: "tool_calls" },
    });
    expect((await play(generator, SAID)).text).not.toContain("tool_call>");
  });

  test("is begun again elsewhere only until the client has some of it", async () => {
    const generator = await open();
    let saw: boolean[] = [];
    const send: Send = async function* (_, hasSent) {
      saw = [];
      for (const id of SAID) {
        yield { tokenIds: [id], numCachedTokens: 0 };
        saw.push(hasSent());
      }
    };
    const left = new Promise<void>(() => {});
    const ids = idsOf(CALL);
    const onlyCall: Send = async function* (_, hasSent) {
      for (const id of ids) {
        yield { tokenIds: [id], numCachedTokens: 0 };
        saw.push(hasSent());
      }
    };
    for await (const _ of generator.chat(chatOf({ tools }), { send, left }));
    expect(saw[0]).toBe(true);
    saw = [];
    for await (const _ of generator.chat(chatOf({ tools }), { send: onlyCall, left }));
    expect([saw[0], saw.at(-1)]).toEqual([false, true]);
  });
});

describe("an answer with thoughts", () => {
  const ids = [...idsOf("The user greets.\n</think>\n\nHello!"), EOS];

  test("has them apart, and their tokens counted", async () => {
    const generator = await open({ chatTemplate: thinking });
    for (const perStep of [1, 4, 100]) {
      const played = await play(generator, ids, {}, { perStep });
      expect(played).toMatchObject({ reasoning: "The user greets.", text: "Hello!", end: "stop" });
      expect(played.numTokens).toBe(ids.length);
      const numThoughts = idsOf("The user greets.\n").length;
      // The end marker is text in this vocabulary: what may become it is a thought until it has come.
      expect(played.numReasoningTokens).toBeGreaterThanOrEqual(numThoughts);
      expect(played.numReasoningTokens).toBeLessThan(numThoughts + idsOf("</think>").length);
    }
  });

  test("has none where the prompt says so, or the parser is off", async () => {
    const text = "The user greets.\n</think>\n\nHello!";
    const quick = { templateVariables: { quick: true } };
    const generator = await open({ chatTemplate: thinking });
    expect(await play(generator, ids, quick)).toMatchObject({ reasoning: "", text });
    const off = await open({ chatTemplate: thinking, reasoningParser: "none" });
    expect(await play(off, ids)).toMatchObject({ reasoning: "", text, numReasoningTokens: 0 });
  });

  test("may be nothing else", async () => {
    const generator = await open({ chatTemplate: thinking });
    const cut = idsOf("The user gre");
    expect(await play(generator, cut, {}, { end: "length" })).toMatchObject({
      ...{ reasoning: "The user gre", text: "", end: "length", numReasoningTokens: cut.length },
    });
  });

  test("may call a tool behind them", async () => {
    const generator = await open({ chatTemplate: thinking, toolCallParser: "hermes" });
    const said = [...idsOf(`I need f.</think>\n\n${CALL}`), EOS];
    expect(await play(generator, said, { tools })).toMatchObject({
      ...{ reasoning: "I need f.", text: "", calls: [{ arguments: ARGUMENTS }], end: "tool_calls" },
    });
  });
});
