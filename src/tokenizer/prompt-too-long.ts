import { DynamoError } from "../base/error.ts";

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
