// Collects what parsers find in an answer, until it is taken.

import type { ToolCallDelta } from "../protocol/chat.ts";

/** Parts that one step added to an answer. */
export interface Said {
  /** Content. */
  readonly text: string;
  readonly reasoning: string;
  readonly toolCalls: readonly ToolCallDelta[];
}

export interface AnswerSinkOptions {
  readonly newId: () => string;
  /** A further call is dropped, and with it all that follows. */
  readonly maxCalls: number;
}

export class AnswerSink {
  readonly #options: AnswerSinkOptions;
  #text = "";
  #reasoning = "";
  #deltas: ToolCallDelta[] = [];
  /** White space that ends the content so far: markup beside a call, inside it, and between one and the answer's end. */
  #space = "";
  #endsWithCall = false;
  #numCalls = 0;
  #isOpen = false;
  #isFull = false;

  constructor(options: AnswerSinkOptions) {
    this.#options = options;
  }

  /** A call came that was one too many. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** It has calls, and the last one is whole. */
  get hasWholeCalls(): boolean {
    return this.#numCalls > 0 && !this.#isOpen;
  }

  reasoning(text: string): void {
    this.#reasoning += text;
  }

  content(text: string): void {
    if (this.#isFull) return;
    const said = text.trimEnd();
    if (said !== "") {
      this.#text += this.#space + said;
      this.#space = "";
      this.#endsWithCall = false;
    }
    this.#space += text.slice(said.length);
  }

  beginCall(name: string): void {
    const { maxCalls, newId } = this.#options;
    this.#isFull ||= this.#numCalls >= maxCalls;
    if (this.#isFull) return;
    this.#space = "";
    this.#isOpen = true;
    this.#deltas.push({ index: this.#numCalls++, id: newId(), name, arguments: "" });
  }

  /** JSON text of the call that began last. */
  arguments(text: string): void {
    if (this.#isFull || text === "") return;
    const index = this.#numCalls - 1;
    const last = this.#deltas.at(-1) ?? { index, arguments: "" };
    if (this.#deltas.length === 0) this.#deltas.push(last);
    this.#deltas[this.#deltas.length - 1] = { ...last, arguments: last.arguments + text };
  }

  endCall(): void {
    if (this.#isFull) return;
    this.#isOpen = false;
    this.#endsWithCall = true;
    this.#space = "";
  }

  /** The answer has ended: nothing more comes. */
  finish(): void {
    if (!this.#endsWithCall && !this.#isOpen && !this.#isFull) this.#text += this.#space;
    this.#space = "";
  }

  take(): Said {
    const said = { text: this.#text, reasoning: this.#reasoning, toolCalls: this.#deltas };
    this.#text = "";
    this.#reasoning = "";
    this.#deltas = [];
    return said;
  }
}
