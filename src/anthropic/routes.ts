// Anthropic's Messages API.

import { type ApiRoute, post } from "../door/api-route.ts";
import { countTokens } from "../door/count-tokens.ts";
import type { Exchange } from "../door/exchange.ts";
import { type AppContext, generate } from "../door/generate.ts";
import { chatParts, type GenerationRoute } from "../door/generation-route.ts";
import { reportIgnored } from "../door/ignored-fields.ts";
import { readJson } from "../door/json-body.ts";
import type { ChatCompletionRequest } from "../protocol/chat.ts";
import { countBody, messageBody } from "./body-outline.ts";
import { anthropicErrors } from "./errors.ts";
import { messageFormat } from "./message-writer.ts";
import { readRequest } from "./read-request.ts";

export function anthropicRoutes(context: AppContext): readonly ApiRoute[] {
  const errors = anthropicErrors;
  return [
    post("/v1/messages", (x) => generate(context, messagesRoute, withRequestId(x)), {
      ...{ errors, summary: "An answer to a conversation.", body: messageBody },
    }),
    post("/v1/messages/count_tokens", (x) => count(context, withRequestId(x)), {
      ...{ errors, summary: "How many tokens its prompt has.", body: countBody },
    }),
  ];
}

const messagesRoute: GenerationRoute<ChatCompletionRequest> = {
  ...chatParts,
  endpoint: "messages",
  parse: (body, tenant) => ({ ...readRequest(body, tenant, "answer"), format: messageFormat }),
};

async function count(context: AppContext, x: Exchange): Promise<Response> {
  const body = await readJson(x, context);
  const { request, ignored } = readRequest(body, x.tenant, "count");
  reportIgnored(x, body, ignored);
  return x.json({ input_tokens: await countTokens(context, request, x.request.signal) });
}

/** Under the name that their clients read. */
function withRequestId(x: Exchange): Exchange {
  x.addHeaders({ "request-id": x.requestId });
  return x;
}
