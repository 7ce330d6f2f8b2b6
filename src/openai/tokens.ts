// Routes about tokens, in vLLM's shapes: no answer is generated.

import * as v from "valibot";
import type { Exchange } from "../door/exchange.ts";
import { type Fields, passedOver, schemasOf, works } from "../door/field-policy.ts";
import type { AppContext } from "../door/generate.ts";
import { reportIgnored } from "../door/ignored-fields.ts";
import { readJson } from "../door/json-body.ts";
import { parseFields } from "../door/parse-fields.ts";
import { servedModel } from "../door/served-model.ts";
import type { TokenizedPrompt, TokenizeRequest } from "../protocol/tokens.ts";
import { parseChatRequest, withoutNulls } from "./schema.ts";
import { flag, modelName, promptIds } from "./values.ts";

const TOKENIZE_FIELDS = {
  model: works("vllm", v.optional(modelName())),
  prompt: works("vllm", v.string("must be a string")),
  add_special_tokens: works("vllm", v.optional(flag, true)),
  return_token_strs: works("vllm", v.optional(flag, false)),
  strict: works("dynamo", v.optional(flag, false)),
};

const DETOKENIZE_FIELDS = {
  model: works("vllm", v.optional(modelName())),
  tokens: works("vllm", promptIds),
  strict: works("dynamo", v.optional(flag, false)),
};

export const tokenizeFields = v.object(schemasOf(TOKENIZE_FIELDS));
export const detokenizeFields = v.object(schemasOf(DETOKENIZE_FIELDS));

/** `prompt`, or `messages` with all that a chat may have. */
export function tokenize(context: AppContext, exchange: Exchange): Promise<Response> {
  return answered(context, exchange, async (given) => {
    const { return_token_strs: strings = false, ...rest } = given;
    const wants = parseFields(flag, strings, "return_token_strs") ? "spellings" : "ids";
    const prompt =
      "messages" in given
        ? await askChat(context, exchange, rest, wants)
        : await askText(context, exchange, rest, wants);
    const { tokenIds, maxModelLen, spellings = null } = prompt;
    const tokens = [...tokenIds];
    return { count: tokens.length, max_model_len: maxModelLen, tokens, token_strs: spellings };
  });
}

export function detokenize(context: AppContext, exchange: Exchange): Promise<Response> {
  return answered(context, exchange, async (given) => {
    reportIgnored(exchange, given, passedOver(given, DETOKENIZE_FIELDS));
    const fields = parseFields(detokenizeFields, given);
    const model = await modelOf(context, exchange, fields.model);
    return { prompt: await context.backend.detokenize({ model, tokenIds: fields.tokens }) };
  });
}

/** As llama.cpp: the text of a chat's prompt. */
export function applyTemplate(context: AppContext, exchange: Exchange): Promise<Response> {
  return answered(context, exchange, async (given) => {
    const { text } = await askChat(context, exchange, given, "text");
    return { prompt: text };
  });
}

/** As vLLM: the ids of a chat's prompt, and its text. */
export function renderChat(context: AppContext, exchange: Exchange): Promise<Response> {
  return answered(context, exchange, async (given) => {
    const { tokenIds, text, model } = await askChat(context, exchange, given, "text");
    const request_id = `chatcmpl-${exchange.requestId}`;
    return { request_id, model, token_ids: [...tokenIds], prompt_text: text };
  });
}

async function answered(
  context: AppContext,
  exchange: Exchange,
  answer: (given: Fields) => Promise<object>,
): Promise<Response> {
  let promptField = "prompt";
  try {
    const given = withoutNulls(await readJson(exchange, context));
    if (!("prompt" in given)) promptField = "messages";
    return exchange.json(await answer(given));
  } catch (error) {
    return exchange.error(error, promptField);
  }
}

async function askText(
  context: AppContext,
  exchange: Exchange,
  given: Fields,
  wants: TokenizeRequest["wants"],
): Promise<TokenizedPrompt> {
  reportIgnored(exchange, given, passedOver(given, TOKENIZE_FIELDS));
  const fields = parseFields(tokenizeFields, given);
  const model = await modelOf(context, exchange, fields.model);
  const form = fields.add_special_tokens ? "opened" : "as-is";
  const prompt = { type: "text", text: fields.prompt, form } as const;
  return context.backend.tokenize({ tenant: exchange.tenant, model, prompt, wants });
}

async function askChat(
  context: AppContext,
  exchange: Exchange,
  given: Fields,
  wants: TokenizeRequest["wants"],
): Promise<TokenizedPrompt & { readonly model: string }> {
  const { request, ignored } = parseChatRequest(given, exchange.tenant);
  reportIgnored(exchange, given, ignored);
  const model = await modelOf(context, exchange, request.model);
  const prompt = { type: "chat", chat: { ...request, model } } as const;
  const answer = await context.backend.tokenize({ tenant: exchange.tenant, model, prompt, wants });
  return { ...answer, model };
}

function modelOf({ backend }: AppContext, { request }: Exchange, model = ""): Promise<string> {
  return servedModel(model, backend, request.signal);
}
