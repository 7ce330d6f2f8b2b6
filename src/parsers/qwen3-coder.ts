// Qwen3-Coder's format: XML without its escapes, and no kinds of values.
//
//   <tool_call>
//   <function=get_weather>
//   <parameter=city>
//   Paris
//   </parameter>
//   </function>
//   </tool_call>
//
// Text becomes JSON of the kind that the tool's schema names; text arguments follow as they come, others when they are
// whole. A call without the outer markers is one too. Text like a call without a function's name is content.

import { unreachable } from "../base/assert.ts";
import type { AnswerSink } from "./answer-sink.ts";
import { MarkerBuffer } from "./marker-buffer.ts";
import { ArgumentTypes, isText, type JsonType, jsonOfText } from "./schema-types.ts";
import {
  CALL_ID,
  type Ending,
  type ToolFormat,
  type ToolParser,
  type ToolParserOptions,
} from "./tool-parser.ts";

const OPEN = "<tool_call>";
const CLOSE = "</tool_call>";
const FUNCTION = "<function=";
const END_FUNCTION = "</function>";
const PARAMETER = "<parameter=";
const END_PARAMETER = "</parameter>";

/** Some models forget a parameter's end before what follows it. */
const VALUE_ENDS = [END_PARAMETER, `\n${PARAMETER}`, `\n${END_FUNCTION}`];

/** A parameter's or function's name, and what may become one. */
const NAME = /^[^\s<>]{1,256}>/;
const BEGUN_NAME = /^[^\s<>]{0,256}$/;

export const qwen3Coder: ToolFormat = {
  markers: [OPEN, CLOSE],
  id: CALL_ID,
  create: (options) => new Qwen3CoderParser(options),
};

/** `opening`: what was read of a call that may turn out to be none. */
type State =
  | { readonly at: "content" }
  | { readonly at: "function"; readonly opening: string }
  | { readonly at: "name"; readonly opening: string }
  | { readonly at: "parameter" }
  | { readonly at: "key" }
  | { readonly at: "value" }
  /** Behind a function: white space is the format's. */
  | { readonly at: "next" }
  | { readonly at: "end" };

class Qwen3CoderParser implements ToolParser {
  readonly #options: ToolParserOptions;
  readonly #buffer = new MarkerBuffer();
  #state: State = { at: "content" };
  #types = new ArgumentTypes(undefined);
  #numFields = 0;
  #value: Value | undefined;

  constructor(options: ToolParserOptions) {
    this.#options = options;
  }

  push(text: string): void {
    this.#buffer.push(text);
    while (this.#step());
  }

  finish(ending: Ending): void {
    const { sink } = this.#options;
    const state = this.#state;
    const rest = this.#buffer.takeAll();
    if (state.at === "value") this.#value?.push(rest);
    else if (state.at === "content") sink.content(rest);
    else if ("opening" in state) sink.content(state.opening + rest);
    if (ending === "cut") return;
    // A turn that ends in a call ends the call.
    if (state.at === "value") this.#value?.end();
    if (state.at === "value" || state.at === "parameter") this.#endCall();
  }

  #step(): boolean {
    const state = this.#state;
    switch (state.at) {
      case "content":
        return this.#readContent([OPEN, FUNCTION]);
      case "end":
        return this.#readContent([OPEN, FUNCTION, CLOSE]);
      case "next":
        this.#buffer.takeSpace();
        if (this.#buffer.rest === "") return false;
        this.#state = { at: "end" };
        return true;
      case "function":
        return this.#readFunction(state.opening);
      case "name":
        return this.#readName(state.opening);
      case "parameter":
        return this.#readParameter();
      case "key":
        return this.#readKey();
      case "value":
        return this.#readValue();
      default:
        return unreachable(state);
    }
  }

  #readContent(markers: readonly string[]): boolean {
    const { before, marker } = this.#buffer.takeTo(markers);
    this.#options.sink.content(before);
    if (marker === OPEN) this.#state = { at: "function", opening: OPEN };
    else if (marker === FUNCTION) this.#state = { at: "name", opening: FUNCTION };
    else if (marker === CLOSE) this.#state = { at: "content" };
    return marker !== undefined;
  }

