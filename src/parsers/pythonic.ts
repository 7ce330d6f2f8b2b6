// Calls in Python, as Llama 3.2 and 4 write them: an answer that is a list of calls of the request's tools.
//
//   [get_weather(city='Paris', days=3), get_time(zone="UTC")]
//
// An argument is told when its value is whole. A list that does not begin with a call of a known tool is content. If a
// call goes wrong before its first argument is told, it is content; behind that, it stays as far as it was understood, and
// the rest is content.

import { unreachable } from "../base/assert.ts";
import type { ToolDefinition } from "../protocol/chat.ts";
import type { GrammarSource, JsonLayout } from "../protocol/grammar.ts";
import {
  anyOf,
  held,
  list,
  NOTHING,
  regex,
  STRICT_LAYOUT,
  schemaOf,
  sequence,
  text,
} from "./call-grammar.ts";
import { MAX_SPACE, MarkerBuffer } from "./marker-buffer.ts";
import { jsonOfPython } from "./python-literal.ts";
import { ArgumentTypes, jsonAs } from "./schema-types.ts";
import {
  CALL_ID,
  type ToolFormat,
  type ToolParser,
  type ToolParserOptions,
} from "./tool-parser.ts";

/** Length of an argument's name, with the space behind it. */
const MAX_NAME_LENGTH = 256;

const START = "<|python_start|>";
const END = "<|python_end|>";

export const pythonic: ToolFormat = {
  markers: [START, END],
  id: CALL_ID,
  grammar: {
    calls: allCalls,
    // Text that begins with a list is one of calls.
    mixed: (tools, max) => {
      const plain: GrammarSource = { type: "without", markers: [START], notFirst: "[" };
      return anyOf([plain, allCalls(tools, max)]);
    },
  },
  create: (options) => new PythonicParser(options),
};

/** Values are JSON that reads as Python's literals do here. */
const LAYOUT: JsonLayout = {
  ...STRICT_LAYOUT,
  whitespace: { pattern: " ?" },
  escapes: "python",
};

function allCalls(tools: readonly ToolDefinition[], max: number): GrammarSource {
  const calls = list(anyOf(tools.map(oneCall)), text(", "), { min: 1, max });
  const opening = anyOf([NOTHING, text(START)]);
  return sequence(opening, text("["), calls, text("]"), anyOf([NOTHING, text(END)]));
}

/** For schemas that have no form here. */
const ANY_ARGUMENTS = list(
  sequence(regex("[A-Za-z_][A-Za-z0-9_]{0,63}="), {
    type: "json_schema",
    schema: "{}",
    layout: LAYOUT,
  }),
  text(", "),
  { min: 0, max: Number.POSITIVE_INFINITY },
);

function oneCall(tool: ToolDefinition): GrammarSource {
  const fields: GrammarSource = {
    type: "fields",
    schema: schemaOf(tool, LAYOUT),
    ...{ before: "", between: "=", after: "", separator: ", ", names: "[A-Za-z0-9_]{1,200}" },
  };
  return sequence(text(`${tool.name}(`), held(tool, fields, ANY_ARGUMENTS), text(")"));
}

/** `opening`: what was read of a call that nothing is told of. */
type State =
  | { readonly at: "start"; readonly opening: string }
  | { readonly at: "content" }
  | { readonly at: "item"; readonly opening: string }
  | { readonly at: "argument"; readonly call: PythonCall }
  | { readonly at: "value"; readonly call: PythonCall; readonly name: string }
  | { readonly at: "end" };

interface PythonCall {
  readonly name: string;
  readonly types: ArgumentTypes;
  opening: string;
  numTold: number;
}

class PythonicParser implements ToolParser {
  readonly #options: ToolParserOptions;
  readonly #buffer = new MarkerBuffer();
  #state: State = { at: "start", opening: "" };
  #value = new ValueScanner();

  constructor(options: ToolParserOptions) {
    this.#options = options;
  }

  push(text: string): void {
    this.#buffer.push(text);
    while (this.#step());
  }

  finish(): void {
    const state = this.#state;
    const { sink } = this.#options;
    if ("opening" in state) sink.content(state.opening);
    else if ("call" in state) sink.content(state.call.opening);
    if (state.at !== "end") sink.content(this.#value.text + this.#buffer.takeAll());
  }

  #step(): boolean {
    const state = this.#state;
    switch (state.at) {
      case "start":
        return this.#readStart(state.opening);
      case "content":
        this.#options.sink.content(this.#buffer.takeAll());
        return false;
      case "item":
        return this.#readItem(state.opening);
      case "argument":
        return this.#readArgument(state.call);
      case "value":
        return this.#readValue(state.call, state.name);
      case "end":
        return this.#readEnd();
      default:
        return unreachable(state);
    }
  }

  #readStart(before: string): boolean {
    const opening = before + this.#buffer.takeSpace();
    const { rest } = this.#buffer;
    this.#state = { at: "start", opening };
    if (rest === "" || (rest !== START && START.startsWith(rest))) return false;
    if (rest.startsWith(START)) {
      this.#state = { at: "start", opening: opening + this.#buffer.take(START.length) };
    } else if (rest.startsWith("[")) {
      this.#state = { at: "item", opening: opening + this.#buffer.take(1) };
    } else this.#giveUp(opening);
    return true;
  }

