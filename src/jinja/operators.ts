// Python's operators, indexes and slices.

import { percentFormat } from "./formats.ts";
import {
  areEqual,
  charsOf,
  compare,
  Float,
  Generated,
  hasPairs,
  isNumber,
  itemsOf,
  keyOf,
  lengthOf,
  numberOf,
  RenderError,
  refuseItems,
  Tuple,
  tupleOf,
  typeName,
  Undefined,
} from "./values.ts";

export type Operator = (a: unknown, b: unknown) => unknown;

export const OPERATORS: Readonly<Record<string, Operator>> = {
  "+": add,
  "-": (a, b) => arithmetic("-", a, b, (x, y) => x - y),
  "*": multiply,
  "/": (a, b) => new Float(divided(a, b, (x, y) => x / y)),
  "//": (a, b) =>
    numeric(
      a,
      b,
      divided(a, b, (x, y) => Math.floor(x / y)),
    ),
  "%": (a, b) =>
    typeof a === "string" ? percentFormat(a, b) : numeric(a, b, divided(a, b, modulo)),
  "**": power,
  "==": areEqual,
  "!=": (a, b) => !areEqual(a, b),
  "<": (a, b) => compare(a, b) < 0,
  "<=": (a, b) => compare(a, b) <= 0,
  ">": (a, b) => compare(a, b) > 0,
  ">=": (a, b) => compare(a, b) >= 0,
  in: (a, b) => isIn(a, b),
  "not in": (a, b) => !isIn(a, b),
};

export function add(a: unknown, b: unknown): unknown {
  if (typeof a === "string" && typeof b === "string") return a + b;
  if (Array.isArray(a) && Array.isArray(b) && a instanceof Tuple === b instanceof Tuple) {
    refuseItems(a.length + b.length);
    const items = [...a, ...b] as unknown[];
    return a instanceof Tuple ? tupleOf(items) : items;
  }
  return arithmetic("+", a, b, (x, y) => x + y);
}

function multiply(a: unknown, b: unknown): unknown {
  if (typeof a === "string" && isInt(b)) return a.repeat(Math.max(0, numberOf(b)));
  if (Array.isArray(a) && isInt(b)) return repeated(a, numberOf(b));
  if (isInt(a) && (typeof b === "string" || Array.isArray(b))) return multiply(b, a);
  return arithmetic("*", a, b, (x, y) => x * y);
}

function repeated(items: readonly unknown[], times: number): unknown {
  refuseItems(items.length * times);
  const all = Array.from({ length: Math.max(0, times) }, () => items).flat();
  return items instanceof Tuple ? tupleOf(all) : all;
}

function power(a: unknown, b: unknown): unknown {
  const value = arithmetic("**", a, b, (x, y) => x ** y);
  return isInt(a) && isInt(b) && numberOf(b) < 0 ? new Float(numberOf(value)) : value;
}

function arithmetic(
  sign: string,
  a: unknown,
  b: unknown,
  work: (x: number, y: number) => number,
): unknown {
  if (isNumber(a) && isNumber(b)) return numeric(a, b, work(numberOf(a), numberOf(b)));
  for (const side of [a, b]) if (side instanceof Undefined) throw new RenderError(side.message);
  throw new RenderError(`'${typeName(a)}' ${sign} '${typeName(b)}' is not possible`);
}

function numeric(a: unknown, b: unknown, result: number): unknown {
  return a instanceof Float || b instanceof Float ? new Float(result) : result;
}

function divided(a: unknown, b: unknown, work: (x: number, y: number) => number): number {
  const divisor = numberOf(b);
  if (divisor === 0) throw new RenderError("division by zero");
  return work(numberOf(a), divisor);
}

/** Has the sign of the divisor. */
export function modulo(x: number, y: number): number {
  const rest = x % y;
  return rest !== 0 && rest < 0 !== y < 0 ? rest + y : rest;
}

export function isInt(value: unknown): value is number | boolean {
  return typeof value === "number" || typeof value === "boolean";
}

export function isIn(item: unknown, all: unknown): boolean {
  if (typeof all === "string") {
    if (typeof item === "string") return all.includes(item);
    throw new RenderError(`'in <string>' requires string as left operand, not ${typeName(item)}`);
  }
  if (all instanceof Map) return all.has(keyOf(item));
  return itemsOf(all).some((other) => areEqual(other, item));
}

/** `undefined` where there is no such item. */
export function itemAt(value: unknown, index: unknown): unknown {
  if (value instanceof Map) return value.get(index instanceof Float ? index.value : index);
  if (!isInt(index)) return undefined;
  if (typeof value === "string")
    return hasPairs(value) ? at(charsOf(value), index) : at(value, index);
  return Array.isArray(value) ? at(value, index) : undefined;
}

function at(items: string | readonly unknown[], index: number | boolean): unknown {
  return items.at(Number(index));
}

export interface SliceBounds {
  readonly start: unknown;
  readonly stop: unknown;
  readonly step: unknown;
}

export function sliceOf(value: unknown, bounds: SliceBounds): unknown {
  if (value instanceof Undefined) throw new RenderError(value.message);
  if (value instanceof Generated || !(typeof value === "string" || Array.isArray(value))) {
    throw new RenderError(`'${typeName(value)}' object cannot be sliced`);
  }
  if (typeof value !== "string") {
    const items = sliced(value, bounds);
    return value instanceof Tuple ? tupleOf(items) : items;
  }
  return hasPairs(value) ? sliced(charsOf(value), bounds).join("") : slicedText(value, bounds);
}

function slicedText(text: string, bounds: SliceBounds): string {
  const [start, stop, step] = rangeOf(bounds, lengthOf(text));
  if (step === 1) return text.slice(start, Math.max(start, stop));
  return sliced(text.split(""), bounds).join("");
}

function sliced(items: readonly unknown[], bounds: SliceBounds): unknown[] {
  const [start, stop, step] = rangeOf(bounds, items.length);
  if (step === 1) return Array.from(items.slice(start, Math.max(start, stop)));
  const out: unknown[] = [];
  for (let index = start; step > 0 ? index < stop : index > stop; index += step)
    out.push(items[index]);
  return out;
}

function rangeOf(
  { start, stop, step }: SliceBounds,
  length: number,
): readonly [number, number, number] {
  const stride = step === null ? 1 : numberOf(step);
  if (stride === 0) throw new RenderError("slice step cannot be zero");
  const [low, high] = stride > 0 ? [0, length] : [-1, length - 1];
  const bound = (given: unknown, none: number) => {
    if (given === null) return none;
    const index = numberOf(given);
    return Math.min(high, Math.max(low, index < 0 ? index + length : index));
  };
  return stride > 0
    ? [bound(start, low), bound(stop, high), stride]
    : [bound(start, high), bound(stop, low), stride];
}
