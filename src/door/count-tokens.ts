// How many tokens a chat's prompt has: it is rendered and encoded as for an answer, and no answer is made.

import { DynamoError, errorCode } from "../base/error.ts";
import type { ChatCompletionRequest } from "../protocol/chat.ts";
import type { AppContext } from "./generate.ts";
import { servedModel } from "./served-model.ts";

export async function countTokens(
  { backend }: AppContext,
  request: ChatCompletionRequest,
  signal: AbortSignal,
): Promise<number> {
  const model = await servedModel(request.model, backend, signal);
  const query = { ...request, model, maxTokens: 1, annotations: ["query_instance_id"] };
  try {
    for await (const { numPromptTokens } of backend.chat(query, crypto.randomUUID()))
      return numPromptTokens;
  } catch (error) {
    const count = overflowing(error);
    if (count === undefined) throw error;
    return count;
  }
  throw new DynamoError("the backend's stream ended before its first output");
}

/** The count of a prompt that is longer than the context. */
function overflowing(error: unknown): number | undefined {
  if (!(error instanceof DynamoError) || errorCode(error) !== "context_length_exceeded")
    return undefined;
  const { prompt_tokens } = error.details;
  return typeof prompt_tokens === "number" ? prompt_tokens : undefined;
}
