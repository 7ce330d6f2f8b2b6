// OpenAI's embeddings, with vLLM's fields.

import * as v from "valibot";

import { invalidRequest } from "../door/api-error.ts";
import { embed } from "../door/embed.ts";
import type { Exchange } from "../door/exchange.ts";
import { type FieldTable, harmless, passedOver, schemasOf, works } from "../door/field-policy.ts";
import type { AppContext } from "../door/generate.ts";
import { reportIgnored } from "../door/ignored-fields.ts";
import { readJson } from "../door/json-body.ts";
import { parseFields } from "../door/parse-fields.ts";
import { servedModel } from "../door/served-model.ts";
import type { CompletionRequest } from "../protocol/chat.ts";
import { integer } from "../sampling/values.ts";
import { parseCompletionRequest, withoutNulls } from "./schema.ts";
import { flag, inputSchema, modelName, oneOf } from "./values.ts";

const EMBEDDING_FIELDS = {
  model: works("both", v.optional(modelName())),
  input: works("both", v.lazy(inputSchema)),
  encoding_format: works("both", v.optional(oneOf(["float", "base64"]), "float")),
  dimensions: works("both", v.optional(integer({ min: 1, max: 1_000_000 }))),
  add_special_tokens: works("vllm", v.optional(flag, true)),
  truncate_prompt_tokens: works("vllm", v.optional(integer({ min: -1, max: 2 ** 31 - 1 }))),
  user: harmless("both"),
} satisfies FieldTable;

export const embeddingFields = v.object(schemasOf(EMBEDDING_FIELDS));

type EmbeddingFields = v.InferOutput<typeof embeddingFields>;

/** Vectors of length 1, in the order of the inputs. */
export async function embeddings(context: AppContext, exchange: Exchange): Promise<Response> {
  const { backend } = context;
  const { requestId, request, tenant } = exchange;
  try {
    const given = withoutNulls(await readJson(exchange, context));
    reportIgnored(exchange, given, passedOver(given, EMBEDDING_FIELDS));
    const fields = parseFields(embeddingFields, given);
    if (fields.input.some((one) => one === "")) {
      throw invalidRequest("invalid_value", "'input' must not have an empty text.", "input");
    }
    const { signal } = request;
    const model = await servedModel(fields.model ?? "", backend, signal);
    const { dimensions } = fields;
    const asked = requestOf({ ...fields, model }, tenant);
    const told = await embed(asked, { backend, requestId, signal, dimensions });
    const data = told.vectors.map((vector, index) => ({
      object: "embedding",
      index,
      embedding: fields.encoding_format === "base64" ? base64(vector) : [...vector],
    }));
    const usage = { prompt_tokens: told.numPromptTokens, total_tokens: told.numPromptTokens };
    return exchange.json({ object: "list", data, model, usage });
  } catch (error) {
    return exchange.error(error, "input");
  }
}

/** A completion of the inputs with every default applied. */
function requestOf(fields: EmbeddingFields, tenant: number): CompletionRequest {
  const { model, input: prompts, add_special_tokens, truncate_prompt_tokens } = fields;
  const common = { model, prompt: "any", add_special_tokens, truncate_prompt_tokens };
  return { ...parseCompletionRequest(withoutUndefined(common), tenant).request, prompts };
}

function withoutUndefined(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** F32, little-endian. */
function base64(vector: Float32Array): string {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString("base64");
}
