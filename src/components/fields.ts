// Kinds of configuration values that several components have.

import * as v from "valibot";

import { REASONING_FORMATS, TOOL_FORMATS } from "../parsers/formats.ts";

/** A key and what it means: for the reference in docs/config.md, which is made of these. */
export const key = <S extends v.GenericSchema>(meaning: string, schema: S) =>
  v.pipe(schema, v.description(meaning));

/** An integer of at least `min` (1). */
export const count = (min = 1) => v.pipe(v.number(), v.integer(), v.minValue(min));

export const port = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65535));

/** A list of names: in YAML a list, in a flag a text with commas. */
export const names = v.union([v.string(), v.array(v.string())]);

export const model = key(
  "A directory as on the Hugging Face hub, a GGUF file, a name of the hub (docs/models.md), `built-in`, or `mock`.",
  v.pipe(v.string(), v.minLength(1)),
);

const modelName = v.pipe(v.string(), v.minLength(1));

/** A name, or a list of them: the first is the model's own, the others are aliases. */
const modelNames = v.optional(v.union([modelName, v.pipe(v.array(modelName), v.minLength(1))]));

export const servedModelName = key(
  "The name that clients ask for; of a list, any of them. Default: the last part of `model`.",
  modelNames,
);

export const frontendModelName = key(
  "The name that clients ask for, in a graph of one model; of a list, any of them. Default: as the processor says.",
  modelNames,
);

export const clampMaxTokens = key(
  "Lowers a `max_tokens` that the context has no room for, in place of an error. Default: true for the built-in model: agents ask for 32,000.",
  v.optional(v.boolean()),
);

export const waitForWorkerMs = key(
  "Milliseconds that a request waits for a worker while none is live, as one restarts; then 503.",
  v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(600_000)), 2000),
);

export const migrationLimit = key(
  "How often a sequence may move to another worker without a new token in between, when the worker that computes it ends; then its client gets the error. 0: it never moves.",
  v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1023)), 3),
);

const RENDER_TIMEOUT_MS = 250;

export const renderTimeoutMs = key(
  "CPU milliseconds that the model's chat template may take for one request. Each 20 messages or 16,384 characters add 1; the limit triples at most. A chat that needs more is refused with `template_error`.",
  v.optional(count(), RENDER_TIMEOUT_MS),
);

export const allowSpecialTokensInContent = key(
  "Makes special tokens that a client writes into messages, such as `<|im_end|>`, tokens and not text: a client can then write turns of others (docs/security.md).",
  v.optional(v.boolean(), false),
);

/** How chats are written for a model, and what is read of its answers. */
export const answerFields = {
  chatTemplate: key(
    "A Jinja file that is used in place of the model's chat template.",
    v.optional(v.pipe(v.string(), v.minLength(1))),
  ),
  toolCallParser: key(
    "The format of the model's calls of tools (docs/tools.md). Default: by its chat template.",
    v.optional(v.picklist([...namesOf(TOOL_FORMATS), "none"])),
  ),
  reasoningParser: key(
    "The format of what the model thinks before it answers (docs/tools.md). Default: by its chat template.",
    v.optional(v.picklist([...namesOf(REASONING_FORMATS), "none"])),
  ),
};

function namesOf<Name extends string>(formats: Readonly<Record<Name, unknown>>): readonly Name[] {
  return Object.keys(formats) as Name[]; // `keys` forgets the type
}
