// Mistral's formats: a list of objects, as older models write it, or a name and an object for each call.
//
//   [TOOL_CALLS][{"name": "get_weather", "arguments": {"city": "Paris"}}, ...]
//   [TOOL_CALLS]get_weather[CALL_ID]a1b2c3d4e[ARGS]{"city": "Paris"}[TOOL_CALLS]...
//   [TOOL_CALLS]get_weather{"city": "Paris"}[TOOL_CALLS]...
//
// Text behind the marker in no such form is content, the marker included. A call whose arguments turn out to be no
// JSON stays one, with all that stands before the next marker. Its templates want ids of nine letters and digits.

import { unreachable } from "../base/assert.ts";
import type { ToolDefinition } from "../protocol/chat.ts";
import type { GrammarSource } from "../protocol/grammar.ts";
import {
  anyOf,
  jsonArguments,
  jsonCall,
  list,
  marked,
  NOTHING,
  sequence,
  text,
} from "./call-grammar.ts";
import { JsonCall } from "./json-call.ts";
import { JsonScanner } from "./json-scanner.ts";
import { MarkerBuffer } from "./marker-buffer.ts";
import type { ToolFormat, ToolParser, ToolParserOptions } from "./tool-parser.ts";

const CALLS = "[TOOL_CALLS]";
const CALL_ID = "[CALL_ID]";
const ARGS = "[ARGS]";

const NAME = /^[\w.:/-]{1,256}$/;
const MAX_ID_LENGTH = 256;

export const mistral: ToolFormat = {
  markers: [CALLS, CALL_ID, ARGS],
  id: { prefix: "", length: 9 },
  grammar: {
    calls: allCalls,
    mixed: (tools, max) => marked(allCalls(tools, max), [CALLS], max),
  },
  create: (options) => new MistralParser(options),
};

/** Both forms; the model takes the one that it knows. */
function allCalls(tools: readonly ToolDefinition[], max: number): GrammarSource {
  const objects = anyOf(tools.map((tool) => jsonCall(tool, "arguments")));
  const inList = sequence(text("["), list(objects, text(", "), { min: 1, max }), text("]"));
  const named = tools
    .filter(({ name }) => NAME.test(name))
    .map((tool) => sequence(text(`${CALLS}${tool.name}${ARGS}`), jsonArguments(tool)));
  const one = sequence(text(CALLS), inList);
  return anyOf(named.length === 0 ? [one] : [one, list(anyOf(named), NOTHING, { min: 1, max })]);
}

/** `opening`: what was read of a call that may turn out to be none. */
type State =
  | { readonly at: "content" }
  | { readonly at: "form"; readonly opening: string }
  | { readonly at: "item"; readonly opening: string }
  | {
      readonly at: "object";
      readonly call: JsonCall;
      readonly opening: string;
      readonly inList: boolean;
    }
  | { readonly at: "name"; readonly opening: string }
  | { readonly at: "arguments"; readonly name: string; readonly opening: string }
  | { readonly at: "id"; readonly name: string; readonly opening: string }
  | { readonly at: "value"; readonly scanner: JsonScanner }
  | { readonly at: "broken" };

class MistralParser implements ToolParser {
  readonly #options: ToolParserOptions;
  readonly #buffer = new MarkerBuffer();
  #state: State = { at: "content" };

  constructor(options: ToolParserOptions) {
    this.#options = options;
  }

  push(text: string): void {
    this.#buffer.push(text);
    while (this.#step());
  }

  finish(): void {
    const { sink } = this.#options;
    const state = this.#state;
    if (state.at === "object") {
      state.call.finish();
      if (state.call.status === "failed") sink.content(state.opening + state.call.raw);
    } else if ("opening" in state) sink.content(state.opening);
    const rest = this.#buffer.takeAll();
    if (state.at === "broken") sink.arguments(rest);
    else sink.content(rest);
  }

  #step(): boolean {
    const state = this.#state;
    switch (state.at) {
      case "content":
        return this.#readContent();
      case "form":
        return this.#readForm(state.opening);
      case "item":
        return this.#readItem(state.opening);
      case "object":
        return this.#readObject(state);
      case "name":
        return this.#readName(state.opening);
      case "id":
        return this.#readId(state);
      case "arguments":
        return this.#readArguments(state);
      case "value":
        return this.#readValue(state.scanner);
      case "broken":
        return this.#readBroken();
      default:
        return unreachable(state);
    }
  }

