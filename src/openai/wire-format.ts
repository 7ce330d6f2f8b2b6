// How the answers of the two routes are written: whole, and as chunks of a stream.
// The parts that are the same in every chunk of a choice are made once; per token only its text is escaped.

import type { AnswerHead, EventWriter, WireFormat } from "../door/generation-route.ts";
import type { Usage } from "../door/tally.ts";
import type { Annotations, FinishReason, TextOutput } from "../protocol/llm.ts";

export const chatFormat: WireFormat = {
  idPrefix: "chatcmpl-",
  events: (head) =>
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
    choices: choices.map(({ text, finishReason, stopReason }, index) => ({
      index,
      message: { role: "assistant", content: text, refusal: null },
      logprobs: null,
      ...endFields({ finishReason, stopReason }),
    })),
    usage,
  }),
};

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
    choices: choices.map(({ text, finishReason, stopReason }, index) => ({
      index,
      text,
      logprobs: null,
      ...endFields({ finishReason, stopReason }),
    })),
    usage,
  }),
};

/** `stop_reason` is vLLM's key. */
function endFields({ finishReason, stopReason }: Ending) {
  return {
    finish_reason: finishReason,
    ...(stopReason !== undefined && { stop_reason: stopReason }),
  };
}

interface Ending {
  readonly finishReason: FinishReason;
  readonly stopReason: string | undefined;
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
  }

  output({ index, text, finishReason, annotations }: TextOutput): string {
    const facts = annotations === undefined ? "" : annotationEvents(annotations);
    const events = text === "" ? facts : facts + this.#text(index, text);
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

  #finish(index: number, reason: FinishReason): string {
    const opening = this.#beforeText[index] === undefined ? this.#open(index) : "";
    return `${opening}${this.#head}${index},${this.#parts.closing}"${reason}"${this.#tail}`;
  }

  #open(index: number): string {
    const { opening, beforeText } = this.#parts;
    this.#beforeText[index] = `${this.#head}${index},${beforeText}`;
    return opening === undefined ? "" : `${this.#head}${index},${opening}${this.#tail}`;
  }
}
