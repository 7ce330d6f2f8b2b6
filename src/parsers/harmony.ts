// gpt-oss speaks in messages of three channels:
//
//   <|channel|>analysis<|message|>Need the weather.<|end|><|start|>assistant<|channel|>commentary
//   to=functions.get_weather <|constrain|>json<|message|>{"city": "Paris"}<|call|>
//
// `analysis` is thoughts; `final`, and `commentary` that is to no one, are content; a message to a function is a call, and
// ends the turn. Thoughts and calls are read by two parsers, either of which works alone: the first takes messages apart
// and hands calls on as they are.

import type { ToolDefinition } from "../protocol/chat.ts";
import type { GrammarSource } from "../protocol/grammar.ts";
import { anyOf, jsonArguments, list, NOTHING, sequence, text } from "./call-grammar.ts";
import {
  CHANNEL,
  CONSTRAIN,
  channelOf,
  END,
  functionOf,
  HARMONY_MARKERS,
  HarmonyReader,
  isCall,
  MESSAGE,
  START,
} from "./harmony-reader.ts";
import type { ReasoningFormat, ReasoningOptions, ThoughtParser } from "./reasoning.ts";
import {
  CALL_ID,
  type Ending,
  type ToolFormat,
  type ToolParser,
  type ToolParserOptions,
} from "./tool-parser.ts";

/** Behind the role that the prompt ends with, and the next one's role. */
const NEXT = `${END}${START}assistant`;
const THOUGHT = sequence(
  text(`${CHANNEL}analysis${MESSAGE}`),
  { type: "without", markers: [END, START, CHANNEL] },
  text(NEXT),
);
/** Messages of thoughts of an answer that is held to a form. */
const MAX_THOUGHTS = 8;

const TO = `${CHANNEL}commentary to=functions.`;

export const harmonyThoughts: ReasoningFormat = {
  markers: HARMONY_MARKERS,
  create: (options) => new ChannelParser(options),
  grammarBehind: (_, content) =>
    sequence(list(THOUGHT, NOTHING, { min: 0, max: MAX_THOUGHTS }), content),
  framed: (form) => sequence(text(`${CHANNEL}final${MESSAGE}`), form),
};

export const harmonyCalls: ToolFormat = {
  markers: HARMONY_MARKERS,
  id: CALL_ID,
  grammar: {
    calls: (tools, max) => list(anyCall(tools), text(NEXT), { min: 1, max }),
    mixed: (tools, max) =>
      sequence(
        { type: "without", markers: [TO, "to=functions."] },
        list(anyCall(tools), text(NEXT), { min: 0, max }),
      ),
  },
  create: (options) => new HarmonyCallParser(options),
};

/** It ends the turn, so no text follows. */
function anyCall(tools: readonly ToolDefinition[]): GrammarSource {
  return anyOf(
    tools.map((tool) =>
      sequence(text(`${TO}${tool.name} ${CONSTRAIN}json${MESSAGE}`), jsonArguments(tool)),
    ),
  );
}

type Kind = "thought" | "content" | "call";

/** Between two messages of a kind, which are one text to a client. */
const SEPARATOR = "\n";

class ChannelParser implements ThoughtParser {
  readonly #options: ReasoningOptions;
  readonly #reader: HarmonyReader;
  /** Kind of the message that is read. */
  #kind: Kind | undefined;
  /** Messages of this kind have text already, and this one has none yet. */
  #isBehindOther = false;
  readonly #said = new Set<Kind>();
  /** White space between messages is the format's. */
  #isInGap = false;

  constructor(options: ReasoningOptions) {
    this.#options = options;
    const handler = {
      begin: (header: string) => this.#begin(header),
      body: (text: string) => this.#body(text),
      end: (marker: string) => this.#end(marker),
      outside: (text: string) => this.#outside(text),
    };
    this.#reader = new HarmonyReader(handler, options.promptTail);
  }

  get isThinking(): boolean {
    return this.#kind === "thought";
  }

  push(text: string): void {
    this.#reader.push(text);
  }

  /** A header that was cut off says nothing. */
  finish(): void {
    this.#reader.finish();
  }

  #begin(header: string): void {
    this.#kind = kindOf(header);
    this.#isBehindOther = this.#said.has(this.#kind);
    if (this.#kind !== "call") return;
    const isWhole = header.startsWith(START) || header.startsWith(CHANNEL);
    this.#options.content(`${isWhole ? "" : `${START}assistant`}${header}${MESSAGE}`);
  }

  #body(text: string): void {
    if (text === "" || this.#kind === undefined) return;
    if (this.#kind === "call") {
      this.#options.content(text);
      return;
    }
    const said = this.#isBehindOther ? SEPARATOR + text : text;
    this.#isBehindOther = false;
    this.#said.add(this.#kind);
    if (this.#kind === "thought") this.#options.sink.reasoning(said);
    else this.#options.content(said);
  }

  #end(marker: string): void {
    if (this.#kind === "call") this.#options.content(marker || END);
    this.#kind = undefined;
    this.#isInGap = true;
  }

  #outside(text: string): void {
    const said = this.#isInGap ? text.trimStart() : text;
    if (said === "") return;
    this.#isInGap = false;
    this.#options.content(said);
  }
}

function kindOf(header: string): Kind {
  if (isCall(header)) return "call";
  return channelOf(header) === "analysis" ? "thought" : "content";
}

class HarmonyCallParser implements ToolParser {
  readonly #options: ToolParserOptions;
  readonly #reader: HarmonyReader;
  #isInCall = false;
  #hasArguments = false;

  constructor(options: ToolParserOptions) {
    this.#options = options;
    const handler = {
      begin: (header: string) => this.#begin(header),
      body: (text: string) => this.#body(text),
      end: (marker: string) => this.#end(marker),
      outside: (text: string) => options.sink.content(text),
    };
    this.#reader = new HarmonyReader(handler, "");
  }

  push(text: string): void {
    this.#reader.push(text);
  }

  finish(ending: Ending): void {
    this.#options.sink.content(this.#reader.finish());
    if (ending === "stop" && this.#isInCall) this.#end("");
  }

  #begin(header: string): void {
    const { sink } = this.#options;
    this.#isInCall = isCall(header);
    this.#hasArguments = false;
    if (this.#isInCall) sink.beginCall(functionOf(header));
    else sink.content(header + MESSAGE);
  }

  #body(text: string): void {
    const { sink } = this.#options;
    if (!this.#isInCall) {
      sink.content(text);
      return;
    }
    const said = this.#hasArguments ? text : text.trimStart();
    this.#hasArguments ||= said !== "";
    sink.arguments(said);
  }

  #end(marker: string): void {
    const { sink } = this.#options;
    if (!this.#isInCall) {
      sink.content(marker);
      return;
    }
    this.#isInCall = false;
    if (!this.#hasArguments) sink.arguments("{}");
    sink.endCall();
  }
}
