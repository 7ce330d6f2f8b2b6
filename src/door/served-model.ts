// The model that a request asks for.

import { ApiError, invalidRequest, overloaded } from "./api-error.ts";
import type { OpenAIBackend } from "./backend.ts";

/**
 * The name by which it is served, once it is. A request that names none gets the only one that there is.
 * Throws `model_not_found`, `missing_required_parameter` where there are several, `no_workers` while there is none.
 */
export async function servedModel(
  model: string,
  backend: OpenAIBackend,
  signal: AbortSignal,
): Promise<string> {
  await backend.whenServed(model, signal);
  if (model === "") return onlyModel(backend);
  checkServed(model, backend);
  return model;
}

/** A model that is not listed is unknown, unless it may be about to come; when none is listed, the server is not ready. */
export function checkServed(model: string, backend: OpenAIBackend): void {
  const served = backend.models().map(({ id }) => id);
  if (served.includes(model)) return;
  const mayCome = backend.isKnown(model) || backend.isStarting();
  if (served.length === 0 || mayCome) throw overloaded("no_workers");
  const message = `The model '${model.slice(0, 100)}' does not exist. There is: ${served.join(", ")}.`;
  throw new ApiError({ status: 404, code: "model_not_found", message, param: "model" });
}

function onlyModel(backend: OpenAIBackend): string {
  const [first, ...others] = backend.models().flatMap((one) => (one.aliasOf ? [] : [one.id]));
  if (first === undefined) throw overloaded("no_workers");
  if (others.length === 0 && !backend.isStarting()) return first;
  const names = [first, ...others].join(", ");
  const message = `'model' is required: this server has several. There is: ${names}.`;
  throw invalidRequest("missing_required_parameter", message, "model");
}
