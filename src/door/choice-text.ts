// One choice of a whole answer, put together of its outputs.

import type { ToolCall, ToolCallDelta } from "../protocol/chat.ts";
import type { FinishReason, TextOutput } from "../protocol/llm.ts";
import type { Choice } from "./generation-route.ts";

export class ChoiceText {
  #text = "";
  #reasoning = "";
  #calls: ToolCall[] = [];
  #finishReason: FinishReason | undefined;
  #stopString: string | undefined;

  // per token: no allocation but the text
  add({ text, reasoning, toolCalls, finishReason, stopString, restarts }: TextOutput): void {
    if (restarts) this.#restart();
    this.#text += text;
    if (reasoning !== undefined) this.#reasoning += reasoning;
    if (toolCalls !== undefined) for (const delta of toolCalls) this.#addCall(delta);
    this.#finishReason = finishReason;
    this.#stopString = stopString;
  }

  get isEmpty(): boolean {
    const hasSaid = this.#text !== "" || this.#reasoning !== "" || this.#calls.length > 0;
    return !hasSaid && this.#finishReason === undefined;
  }

  /** `cutBy`: why it has not come to its end, if it has not. */
  whole(cutBy: string): Choice {
    return {
      text: this.#text,
      reasoning: this.#reasoning,
      toolCalls: this.#calls,
      finishReason: this.#finishReason ?? "length",
      ...(this.#stopString !== undefined && { stopString: this.#stopString }),
      ...(this.#finishReason === undefined && { stopReason: cutBy }),
    };
  }

  #restart(): void {
    this.#text = "";
    this.#reasoning = "";
    this.#calls = [];
  }

  #addCall({ index, id = "", name = "", arguments: more }: ToolCallDelta): void {
    const before = this.#calls[index] ?? { id, name, arguments: "" };
    this.#calls[index] = { ...before, arguments: before.arguments + more };
  }
}
