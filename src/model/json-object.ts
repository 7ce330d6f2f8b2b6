// JSON files of a model, and GGUF's metadata, read key by key. Their authors are not trusted: a schema checks each value
// where it is read, and each error says `file: key`, what was expected and what was found.

import * as v from "valibot";

import { describeInFile, showFound } from "../base/describe-issue.ts";
import { jsonFault } from "../base/json-fault.ts";
import { ModelError } from "./model-files.ts";
import { openFile, unreadable } from "./model-path.ts";
import { isPlainObject, OBJECT, OBJECTS } from "./value-schemas.ts";

// The largest vocabularies known have 35 MB; nothing in a model directory has reason to be larger.
const MAX_JSON_BYTES = 200 * 2 ** 20;

// Bun parses any depth, at 80 bytes of memory for each bracket.
const MAX_DEPTH = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/** One JSON object, or what has the same kinds of values. A key that is `null` reads like one that is absent: Python writes None so. */
export class JsonObject {
  /** Place for error messages: `…/config.json` or `…/config.json: rope_scaling`. */
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

  /** True if the key is there at all, be it with `null`. */
  has(key: string): boolean {
    return Object.hasOwn(this.#fields, key);
  }

  keys(): readonly string[] {
    return Object.keys(this.#fields);
  }

  /** The value, checked; undefined where there is none. Throws `ModelError`. */
  read<T>(key: string, schema: v.GenericSchema<unknown, T>): T | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    const result = v.safeParse(schema, value);
    if (result.success) return result.output;
    throw new ModelError(`${this.place}: ${key} ${describeInFile(result.issues[0], value)}`);
  }

  require<T>(key: string, schema: v.GenericSchema<unknown, T>): T {
    const value = this.read(key, schema);
    if (value === undefined) throw this.missing(key);
    return value;
  }

  object(key: string): JsonObject | undefined {
    const value = this.read(key, OBJECT);
    return value && new JsonObject(`${this.place}: ${key}`, value);
  }

  objects(key: string): readonly JsonObject[] | undefined {
    return this.read(key, OBJECTS)?.map(
      (item, index) => new JsonObject(`${this.place}: ${key}[${index}]`, item),
    );
  }

  missing(key: string): ModelError {
    return new ModelError(`${this.place}: ${key} is missing`);
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
  if (!isPlainObject(value))
    throw new ModelError(`${place} holds ${showFound(value)}, not an object`);
  return value;
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
