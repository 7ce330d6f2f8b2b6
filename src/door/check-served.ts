// Checks that the model which a request names is there to be asked.

import { ApiError, overloaded } from "./api-error.ts";
import type { OpenAIBackend } from "./backend.ts";

/** A model that is not listed is unknown, unless it may be about to come; when none is listed, the server is not ready. */
export function checkServed(model: string, backend: OpenAIBackend): void {
  const served = backend.models().map(({ id }) => id);
  if (served.includes(model)) return;
  const mayCome = backend.isKnown(model) || backend.isStarting();
  if (served.length === 0 || mayCome) throw overloaded("no_workers");
  const message = `The model '${model.slice(0, 100)}' does not exist. There is: ${served.join(", ")}.`;
  throw new ApiError({ status: 404, code: "model_not_found", message, param: "model" });
}
