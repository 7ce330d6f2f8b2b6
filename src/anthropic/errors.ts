// Errors as Anthropic's clients know them.

import { ApiError } from "../door/api-error.ts";
import type { ErrorShape } from "../door/error-shape.ts";

export const anthropicErrors: ErrorShape = {
  body: (error, requestId) => ({
    type: "error",
    error: {
      type: typeOf(statusOf(error)),
      message: messageOf(error),
      ...(error.code === NO_THREADS && { details: { error_code: NO_THREADS, unsupported: [] } }),
    },
    request_id: requestId,
  }),
  event(error, requestId) {
    return `event: error\ndata: ${JSON.stringify(anthropicErrors.body(error, requestId))}\n\n`;
  },
  statusOf,
};

const NO_THREADS = "thread_unsupported_request";

/**
 * The conversation would be the server's to keep. Anthropic's runner of tools asks for that first; when it reads this
 * code, it sends the whole conversation instead.
 */
export function threadUnsupported(param: string): ApiError {
  const message = `'${param}' is not supported by this server; send the whole conversation.`;
  return new ApiError({ status: 400, code: NO_THREADS, message, param });
}

/** Their word for a server that is well but cannot take a request now is 529. */
function statusOf({ status }: ApiError): number {
  return status === 503 ? 529 : status;
}

function typeOf(status: number): string {
  return TYPES.get(status) ?? (status >= 500 ? "api_error" : "invalid_request_error");
}

const TYPES: ReadonlyMap<number, string> = new Map([
  [401, "authentication_error"],
  [403, "permission_error"],
  [404, "not_found_error"],
  [413, "request_too_large"],
  [429, "rate_limit_error"],
  [529, "overloaded_error"],
]);

/** It names the field. Agents make room in their conversation when they read that a prompt is too long. */
function messageOf({ code, message, param, details }: ApiError): string {
  const { prompt_tokens, max_model_len } = details;
  if (code === "context_length_exceeded" && prompt_tokens !== undefined)
    return `prompt is too long: ${prompt_tokens} tokens > ${max_model_len} maximum. ${message}`;
  return param === undefined || message.includes(param) ? message : `${param}: ${message}`;
}
