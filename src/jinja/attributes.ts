// Fields, items and methods of values, as transformers' sandbox lets templates reach them.

import { DICT_METHODS, LIST_METHODS } from "./collection-methods.ts";
import { strFormat } from "./formats.ts";
import { itemAt } from "./operators.ts";
import { STRING_METHODS } from "./string-methods.ts";
import { reprOf } from "./text.ts";
import {
  type Arguments,
  Callable,
  isNumber,
  Namespace,
  numberOf,
  RenderError,
  Tuple,
  typeName,
  Undefined,
} from "./values.ts";

/** `value.name`: a method before an item. */
export function attributeOf(value: unknown, name: string): unknown {
  if (value instanceof Undefined) throw new RenderError(value.message);
  const method = methodOf(value, name);
  if (method !== undefined) return method;
  const item = value instanceof Tuple ? groupField(value, name) : itemAt(value, name);
  return item === undefined ? missing(value, name) : item;
}

/** `value[key]`: an item before a method. */
export function subscriptOf(value: unknown, key: unknown): unknown {
  if (value instanceof Undefined) throw new RenderError(value.message);
  const item = itemAt(value, key);
  if (item !== undefined) return item;
  const method = typeof key === "string" ? methodOf(value, key) : undefined;
  return method ?? missing(value, key);
}

/** Pairs of `groupby` have names for their sides. */
function groupField(pair: Tuple, name: string): unknown {
  const side = ["grouper", "list"].indexOf(name);
  return pair.length === 2 && side >= 0 ? pair[side] : undefined;
}

function missing(value: unknown, key: unknown): Undefined {
  return new Undefined(`'${typeName(value)} object' has no attribute ${reprOf(key)}`);
}

type Method = (self: never, given: Arguments) => unknown;

function methodOf(value: unknown, name: string): unknown {
  if (value instanceof Namespace) return value.fields.get(name);
  if (value instanceof Callable) return value.fields.get(name);
  const methods = methodsOf(value);
  const method = methods !== undefined && Object.hasOwn(methods, name) ? methods[name] : undefined;
  return method && new Callable(name, (given) => method(value as never, given));
}

function methodsOf(value: unknown): Readonly<Record<string, Method>> | undefined {
  if (typeof value === "string") return TEXT_METHODS;
  if (value instanceof Map) return DICT_METHODS;
  if (value instanceof Tuple)
    return { count: LIST_METHODS["count"] as Method, index: LIST_METHODS["index"] as Method };
  if (Array.isArray(value)) return LIST_METHODS;
  return isNumber(value) ? NUMBER_METHODS : undefined;
}

const TEXT_METHODS: Readonly<Record<string, Method>> = {
  ...STRING_METHODS,
  format: (self, given) =>
    strFormat(self, given, (value, key) =>
      /^\d+$/.test(key) ? subscriptOf(value, Number(key)) : attributeOf(value, key),
    ),
};

const NUMBER_METHODS: Readonly<Record<string, Method>> = {
  is_integer: (self) => Number.isInteger(numberOf(self)),
  bit_length: (self) => Math.abs(numberOf(self)).toString(2).length,
  conjugate: (self) => self as unknown,
};

export function callOf(value: unknown, given: Arguments): unknown {
  if (value instanceof Callable) return value.call(given);
  if (value instanceof Undefined) throw new RenderError(value.message);
  throw new RenderError(`'${typeName(value)}' object is not callable`);
}

/** An attribute's path, `a.b.0`, as filters take it. */
export function pathOf(value: unknown, path: unknown, otherwise?: unknown): unknown {
  if (typeof path === "number") return subscriptOf(value, path);
  let found = value;
  for (const part of String(path).split(".")) {
    found = subscriptOf(found, /^\d+$/.test(part) ? Number(part) : part);
    if (found instanceof Undefined && otherwise !== undefined) found = otherwise;
  }
  return found;
}
