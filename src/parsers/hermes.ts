// Hermes 2 Pro's format, which Qwen 2.5 and 3 and the built-in model have too:
//
//   Let me see.
//   <tool_call>
//   {"name": "get_weather", "arguments": {"city": "Paris"}}
//   </tool_call>
//
// Text between the markers that is no such object is content, markers included. A call whose arguments turn out to be no
// JSON stays one, with all that stands before its end marker.

import { unreachable } from "../base/assert.ts";
import type { ToolDefinition } from "../protocol/chat.ts";
import type { GrammarSource } from "../protocol/grammar.ts";
import type { AnswerSink } from "./answer-sink.ts";
import { anyOf, jsonCall, LINE, list, marked, sequence, text } from "./call-grammar.ts";
import { JsonCall } from "./json-call.ts";
import { MAX_SPACE, MarkerBuffer } from "./marker-buffer.ts";
import {
  CALL_ID,
  type ToolFormat,
  type ToolParser,
  type ToolParserOptions,
} from "./tool-parser.ts";

const OPEN = "<tool_call>";
const CLOSE = "</tool_call>";

export const hermes: ToolFormat = {
  markers: [OPEN, CLOSE],
  id: CALL_ID,
  grammar: {
    calls: (tools, max) => list(anyCall(tools), LINE, { min: 1, max }),
    mixed: (tools, max) => marked(anyCall(tools), [OPEN], max),
  },
  create: (options) => new HermesParser(options),
};

function anyCall(tools: readonly ToolDefinition[]): GrammarSource {
  const calls = anyOf(tools.map((tool) => jsonCall(tool, "arguments")));
  return sequence(text(OPEN), LINE, calls, LINE, text(CLOSE));
}

type State =
  | { readonly at: "content" }
  | { readonly at: "call"; readonly call: JsonCall; readonly opening: string }
  | { readonly at: "broken" }
  /** Behind an object: another one may follow before the end marker. */
  | { readonly at: "next" }
  | { readonly at: "close" };

class HermesParser implements ToolParser {
  readonly #sink: AnswerSink;
  readonly #buffer = new MarkerBuffer();
  #state: State = { at: "content" };

  constructor({ sink }: ToolParserOptions) {
    this.#sink = sink;
  }

  push(text: string): void {
    this.#buffer.push(text);
    while (this.#step());
  }

  finish(): void {
    const { call, opening } = this.#state.at === "call" ? this.#state : {};
    call?.finish();
    if (call?.status === "failed") this.#sink.content(opening + call.raw);
    const rest = this.#buffer.takeAll();
    if (this.#state.at === "broken") this.#sink.arguments(rest);
    else if (this.#state.at === "content") this.#sink.content(rest); // behind a call: half an end marker
  }

  /** False if it needs more text. */
  #step(): boolean {
    const state = this.#state;
    switch (state.at) {
      case "content":
        return this.#readContent([OPEN]);
      case "close":
        return this.#readContent([OPEN, CLOSE]);
      case "call":
        return this.#readCall(state.call, state.opening);
      case "broken":
        return this.#readBroken();
      case "next":
        return this.#readNext();
      default:
        return unreachable(state);
    }
  }

  #readContent(markers: readonly string[]): boolean {
    const { before, marker } = this.#buffer.takeTo(markers);
    this.#sink.content(before);
    if (marker === OPEN) this.#begin(OPEN);
    else if (marker === CLOSE) this.#state = { at: "content" };
    return marker !== undefined;
  }

  #begin(opening: string): void {
    this.#state = { at: "call", call: new JsonCall({ sink: this.#sink }), opening };
  }

  #readCall(call: JsonCall, opening: string): boolean {
    this.#buffer.take(call.feed(this.#buffer.rest));
    if (call.status === "reading") return false;
    if (call.status === "failed") {
      this.#sink.content(opening + call.raw);
      this.#state = { at: "content" };
    } else this.#state = { at: call.status === "broken" ? "broken" : "next" };
    return true;
  }

  #readBroken(): boolean {
    const { before, marker } = this.#buffer.takeTo([CLOSE]);
    this.#sink.arguments(before);
    if (marker === undefined) return false;
    this.#sink.endCall();
    this.#state = { at: "content" };
    return true;
  }

  #readNext(): boolean {
    const space = this.#buffer.rest.length - this.#buffer.rest.trimStart().length;
    const isLong = space > MAX_SPACE;
    if (space === this.#buffer.rest.length && !isLong) return false;
    const opening = this.#buffer.take(isLong ? 0 : space);
    if (this.#buffer.rest.startsWith("{")) this.#begin(opening);
    else this.#state = { at: "close" };
    return true;
  }
}
