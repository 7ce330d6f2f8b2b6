// OpenAI's Responses API: POST /v1/responses, and what can be done with a response that is stored.

import { ApiError } from "../door/api-error.ts";
import { type ApiRoute, del, get, post } from "../door/api-route.ts";
import { countTokens } from "../door/count-tokens.ts";
import type { Exchange } from "../door/exchange.ts";
import { type AppContext, generate } from "../door/generate.ts";
import {
  type AnswerHead,
  chatParts,
  type GenerationRoute,
  type Parsed,
  type WireFormat,
} from "../door/generation-route.ts";
import { reportIgnored } from "../door/ignored-fields.ts";
import { readJson } from "../door/json-body.ts";
import type { ChatCompletionRequest } from "../protocol/chat.ts";
import { responseBody } from "./body-outline.ts";
import { inputItems } from "./input-items.ts";
import { type ReadRequest, readRequest } from "./read-request.ts";
import { ResponseStore, type StoredResponse } from "./response-store.ts";
import { itemId, RESPONSE_PREFIX, ResponseWriter } from "./response-writer.ts";
import { type Run, RunningResponses } from "./running-responses.ts";

/** Shared by the routes. */
interface Responses {
  readonly context: AppContext;
  readonly store: ResponseStore;
  readonly running: RunningResponses;
}

export function responsesRoutes(context: AppContext): readonly ApiRoute[] {
  const responses = {
    context,
    store: new ResponseStore(),
    running: new RunningResponses(context.log),
  };
  return [
    post("/v1/responses", (x) => generate(context, createRoute(responses, x), x), {
      ...{ summary: "An answer to a conversation of items.", body: responseBody },
    }),
    post("/v1/responses/input_tokens", (x) => countInput(responses, x), {
      ...{ summary: "How many tokens its prompt has.", body: responseBody },
    }),
    get("/v1/responses/:id", (x, param) => retrieve(responses, x, param("id")), {
      summary: "A stored response.",
    }),
    del("/v1/responses/:id", (x, param) => remove(responses, x, param("id")), {
      summary: "Forgets it.",
    }),
    post("/v1/responses/:id/cancel", (x, param) => cancel(responses, x, param("id")), {
      summary: "Ends one that is being made.",
    }),
    get("/v1/responses/:id/input_items", (x, param) => listInput(responses, x, param("id")), {
      summary: "The items that its request brought, by pages.",
    }),
  ];
}

function createRoute(
  responses: Responses,
  { owner }: Exchange,
): GenerationRoute<ChatCompletionRequest> {
  const find = (id: string) => responses.store.get(owner, id);
  const run = responses.running.begin(owner);
  return {
    ...chatParts,
    endpoint: "responses",
    promptField: "input",
    parse(body, tenant): Parsed<ChatCompletionRequest> {
      const read = readRequest(body, { tenant, find });
      const { request, ignored } = read;
      return { request, ignored, format: formatOf(responses, run, read) };
    },
    open: (backend, request, id) => run.watch(id, chatParts.open(backend, request, id)),
  };
}

function formatOf({ store, context }: Responses, run: Run, read: ReadRequest): WireFormat {
  const { settings } = read;
  const writerOf = (head: AnswerHead) =>
    new ResponseWriter(head, {
      settings,
      now: () => Math.floor(context.clock.wallTime() / 1000),
      isCancelled: () => run.isCancelled,
      onEnd(response, output) {
        if (settings.store) store.put(run.owner, storedOf(head.id, read, { response, output }));
        run.end(response);
      },
    });
  return {
    idPrefix: RESPONSE_PREFIX,
    events: writerOf,
    answer(head, [choice], usage) {
      const writer = writerOf(head);
      if (choice) {
        const { toolCalls, ...said } = choice;
        writer.output({ ...said, toolCalls: toolCalls.map((call, index) => ({ index, ...call })) });
      }
      return writer.finish(usage, choice?.stopReason).response;
    },
  };
}

interface Ended {
  readonly response: object;
  readonly output: readonly object[];
}

function storedOf(id: string, read: ReadRequest, { response, output }: Ended): StoredResponse {
  const named = read.input.map((item, index) => ({ id: itemId("msg", id, `i${index}`), ...item }));
  const input = JSON.stringify(named);
  const items = [...read.earlier, input, JSON.stringify(output)];
  return { id, response: JSON.stringify(response), input, items };
}

async function countInput({ context, store }: Responses, x: Exchange): Promise<Response> {
  const body = await readJson(x, context);
  const find = (id: string) => store.get(x.owner, id);
  const { request, ignored } = readRequest(body, { tenant: x.tenant, find });
  reportIgnored(x, body, ignored);
  const count = await countTokens(context, request, x.request.signal);
  return x.json({ object: "response.input_tokens", input_tokens: count });
}

function retrieve(responses: Responses, x: Exchange, id: string): Response {
  if (queryOf(x).get("stream") === "true") {
    const message = "'stream' is for a response that is being made; send false, or leave it out.";
    throw new ApiError({ status: 400, code: "unsupported_parameter", message, param: "stream" });
  }
  return x.json(JSON.parse(stored(responses, x, id).response));
}

function listInput(responses: Responses, x: Exchange, id: string): Response {
  const { input } = stored(responses, x, id);
  return x.json(inputItems(JSON.parse(input), queryOf(x)));
}

function remove(responses: Responses, x: Exchange, id: string): Response {
  if (!responses.store.delete(x.owner, id)) throw notFound(id);
  return x.json({ id, object: "response", deleted: true });
}

/** Ends a response that is being made; its own answer has what there is, and so has this one. */
async function cancel(responses: Responses, x: Exchange, id: string): Promise<Response> {
  const run = responses.running.find(x.owner, id);
  run?.cancel();
  const cancelled = await run?.response;
  if (cancelled) return x.json(cancelled);
  const ended = JSON.parse(stored(responses, x, id).response);
  if (ended.status === "cancelled") return x.json(ended);
  const message = `The response '${id}' has ended (${ended.status}): only one that is being made can be cancelled.`;
  throw new ApiError({ status: 400, code: "invalid_value", message, param: "response_id" });
}

function stored({ store }: Responses, { owner }: Exchange, id: string): StoredResponse {
  const found = store.get(owner, id);
  if (!found) throw notFound(id);
  return found;
}

function notFound(id: string): ApiError {
  const message = `There is no stored response '${id.slice(0, 100)}'. It was never stored, has been deleted or evicted, was too large to keep, or is another key's.`;
  return new ApiError({ status: 404, code: "not_found", message, param: "response_id" });
}

function queryOf({ request }: Exchange): URLSearchParams {
  return new URLSearchParams(/\?([^#]*)/.exec(request.url)?.[1] ?? "");
}