  /** A call's name, or the list's end. */
  #readItem(before: string): boolean {
    const opening = before + this.#buffer.takeSpace();
    this.#state = { at: "item", opening };
    const { rest } = this.#buffer;
    const [name = ""] = /^[\w.-]*/.exec(rest) ?? [];
    const after = rest[name.length];
    if (after === undefined && this.#mayBeTool(name)) return false;
    const tool = this.#options.tools.find((one) => one.name === name);
    if (after === "]" && name === "" && opening.trim() === "") {
      this.#buffer.take(1);
      this.#state = { at: "end" };
    } else if (after === "(" && tool !== undefined) {
      const call = { name, types: new ArgumentTypes(tool), opening, numTold: 0 };
      call.opening += this.#buffer.take(name.length + 1);
      this.#state = { at: "argument", call };
    } else this.#giveUp(opening);
    return true;
  }

  #mayBeTool(begin: string): boolean {
    return this.#options.tools.some(({ name }) => name.startsWith(begin));
  }

  /** `name=`, or the call's end. */
  #readArgument(call: PythonCall): boolean {
    call.opening += this.#buffer.takeSpace();
    const { rest } = this.#buffer;
    if (rest === "") return false;
    if (rest.startsWith(")")) return this.#endCall(call);
    const [head, name, equals] = /^(\w*)(\s*=?)/.exec(rest) ?? [""];
    if (name && equals?.endsWith("=") && head.length <= MAX_NAME_LENGTH) {
      call.opening += this.#buffer.take(head.length);
      this.#state = { at: "value", call, name };
    } else if (name && head.length === rest.length && head.length <= MAX_NAME_LENGTH) return false;
    else this.#giveUp(call.opening);
    return true;
  }

  #readValue(call: PythonCall, name: string): boolean {
    this.#buffer.take(this.#value.feed(this.#buffer.rest));
    const { text, status } = this.#value;
    if (status === "open") return false;
    this.#value = new ValueScanner();
    const json = status === "closed" ? jsonOfPython(text) : undefined;
    if (json === undefined) this.#giveUp(call.opening + text);
    else {
      this.#tell(call, `${JSON.stringify(name)}: ${jsonAs(json, call.types.of(name))}`);
      if (this.#buffer.rest.startsWith(",")) this.#buffer.take(1);
      this.#state = { at: "argument", call };
    }
    return true;
  }

  #tell(call: PythonCall, field: string): void {
    if (call.numTold === 0) this.#options.sink.beginCall(call.name);
    this.#options.sink.arguments((call.numTold === 0 ? "{" : ", ") + field);
    call.numTold++;
    call.opening = "";
  }

  #endCall(call: PythonCall): boolean {
    const { sink } = this.#options;
    this.#buffer.take(1);
    if (call.numTold === 0) sink.beginCall(call.name);
    sink.arguments(call.numTold === 0 ? "{}" : "}");
    sink.endCall();
    this.#state = { at: "end" };
    return true;
  }

  /** Behind a call or the list. */
  #readEnd(): boolean {
    const { rest } = this.#buffer;
    const next = rest.trimStart();
    const isLong = rest.length - next.length > MAX_SPACE;
    if (!isLong && (next === "" || (next !== END && END.startsWith(next)))) return false;
    if (isLong) this.#state = { at: "content" };
    else if (next.startsWith(END)) this.#buffer.take(rest.length - next.length + END.length);
    else if (next.startsWith(",")) {
      this.#buffer.take(rest.length - next.length + 1);
      this.#state = { at: "item", opening: "" };
    } else if (next.startsWith("]")) this.#buffer.take(rest.length - next.length + 1);
    else this.#state = { at: "content" };
    return true;
  }

  #giveUp(opening: string): void {
    this.#options.sink.content(opening);
    this.#state = { at: "content" };
  }
}

/** A value ends before a comma or the call's bracket, outside of its own brackets and quotes. */
class ValueScanner {
  status: "open" | "closed" | "broken" = "open";
  text = "";
  readonly #closers: string[] = [];
  #quote: string | undefined;
  #isEscaped = false;

  feed(text: string): number {
    let at = 0;
    while (at < text.length && this.status === "open") {
      this.#read(text[at] ?? "");
      if (this.status === "open") at++;
    }
    this.text += text.slice(0, at);
    return at;
  }

  #read(char: string): void {
    const closer = CLOSERS[char];
    if (this.#quote !== undefined) this.#readInString(char);
    else if (char === "'" || char === '"') this.#quote = char;
    else if (closer !== undefined) this.#closers.push(closer);
    else if (this.#closers.length === 0 && (char === "," || char === ")")) this.status = "closed";
    else if (/[)\]}]/.test(char) && this.#closers.pop() !== char) this.status = "broken";
  }

  #readInString(char: string): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (char === "\\") this.#isEscaped = true;
    else if (char === this.#quote) this.#quote = undefined;
  }
}

const CLOSERS: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };
