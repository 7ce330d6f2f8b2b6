// How answers are written: whole, or as lines of JSON. A call of a tool is written when it is whole.

import type { AnswerHead, EventWriter, WireFormat } from "../door/generation-route.ts";
import { JSON_LINES } from "../door/stream-kind.ts";
import type { Usage } from "../door/tally.ts";
import { parseObject } from "../door/tool-arguments.ts";
import type { ToolCall, ToolCallDelta } from "../protocol/chat.ts";
import type { FinishReason, TextOutput } from "../protocol/llm.ts";
import type { Stopwatch } from "./stopwatch.ts";

/** Words of one line. */
interface Said {
  readonly text?: string;
  readonly thinking?: string;
  readonly calls?: readonly ToolCall[];
}

/** How a route writes what is said. */
export type Shape = (said: Said) => object;

export const chatShape: Shape = ({ text = "", thinking, calls = [] }) => ({
  message: {
    role: "assistant",
    content: text,
    ...(thinking !== undefined && { thinking }),
    ...(calls.length > 0 && { tool_calls: calls.map(callOf) }),
  },
});

export const generateShape: Shape = ({ text = "", thinking }) => ({
  response: text,
  ...(thinking !== undefined && { thinking }),
});

interface AnswerOptions {
  readonly shape: Shape;
  readonly watch: Stopwatch;
  /** Reason of an answer without a text. Else the model's finish says it. */
  readonly doneReason: string | undefined;
}

export function answerFormat({ shape, watch, doneReason }: AnswerOptions): WireFormat {
  return {
    idPrefix: "ollama-",
    streamKind: JSON_LINES,
    events: ({ model }) => new LineWriter({ model, shape, watch, doneReason }),
    answer({ model }: AnswerHead, [choice], usage) {
      if (!choice) return {};
      const { text, reasoning, toolCalls: calls, finishReason, stopReason } = choice;
      const reason = doneReason ?? stopReason ?? reasonOf(finishReason);
      const said = { text, calls, ...(reasoning !== "" && { thinking: reasoning }) };
      return {
        ...{ model, created_at: watch.date },
        ...shape(said),
        ...lastFields(reason, usage, watch),
      };
    },
  };
}

interface LineWriterOptions extends AnswerOptions {
  readonly model: string;
}

class LineWriter implements EventWriter {
  readonly #options: LineWriterOptions;
  #call: ToolCall | undefined;
  #callIndex = -1;
  #finishReason: FinishReason = "stop";

  constructor(options: LineWriterOptions) {
    this.#options = options;
  }

  output({ text, reasoning = "", toolCalls, finishReason }: TextOutput): string {
    let lines = "";
    if (reasoning !== "") lines += this.#line({ thinking: reasoning });
    if (text !== "") lines += this.#line({ text });
    for (const delta of toolCalls ?? []) lines += this.#addCall(delta);
    if (finishReason !== undefined) this.#finishReason = finishReason;
    return lines;
  }

  end(usage: Usage): string {
    const { watch, doneReason = reasonOf(this.#finishReason) } = this.#options;
    const fields = lastFields(doneReason, usage, watch);
    return this.#endCall() + this.#line({}, fields);
  }

  #addCall({ index, id = "", name = "", arguments: more }: ToolCallDelta): string {
    const before = index === this.#callIndex ? "" : this.#endCall();
    this.#callIndex = index;
    const { id: given, name: called, arguments: begun } = this.#call ?? { id, name, arguments: "" };
    this.#call = { id: given, name: called, arguments: begun + more };
    return before;
  }

  #endCall(): string {
    const call = this.#call;
    this.#call = undefined;
    return call ? this.#line({ calls: [call] }) : "";
  }

  #line(said: Said, more: object = { done: false }): string {
    const { model, shape, watch } = this.#options;
    return `${JSON.stringify({ model, created_at: watch.date, ...shape(said), ...more })}\n`;
  }
}

function callOf({ id, name, arguments: json }: ToolCall): object {
  return { id, function: { name, arguments: parseObject(json) ?? {} } };
}

function reasonOf(reason: FinishReason): string {
  return reason === "length" ? "length" : "stop";
}

function lastFields(reason: string, usage: Usage, watch: Stopwatch): object {
  return {
    done: true,
    done_reason: reason,
    prompt_eval_count: usage.prompt_tokens,
    eval_count: usage.completion_tokens,
    ...watch.durations(),
  };
}
