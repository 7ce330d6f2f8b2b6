// Values of a model's files. A schema's message is the end of a sentence: `expected a whole number from 1 to 4096`.

import * as v from "valibot";

/** Both ends are allowed. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

export const TEXT = v.string("a string");
export const SWITCH = v.boolean("true or false");
export const LIST = listWhere<unknown>(() => true, "a list");
export const TEXTS = listWhere<string>((item) => typeof item === "string", "a list of strings");
export const OBJECT = v.custom<Readonly<Record<string, unknown>>>(isPlainObject, "an object");
export const OBJECTS = listWhere<Readonly<Record<string, unknown>>>(
  isPlainObject,
  "a list of objects",
);

export function within(range: Range) {
  return v.custom<number>((value) => isWithin(value, range), `a number ${words(range)}`);
}

export function whole(range: Range) {
  return v.custom<number>((value) => isWhole(value, range), `a whole number ${words(range)}`);
}

export function listOf(range: Range) {
  return listWhere<number>((item) => isWithin(item, range), `a list of numbers ${words(range)}`);
}

/** A whole number or a list of them, as a list. */
export function wholes(range: Range) {
  return v.pipe(
    v.custom<number | readonly number[]>(
      (value) => [value].flat().every((item) => isWhole(item, range)),
      `a whole number ${words(range)}, or a list of them`,
    ),
    v.transform((value): readonly number[] => [value].flat()),
  );
}

export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Lists have up to a million items, which are not copied. */
function listWhere<T>(isItem: (item: unknown) => boolean, message: string) {
  return v.custom<readonly T[]>((value) => Array.isArray(value) && value.every(isItem), message);
}

function words({ min, max }: Range): string {
  return `from ${min} to ${max}`;
}

function isWithin(value: unknown, { min, max }: Range): boolean {
  return typeof value === "number" && value >= min && value <= max;
}

function isWhole(value: unknown, range: Range): boolean {
  return isWithin(value, range) && Number.isInteger(value);
}
