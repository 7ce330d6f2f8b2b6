// Cuts text in gpt-oss' format (harmony, docs/format.md of openai/harmony) into messages:
//
//   <|start|>assistant<|channel|>analysis<|message|>Need the weather.<|end|>
//   \___________ header ____________/           \_____ body _____/
//
// The prompt may end within a header, so the first of an answer may be the rest of one.

import { unreachable } from "../base/assert.ts";
import { MAX_SPACE, MarkerBuffer } from "./marker-buffer.ts";

export const START = "<|start|>";
export const CHANNEL = "<|channel|>";
export const MESSAGE = "<|message|>";
export const END = "<|end|>";
export const CONSTRAIN = "<|constrain|>";
const CALL = "<|call|>";
const RETURN = "<|return|>";

/** Those that do not end the model's turn. */
export const HARMONY_MARKERS = [START, CHANNEL, MESSAGE, CONSTRAIN, END] as const;

/** A message may not be closed before the next one begins. */
const BODY_ENDS = [END, CALL, RETURN, START, CHANNEL];
/** Texts that may follow the role that the prompt has. */
const AFTER_ROLE = [CHANNEL, MESSAGE, CONSTRAIN, "to="];
/** Longer ones are no headers. */
const MAX_HEADER = 1024;

export interface MessageHandler {
  /** A message begins. `header` is as it was written, without `<|message|>`. */
  begin(header: string): void;
  body(text: string): void;
  /** `marker` is "" where the message was not closed. */
  end(marker: string): void;
  /** Text of no message. */
  outside(text: string): void;
}

export class HarmonyReader {
  readonly #handler: MessageHandler;
  readonly #buffer = new MarkerBuffer();
  /** `role`: behind a role in the prompt, and it is not seen yet if the header goes on. */
  #state: "role" | "header" | "body" | "outside" = "outside";
  #header = "";

  /** `promptTail` is what the prompt ends with. */
  constructor(handler: MessageHandler, promptTail: string) {
    this.#handler = handler;
    const start = promptTail.lastIndexOf(START);
    const tail = start < 0 ? END : promptTail.slice(start);
    if (BODY_ENDS.slice(0, 3).some((end) => tail.includes(end))) return;
    const [header = "", ...body] = tail.split(MESSAGE);
    this.#state = "role";
    if (body.length === 0) return;
    this.#state = "body";
    handler.begin(header);
  }

  push(text: string): void {
    this.#buffer.push(text);
    while (this.#step());
  }

  /** The text has ended. Returns a header that was begun. */
  finish(): string {
    const rest = this.#buffer.takeAll();
    if (this.#state === "header") return this.#header + rest;
    if (this.#state === "body") this.#handler.body(rest);
    else this.#handler.outside(rest);
    return "";
  }

  #step(): boolean {
    switch (this.#state) {
      case "role":
        return this.#readRole();
      case "header":
        return this.#readHeader();
      case "body":
        return this.#readBody();
      case "outside":
        return this.#readOutside();
      default:
        return unreachable(this.#state);
    }
  }

  #readRole(): boolean {
    const { rest } = this.#buffer;
    const next = rest.trimStart();
    const isLong = rest.length - next.length > MAX_SPACE;
    const begun = AFTER_ROLE.filter((text) => next.startsWith(text) || text.startsWith(next));
    if (isLong || begun.length === 0) this.#state = "outside";
    else if (begun.some((text) => next.startsWith(text))) this.#state = "header";
    else return false;
    return true;
  }

  #readHeader(): boolean {
    const { before, marker } = this.#buffer.takeTo([MESSAGE]);
    this.#header += before;
    if (this.#header.length > MAX_HEADER) {
      this.#giveUp(marker ?? "");
      return true;
    }
    if (marker === undefined) return false;
    this.#handler.begin(this.#header);
    this.#state = "body";
    return true;
  }

  /** Reads again all that is behind the longest header that there may be. */
  #giveUp(marker: string): void {
    const rest = this.#header.slice(MAX_HEADER) + marker + this.#buffer.takeAll();
    this.#handler.outside(this.#header.slice(0, MAX_HEADER));
    this.#state = "outside";
    this.#buffer.push(rest);
  }

  #readBody(): boolean {
    const { before, marker } = this.#buffer.takeTo(BODY_ENDS);
    this.#handler.body(before);
    if (marker === undefined) return false;
    const begins = marker === START || marker === CHANNEL;
    this.#handler.end(begins ? "" : marker);
    if (begins) this.#begin(marker);
    else this.#state = "outside";
    return true;
  }

  #readOutside(): boolean {
    const { before, marker } = this.#buffer.takeTo([START, CHANNEL]);
    this.#handler.outside(before);
    if (marker === undefined) return false;
    this.#begin(marker);
    return true;
  }

  #begin(marker: string): void {
    this.#header = marker;
    this.#state = "header";
  }
}

/** To whom a message is: `functions.get_weather` in `<|channel|>commentary to=functions.get_weather <|constrain|>json`. */
export function recipientOf(header: string): string | undefined {
  return /(?:^|\s)to=([^\s<]+)/.exec(header)?.[1];
}

/** `analysis`, `commentary` or `final`; undefined where the header names none. */
export function channelOf(header: string): string | undefined {
  return /<\|channel\|>\s*([a-z]+)/.exec(header)?.[1];
}

/** A client's function. Tools that the models were trained on are called in thought, and are no client's. */
export function isCall(header: string): boolean {
  const recipient = recipientOf(header);
  if (recipient === undefined) return false;
  return recipient.startsWith(FUNCTIONS) || channelOf(header) !== "analysis";
}

export function functionOf(header: string): string {
  const recipient = recipientOf(header) ?? "";
  return recipient.startsWith(FUNCTIONS) ? recipient.slice(FUNCTIONS.length) : recipient;
}

const FUNCTIONS = "functions.";
