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
import type { ToolDefinition } from "../protocol/chat.ts";
import type { GrammarSource } from "../protocol/grammar.ts";
import type { AnswerSink } from "./answer-sink.ts";
import {
  anyOf,
  held,
  LINE,
  list,
  marked,
  NOTHING,
  regex,
  STRICT_LAYOUT,
  schemaOf,
  sequence,
  text,
} from "./call-grammar.ts";
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
  grammar: {
    calls: (tools, max) => list(anyCall(tools), LINE, { min: 1, max }),
    mixed: (tools, max) => marked(anyCall(tools), [OPEN, FUNCTION], max),
  },
  create: (options) => new Qwen3CoderParser(options),
};

/** Regex of texts that `jsonOfText` makes other values than strings of. */
const OTHER_KINDS =
  "\\s*([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|[Nn][Uu][Ll][Ll]|[Nn][Oo][Nn][Ee]|" +
  "([-+.0-9\\[({\"']|[rRuU][\"'])[^]*)\\s*";

/** For schemas that have no form here. */
const ANY_PARAMETERS = list(
  sequence(
    ...[text(PARAMETER), regex("[A-Za-z0-9_.-]{1,64}"), text(">\n")],
    { type: "without", markers: [END_PARAMETER, PARAMETER, END_FUNCTION] },
    text(`\n${END_PARAMETER}\n`),
  ),
  NOTHING,
  { min: 0, max: Number.POSITIVE_INFINITY },
);

function anyCall(tools: readonly ToolDefinition[]): GrammarSource {
  return sequence(text(`${OPEN}\n`), anyOf(tools.map(oneFunction)), text(`\n${CLOSE}`));
}

function oneFunction(tool: ToolDefinition): GrammarSource {
  const types = new ArgumentTypes(tool);
  const { names } = types;
  const mayBeText = (name: string) => types.of(name).has("string");
  const fields: GrammarSource = {
    type: "fields",
    schema: schemaOf(tool, STRICT_LAYOUT),
    ...{ before: `${PARAMETER}`, between: ">\n", after: `\n${END_PARAMETER}\n`, separator: "" },
    names: "[^\\s<>]{1,200}",
    bare: {
      strings: names.filter((name) => isText(types.of(name))),
      mixed: names.filter((name) => mayBeText(name) && !isText(types.of(name))),
      markers: [END_PARAMETER, PARAMETER, END_FUNCTION],
      otherKinds: OTHER_KINDS,
    },
  };
  return sequence(
    text(`${FUNCTION}${tool.name}>\n`),
    held(tool, fields, ANY_PARAMETERS),
    text(END_FUNCTION),
  );
}

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
