// ollama's API, but for what changes its store of models.

import type { GenericSchema } from "valibot";

import { invalidRequest } from "../door/api-error.ts";
import { type ApiRoute, get, type Handler, post } from "../door/api-route.ts";
import type { Exchange } from "../door/exchange.ts";
import { Fields } from "../door/fields.ts";
import { type AppContext, generate } from "../door/generate.ts";
import { chatParts, type GenerationRoute, type Parsed } from "../door/generation-route.ts";
import { readJson } from "../door/json-body.ts";
import { checkServed } from "../door/served-model.ts";
import type { ChatCompletionRequest } from "../protocol/chat.ts";
import type { TextOutput } from "../protocol/llm.ts";
import { answerFormat, chatShape, generateShape, type Shape } from "./answer-format.ts";
import { chatBody, generateBody, namedBody } from "./body-outline.ts";
import { ollamaErrors } from "./errors.ts";
import { modelOf, running, show, tags } from "./models.ts";
import { nameOf, type Reading, type ReadRequest, readChat } from "./read-chat.ts";
import { readGenerate } from "./read-generate.ts";
import { Stopwatch } from "./stopwatch.ts";

/** The version of ollama whose API this is: some clients ask for one at least. */
const OLLAMA_VERSION = "0.12.6";

export function ollamaRoutes(context: AppContext): readonly ApiRoute[] {
  const { backend } = context;
  const errors = ollamaErrors;
  const asked = (path: string, handler: Handler, summary: string, body: GenericSchema) =>
    post(path, handler, { errors, summary, body });
  const read = (path: string, handler: Handler, summary: string) =>
    get(path, handler, { errors, summary });
  const chat = (x: Exchange) => generate(context, routeOf(context, CHAT), x);
  const complete = (x: Exchange) => generate(context, routeOf(context, GENERATE), x);
  const tell = async (x: Exchange) => x.json(show(backend, nameOf(await bodyOf(context, x))));
  const refuse = (x: Exchange) => refuseEmbedding(context, x);
  return [
    asked("/api/chat", chat, "An answer to a conversation.", chatBody),
    asked("/api/generate", complete, "An answer to a prompt.", generateBody),
    read("/api/tags", (x) => x.json(tags(backend)), "Models that can be asked now."),
    read("/api/ps", (x) => x.json(running(backend)), "Models in memory: all of them."),
    read("/api/version", (x) => x.json({ version: OLLAMA_VERSION }), "The version of this API."),
    asked("/api/show", tell, "What is known of a model.", namedBody),
    asked("/api/embed", refuse, "Refused: /v1/embeddings makes embeddings.", namedBody),
    asked("/api/embeddings", refuse, "Refused, as /api/embed.", namedBody),
  ];
}

interface OllamaRoute {
  readonly endpoint: GenerationRoute<ChatCompletionRequest>["endpoint"];
  readonly promptField: string;
  readonly shape: Shape;
  read(body: Fields, reading: Reading): ReadRequest;
}

const CHAT: OllamaRoute = {
  endpoint: "ollama_chat",
  promptField: "messages",
  shape: chatShape,
  read: readChat,
};

const GENERATE: OllamaRoute = {
  endpoint: "ollama_generate",
  promptField: "prompt",
  shape: generateShape,
  read: readGenerate,
};

/** For one request: its answer tells how long it took. */
function routeOf(
  { backend, clock }: AppContext,
  { endpoint, promptField, shape, read }: OllamaRoute,
): GenerationRoute<ChatCompletionRequest> {
  const watch = new Stopwatch(clock);
  return {
    ...{ endpoint, promptField, numPrompts: chatParts.numPrompts },
    parse(body, tenant): Parsed<ChatCompletionRequest> {
      const modelByName = (name: string) => modelOf(backend, name);
      const { request, ignored } = read(Fields.ofBody(body), { tenant, modelOf: modelByName });
      const doneReason = request.messages.length === 0 ? "load" : undefined;
      return { request, ignored, format: answerFormat({ shape, watch, doneReason }) };
    },
    open: (_, request, id) =>
      watch.watch(request.messages.length === 0 ? nothing() : chatParts.open(backend, request, id)),
  };
}

/** A request without a prompt asks that the model be loaded. It is. */
async function* nothing(): AsyncGenerator<TextOutput> {
  const counts = { index: 0, numTokens: 0, numPromptTokens: 0, numCachedTokens: 0 };
  yield { ...counts, text: "", finishReason: "stop" };
}

async function bodyOf(context: AppContext, x: Exchange): Promise<Fields> {
  return Fields.ofBody(await readJson(x, context));
}

async function refuseEmbedding(context: AppContext, x: Exchange): Promise<Response> {
  const body = await bodyOf(context, x);
  checkServed(modelOf(context.backend, nameOf(body)), context.backend);
  const message = "'model': this route makes no embeddings yet; ask /v1/embeddings for them.";
  throw invalidRequest("unsupported_parameter", message, "model");
}
