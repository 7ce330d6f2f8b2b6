// OpenAI's routes.

import { type ApiRoute, get, post } from "../door/api-route.ts";
import { type AppContext, generate } from "../door/generate.ts";
import { chatParts, type GenerationRoute } from "../door/generation-route.ts";
import type { ChatCompletionRequest, CompletionRequest } from "../protocol/chat.ts";
import { embeddingFields, embeddings } from "./embeddings.ts";
import { chatFields, completionFields } from "./fields.ts";
import { modelList, oneModel } from "./models.ts";
import { parseChatRequest, parseCompletionRequest } from "./schema.ts";
import {
  applyTemplate,
  detokenize,
  detokenizeFields,
  renderChat,
  tokenize,
  tokenizeFields,
} from "./tokens.ts";

export function openAIRoutes(context: AppContext): readonly ApiRoute[] {
  const { backend } = context;
  return [
    post("/v1/chat/completions", (x) => generate(context, chatRoute, x), {
      ...{ summary: "An answer to a conversation.", body: chatFields },
    }),
    post("/v1/completions", (x) => generate(context, completionRoute, x), {
      ...{ summary: "The continuation of a text.", body: completionFields },
    }),
    post("/v1/embeddings", (x) => embeddings(context, x), {
      ...{ summary: "Vectors of texts, of length 1.", body: embeddingFields },
    }),
    post("/v1/chat/completions/render", (x) => renderChat(context, x), {
      ...{ summary: "The prompt of a conversation: token ids and text.", body: chatFields },
    }),
    post("/apply-template", (x) => applyTemplate(context, x), {
      ...{ summary: "The text of a conversation's prompt.", body: chatFields },
    }),
    post("/tokenize", (x) => tokenize(context, x), {
      ...{ summary: "Token ids of a prompt, or of `messages`.", body: tokenizeFields },
    }),
    post("/detokenize", (x) => detokenize(context, x), {
      ...{ summary: "The text of token ids.", body: detokenizeFields },
    }),
    get("/v1/models", (x) => x.json(modelList(backend, x.request)), {
      summary: "Models that can be asked now.",
    }),
    get("/v1/models/:id+", (x, param) => x.json(oneModel(backend, param("id"), x.request)), {
      summary: "One of them.",
    }),
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
