// One answer of a chat, from its text to thoughts, content and calls:
//
//   text --ThoughtParser--> content --ToolParser--> AnswerSink
//                        \--> thoughts ------------------^

import type { ToolDefinition } from "../protocol/chat.ts";
import { AnswerSink, type Said } from "./answer-sink.ts";
import type { ReasoningFormat, ThoughtParser } from "./reasoning.ts";
import { type Ending, newCallId, type ToolFormat, type ToolParser } from "./tool-parser.ts";

export interface AnswerFormats {
  readonly reasoning: ReasoningFormat | undefined;
  /** Undefined: the request has no tools, or wants no call. */
  readonly tools: ToolFormat | undefined;
}

export interface AnswerParserOptions extends AnswerFormats {
  /** With which the prompt ends, special tokens spelled. */
  readonly promptTail: string;
  readonly tools: ToolFormat | undefined;
  readonly definitions: readonly ToolDefinition[];
  readonly maxCalls: number;
}

export class AnswerParser {
  readonly #sink: AnswerSink;
  readonly #reasoning: ThoughtParser | undefined;
  readonly #tools: ToolParser | undefined;

  constructor({ reasoning, tools, promptTail, definitions, maxCalls }: AnswerParserOptions) {
    const newId = () => newCallId(tools?.id ?? { prefix: "", length: 0 });
    this.#sink = new AnswerSink({ newId, maxCalls });
    this.#tools = tools?.create({ sink: this.#sink, tools: definitions });
    const content = (text: string) => this.#content(text);
    this.#reasoning = reasoning?.create({ sink: this.#sink, promptTail, content });
  }

  get isThinking(): boolean {
    return this.#reasoning?.isThinking ?? false;
  }

  /** It has as many calls as it may have, and another began. */
  get isFull(): boolean {
    return this.#sink.isFull;
  }

  /** It ends with a call, as far as calls go. */
  get hasWholeCalls(): boolean {
    return this.#sink.hasWholeCalls;
  }

  push(text: string): void {
    if (this.#reasoning === undefined) this.#content(text);
    else this.#reasoning.push(text);
  }

  finish(ending: Ending): void {
    this.#reasoning?.finish();
    this.#tools?.finish(ending);
    this.#sink.finish();
  }

  /** Takes what has come since the last call. */
  take(): Said {
    return this.#sink.take();
  }

  #content(text: string): void {
    if (this.#tools === undefined) this.#sink.content(text);
    else this.#tools.push(text);
  }
}
