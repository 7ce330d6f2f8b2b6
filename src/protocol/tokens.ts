// Prompts as tokens, for clients that ask for no answer. Types only.

import type { ChatCompletionRequest } from "./chat.ts";

export interface TokenizeRequest {
  /** Whose it is: a connection, or a key. */
  readonly tenant: number;
  readonly model: string;
  readonly prompt: PromptToTokenize;
  /** Wishes beside the ids: how the vocabulary spells each, or their text. */
  readonly wants: "ids" | "spellings" | "text";
}

export type PromptToTokenize =
  /** `opened` has the tokens that open a text, as a completion's prompt. */
  | { readonly type: "text"; readonly text: string; readonly form: "opened" | "as-is" }
  | { readonly type: "chat"; readonly chat: ChatCompletionRequest };

export interface TokenizedPrompt {
  readonly tokenIds: Int32Array;
  /** Tokens that prompt and output may have together. */
  readonly maxModelLen: number;
  /** One for each id, as `Ġhello`. */
  readonly spellings?: readonly string[];
  /** Special tokens included. */
  readonly text?: string;
}

export interface DetokenizeRequest {
  readonly model: string;
  readonly tokenIds: Int32Array;
}
