// How the answers of the two routes are written: whole, and as chunks of a stream.
// The parts that are the same in every chunk of a choice are made once; per token only its text is escaped.

import type { FinishReason } from "../protocol/llm.ts";
import type { Usage } from "./tally.ts";

/** Repeated in every chunk of an answer. */
export interface AnswerHead {
  readonly id: string;
  readonly model: string;
  /** Seconds since the Unix epoch. */
  readonly created: number;
  readonly includeUsage: boolean;
}

interface Choice {
  readonly text: string;
  readonly finishReason: FinishReason;
  /** Why it is no longer, where that is no word of OpenAI's. */
  readonly stopReason?: string;
}

export interface WireFormat {
  readonly idPrefix: string;
  chunks(head: AnswerHead): ChunkWriter;
  answer(head: AnswerHead, choices: readonly Choice[], usage: Usage): object;
}

export const chatFormat: WireFormat = {
  idPrefix: "chatcmpl-",
  chunks: (head) =>
    new ChunkWriter(head, {
      object: "chat.completion.chunk",
      opening: `"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null`,
      beforeText: `"delta":{"content":`,
      afterText: `},"logprobs":null,"finish_reason":null`,
      closing: `"delta":{},"logprobs":null,"finish_reason":`,
    }),
  answer: ({ id, model, created }, choices, usage) => ({
    id,
    object: "chat.completion",
    created,
    model,
    choices: choices.map(({ text, ...end }, index) => ({
      index,
      message: { role: "assistant", content: text, refusal: null },
      logprobs: null,
      ...endFields(end),
    })),
    usage,
  }),
};

export const completionFormat: WireFormat = {
  idPrefix: "cmpl-",
  chunks: (head) =>
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
    choices: choices.map(({ text, ...end }, index) => ({
      index,
      text,
      logprobs: null,
      ...endFields(end),
    })),
    usage,
  }),
};

/** `stop_reason` is vLLM's key. */
function endFields({ finishReason, stopReason }: Omit<Choice, "text">) {
  return {
    finish_reason: finishReason,
    ...(stopReason !== undefined && { stop_reason: stopReason }),
  };
}

/** The parts of a choice's JSON in which the routes differ. */
interface ChunkParts {
  readonly object: string;
  /** A first chunk before any text. */
  readonly opening: string | undefined;
  readonly beforeText: string;
  readonly afterText: string;
  readonly closing: string;
}

/** Writes the events of one stream. */
export class ChunkWriter {
  readonly #parts: ChunkParts;
  readonly #head: string;
  readonly #tail: string;
  readonly #usageHead: string;
  /** By choice, what stands before its text. */
  readonly #beforeText: string[] = [];
  readonly #afterText: string;

  constructor({ id, model, created, includeUsage }: AnswerHead, parts: ChunkParts) {
    this.#parts = parts;
    const { object } = parts;
    const fields = JSON.stringify({ id, object, created, model }).slice(0, -1);
    this.#usageHead = `data: ${fields},"choices":[],"usage":`;
    this.#head = `data: ${fields},"choices":[{"index":`;
    // With include_usage, OpenAI's other chunks have the key too.
    this.#tail = includeUsage ? `}],"usage":null}\n\n` : "}]}\n\n";
    this.#afterText = parts.afterText + this.#tail;
  }

  // per token: one JSON.stringify, one concatenation
  text(index: number, text: string): string {
    const before = this.#beforeText[index];
    if (before === undefined) return this.#open(index) + this.text(index, text);
    return before + JSON.stringify(text) + this.#afterText;
  }

  finish(index: number, reason: FinishReason): string {
    const opening = this.#beforeText[index] === undefined ? this.#open(index) : "";
    return `${opening}${this.#head}${index},${this.#parts.closing}"${reason}"${this.#tail}`;
  }

  usage(usage: Usage): string {
    return `${this.#usageHead}${JSON.stringify(usage)}}\n\n`;
  }

  #open(index: number): string {
    const { opening, beforeText } = this.#parts;
    this.#beforeText[index] = `${this.#head}${index},${beforeText}`;
    return opening === undefined ? "" : `${this.#head}${index},${opening}${this.#tail}`;
  }
}
