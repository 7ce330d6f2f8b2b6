// Kinds of values of a request's fields: type and bounds of each. The fields themselves are in fields.ts.

import * as v from "valibot";

import { integer, isTokenIds } from "../sampling/values.ts";

/** Sequences that one request may start: its prompts times `n`. */
export const MAX_CHOICES = 256;
export const MAX_STOPS = 32;
const MAX_LOGPROBS = 20;

export const flag = v.boolean("must be true or false");

export function text() {
  return v.string("must be a string");
}

export function modelName() {
  return v.pipe(text(), v.minLength(1, "must not be empty"));
}

/** Long enough for 256 bits in any spelling. */
export function cacheSalt() {
  const text = "must be a string of 1 to 256 bytes";
  return v.pipe(v.string(text), v.minBytes(1, text), v.maxBytes(256, text));
}

export function oneOf<const Words extends readonly string[]>(words: Words) {
  return v.picklist(words, `must be one of ${words.join(", ")}`);
}

/** An object whose fields are not looked at. */
export function anyObject() {
  return v.custom<Readonly<Record<string, unknown>>>(isObject, "must be an object");
}

/** All that fits 64 bits, with a sign or without: OpenAI's and vLLM's seeds have one. */
export function seed() {
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

export function annotations() {
  const name = v.string("must be a list of strings");
  return v.pipe(
    v.array(name, "must be a list of strings"),
    v.maxLength(16, "must have at most 16 strings"),
  );
}

/** How many likeliest tokens are told; `false` asks for nothing. */
export function logprobCount() {
  return v.union(
    [
      v.pipe(
        v.literal(false),
        v.transform(() => undefined),
      ),
      integer({ min: 0, max: MAX_LOGPROBS }),
    ],
    `must be an integer from 0 to ${MAX_LOGPROBS}`,
  );
}

export function topLogprobs() {
  return integer({ min: 0, max: MAX_LOGPROBS });
}

/** As many as a row of logits may ban. */
export function stopTokenIds() {
  return v.custom<readonly number[]>(
    (value) =>
      Array.isArray(value) && (value.length === 0 || isTokenIds(value)) && value.length <= 32,
    "must be a list of at most 32 token ids",
  );
}

export function words() {
  const one = v.pipe(
    v.string("must be a list of strings"),
    v.minBytes(1, "must not have an empty string"),
    v.maxBytes(256, "must have strings of at most 256 bytes"),
  );
  return v.pipe(
    v.array(one, "must be a list of strings"),
    v.maxLength(128, "must have at most 128 strings"),
  );
}

export function stop() {
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
export function promptSchema(prompt: unknown) {
  if (!Array.isArray(prompt)) return onePromptText;
  if (typeof prompt[0] === "number") return onePromptIds;
  return Array.isArray(prompt[0]) ? manyPromptIds : manyPromptTexts;
}

const promptText = v.string("must be a string, a list of strings, token ids, or lists of those");

// Checked in one plain loop: a body may hold millions of ids.
export const promptIds = v.pipe(
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

/** As `promptSchema`, with as many inputs as OpenAI takes. */
export function inputSchema(input: unknown) {
  if (!Array.isArray(input)) return onePromptText;
  if (typeof input[0] === "number") return onePromptIds;
  return Array.isArray(input[0]) ? manyInputIds : manyInputTexts;
}

const MAX_INPUTS = 2048;
const inputCount = `must have 1 to ${MAX_INPUTS} inputs`;
const manyInputTexts = v.pipe(
  v.array(promptText),
  v.minLength(1, inputCount),
  v.maxLength(MAX_INPUTS, inputCount),
);
const manyInputIds = v.pipe(v.array(promptIds), v.maxLength(MAX_INPUTS, inputCount));

function wrap<T>(prompt: T): T[] {
  return [prompt];
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