  #readFunction(before: string): boolean {
    const opening = before + this.#buffer.takeSpace();
    this.#state = { at: "function", opening };
    const { rest } = this.#buffer;
    if (rest !== FUNCTION && FUNCTION.startsWith(rest)) return false;
    if (rest.startsWith(FUNCTION)) {
      this.#state = { at: "name", opening: opening + this.#buffer.take(FUNCTION.length) };
    } else this.#giveUp(opening);
    return true;
  }

  #readName(opening: string): boolean {
    const { rest } = this.#buffer;
    const [head] = NAME.exec(rest) ?? [];
    if (head === undefined) {
      if (BEGUN_NAME.test(rest)) return false;
      this.#giveUp(opening);
      return true;
    }
    const name = this.#buffer.take(head.length).slice(0, -1);
    this.#types = new ArgumentTypes(this.#options.tools.find((tool) => tool.name === name));
    this.#numFields = 0;
    this.#options.sink.beginCall(name);
    this.#state = { at: "parameter" };
    return true;
  }

  /** Between parameters. Other text is no argument. */
  #readParameter(): boolean {
    const { before, marker } = this.#buffer.takeTo([PARAMETER, END_FUNCTION, CLOSE]);
    this.#options.sink.content(before);
    if (marker === PARAMETER) this.#state = { at: "key" };
    else if (marker !== undefined) {
      this.#endCall();
      this.#state = { at: marker === CLOSE ? "content" : "next" };
    }
    return marker !== undefined;
  }

  #readKey(): boolean {
    const { rest } = this.#buffer;
    const [head] = NAME.exec(rest) ?? [];
    if (head === undefined) {
      if (BEGUN_NAME.test(rest)) return false;
      this.#options.sink.content(PARAMETER);
      this.#state = { at: "parameter" };
      return true;
    }
    const key = this.#buffer.take(head.length).slice(0, -1);
    const before = this.#numFields++ === 0 ? "{" : ", ";
    this.#options.sink.arguments(`${before}${JSON.stringify(key)}: `);
    this.#value = createValue(this.#options.sink, this.#types.of(key));
    this.#state = { at: "value" };
    return true;
  }

  #readValue(): boolean {
    const { before, marker } = this.#buffer.takeTo(VALUE_ENDS);
    this.#value?.push(before);
    if (marker === undefined) return false;
    this.#value?.end();
    this.#state = { at: "parameter" };
    if (marker === END_PARAMETER) return true;
    // Text after the forgotten end is read as if that had been there.
    this.#state = { at: marker.endsWith(PARAMETER) ? "key" : "next" };
    if (this.#state.at === "next") this.#endCall();
    return true;
  }

  #endCall(): void {
    this.#options.sink.arguments(this.#numFields === 0 ? "{}" : "}");
    this.#options.sink.endCall();
  }

  #giveUp(opening: string): void {
    this.#options.sink.content(opening);
    this.#state = { at: "content" };
  }
}

/** An argument that grows. A newline at each end is the format's. */
interface Value {
  push(text: string): void;
  end(): void;
}

function createValue(sink: AnswerSink, types: ReadonlySet<JsonType>): Value {
  return isText(types) ? new TextValue(sink) : new TypedValue(sink, types);
}

/** Text follows as it comes. */
class TextValue implements Value {
  readonly #sink: AnswerSink;
  #isAtStart = true;
  #held = "";

  constructor(sink: AnswerSink) {
    this.#sink = sink;
    sink.arguments('"');
  }

  push(text: string): void {
    if (text === "") return;
    const isFirst = this.#isAtStart;
    this.#isAtStart = false;
    const all = this.#held + (isFirst && text.startsWith("\n") ? text.slice(1) : text);
    // A newline may be the last, and half a character is none.
    const numHeld = /[\n\ud800-\udbff]$/.test(all) ? 1 : 0;
    this.#held = all.slice(all.length - numHeld);
    this.#sink.arguments(JSON.stringify(all.slice(0, all.length - numHeld)).slice(1, -1));
  }

  end(): void {
    const rest = this.#held === "\n" ? "" : this.#held;
    this.#sink.arguments(`${JSON.stringify(rest).slice(1, -1)}"`);
  }
}

/** Any other kind is known when it is whole. */
class TypedValue implements Value {
  readonly #sink: AnswerSink;
  readonly #types: ReadonlySet<JsonType>;
  #text = "";

  constructor(sink: AnswerSink, types: ReadonlySet<JsonType>) {
    this.#sink = sink;
    this.#types = types;
  }

  push(text: string): void {
    this.#text += text;
  }

  end(): void {
    const text = this.#text.replace(/^\n/, "").replace(/\n$/, "");
    this.#sink.arguments(jsonOfText(text, this.#types));
  }
}
