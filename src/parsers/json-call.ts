// Reads one call that is written as a JSON object, `{"name": "f", "arguments": {...}}`, in any order of its keys. The
// call is told as soon as its name is known and its arguments begin; they follow as they come, as the model wrote them.

import type { AnswerSink } from "./answer-sink.ts";
import { JsonScanner } from "./json-scanner.ts";

type Status = "reading" | "whole" | "failed" | "broken";
type Expected = "object" | "first key" | "next key" | "colon" | "value" | "comma";

const ARGUMENT_KEYS = ["arguments", "parameters"];

export interface JsonCallOptions {
  readonly sink: AnswerSink;
  /** Which names are tools'; default: all. */
  readonly isKnown?: (name: string) => boolean;
}

export class JsonCall {
  /**
   * `failed`: it is no call, and nothing was told of it. `broken`: its arguments, which have begun, are no JSON; all that
   * follows belongs to them.
   */
  status: Status = "reading";
  /** Text that it has read; for calls that failed. */
  raw = "";
  readonly #sink: AnswerSink;
  readonly #isKnown: (name: string) => boolean;
  #expected: Expected = "object";
  #scanner: JsonScanner | undefined;
  #isKey = false;
  #key = "";
  #value = "";
  #name: string | undefined;
  /** Arguments that came before the name, or as no object. */
  #arguments: string | undefined;
  #isTold = false;
  #streams = false;

  constructor({ sink, isKnown = () => true }: JsonCallOptions) {
    this.#sink = sink;
    this.#isKnown = isKnown;
  }

  /** Returns how many characters belong to it. */
  feed(text: string): number {
    let at = 0;
    while (at < text.length && this.status === "reading") {
      at = this.#scanner ? this.#readValue(this.#scanner, text, at) : this.#readChar(text, at);
    }
    if (!this.#isTold || this.status === "failed") this.raw += text.slice(0, at);
    return at;
  }

  /** The text has ended. A call that lacks no more than its last bracket is one. */
  finish(): void {
    if (this.status !== "reading") return;
    if (!this.#isTold && this.#name !== undefined && this.#arguments !== undefined) this.#end();
    else if (!this.#isTold) this.status = "failed";
    else if (!this.#streams) this.#tellWhole();
  }

  #readChar(text: string, at: number): number {
    const char = text[at] ?? "";
    if (/\s/.test(char)) return at + 1;
    switch (this.#expected) {
      case "object":
        return char === "{" ? this.#expect("first key", at) : this.#fail(at);
      case "first key":
      case "next key":
        return char === "}" ? this.#end(at) : this.#readKey(char, at);
      case "colon":
        return char === ":" ? this.#expect("value", at) : this.#fail(at);
      case "value":
        return this.#beginValue(char, at);
      case "comma":
        return char === "}" ? this.#end(at) : this.#readComma(char, at);
    }
  }

  #readKey(char: string, at: number): number {
    if (char !== '"') return this.#fail(at);
    this.#isKey = true;
    return this.#begin(at);
  }

  #beginValue(char: string, at: number): number {
    this.#isKey = false;
    this.#streams = char === "{" && this.#mayTell;
    if (this.#streams) this.#tell(this.#name ?? "");
    return this.#begin(at);
  }

  #readComma(char: string, at: number): number {
    return char === "," ? this.#expect("next key", at) : this.#fail(at);
  }

  get #mayTell(): boolean {
    const isArguments = ARGUMENT_KEYS.includes(this.#key);
    return (
      isArguments && this.#name !== undefined && !this.#isTold && this.#arguments === undefined
    );
  }

  #expect(expected: Expected, at: number): number {
    this.#expected = expected;
    return at + 1;
  }

  /** A key or a value begins here. */
  #begin(at: number): number {
    this.#scanner = new JsonScanner();
    this.#value = "";
    return at;
  }

  #readValue(scanner: JsonScanner, text: string, at: number): number {
    const end = scanner.feed(text, at);
    const part = text.slice(at, end);
    if (this.#streams) this.#sink.arguments(part);
    else this.#value += part;
    if (scanner.status === "broken") {
      if (!this.#streams) return this.#fail(end);
      this.status = "broken";
    } else if (scanner.status === "closed") {
      this.#scanner = undefined;
      this.#closeValue();
    }
    return end;
  }

  #closeValue(): void {
    this.#expected = this.#isKey ? "colon" : "comma";
    if (this.#streams) {
      this.#streams = false;
      return;
    }
    if (this.#isKey) this.#key = String(parsed(this.#value));
    else if (this.#key === "name") this.#closeName(parsed(this.#value));
    else if (ARGUMENT_KEYS.includes(this.#key)) this.#arguments ??= this.#value;
  }

  #closeName(name: unknown): void {
    if (typeof name === "string" && name !== "" && this.#isKnown(name)) this.#name ??= name;
    else if (!this.#isTold) this.status = "failed";
  }

  #tell(name: string): void {
    this.#isTold = true;
    this.#sink.beginCall(name);
  }

  #tellWhole(): void {
    this.status = "whole";
    this.#sink.endCall();
  }

  /** Not what stands in a call. Behind its arguments it is not part of the call any more. */
  #fail(at: number): number {
    if (this.#isTold) this.#tellWhole();
    else this.status = "failed";
    return at;
  }

  #end(at = 0): number {
    const json = this.#isTold ? undefined : objectText(this.#arguments ?? "{}");
    if (this.#isTold) this.#tellWhole();
    else if (this.#name === undefined || json === undefined) this.status = "failed";
    else {
      this.#tell(this.#name);
      this.#sink.arguments(json);
      this.#tellWhole();
    }
    return at + 1;
  }
}

/** JSON text of an object: as it is, or out of a string that has it. */
function objectText(text: string): string | undefined {
  const value = parsed(text);
  if (value === null) return "{}";
  if (typeof value === "string") return isObject(parsed(value)) ? value : undefined;
  return isObject(value) ? text : undefined;
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // which is no JSON value
  }
}
