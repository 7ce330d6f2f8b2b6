// The fields of a request as they come over the wire: type, bounds and default of each, in one table.
// `null` was taken out before; a field that is absent here and has no default is the model's to decide.

import * as v from "valibot";

/** Sequences that one request may start: its prompts times `n`. */
export const MAX_CHOICES = 256;
export const MAX_MESSAGES = 10_000;
export const MAX_STOPS = 16;

const flag = v.boolean("must be true or false");

/** Fields that both routes take. */
const generationFields = {
  model: v.pipe(v.string("must be a string"), v.minLength(1, "must not be empty")),
  n: v.optional(integer({ min: 1, max: 128 }), 1),
  stream: v.optional(flag, false),
  stream_options: v.optional(
    v.object({ include_usage: v.nullish(flag, false) }, "must be an object"),
  ),
  temperature: v.optional(decimal({ min: 0, max: 2 })),
  top_p: v.optional(decimal({ above: 0, max: 1 })),
  top_k: v.optional(topK()),
  min_p: v.optional(decimal({ min: 0, max: 1 })),
  seed: v.optional(seed()),
  presence_penalty: v.optional(decimal({ min: -2, max: 2 }), 0),
  frequency_penalty: v.optional(decimal({ min: -2, max: 2 }), 0),
  repetition_penalty: v.optional(decimal({ above: 0, max: 2 })),
  max_tokens: v.optional(integer({ min: 1 })),
  min_tokens: v.optional(integer({ min: 0 }), 0),
  ignore_eos: v.optional(flag),
  stop: v.optional(stop(), []),
  nvext: v.optional(
    v.object(
      {
        ignore_eos: v.nullish(flag),
        top_k: v.nullish(topK()),
        repetition_penalty: v.nullish(decimal({ above: 0, max: 2 })),
        greed_sampling: v.nullish(flag),
        use_raw_prompt: v.nullish(flag),
        backend_instance_id: v.nullish(integer({ min: 0 })),
        annotations: v.nullish(annotations()),
      },
      "must be an object",
    ),
  ),
};

const message = v.object(
  {
    role: v.picklist(
      ["system", "developer", "user", "assistant", "tool"],
      "must be one of system, developer, user, assistant, tool",
    ),
    content: v.nullish(v.lazy((content) => (Array.isArray(content) ? textParts : contentText))),
    name: v.nullish(v.string("must be a string")),
  },
  "must be an object",
);

const contentText = v.string("must be a string or a list of text parts");

const textParts = v.pipe(
  v.array(
    v.object(
      {
        type: v.literal("text", 'must be "text": this server reads no other kind of part'),
        text: v.string("must be a string"),
      },
      "must be an object",
    ),
  ),
  v.minLength(1, "must have at least one part"),
  v.maxLength(1024, "must have at most 1024 parts"),
);

export const chatFields = v.object({
  ...generationFields,
  messages: v.pipe(
    v.array(message, "must be a list of messages"),
    v.minLength(1, "must have at least one message"),
    v.maxLength(MAX_MESSAGES, `must have at most ${MAX_MESSAGES} messages`),
  ),
  max_completion_tokens: v.optional(integer({ min: 1 })),
});

export const completionFields = v.object({
  ...generationFields,
  prompt: v.lazy((prompt) => promptSchema(prompt)),
});

export type ChatFields = v.InferOutput<typeof chatFields>;
export type GenerationFields = Omit<ChatFields, "messages" | "max_completion_tokens">;

/** The names in the table, by the object that they are in. */
export const KNOWN_FIELDS = {
  chat: new Set(Object.keys(chatFields.entries)),
  completion: new Set(Object.keys(completionFields.entries)),
  message: new Set(Object.keys(message.entries)),
  streamOptions: new Set(Object.keys(generationFields.stream_options.wrapped.entries)),
  nvext: new Set(Object.keys(generationFields.nvext.wrapped.entries)),
};

