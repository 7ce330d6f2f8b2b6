// How the answers of the two routes are written: whole, and as chunks of a stream.
// The parts that are the same in every chunk of a choice are made once; per token only its text is escaped.

import type { AnswerHead, Choice, EventWriter, WireFormat } from "../door/generation-route.ts";
import type { Usage } from "../door/tally.ts";
import type { ToolCallDelta } from "../protocol/chat.ts";
import type { Annotations, FinishReason, TextOutput } from "../protocol/llm.ts";
import { type ChatStyle, callDelta, chatMessage, reasonIn } from "./chat-message.ts";

export function chatFormat(style: ChatStyle): WireFormat {
  return {
    idPrefix: "chatcmpl-",
    events: (head) =>
      new ChunkWriter(head, {
        object: "chat.completion.chunk",
        opening: `"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null`,
        beforeText: `"delta":{"content":`,
        afterText: `},"logprobs":null,"finish_reason":null`,
        closing: `"delta":{},"logprobs":null,"finish_reason":`,
        chat: style,
      }),
    answer: ({ id, model, created }, choices, usage) => ({
      id,
      object: "chat.completion",
      created,
      model,
      choices: choices.map((choice, index) => ({
        index,
        message: chatMessage(choice, style),
        logprobs: null,
        ...endFields(choice, style),
      })),
      usage,
    }),
  };
}

export const completionFormat: WireFormat = {
  idPrefix: "cmpl-",
  events: (head) =>
    new ChunkWriter(head, {
      object: "text_completion",
      opening: undefined,
      beforeText: `"text":`,
      afterText: `,"logprobs":null,"finish_reason":null`,
      closing: `"text":"","logprobs":null,"finish_reason":`,
    }),
  answer: ({ id, model, created }, choices, usage) => ({
    id,
    object: "text_completion",
    created,
    model,
    choices: choices.map((choice, index) => ({
      index,
      text: choice.text,
      logprobs: null,
      ...endFields(choice),
    })),
    usage,
  }),
};

/** `stop_reason` is vLLM's key. */
function endFields({ finishReason, stopReason }: Choice, style?: ChatStyle) {
  return {
    finish_reason: style ? reasonIn(style, finishReason) : finishReason,
    ...(stopReason !== undefined && { stop_reason: stopReason }),
  };
}

/** As Dynamo has them: named events without data, their value in a comment. */
function annotationEvents(annotations: Annotations): string {
  return Object.entries(annotations)
    .map(([name, value]) => `event: ${name}\n: ${JSON.stringify(value)}\n\n`)
    .join("");
}

/** The parts of a choice's JSON in which the routes differ. */
interface ChunkParts {
  readonly object: string;
  /** A first chunk before any text. */
  readonly opening: string | undefined;
  readonly beforeText: string;
  readonly afterText: string;
  readonly closing: string;
  /** Absent for a text completion, which has neither calls nor thoughts. */
  readonly chat?: ChatStyle;
}

/** Writes the events of one stream. */
export class ChunkWriter implements EventWriter {
  readonly #parts: ChunkParts;
  readonly #head: string;
  readonly #tail: string;
  readonly #usageHead: string;
  /** By choice, what stands before its text. */
  readonly #beforeText: string[] = [];
  readonly #afterText: string;
  /** Behind a delta that is an object of its own: a thought's or a call's. */
  readonly #afterDelta: string;
  readonly #includeUsage: boolean;

  constructor({ id, model, created, includeUsage }: AnswerHead, parts: ChunkParts) {
    this.#parts = parts;
    this.#includeUsage = includeUsage;
    const { object } = parts;
    const fields = JSON.stringify({ id, object, created, model }).slice(0, -1);
    this.#usageHead = `data: ${fields},"choices":[],"usage":`;
    this.#head = `data: ${fields},"choices":[{"index":`;
    // With include_usage, OpenAI's other chunks have the key too.
    this.#tail = includeUsage ? `}],"usage":null}\n\n` : "}]}\n\n";
    this.#afterText = parts.afterText + this.#tail;
    this.#afterDelta = `,"logprobs":null,"finish_reason":null${this.#tail}`;
  }

  output({ index, text, reasoning, toolCalls, finishReason, annotations }: TextOutput): string {
    let events = annotations === undefined ? "" : annotationEvents(annotations);
    if (reasoning) events += this.#thought(index, reasoning);
    if (text !== "") events += this.#text(index, text);
    if (toolCalls) for (const delta of toolCalls) events += this.#call(index, delta);
    return finishReason === undefined ? events : events + this.#finish(index, finishReason);
  }

  end(usage: Usage): string {
    const last = this.#includeUsage ? `${this.#usageHead}${JSON.stringify(usage)}}\n\n` : "";
    return `${last}data: [DONE]\n\n`;
  }

  // per token: one JSON.stringify, one concatenation
  #text(index: number, text: string): string {
    const before = this.#beforeText[index];
    if (before === undefined) return this.#open(index) + this.#text(index, text);
    return before + JSON.stringify(text) + this.#afterText;
  }

  #thought(index: number, thought: string): string {
    if (this.#parts.chat?.thoughts !== "told") return "";
    const text = JSON.stringify(thought);
    return this.#delta(index, `{"reasoning":${text},"reasoning_content":${text}}`);
  }

  #call(index: number, delta: ToolCallDelta): string {
    const { chat } = this.#parts;
    return chat ? this.#delta(index, callDelta(delta, chat)) : "";
  }

  #delta(index: number, json: string): string {
    const opening = this.#beforeText[index] === undefined ? this.#open(index) : "";
    return `${opening}${this.#head}${index},"delta":${json}${this.#afterDelta}`;
  }

  #finish(index: number, reason: FinishReason): string {
    const opening = this.#beforeText[index] === undefined ? this.#open(index) : "";
    const { chat, closing } = this.#parts;
    const told = chat ? reasonIn(chat, reason) : reason;
    return `${opening}${this.#head}${index},${closing}"${told}"${this.#tail}`;
  }

  #open(index: number): string {
    const { opening, beforeText } = this.#parts;
    this.#beforeText[index] = `${this.#head}${index},${beforeText}`;
    return opening === undefined ? "" : `${this.#head}${index},${opening}${this.#tail}`;
  }
}
