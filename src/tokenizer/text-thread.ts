// Messages between a Processor and its text threads. Types only.
//
//   Processor --RenderRequest--> renders templates: ended when it overruns
//   Processor --EncodeMessage--> encodes, in pieces: a long prompt holds up no other

import type { WireError } from "../base/error.ts";
import type { RenderLimits, TemplateInit } from "./chat-template.ts";
import type { Conversation } from "./conversation.ts";
import type { PromptText } from "./special-texts.ts";

export type TextThreadInit = RenderInit | EncodeInit;

export interface RenderInit {
  readonly work: "render";
  /** Undefined: messages are joined. */
  readonly template: TemplateInit | undefined;
  /** Texts of tokens that messages cannot bring in. */
  readonly specials: readonly string[];
}

export interface EncodeInit {
  readonly work: "encode";
  /** The model's directory or file. */
  readonly model: string;
  /** Two numbers, shared: `PROGRESS` and `RUNNING`. */
  readonly progress: Int32Array;
}

/** Indexes of `EncodeInit.progress`: changes with each step; the request that is worked on, 0 for none. */
export const PROGRESS = 0;
export const RUNNING = 1;

export interface RenderRequest {
  readonly id: number;
  readonly conversation: Conversation;
  readonly limits: RenderLimits;
}

/** `drop`: its client has left. */
export type EncodeMessage =
  | { readonly type: "encode"; readonly request: EncodeRequest }
  | { readonly type: "drop"; readonly id: number };

export interface EncodeRequest {
  readonly id: number;
  /** Tenants take turns. */
  readonly tenant: number;
  readonly prompts: readonly PromptText[];
  readonly form: "opened" | "as-is";
  readonly maxTokens: number;
}

/** `ready` or `failed` comes first, once; before it `parsing`, when all but the model's own files is loaded. */
export type TextAnswer<Value> =
  | { readonly type: "parsing" }
  | { readonly type: "ready" }
  | { readonly type: "failed"; readonly error: WireError }
  | { readonly type: "answer"; readonly id: number; readonly value: Value }
  | { readonly type: "refusal"; readonly id: number; readonly error: WireError };
