// Writes one answer: as Anthropic's events, or as a whole message.

import type { AnswerHead, Choice, EventWriter, WireFormat } from "../door/generation-route.ts";
import type { Usage } from "../door/tally.ts";
import { parseObject } from "../door/tool-arguments.ts";
import type { ToolCallDelta } from "../protocol/chat.ts";
import type { FinishReason, TextOutput } from "../protocol/llm.ts";

export const messageFormat: WireFormat = {
  idPrefix: "msg_",
  events: (head) => new MessageWriter(head),
  answer(head, [choice], usage) {
    if (!choice) return {};
    const { finishReason, stopString, stopReason } = choice;
    return {
      ...messageHead(head),
      content: contentOf(choice),
      ...endOf({ finishReason, stopString }),
      // Their words have none for a server that ends.
      ...(stopReason !== undefined && { stop_details: { type: stopReason } }),
      usage: { ...inputOf(usage), output_tokens: usage.completion_tokens },
    };
  },
};

/** Kind of a block: thoughts, text, or the number of a call. */
type Kind = "thinking" | "text" | number;

class MessageWriter implements EventWriter {
  readonly #head: AnswerHead;
  #hasBegun = false;
  #kind: Kind | undefined;
  /** Index of the open block, or else of the next. */
  #index = 0;
  /** Up to the text of the open block's delta. */
  #opening = "";
  #thoughts = "";
  #end: Ending = { finishReason: "stop", stopString: undefined };

  constructor(head: AnswerHead) {
    this.#head = head;
  }

  // per token of text: one comparison, one JSON.stringify
  output(output: TextOutput, usage: () => Usage): string {
    const { text, reasoning = "", toolCalls, finishReason, stopString } = output;
    let events = this.#hasBegun ? "" : this.#begin(usage());
    if (reasoning !== "") events += this.#add("thinking", reasoning);
    if (text !== "") events += this.#add("text", text);
    for (const delta of toolCalls ?? []) events += this.#addCall(delta);
    if (finishReason !== undefined) this.#end = { finishReason, stopString };
    return events;
  }

  end(usage: Usage): string {
    const counts = { ...inputOf(usage), output_tokens: usage.completion_tokens };
    return (
      this.#close() +
      event("message_delta", { delta: endOf(this.#end), usage: counts }) +
      event("message_stop", {})
    );
  }

  #begin(usage: Usage): string {
    this.#hasBegun = true;
    const message = {
      ...messageHead(this.#head),
      content: [],
      ...{ stop_reason: null, stop_sequence: null },
      usage: { ...inputOf(usage), output_tokens: 0 },
    };
    return event("message_start", { message }) + event("ping", {});
  }

  #add(kind: "thinking" | "text", text: string): string {
    const opening = this.#kind === kind ? "" : this.#open(kind, BLOCKS[kind]);
    if (kind === "thinking") this.#thoughts += text;
    return opening + this.#delta(text);
  }

  #addCall({ index, id, name, arguments: json }: ToolCallDelta): string {
    const block = { start: { type: "tool_use", id, name, input: {} }, delta: INPUT_DELTA };
    const opening = this.#kind === index ? "" : this.#open(index, block);
    return opening + (json === "" ? "" : this.#delta(json));
  }

  #open(kind: Kind, { start, delta }: Block): string {
    const closing = this.#close();
    this.#kind = kind;
    const [type, field] = delta;
    const where = `{"type":"content_block_delta","index":${this.#index}`;
    this.#opening = `event: content_block_delta\ndata: ${where},"delta":{"type":"${type}","${field}":`;
    return closing + event("content_block_start", { index: this.#index, content_block: start });
  }

  #delta(text: string): string {
    return `${this.#opening}${JSON.stringify(text)}}}\n\n`;
  }

  #close(): string {
    if (this.#kind === undefined) return "";
    const index = this.#index++;
    const delta = { type: "signature_delta", signature: signatureOf(this.#thoughts) };
    const signature =
      this.#kind === "thinking" ? event("content_block_delta", { index, delta }) : "";
    this.#kind = undefined;
    this.#thoughts = "";
    return signature + event("content_block_stop", { index });
  }
}

interface Block {
  readonly start: object;
  /** The type of its deltas, and the key of their text. */
  readonly delta: readonly [type: string, field: string];
}

const BLOCKS: Readonly<Record<"thinking" | "text", Block>> = {
  thinking: {
    start: { type: "thinking", thinking: "", signature: "" },
    delta: ["thinking_delta", "thinking"],
  },
  text: { start: { type: "text", text: "" }, delta: ["text_delta", "text"] },
};

const INPUT_DELTA = ["input_json_delta", "partial_json"] as const;

function event(type: string, fields: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
}

function messageHead({ id, model }: AnswerHead): object {
  return { id, type: "message", role: "assistant", model };
}

function contentOf({ reasoning, text, toolCalls }: Choice): readonly object[] {
  const thinking = { type: "thinking", thinking: reasoning, signature: signatureOf(reasoning) };
  return [
    ...(reasoning === "" ? [] : [thinking]),
    ...(text === "" ? [] : [{ type: "text", text }]),
    ...toolCalls.map(({ id, name, arguments: json }) => ({
      ...{ type: "tool_use", id, name },
      input: parseObject(json) ?? {}, // a call that was cut has no whole input
    })),
  ];
}

interface Ending {
  readonly finishReason: FinishReason;
  readonly stopString: string | undefined;
}

function endOf({ finishReason, stopString }: Ending): object {
  const reason = stopString === undefined ? STOP_REASONS[finishReason] : "stop_sequence";
  return { stop_reason: reason, stop_sequence: stopString ?? null };
}

const STOP_REASONS: Readonly<Record<FinishReason, string>> = {
  stop: "end_turn",
  length: "max_tokens",
  tool_calls: "tool_use",
};

/** `input_tokens` are those that were computed; the others were in the prefix cache. */
function inputOf({ prompt_tokens, prompt_tokens_details }: Usage): object {
  const { cached_tokens } = prompt_tokens_details;
  return {
    input_tokens: prompt_tokens - cached_tokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cached_tokens,
  };
}

/** Clients send thoughts back only with a signature. This server trusts a client with its own conversation. */
function signatureOf(thoughts: string): string {
  return Bun.hash.xxHash3(thoughts).toString(36);
}