  #readContent(): boolean {
    const { before, marker } = this.#buffer.takeTo([CALLS]);
    this.#options.sink.content(before);
    if (marker === undefined) return false;
    this.#state = { at: "form", opening: CALLS };
    return true;
  }

  #readForm(before: string): boolean {
    const opening = before + this.#buffer.takeSpace();
    const { rest } = this.#buffer;
    this.#state = { at: "form", opening };
    if (rest === "") return false;
    if (rest.startsWith("[")) this.#state = { at: "item", opening: opening + this.#buffer.take(1) };
    else if (rest.startsWith("{")) this.#beginObject(opening, "alone");
    else this.#state = { at: "name", opening };
    return true;
  }

  #beginObject(opening: string, place: "alone" | "in a list"): void {
    const call = new JsonCall({ sink: this.#options.sink });
    this.#state = { at: "object", call, opening, inList: place === "in a list" };
  }

  /** Before an object of a list, or the list's end. */
  #readItem(before: string): boolean {
    const opening = before + this.#buffer.takeSpace();
    const { rest } = this.#buffer;
    this.#state = { at: "item", opening };
    if (rest === "") return false;
    if (rest.startsWith("{")) this.#beginObject(opening, "in a list");
    else if (rest.startsWith(",")) {
      this.#state = { at: "item", opening: opening + this.#buffer.take(1) };
    } else if (rest.startsWith("]") && !opening.startsWith(CALLS)) {
      this.#buffer.take(1);
      this.#state = { at: "content" };
    } else this.#giveUp(opening);
    return true;
  }

  #readObject({ call, opening, inList }: State & { at: "object" }): boolean {
    this.#buffer.take(call.feed(this.#buffer.rest));
    if (call.status === "reading") return false;
    if (call.status === "failed") this.#giveUp(opening + call.raw);
    else if (call.status === "broken") this.#state = { at: "broken" };
    else this.#state = inList ? { at: "item", opening: "" } : { at: "content" };
    return true;
  }

  #readName(before: string): boolean {
    const { rest } = this.#buffer;
    const end = rest.search(/[{[\s]/);
    const isWhole = end >= 0 && (rest[end] !== "[" || rest.length - end >= ARGS.length);
    const name = end < 0 ? rest : rest.slice(0, end);
    if (!NAME.test(name)) this.#giveUp(before);
    else if (!isWhole) return false;
    else this.#closeName(before, name);
    return true;
  }

  #closeName(before: string, name: string): void {
    const { rest } = this.#buffer;
    if (rest.startsWith(ARGS, name.length)) {
      const opening = before + this.#buffer.take(name.length + ARGS.length);
      this.#state = { at: "arguments", name, opening };
    } else if (rest[name.length] !== "[") {
      this.#state = { at: "arguments", name, opening: before + this.#buffer.take(name.length) };
    } else this.#state = { at: "id", name, opening: before };
  }

  /** The id that the model made up: nothing of ours. */
  #readId({ name, opening }: State & { at: "id" }): boolean {
    const { rest } = this.#buffer;
    const marker = rest.slice(name.length, name.length + CALL_ID.length);
    const end = rest.indexOf(ARGS, name.length);
    const read = end < 0 ? rest.length - ARGS.length : end;
    const isWrong = !CALL_ID.startsWith(marker) || read > name.length + MAX_ID_LENGTH;
    if (end < 0 && !isWrong) return false;
    if (isWrong) this.#giveUp(opening);
    else {
      const head = this.#buffer.take(end + ARGS.length);
      this.#state = { at: "arguments", name, opening: opening + head };
    }
    return true;
  }

  #readArguments({ name, opening: before }: State & { at: "arguments" }): boolean {
    const opening = before + this.#buffer.takeSpace();
    const { rest } = this.#buffer;
    this.#state = { at: "arguments", name, opening };
    if (rest === "") return false;
    if (rest.startsWith("{")) {
      this.#options.sink.beginCall(name);
      this.#state = { at: "value", scanner: new JsonScanner() };
    } else this.#giveUp(opening);
    return true;
  }

  #readValue(scanner: JsonScanner): boolean {
    const { sink } = this.#options;
    const { rest } = this.#buffer;
    sink.arguments(this.#buffer.take(scanner.feed(rest, 0)));
    if (scanner.status === "open") return false;
    if (scanner.status === "closed") {
      sink.endCall();
      this.#state = { at: "content" };
    } else this.#state = { at: "broken" };
    return true;
  }

  #readBroken(): boolean {
    const { sink } = this.#options;
    const { before, marker } = this.#buffer.takeTo([CALLS]);
    sink.arguments(before);
    if (marker === undefined) return false;
    sink.endCall();
    this.#state = { at: "form", opening: CALLS };
    return true;
  }

  #giveUp(opening: string): void {
    this.#options.sink.content(opening);
    this.#state = { at: "content" };
  }
}
