// Llama 3's format: an answer that is a call, or several with semicolons between them, behind a marker or not.
//
//   <|python_tag|>{"name": "get_weather", "parameters": {"city": "Paris"}}; {"name": ...}
//
// Without the marker an answer in JSON looks alike: it is a call only if it names one of the request's tools. All else is
// content. A call whose arguments turn out to be no JSON stays one, with all that follows.

import { unreachable } from "../base/assert.ts";
import type { ToolDefinition } from "../protocol/chat.ts";
import type { GrammarSource } from "../protocol/grammar.ts";
import { anyOf, jsonCall, list, NOTHING, sequence, text } from "./call-grammar.ts";
import { JsonCall } from "./json-call.ts";
import { MAX_SPACE, MarkerBuffer } from "./marker-buffer.ts";
import {
  CALL_ID,
  type ToolFormat,
  type ToolParser,
  type ToolParserOptions,
} from "./tool-parser.ts";

const TAG = "<|python_tag|>";

export const llama3Json: ToolFormat = {
  markers: [TAG],
  id: CALL_ID,
  grammar: {
    calls: allCalls,
    // Text that begins with an object is a call.
    mixed: (tools, max) => {
      const plain: GrammarSource = { type: "without", markers: [TAG], notFirst: "{" };
      const tagged = sequence(plain, text(TAG), listed(tools, max));
      return anyOf([plain, tagged, allCalls(tools, max)]);
    },
  },
  create: (options) => new Llama3JsonParser(options),
};

function allCalls(tools: readonly ToolDefinition[], max: number): GrammarSource {
  return sequence(anyOf([NOTHING, text(TAG)]), listed(tools, max));
}

function listed(tools: readonly ToolDefinition[], max: number): GrammarSource {
  const calls = anyOf(tools.map((tool) => jsonCall(tool, "parameters")));
  return list(calls, text("; "), { min: 1, max });
}

type State =
  /** Nothing was said yet, or a call ends here. */
  | { readonly at: "start"; readonly isFirst: boolean }
  | { readonly at: "content" }
  | { readonly at: "call"; readonly call: JsonCall; readonly opening: string }
  | { readonly at: "broken" };

class Llama3JsonParser implements ToolParser {
  readonly #options: ToolParserOptions;
  readonly #names: ReadonlySet<string>;
  readonly #buffer = new MarkerBuffer();
  #state: State = { at: "start", isFirst: true };

  constructor(options: ToolParserOptions) {
    this.#options = options;
    this.#names = new Set(options.tools.map(({ name }) => name));
  }

  push(text: string): void {
    this.#buffer.push(text);
    while (this.#step());
  }

  finish(): void {
    const { sink } = this.#options;
    const { call, opening } = this.#state.at === "call" ? this.#state : {};
    call?.finish();
    if (call?.status === "failed") sink.content(opening + call.raw);
    const rest = this.#buffer.takeAll();
    const isSeparator = this.#state.at === "start" && !this.#state.isFirst && /^[\s;]*$/.test(rest);
    if (this.#state.at === "broken") sink.arguments(rest);
    else if (!isSeparator) sink.content(rest);
  }

  #step(): boolean {
    const state = this.#state;
    switch (state.at) {
      case "start":
        return this.#readStart(state.isFirst);
      case "content":
        return this.#readContent();
      case "call":
        return this.#readCall(state.call, state.opening);
      case "broken":
        this.#options.sink.arguments(this.#buffer.takeAll());
        return false;
      default:
        return unreachable(state);
    }
  }

  #readStart(isFirst: boolean): boolean {
    const { rest } = this.#buffer;
    const [space = ""] = (isFirst ? /^\s*/ : /^[\s;]*/).exec(rest) ?? [];
    const next = rest.slice(space.length);
    const isLong = space.length > MAX_SPACE;
    if (!isLong && (next === "" || (next !== TAG && TAG.startsWith(next)))) return false;
    if (!isLong && next.startsWith("{")) {
      const isKnown = (name: string) => this.#names.has(name);
      this.#begin(new JsonCall({ sink: this.#options.sink, isKnown }), space);
    } else {
      if (!isFirst && !isLong && next.startsWith(TAG)) this.#buffer.take(space.length);
      this.#state = { at: "content" };
    }
    return true;
  }

  #begin(call: JsonCall, opening: string): void {
    this.#buffer.take(opening.length);
    this.#state = { at: "call", call, opening };
  }

  #readContent(): boolean {
    const { sink } = this.#options;
    const { before, marker } = this.#buffer.takeTo([TAG]);
    sink.content(before);
    if (marker === undefined) return false;
    this.#state = { at: "call", call: new JsonCall({ sink }), opening: TAG };
    return true;
  }

  #readCall(call: JsonCall, opening: string): boolean {
    this.#buffer.take(call.feed(this.#buffer.rest));
    if (call.status === "reading") return false;
    if (call.status === "failed") this.#options.sink.content(opening + call.raw);
    if (call.status === "whole") this.#state = { at: "start", isFirst: false };
    else this.#state = { at: call.status === "broken" ? "broken" : "content" };
    return true;
  }
}
