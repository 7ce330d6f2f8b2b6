// One choice of a whole answer, put together of its outputs.

import type { ToolCall, ToolCallDelta } from "../protocol/chat.ts";
import type { FinishReason, ScoredToken, TextOutput } from "../protocol/llm.ts";
import type { Choice } from "./generation-route.ts";

export class ChoiceText {
  #text = "";
  #reasoning = "";
  #calls: ToolCall[] = [];
  #finishReason: FinishReason | undefined;
  #stopString: string | undefined;
  #stopTokenId: number | undefined;
  #logprobs: ScoredToken[] | undefined;
  #tokenIds: number[] | undefined;
  #ofPrompt: Pick<Choice, "promptLogprobs" | "promptTokenIds" | "echo"> = {};

  // per token: no allocation but the text
  add(output: TextOutput): void {
    const { text, reasoning, toolCalls, finishReason, stopString, restarts } = output;
    if (restarts) this.#restart();
    this.#addTokens(output);
    this.#text += text;
    if (reasoning !== undefined) this.#reasoning += reasoning;
    if (toolCalls !== undefined) for (const delta of toolCalls) this.#addCall(delta);
    this.#finishReason = finishReason;
    this.#stopString = stopString;
    this.#stopTokenId = output.stopTokenId;
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
      ...this.#ofPrompt,
      ...(this.#logprobs && { logprobs: this.#logprobs }),
      ...(this.#tokenIds && { tokenIds: this.#tokenIds }),
      ...(this.#stopString !== undefined && { stopString: this.#stopString }),
      ...(this.#stopTokenId !== undefined && { stopTokenId: this.#stopTokenId }),
      ...(this.#finishReason === undefined && { stopReason: cutBy }),
    };
  }

  #addTokens({ logprobs, tokenIds, promptLogprobs, promptTokenIds, echo }: TextOutput): void {
    if (logprobs) {
      this.#logprobs ??= [];
      this.#logprobs.push(...logprobs);
    }
    if (tokenIds) {
      this.#tokenIds ??= [];
      this.#tokenIds.push(...tokenIds);
    }
    if (promptLogprobs) this.#ofPrompt = { ...this.#ofPrompt, promptLogprobs };
    if (promptTokenIds) this.#ofPrompt = { ...this.#ofPrompt, promptTokenIds };
    if (echo) this.#ofPrompt = { ...this.#ofPrompt, echo };
  }

  #restart(): void {
    this.#logprobs = undefined;
    this.#tokenIds = undefined;
    this.#text = "";
    this.#reasoning = "";
    this.#calls = [];
  }

  #addCall({ index, id = "", name = "", arguments: more }: ToolCallDelta): void {
    const before = this.#calls[index] ?? { id, name, arguments: "" };
    this.#calls[index] = { ...before, arguments: before.arguments + more };
  }
}
