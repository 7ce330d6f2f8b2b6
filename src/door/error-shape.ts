// How an API writes its errors.

import type { ApiError } from "./api-error.ts";

export interface ErrorShape {
  /** An answer's body. */
  body(error: ApiError, requestId: string): object;
  /** An event in the middle of a stream. */
  readonly event: (error: ApiError, requestId: string) => string;
  /** Default: the error's own. */
  statusOf?(error: ApiError): number;
}

/** OpenAI's, plus the id under which our log knows the request. */
export const openAIErrors: ErrorShape = {
  body({ message, type, param = null, code }, requestId) {
    return { error: { message, type, param, code }, request_id: requestId };
  },
  event(error, requestId) {
    return `data: ${JSON.stringify(openAIErrors.body(error, requestId))}\n\n`;
  },
};
