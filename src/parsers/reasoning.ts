// Thoughts of a model before it answers, between two markers:
//
//   <think>
//   The user greets me.
//   </think>
//
//   Hello!
//
// Many templates write the first marker into the prompt, or both where the model is not to think; so the prompt's end
// decides how an answer begins. White space beside the markers is theirs.

import type { GrammarSource } from "../protocol/grammar.ts";
import type { AnswerSink } from "./answer-sink.ts";
import { anyOf, sequence, text } from "./call-grammar.ts";
import { MAX_SPACE, MarkerBuffer } from "./marker-buffer.ts";

const START = "<think>";
const END = "</think>";

/** How an answer begins: in thought; with its content; or, as may still be seen, with a marker. */
export type Beginning = "thought" | "content" | "open";

export interface ReasoningFormat {
  readonly markers: readonly string[];
  /** How an answer begins behind a prompt that ends with `tail`. */
  beginning(tail: string): Beginning;
}

/** The form of an answer that begins in this way and goes on with `content`. */
export function behindThoughts(beginning: Beginning, content: GrammarSource): GrammarSource {
  if (beginning === "content") return content;
  const space: GrammarSource = { type: "regex", pattern: "\\n{0,4}" };
  const rest = sequence({ type: "without", markers: [END] }, text(END), space, content);
  return beginning === "thought" ? rest : anyOf([content, sequence(text(START), rest)]);
}

/** Thinks always, unless the prompt has the end of its thoughts. */
export const deepseekR1: ReasoningFormat = {
  markers: [START, END],
  beginning: (tail) => beginningAfter(tail, "thought"),
};

/** Thinks where the prompt or the answer says so. */
export const qwen3: ReasoningFormat = {
  markers: [START, END],
  beginning: (tail) => beginningAfter(tail, "open"),
};

function beginningAfter(tail: string, otherwise: Beginning): Beginning {
  const end = tail.trimEnd();
  if (end.endsWith(START)) return "thought";
  return end.endsWith(END) ? "content" : otherwise;
}

export class ReasoningParser {
  readonly #sink: AnswerSink;
  readonly #content: (text: string) => void;
  readonly #buffer = new MarkerBuffer();
  /** `begun`: in thought, and no word of it has come; `ended`: behind it, and no word of the content has come. */
  #state: "open" | "begun" | "thought" | "ended" | "content";
  #hasThought = false;
  #space = "";

  /** `content` takes what is no thought. */
  constructor(sink: AnswerSink, beginning: Beginning, content: (text: string) => void) {
    this.#sink = sink;
    this.#content = content;
    this.#state = beginning === "thought" ? "begun" : beginning;
  }

  get isThinking(): boolean {
    return this.#state === "begun" || this.#state === "thought";
  }

  push(text: string): void {
    if (this.#state === "content") {
      this.#content(text);
      return;
    }
    this.#buffer.push(text);
    while (this.#step());
  }

  finish(): void {
    const rest = this.#buffer.takeAll();
    if (this.isThinking) this.#think(rest);
    else this.#content(rest);
  }

  #step(): boolean {
    switch (this.#state) {
      case "open":
        return this.#readOpening();
      case "begun":
        return this.#readBeginning();
      case "thought":
        return this.#readThought();
      case "ended":
        this.#buffer.takeSpace();
        if (this.#buffer.rest === "") return false;
        this.#state = "content";
        return true;
      case "content":
        this.#content(this.#buffer.takeAll());
        return false;
    }
  }

  #readOpening(): boolean {
    const { rest } = this.#buffer;
    const next = rest.trimStart();
    const isLong = rest.length - next.length > MAX_SPACE;
    if (!isLong && next !== START && START.startsWith(next)) return false;
    this.#state = "content";
    if (!isLong && next.startsWith(START)) {
      this.#buffer.takeSpace();
      this.#buffer.take(START.length);
      this.#state = "begun";
    }
    return true;
  }

  /** A model may write the marker again that its prompt has. */
  #readBeginning(): boolean {
    this.#buffer.takeSpace();
    const { rest } = this.#buffer;
    if (rest !== START && START.startsWith(rest)) return false;
    if (rest.startsWith(START)) this.#buffer.take(START.length);
    this.#state = "thought";
    return true;
  }

  #readThought(): boolean {
    const { before, marker } = this.#buffer.takeTo([END]);
    this.#think(before);
    if (marker === undefined) return false;
    this.#state = "ended";
    return true;
  }

  #think(text: string): void {
    const said = text.trimEnd();
    if (said !== "") {
      this.#sink.reasoning(this.#hasThought ? this.#space + said : said.trimStart());
      this.#hasThought = true;
      this.#space = "";
    }
    this.#space += text.slice(said.length);
  }
}
