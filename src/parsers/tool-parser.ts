// Finds a model's calls of tools in its text, and tells its sink. One parser reads one answer.

import type { ToolDefinition } from "../protocol/chat.ts";
import type { AnswerSink } from "./answer-sink.ts";
import type { CallGrammar } from "./call-grammar.ts";

/** `stop`: the model ended its turn. `cut`: a limit or a stop string did. */
export type Ending = "stop" | "cut";

export interface ToolParser {
  push(text: string): void;
  /** The text has ended: what was held back is told. */
  finish(ending: Ending): void;
}

export interface ToolParserOptions {
  readonly sink: AnswerSink;
  readonly tools: readonly ToolDefinition[];
}

export interface ToolFormat {
  /** Texts that frame calls. A vocabulary may have them as special tokens. */
  readonly markers: readonly string[];
  /** Letters and digits of a call's id, and what stands before them. */
  readonly id: { readonly prefix: string; readonly length: number };
  readonly grammar: CallGrammar;
  create(options: ToolParserOptions): ToolParser;
}

export const CALL_ID = { prefix: "call_", length: 24 } as const;

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

export function newCallId({ prefix, length }: ToolFormat["id"]): string {
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  return prefix + [...bytes].map((byte) => LETTERS[byte % LETTERS.length]).join("");
}
