// JSON files of a model, and GGUF's metadata, read key by key. Whoever wrote them is not trusted: each value
// is checked where it is read, and each error says `file: key`, what was expected and what was found.

import { jsonFault } from "../base/json-fault.ts";
import { ModelError } from "./model-error.ts";
import { openFile, unreadable } from "./model-path.ts";

// The largest vocabularies known have 35 MB; nothing in a model directory has reason to be larger.
const MAX_JSON_BYTES = 200 * 2 ** 20;

// Bun parses any depth, at 80 bytes of memory for each bracket.
const MAX_DEPTH = 64;

const MAX_SHOWN_ITEMS = 8;
const MAX_SHOWN_CHARS = 200;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/** Both ends are allowed. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** One JSON object, or what has the same kinds of values. A key that is `null` reads like one that is absent: Python writes None so. */
export class JsonObject {
  /** Where it stands, for error messages: `…/config.json` or `…/config.json: rope_scaling`. */
  readonly place: string;
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(place: string, fields: Readonly<Record<string, unknown>>) {
    this.place = place;
    this.#fields = fields;
  }

  /** The value as it was parsed, unchecked. */
  get(key: string): unknown {
    return Object.hasOwn(this.#fields, key) ? (this.#fields[key] ?? undefined) : undefined;
  }

  /** Whether the key is there at all, be it with `null`. */
  has(key: string): boolean {
    return Object.hasOwn(this.#fields, key);
  }

  keys(): readonly string[] {
    return Object.keys(this.#fields);
  }

  string(key: string): string | undefined {
    const value = this.get(key);
    if (value === undefined || typeof value === "string") return value;
    throw this.#mistake(key, "a string");
  }

  boolean(key: string): boolean | undefined {
    const value = this.get(key);
    if (value === undefined || typeof value === "boolean") return value;
    throw this.#mistake(key, "true or false");
  }

  number(key: string, range: Range): number | undefined {
    const value = this.get(key);
    if (value === undefined || isNumberWithin(value, range)) return value;
    throw this.#mistake(key, `a number from ${range.min} to ${range.max}`);
  }

  integer(key: string, range: Range): number | undefined {
    const value = this.get(key);
    if (value === undefined || isIntegerWithin(value, range)) return value;
    throw this.#mistake(key, `a whole number from ${range.min} to ${range.max}`);
  }

  numbers(key: string, range: Range): readonly number[] | undefined {
    const list = this.list(key);
    const numbers = list?.filter((item) => isNumberWithin(item, range));
    if (numbers?.length === list?.length) return numbers;
    throw this.#mistake(key, `a list of numbers from ${range.min} to ${range.max}`);
  }

  requiredNumber(key: string, range: Range): number {
    const value = this.number(key, range);
    if (value === undefined) throw this.missing(key);
    return value;
  }

  requiredInteger(key: string, range: Range): number {
    const value = this.integer(key, range);
    if (value === undefined) throw this.missing(key);
    return value;
  }

  /** A whole number or a list of them, as a list. */
  integers(key: string, range: Range): readonly number[] | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    const numbers = list.filter((item): item is number => isIntegerWithin(item, range));
    if (numbers.length === list.length) return numbers;
    throw this.#mistake(key, `a whole number from ${range.min} to ${range.max}, or a list of them`);
  }

  strings(key: string): readonly string[] | undefined {
    const list = this.list(key);
    const strings = list?.filter((item) => typeof item === "string");
    if (strings?.length === list?.length) return strings;
    throw this.#mistake(key, "a list of strings");
  }

  list(key: string): readonly unknown[] | undefined {
    const value = this.get(key);
    if (value === undefined || Array.isArray(value)) return value;
    throw this.#mistake(key, "a list");
  }

  object(key: string): JsonObject | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    if (!isPlainObject(value)) throw this.#mistake(key, "an object");
    return new JsonObject(`${this.place}: ${key}`, value);
  }

  objects(key: string): readonly JsonObject[] | undefined {
    return this.list(key)?.map((item, index) => {
      if (!isPlainObject(item)) throw this.#mistake(key, "a list of objects");
      return new JsonObject(`${this.place}: ${key}[${index}]`, item);
    });
  }

  missing(key: string): ModelError {
    return new ModelError(`${this.place}: ${key} is missing`);
  }

  #mistake(key: string, expected: string): ModelError {
    return new ModelError(`${this.place}: ${key} is ${show(this.get(key))}; expected ${expected}`);
  }
}

/** Reads a JSON file whose top is an object; `undefined` when there is no such file. */
export async function readJsonObject(path: string): Promise<JsonObject | undefined> {
  const text = await readTextFile(path);
  return text === undefined ? undefined : new JsonObject(path, parseJsonObject(path, text));
}

/** Reads a text file of bounded size; `undefined` when there is no such file. */
export async function readTextFile(path: string): Promise<string | undefined> {
  const file = await openFile(path);
  if (file === undefined) return undefined;
  try {
    const { size } = await file.stat();
    if (size > MAX_JSON_BYTES) {
      throw new ModelError(`${path} has ${size} bytes; at most ${MAX_JSON_BYTES} are read`);
    }
    return new TextDecoder("utf-8", { fatal: true }).decode(await file.readFile());
  } catch (error) {
    if (error instanceof ModelError) throw error;
    throw unreadable(path, error);
  } finally {
    await file.close();
  }
}

export function parseJsonObject(place: string, text: string): Readonly<Record<string, unknown>> {
  if (nestingDepth(text) > MAX_DEPTH) {
    throw new ModelError(`${place} nests deeper than ${MAX_DEPTH}, as no model's file does`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const fault = jsonFault(text);
    if (!(error instanceof SyntaxError) || !fault) throw error;
    throw new ModelError(
      `${place}:${fault.line}:${fault.column} is not JSON: ${fault.message}. Fetch the file again, or mend it there`,
    );
  }
  if (!isPlainObject(value)) throw new ModelError(`${place} holds ${show(value)}, not an object`);
  return value;
}

export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value as an error message shows it: short, and never deep, however large it is. */
export function show(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) {
    const isShort = value.length <= MAX_SHOWN_ITEMS && value.every(isScalar);
    return isShort ? `[${value.map(show).join(", ")}]` : `a list of ${value.length}`;
  }
  if (!isScalar(value)) return "an object";
  const text = Number.isNaN(value) ? "NaN" : JSON.stringify(value);
  return text.length > MAX_SHOWN_CHARS ? `${text.slice(0, MAX_SHOWN_CHARS)}…` : text;
}

/** How deep brackets nest in a text that may or may not be JSON. 1 ns a character. */
function nestingDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  let isInString = false;
  for (let index = 0; index < text.length; index++) {
    const char = text.charCodeAt(index);
    if (char === QUOTE) isInString = !isInString;
    else if (isInString) index += char === BACKSLASH ? 1 : 0;
    // "[" and "{", "]" and "}" differ in one bit.
    else if ((char | 0x20) === OPEN) deepest = Math.max(deepest, ++depth);
    else if ((char | 0x20) === CLOSE) depth--;
  }
  return deepest;
}

function isScalar(value: unknown): boolean {
  return typeof value !== "object" || value === null;
}

function isNumberWithin(value: unknown, { min, max }: Range): value is number {
  return typeof value === "number" && value >= min && value <= max;
}

function isIntegerWithin(value: unknown, range: Range): value is number {
  return isNumberWithin(value, range) && Number.isInteger(value);
}
