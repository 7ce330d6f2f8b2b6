// What a template computes with, as Python has it.
//
//   None: null   bool: boolean   int: number   float: Float   str: string   list: unknown[]   tuple: Tuple
//   dict: Map, whose keys are strings, numbers, booleans or null   generator: Generated   function: Callable

/** Template and client are at fault, never the server: the message tells which. */
export class RenderError extends Error {}

/** A number with a point: `1.0` is written otherwise than `1`. */
export class Float {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

export class Tuple extends Array<unknown> {
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }
}

export function tupleOf(items: readonly unknown[]): Tuple {
  const tuple = new Tuple();
  for (const item of items) tuple.push(item);
  return tuple;
}

/** A name or a field that is not there: empty as text and in loops, an error in all else. */
export class Undefined {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

/** What a filter such as `map` gives: true, without a length, made when a loop or a filter reads it. */
export class Generated {
  readonly #make: () => readonly unknown[];

  constructor(make: () => readonly unknown[]) {
    this.#make = make;
  }

  get items(): readonly unknown[] {
    return this.#make();
  }
}

export class Namespace {
  readonly fields: Map<unknown, unknown>;

  constructor(fields: Map<unknown, unknown>) {
    this.fields = fields;
  }
}

export interface Arguments {
  readonly list: readonly unknown[];
  readonly named: ReadonlyMap<string, unknown>;
}

export class Callable {
  readonly name: string;
  readonly call: (given: Arguments) => unknown;
  readonly fields: ReadonlyMap<string, unknown>;

  constructor(
    name: string,
    call: (given: Arguments) => unknown,
    fields: ReadonlyMap<string, unknown> = new Map(),
  ) {
    this.name = name;
    this.call = call;
    this.fields = fields;
  }
}

/** Longer lists are taken for a mistake of the template. */
const MAX_ITEMS = 2 ** 24;

/** Throws `RangeError`. */
export function refuseItems(numItems: number): void {
  if (numItems > MAX_ITEMS) throw new RangeError(`a list of ${numItems} items is too long`);
}

/** A JSON value, or a variable, as a template has it. */
export function fromJson(value: unknown): unknown {
  if (typeof value === "number") return Number.isInteger(value) ? value : new Float(value);
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Float || value instanceof Callable) return value;
  if (Array.isArray(value)) return value.map(fromJson);
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  const present = entries.filter(([, field]) => field !== undefined);
  return new Map(present.map(([key, field]) => [key, fromJson(field)]));
}

export function isTrue(value: unknown): boolean {
  if (value instanceof Float) return value.value !== 0;
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof Map) return value.size > 0;
  if (value instanceof Undefined) return false;
  return Boolean(value);
}

export function typeName(value: unknown): string {
  if (value === null) return "NoneType";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return "int";
  if (typeof value === "string") return "str";
  if (value instanceof Float) return "float";
  if (value instanceof Tuple) return "tuple";
  if (Array.isArray(value)) return "list";
  if (value instanceof Map) return "dict";
  if (value instanceof Generated) return "generator";
  return value instanceof Undefined ? "Undefined" : "object";
}

export function isNumber(value: unknown): value is number | boolean | Float {
  return typeof value === "number" || typeof value === "boolean" || value instanceof Float;
}

/** Throws `RenderError` for what is no number. */
export function numberOf(value: unknown): number {
  if (typeof value === "number") return value;
  if (value instanceof Float) return value.value;
  if (typeof value === "boolean") return Number(value);
  throw value instanceof Undefined
    ? new RenderError(value.message)
    : new RenderError(`a number is wanted, not ${typeName(value)}`);
}

/** Python's whole characters, where JavaScript has halves. */
export function charsOf(text: string): readonly string[] {
  return Array.from(text);
}

const HALVES = /[\ud800-\udfff]/;

export function hasPairs(text: string): boolean {
  return HALVES.test(text);
}

export function lengthOf(value: unknown): number {
  if (typeof value === "string") return hasPairs(value) ? charsOf(value).length : value.length;
  if (Array.isArray(value)) return value.length;
  if (value instanceof Map) return value.size;
  if (value instanceof Undefined) return 0;
  throw new RenderError(`object of type '${typeName(value)}' has no len()`);
}

/** What a loop goes through. */
export function itemsOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (value instanceof Map) return [...value.keys()];
  if (typeof value === "string") return charsOf(value);
  if (value instanceof Generated) return value.items;
  if (value instanceof Undefined) return [];
  throw new RenderError(`'${typeName(value)}' object is not iterable`);
}

export function keyOf(value: unknown): unknown {
  if (value instanceof Float) return value.value;
  if (typeof value === "boolean") return value;
  if (Array.isArray(value) || value instanceof Map) {
    throw new RenderError(`unhashable type: '${typeName(value)}'`);
  }
  return value;
}

export function areEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isNumber(a) && isNumber(b)) return numberOf(a) === numberOf(b);
  if (Array.isArray(a) && Array.isArray(b)) {
    if (a instanceof Tuple !== b instanceof Tuple || a.length !== b.length) return false;
    return a.every((item, index) => areEqual(item, b[index]));
  }
  if (a instanceof Map && b instanceof Map) {
    return (
      a.size === b.size && [...a].every(([key, field]) => b.has(key) && areEqual(field, b.get(key)))
    );
  }
  return a instanceof Undefined && b instanceof Undefined;
}

/** Below 0, 0 or above, as for `sort`. Throws `RenderError` for types that have no order. */
export function compare(a: unknown, b: unknown): number {
  if (isNumber(a) && isNumber(b)) return numberOf(a) - numberOf(b);
  if (typeof a === "string" && typeof b === "string") return compareTexts(a, b);
  if (Array.isArray(a) && Array.isArray(b)) {
    const at = a.findIndex((item, index) => index >= b.length || !areEqual(item, b[index]));
    if (at < 0) return a.length - b.length;
    return at >= b.length ? 1 : compare(a[at], b[at]);
  }
  for (const side of [a, b]) if (side instanceof Undefined) throw new RenderError(side.message);
  throw new RenderError(`'${typeName(a)}' and '${typeName(b)}' cannot be compared`);
}

/** By code points, as Python does, which differs from code units only behind U+D800. */
function compareTexts(a: string, b: string): number {
  if (!hasPairs(a) && !hasPairs(b)) return a < b ? -1 : Number(a > b);
  const [left, right] = [charsOf(a), charsOf(b)];
  const at = left.findIndex((char, index) => char !== right[index]);
  if (at < 0) return left.length - right.length;
  return (left[at]?.codePointAt(0) ?? 0) - (right[at]?.codePointAt(0) ?? -1);
}
