// The list of models.

import { ApiError } from "../door/api-error.ts";
import type { OpenAIBackend } from "../door/backend.ts";

export function modelList(backend: OpenAIBackend): object {
  return { object: "list", data: backend.models().map(modelCard) };
}

export function oneModel(backend: OpenAIBackend, id: string): object {
  const model = backend.models().find((served) => served.id === id);
  if (model) return modelCard(model);
  const message = `The model '${id.slice(0, 100)}' does not exist.`;
  throw new ApiError({ status: 404, code: "model_not_found", message, param: "model" });
}

function modelCard({ id, created, maxModelLen }: ReturnType<OpenAIBackend["models"]>[number]) {
  return { id, object: "model", created, owned_by: "dynamo", max_model_len: maxModelLen };
}
