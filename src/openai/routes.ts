// OpenAI's routes.

import { type ApiRoute, get, post } from "../door/api-route.ts";
import { type AppContext, generate } from "../door/generate.ts";
import { chatParts, type GenerationRoute } from "../door/generation-route.ts";
import type { ChatCompletionRequest, CompletionRequest } from "../protocol/chat.ts";
import { modelList, oneModel } from "./models.ts";
import { parseChatRequest, parseCompletionRequest } from "./schema.ts";

export function openAIRoutes(context: AppContext): readonly ApiRoute[] {
  const { backend } = context;
  return [
    post("/v1/chat/completions", (x) => generate(context, chatRoute, x)),
    post("/v1/completions", (x) => generate(context, completionRoute, x)),
    get("/v1/models", (x) => x.json(modelList(backend, x.request))),
    get("/v1/models/:id+", (x, param) => x.json(oneModel(backend, param("id"), x.request))),
  ];
}

const chatRoute: GenerationRoute<ChatCompletionRequest> = {
  ...chatParts,
  endpoint: "chat_completions",
  parse: parseChatRequest,
};

const completionRoute: GenerationRoute<CompletionRequest> = {
  endpoint: "completions",
  promptField: "prompt",
  parse: parseCompletionRequest,
  numPrompts: ({ prompts }) => prompts.length,
  open: (backend, request, id) => backend.complete(request, id),
};