interface Bounds {
  readonly min?: number;
  /** An exclusive minimum. */
  readonly above?: number;
  readonly max?: number;
}

function decimal({ min = Number.NEGATIVE_INFINITY, above, max = Infinity }: Bounds) {
  const low = above === undefined ? `from ${min}` : `above ${above} and up`;
  const text = `must be a number ${low} to ${max}`;
  return v.pipe(
    v.number(text),
    v.gtValue(above ?? Number.NEGATIVE_INFINITY, text),
    v.minValue(min, text),
    v.maxValue(max, text),
  );
}

function integer({ min = 0, max = Number.MAX_SAFE_INTEGER }: Bounds) {
  const text = `must be an integer from ${min} to ${max}`;
  return v.pipe(v.number(text), v.safeInteger(text), v.minValue(min, text), v.maxValue(max, text));
}

/** All that fits 64 bits, with a sign or without: OpenAI's and vLLM's seeds have one. */
function seed() {
  const text = `must be an integer from ${-(2n ** 63n)} to ${2n ** 64n - 1n}`;
  return v.pipe(
    v.union([v.number(text), v.bigint(text)], text),
    v.check(isSeed, text),
    v.transform((value) => BigInt.asUintN(64, BigInt(value))),
  );
}

/** A number that is not safe was rounded already. */
function isSeed(value: number | bigint): boolean {
  if (typeof value === "number") return Number.isSafeInteger(value);
  return value >= -(2n ** 63n) && value < 2n ** 64n;
}

function annotations() {
  const name = v.string("must be a list of strings");
  return v.pipe(
    v.array(name, "must be a list of strings"),
    v.maxLength(16, "must have at most 16 strings"),
  );
}

function topK() {
  return v.pipe(
    integer({ min: -1 }),
    v.transform((k) => Math.max(k, 0)), // vLLM's -1 and its later 0 both mean: off
  );
}

function stop() {
  const one = v.pipe(
    v.string("must be a string or a list of strings"),
    v.minBytes(1, "must not be an empty string"),
    v.maxBytes(256, "must have at most 256 bytes"),
  );
  const list = v.pipe(
    v.array(one),
    v.maxLength(MAX_STOPS, `must have at most ${MAX_STOPS} strings`),
  );
  const single = v.pipe(
    one,
    v.transform((text) => [text]),
  );
  return v.lazy((value) => (Array.isArray(value) ? list : single));
}

/** A prompt: text or token ids; and a list of either. The first element says which list it is. */
function promptSchema(prompt: unknown) {
  if (!Array.isArray(prompt)) return onePromptText;
  if (typeof prompt[0] === "number") return onePromptIds;
  return Array.isArray(prompt[0]) ? manyPromptIds : manyPromptTexts;
}

const promptText = v.string("must be a string, a list of strings, token ids, or lists of those");

// Checked in one plain loop: a body may hold millions of ids.
const promptIds = v.pipe(
  v.custom<readonly number[]>(isTokenIds, "must be a list of at least one token id"),
  v.transform((ids) => Int32Array.from(ids)),
);

const promptCount = `must have 1 to ${MAX_CHOICES} prompts`;
const onePromptText = v.pipe(promptText, v.transform(wrap));
const onePromptIds = v.pipe(promptIds, v.transform(wrap));
const manyPromptTexts = v.pipe(
  v.array(promptText),
  v.minLength(1, promptCount),
  v.maxLength(MAX_CHOICES, promptCount),
);
const manyPromptIds = v.pipe(v.array(promptIds), v.maxLength(MAX_CHOICES, promptCount));

function wrap<T>(prompt: T): T[] {
  return [prompt];
}

function isTokenIds(value: unknown): value is readonly number[] {
  if (!Array.isArray(value) || value.length === 0) return false;
  for (const id of value) {
    if (!Number.isInteger(id) || id < 0 || id > 0x7fff_ffff) return false;
  }
  return true;
}
