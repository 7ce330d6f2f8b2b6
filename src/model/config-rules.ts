// Rules for any model's numbers, whatever the format they come from.

import type { JsonObject } from "./json-object.ts";
import { ModelError } from "./model-files.ts";
import type { Range } from "./value-schemas.ts";

// Far above any real model, and small enough that no product of two of them loses precision.
export const SIZE: Range = { min: 1, max: 2 ** 24 };
export const COUNT: Range = { min: 1, max: 4096 };
export const FACTOR: Range = { min: 1e-6, max: 1e12 };
export const EPSILON: Range = { min: 1e-12, max: 1 };

// The engine bans at most so many tokens in a row of logits (`min_tokens`).
const MAX_EOS_TOKEN_IDS = 16;

export function checkNumKvHeads(json: JsonObject, numHeads: number, numKvHeads: number): number {
  if (numHeads % numKvHeads === 0) return numKvHeads;
  throw new ModelError(
    `${json.place}: the number of query heads (${numHeads}) is no multiple of that of key-value heads (${numKvHeads})`,
  );
}

/** `sizeKey` is the key that would give the size. */
export function checkHeadSize(json: JsonObject, headSize: number, sizeKey: string): number {
  if (!Number.isInteger(headSize)) {
    throw new ModelError(
      `${json.place}: the hidden size is no multiple of the number of heads, and ${sizeKey} is missing`,
    );
  }
  if (headSize % 2 === 0 && headSize <= COUNT.max) return headSize;
  throw new ModelError(
    `${json.place}: heads of size ${headSize}; rotary embedding needs an even size up to ${COUNT.max}`,
  );
}

/** `places` say where the ids were read. */
export function joinEosTokenIds(
  places: readonly string[],
  tokenIds: readonly number[],
): readonly number[] {
  const ids = new Set(tokenIds);
  if (ids.size <= MAX_EOS_TOKEN_IDS) return [...ids];
  throw new ModelError(
    `${places.join(" and ")} name ${ids.size} end-of-sequence tokens; at most ${MAX_EOS_TOKEN_IDS} are supported`,
  );
}

export function tokenIdRange(vocabSize: number): Range {
  return { min: 0, max: vocabSize - 1 };
}
