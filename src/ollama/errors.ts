// Errors as ollama's clients know them. The message names the field.

import type { ErrorShape } from "../door/error-shape.ts";

export const ollamaErrors: ErrorShape = {
  body: ({ message, param, code }, requestId) => ({
    error: param === undefined || message.includes(param) ? message : `${param}: ${message}`,
    code,
    request_id: requestId,
  }),
  event: (error, requestId) => `${JSON.stringify(ollamaErrors.body(error, requestId))}\n`,
};
