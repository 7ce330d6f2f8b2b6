// The state of one answer: its tokens, and which of its choices are still open.

import type { TextOutput } from "../protocol/llm.ts";

export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details: { readonly cached_tokens: number };
  readonly completion_tokens_details: { readonly reasoning_tokens: number };
}

export class Tally {
  /** Tokens of each choice. */
  readonly choiceTokens: number[];
  /** Tokens of each prompt that a choice has spoken for. */
  readonly promptTokens: number[] = [];
  readonly #cachedTokens: number[] = [];
  /** Tokens of thoughts, of each choice that had any. */
  readonly #reasoningTokens: number[] = [];
  readonly #finished: boolean[];
  readonly #choicesPerPrompt: number;

  constructor({ numPrompts, n }: { readonly numPrompts: number; readonly n: number }) {
    this.choiceTokens = new Array(numPrompts * n).fill(0);
    this.#finished = new Array(numPrompts * n).fill(false);
    this.#choicesPerPrompt = n;
  }

  // per output: no allocation
  add(output: TextOutput): void {
    const { index } = output;
    const prompt = Math.floor(index / this.#choicesPerPrompt);
    const before = output.restarts ? 0 : (this.choiceTokens[index] ?? 0);
    this.choiceTokens[index] = before + output.numTokens;
    this.#addReasoning(output);
    this.promptTokens[prompt] = output.numPromptTokens;
    // The choices of a prompt find what their siblings just computed: only the least was there before.
    const cached = this.#cachedTokens[prompt];
    if (cached === undefined || output.numCachedTokens < cached) {
      this.#cachedTokens[prompt] = output.numCachedTokens;
    }
    if (output.finishReason !== undefined) this.#finished[index] = true;
  }

  #addReasoning({ index, numReasoningTokens, restarts }: TextOutput): void {
    if (restarts) delete this.#reasoningTokens[index];
    if (numReasoningTokens === undefined) return;
    this.#reasoningTokens[index] = (this.#reasoningTokens[index] ?? 0) + numReasoningTokens;
  }

  openChoices(): readonly number[] {
    return [...this.#finished.keys()].filter((index) => !this.#finished[index]);
  }

  /** A prompt counts once, however many choices it has. */
  usage(): Usage {
    const promptTokens = sum(this.promptTokens);
    const completionTokens = sum(this.choiceTokens);
    return {
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
      prompt_tokens_details: { cached_tokens: sum(this.#cachedTokens) },
      completion_tokens_details: { reasoning_tokens: sum(this.#reasoningTokens) },
    };
  }
}

// A prompt may have no entry yet: reduce passes over holes.
function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
