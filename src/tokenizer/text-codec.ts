import { DynamoError } from "../base/error.ts";
import type { ChatMessage } from "./chat-template.ts";
import type { TextStream, TextStreamOptions } from "./text-stream.ts";

export interface EncodeOptions {
  /** More is refused with `PromptTooLongError`: the longest context of the model. */
  readonly maxTokens: number;
}

/** Text to token ids and back. */
export interface TextCodec {
  /** A text as the model expects one. */
  encode(text: string, options: EncodeOptions): Int32Array;
  /** A conversation, up to where the assistant's answer begins. */
  encodeChat(messages: readonly ChatMessage[], options: EncodeOptions): Int32Array;
  /** A new text that goes on from a prompt. */
  textStream(options: TextStreamOptions): TextStream;
}

/** A prompt that has more tokens than the model's context. */
export class PromptTooLongError extends DynamoError {
  override readonly code = "context_length_exceeded";

  constructor(numTokens: number, maxTokens: number) {
    super(
      `the prompt has at least ${numTokens} tokens, and the model's context holds ${maxTokens}; shorten the prompt`,
      { prompt_tokens: numTokens, max_model_len: maxTokens },
    );
  }
}
