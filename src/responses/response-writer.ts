// Writes one response: its events, and the whole of it. A whole answer is the same events, unsent.

import { assert } from "../base/assert.ts";
import type { ApiError } from "../door/api-error.ts";
import type { AnswerHead, EventWriter } from "../door/generation-route.ts";
import type { Usage } from "../door/tally.ts";
import type { ToolCallDelta } from "../protocol/chat.ts";
import type { FinishReason, TextOutput } from "../protocol/llm.ts";
import { EventLog } from "./event-log.ts";
import {
  type ItemPlace,
  type ItemStatus,
  OpenCustomCall,
  OpenFunctionCall,
  type OpenItem,
  OpenMessage,
  OpenReasoning,
} from "./open-item.ts";
import { type ResponseState, resource, type Status } from "./resource.ts";
import type { Settings } from "./settings.ts";

export interface ResponseWriterOptions {
  readonly settings: Settings;
  /** Seconds since the Unix epoch. */
  readonly now: () => number;
  readonly isCancelled: () => boolean;
  /** Told of the response once it has ended well. */
  readonly onEnd: (response: object, output: readonly object[]) => void;
}

/** Kind of a piece of an output. */
type Kind = "reasoning" | "message" | number;

export type Piece = Pick<TextOutput, "text" | "reasoning" | "toolCalls" | "finishReason">;

export class ResponseWriter implements EventWriter {
  readonly #head: AnswerHead;
  readonly #options: ResponseWriterOptions;
  readonly #log = new EventLog();
  readonly #done: object[] = [];
  #open: OpenItem | undefined;
  #kind: Kind | undefined;
  #finishReason: FinishReason | undefined;
  #hasBegun = false;

  constructor(head: AnswerHead, options: ResponseWriterOptions) {
    this.#head = head;
    this.#options = options;
  }

  // per token of text: one comparison, one event
  output({ text, reasoning, toolCalls, finishReason }: Piece): string {
    let events = this.#hasBegun ? "" : this.#begin();
    if (reasoning !== undefined && reasoning !== "") events += this.#add("reasoning", reasoning);
    if (text !== "") events += this.#add("message", text);
    for (const delta of toolCalls ?? []) events += this.#addCall(delta);
    if (finishReason !== undefined) this.#finishReason = finishReason;
    return events;
  }

  end(usage: Usage): string {
    const { events, response, status } = this.finish(usage);
    const type = status === "completed" ? "response.completed" : "response.incomplete";
    return events + this.#log.event(type, { response });
  }

  /** Ends the response, for whichever form it is sent in. `cutBy`: why it ends before its end. */
  finish(usage: Usage, cutBy?: string) {
    const isCut = this.#finishReason === "length" || cutBy !== undefined;
    const isCancelled = this.#options.isCancelled();
    let events = this.#hasBegun ? "" : this.#begin();
    if (this.#done.length === 0 && !this.#open && !isCut && !isCancelled)
      events += this.#openItem("message");
    events += this.#close(isCut || isCancelled ? "incomplete" : "completed");
    const status: Status = isCancelled ? "cancelled" : isCut ? "incomplete" : "completed";
    const reason = status === "incomplete" ? (cutBy ?? "max_output_tokens") : undefined;
    const completedAt = this.#options.now();
    const response = this.#resource({ status, output: this.#done, usage, reason, completedAt });
    this.#options.onEnd(response, this.#done);
    return { events, response, status };
  }

  failed({ code, message, param }: ApiError): string {
    const begun = this.#hasBegun ? "" : this.#begin();
    const error = { code, message };
    const output = this.#open ? [...this.#done, this.#open.item("incomplete")] : this.#done;
    const response = this.#resource({ status: "failed", output, error });
    return (
      begun +
      this.#log.event("error", { code, message, param: param ?? null }) +
      this.#log.event("response.failed", { response })
    );
  }

  #begin(): string {
    this.#hasBegun = true;
    const response = this.#resource({ status: "in_progress", output: [] });
    return (
      this.#log.event("response.created", { response }) +
      this.#log.event("response.in_progress", { response })
    );
  }

  #add(kind: "reasoning" | "message", delta: string): string {
    const opening = this.#kind === kind ? "" : this.#openItem(kind);
    return opening + (this.#open?.add(delta) ?? "");
  }

  #addCall(delta: ToolCallDelta): string {
    const opening = this.#kind === delta.index ? "" : this.#openItem(delta.index, delta);
    return opening + (this.#open?.add(delta.arguments) ?? "");
  }

  #openItem(kind: Kind, call?: ToolCallDelta): string {
    const closing = this.#close("completed");
    this.#kind = kind;
    this.#open = this.#newItem(kind, call);
    return closing + this.#open.begin();
  }

  #newItem(kind: Kind, call: ToolCallDelta | undefined): OpenItem {
    const { summary, isSealed, tools } = this.#options.settings;
    if (kind === "message") return new OpenMessage(this.#place("msg"));
    if (kind === "reasoning") {
      const form = summary === undefined ? "text" : "summary";
      return new OpenReasoning(this.#place("rs"), form, isSealed);
    }
    assert(call?.id !== undefined && call.name !== undefined, "a call begins with its id and name");
    const head = { callId: call.id, name: call.name };
    return tools.custom.has(head.name)
      ? new OpenCustomCall(this.#place("ctc"), head)
      : new OpenFunctionCall(this.#place("fc"), head);
  }

  #place(prefix: string): ItemPlace {
    const index = this.#done.length;
    return { log: this.#log, index, id: itemId(prefix, this.#head.id, index) };
  }

  #close(status: ItemStatus): string {
    const open = this.#open;
    if (!open) return "";
    const events = open.end(status);
    this.#done.push(open.item(status));
    this.#open = undefined;
    this.#kind = undefined;
    return events;
  }

  #resource(state: ResponseState): object {
    return resource(this.#head, this.#options.settings, state);
  }
}

export const RESPONSE_PREFIX = "resp_";

/** An item's id has its response's, so that it is found where that is stored. */
export function itemId(prefix: string, responseId: string, index: number | string): string {
  return `${prefix}_${responseId.slice(RESPONSE_PREFIX.length)}_${index}`;
}

/** The id of the response that has the item. */
export function responseOfItem(id: string): string | undefined {
  const start = id.indexOf("_") + 1;
  const end = id.lastIndexOf("_");
  return start > 1 && end > start ? RESPONSE_PREFIX + id.slice(start, end) : undefined;
}
