// Answers as parsers read them: whole, or cut into pieces at any place.

import { AnswerParser } from "../../src/parsers/answer-parser.ts";
import { REASONING_FORMATS, TOOL_FORMATS } from "../../src/parsers/formats.ts";
import type { Ending } from "../../src/parsers/tool-parser.ts";
import type { ToolDefinition } from "../../src/protocol/chat.ts";

export interface Answer {
  readonly text: string;
  readonly reasoning: string;
  readonly calls: readonly { readonly name: string; readonly arguments: string }[];
  /** The last call is whole. */
  readonly isWhole: boolean;
}

export interface ReadOptions {
  readonly tools?: keyof typeof TOOL_FORMATS;
  readonly reasoning?: keyof typeof REASONING_FORMATS;
  readonly definitions?: readonly ToolDefinition[];
  readonly promptTail?: string;
  readonly maxCalls?: number;
  readonly ending?: Ending;
}

export function tool(name: string, properties: Readonly<Record<string, unknown>> = {}) {
  return { name, description: undefined, parameters: { type: "object", properties } };
}

/** Reads the pieces one by one, and puts the answer together as a client does. */
export function read(pieces: readonly string[], options: ReadOptions): Answer {
  const parser = new AnswerParser({
    reasoning: options.reasoning && REASONING_FORMATS[options.reasoning],
    tools: options.tools && TOOL_FORMATS[options.tools],
    promptTail: options.promptTail ?? "",
    definitions: options.definitions ?? [tool("f"), tool("g")],
    maxCalls: options.maxCalls ?? Number.POSITIVE_INFINITY,
  });
  let text = "";
  let reasoning = "";
  const calls: { id: string; name: string; arguments: string }[] = [];
  const add = () => {
    const said = parser.take();
    text += said.text;
    reasoning += said.reasoning;
    for (const { index, id, name, arguments: more } of said.toolCalls) {
      if (id !== undefined) calls.push({ id, name: name ?? "", arguments: "" });
      const call = calls[index];
      if (call === undefined || calls.length !== index + 1) throw new Error("a delta of no call");
      call.arguments += more;
    }
  };
  for (const piece of pieces) {
    parser.push(piece);
    add();
  }
  parser.finish(options.ending ?? "stop");
  add();
  if (new Set(calls.map(({ id }) => id)).size < calls.length) throw new Error("an id came twice");
  const told = calls.map((call) => ({ name: call.name, arguments: call.arguments }));
  return { text, reasoning, calls: told, isWhole: parser.hasWholeCalls };
}

/** Cuts at random places, of which many are close together. */
export function cut(text: string, random: () => number): readonly string[] {
  const pieces: string[] = [];
  const longest = 1 + Math.floor(random() * 12);
  for (let at = 0; at < text.length; ) {
    const length = Math.floor(random() * (longest + 1));
    pieces.push(text.slice(at, at + length));
    at += length;
  }
  return pieces;
}

/** Numbers in [0, 1), the same for a seed. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
