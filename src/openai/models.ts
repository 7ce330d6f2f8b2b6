// The list of models, in the shape that its client knows: OpenAI's, Anthropic's or Codex's.

import { ApiError } from "../door/api-error.ts";
import type { OpenAIBackend, ServedModel } from "../door/backend.ts";
import type { Exchange } from "../door/exchange.ts";
import { codexModel } from "./codex-model.ts";

type ClientRequest = Exchange["request"];

export function modelList(backend: OpenAIBackend, request: ClientRequest): object {
  const models = backend.models();
  if (isAnthropic(request)) return anthropicList(models);
  const list = { object: "list", data: models.map(modelCard) };
  return isCodex(request) ? { ...list, models: models.map(codexModel) } : list;
}

export function oneModel(backend: OpenAIBackend, id: string, request: ClientRequest): object {
  const model = backend.models().find((served) => served.id === id);
  if (model) return isAnthropic(request) ? anthropicCard(model) : modelCard(model);
  const message = `The model '${id.slice(0, 100)}' does not exist.`;
  throw new ApiError({ status: 404, code: "model_not_found", message, param: "model" });
}

/** Each of Anthropic's clients sends this header. */
function isAnthropic({ headers }: ClientRequest): boolean {
  return headers.get("anthropic-version") !== null;
}

function isCodex({ url }: ClientRequest): boolean {
  return /[?&]client_version=/.test(url);
}

function modelCard({ id, created, maxModelLen }: ServedModel) {
  return { id, object: "model", created, owned_by: "dynamo", max_model_len: maxModelLen };
}

function anthropicList(models: readonly ServedModel[]) {
  const ids = models.map(({ id }) => id);
  return {
    data: models.map(anthropicCard),
    has_more: false,
    first_id: ids[0] ?? null,
    last_id: ids.at(-1) ?? null,
  };
}

function anthropicCard({ id, created, maxModelLen }: ServedModel) {
  return {
    type: "model",
    id,
    display_name: id,
    created_at: new Date(created * 1000).toISOString(),
    max_input_tokens: maxModelLen,
    max_tokens: maxModelLen,
  };
}
