// Kinds of values of a request's fields: type and bounds of each. A schema's message is the end of a sentence.

import * as v from "valibot";

/** Entries of a list of token ids or of biases: what the engine takes. */
const MAX_TOKEN_LIST = 1024;

interface Bounds {
  readonly min?: number;
  /** An exclusive minimum. */
  readonly above?: number;
  readonly max?: number;
}

export function decimal({ min = Number.NEGATIVE_INFINITY, above, max = Infinity }: Bounds) {
  const low = above === undefined ? `from ${min}` : `above ${above} and up`;
  const text = `must be a number ${low} to ${max}`;
  return v.pipe(
    v.number(text),
    v.gtValue(above ?? Number.NEGATIVE_INFINITY, text),
    v.minValue(min, text),
    v.maxValue(max, text),
  );
}

export function integer({ min = 0, max = Number.MAX_SAFE_INTEGER }: Bounds) {
  const text = `must be an integer from ${min} to ${max}`;
  return v.pipe(v.number(text), v.safeInteger(text), v.minValue(min, text), v.maxValue(max, text));
}

export function topK() {
  return v.pipe(
    integer({ min: -1 }),
    v.transform((k) => Math.max(k, 0)), // vLLM's -1 and its later 0 both mean: off
  );
}

/** An object: a bias from -100 to 100 for each token id. An empty one is as none. */
export function logitBias() {
  return v.pipe(
    v.custom<Readonly<Record<string, number>>>(
      isLogitBias,
      `must be an object of at most ${MAX_TOKEN_LIST} numbers from -100 to 100 by token id`,
    ),
    v.transform((biases) => (Object.keys(biases).length === 0 ? undefined : biases)),
  );
}

export function tokenIds() {
  return v.custom<readonly number[]>(
    (value) => isTokenIds(value) && value.length <= MAX_TOKEN_LIST,
    `must be a list of 1 to ${MAX_TOKEN_LIST} token ids`,
  );
}

/** True for a list of at least one. */
export function isTokenIds(value: unknown): value is readonly number[] {
  if (!Array.isArray(value) || value.length === 0) return false;
  for (const id of value) {
    if (!Number.isInteger(id) || id < 0 || id > 0x7fff_ffff) return false;
  }
  return true;
}

function isLogitBias(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  let count = 0;
  for (const [id, bias] of Object.entries(value)) {
    if (++count > MAX_TOKEN_LIST || !/^\d{1,9}$/.test(id)) return false;
    if (typeof bias !== "number" || !(bias >= -100 && bias <= 100)) return false;
  }
  return true;
}
