// The fields of a JSON body, read by name. It knows the path of each value, for errors, and which fields were asked
// for: the others are unknown to this server, and the answer names them (docs/decisions/0055).

import { type ApiError, invalidRequest } from "./api-error.ts";

type Json = Readonly<Record<string, unknown>>;

interface Bounds {
  readonly min?: number;
  /** An exclusive minimum. */
  readonly above?: number;
  readonly max?: number;
}

/** Fields of an object whose names are looked at. */
const MAX_FIELDS = 256;
/** Objects of one body: to read more would take the thread that writes all streams for too long. */
const MAX_OBJECTS = 65_536;
/** Names of unknown fields that are kept; an answer's header shows fewer. */
const MAX_IGNORED = 64;
const MAX_SHOWN = 60;

/** Findings in a whole body. */
export interface Notes {
  /** Names of what was passed over. */
  readonly ignored: Set<string>;
  /** Objects whose fields were looked at. */
  numObjects: number;
}

export function newNotes(): Notes {
  return { ignored: new Set(), numObjects: 0 };
}

/** A value in a body. `null` counts as absent where a field may be absent. */
export class Place {
  readonly value: unknown;
  /** As `messages[0].content`; the body itself has "". */
  readonly path: string;
  readonly #notes: Notes;

  constructor(value: unknown, path: string, notes: Notes) {
    this.value = value;
    this.path = path;
    this.#notes = notes;
  }

  get isString(): boolean {
    return typeof this.value === "string";
  }

  get isList(): boolean {
    return Array.isArray(this.value);
  }

  string(must = "must be a string"): string {
    if (typeof this.value !== "string") throw this.wrong(must);
    return this.value;
  }

  fields(): Fields {
    const { value } = this;
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw this.wrong("must be an object");
    return new Fields(value as Json, this.path, this.#notes);
  }

  list(max: number, must = "must be a list"): readonly Place[] {
    const { value, path } = this;
    if (!Array.isArray(value)) throw this.wrong(must);
    if (value.length > max) throw this.#tooMany(max, "elements");
    return value.map((item, index) => new Place(item, `${path}[${index}]`, this.#notes));
  }

  /** An object with fields of any name, as a JSON schema or metadata. */
  object(): Json {
    const { value } = this;
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw this.wrong("must be an object");
    return value as Json;
  }

  wrong(must: string, code = "invalid_type"): ApiError {
    return invalidRequest(code, `'${this.path}' ${must}; got ${shown(this.value)}.`, this.path);
  }

  /** This server knows what it asks for, and cannot do it yet. */
  unsupported(instead = "leave it out"): ApiError {
    const message = `'${this.path}' is not supported by this server yet; ${instead}.`;
    return invalidRequest("unsupported_parameter", message, this.path);
  }

  /** Passes it over; the answer names it. */
  ignore(as = ""): void {
    const name = this.path.replace(/\[\d+\]/g, "[]") + (as === "" ? "" : `.${as}`);
    if (this.#notes.ignored.size < MAX_IGNORED) this.#notes.ignored.add(name);
  }

  #tooMany(max: number, what: string): ApiError {
    return invalidRequest(
      "invalid_value",
      `'${this.path}' must have at most ${max} ${what}.`,
      this.path,
    );
  }
}

export class Fields {
  readonly path: string;
  readonly #values: Json;
  readonly #asked = new Set<string>();
  readonly #notes: Notes;

  constructor(values: Json, path: string, notes: Notes) {
    this.#values = values;
    this.path = path;
    this.#notes = notes;
    let count = 0;
    for (const _ in values) if (++count > MAX_FIELDS) throw tooManyFields(path);
    if (++notes.numObjects > MAX_OBJECTS) throw tooManyObjects();
  }

  static ofBody(body: unknown): Fields {
    if (typeof body !== "object" || body === null || Array.isArray(body))
      throw invalidRequest("invalid_type", "The body must be a JSON object.");
    return new Fields(body as Json, "", newNotes());
  }

  /** Undefined where it is absent or null. */
  at(name: string): Place | undefined {
    this.#asked.add(name);
    const value = Object.hasOwn(this.#values, name) ? this.#values[name] : undefined;
    return value === undefined || value === null ? undefined : this.#place(name, value);
  }

  required(name: string): Place {
    const place = this.at(name);
    if (place) return place;
    const path = this.pathOf(name);
    throw invalidRequest("missing_required_parameter", `'${path}' is required.`, path);
  }

  string(name: string): string | undefined {
    return this.at(name)?.string();
  }

  flag(name: string): boolean | undefined {
    const place = this.at(name);
    if (place === undefined || typeof place.value === "boolean") return place?.value as boolean;
    throw place.wrong("must be true or false");
  }

  integer(name: string, bounds: Bounds = {}): number | undefined {
    const { min = 0, max = Number.MAX_SAFE_INTEGER } = bounds;
    const place = this.at(name);
    if (place === undefined) return undefined;
    const { value } = place;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max)
      return value;
    throw place.wrong(`must be an integer from ${min} to ${max}`);
  }

  decimal(name: string, { min = 0, above, max = Infinity }: Bounds = {}): number | undefined {
    const place = this.at(name);
    if (place === undefined) return undefined;
    const { value } = place;
    const isIn = (n: number) => (above === undefined ? n >= min : n > above) && n <= max;
    if (typeof value === "number" && isIn(value)) return value;
    const low = above === undefined ? `from ${min}` : `above ${above} and up`;
    throw place.wrong(`must be a number ${low} to ${max}`);
  }

  oneOf<Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    const place = this.at(name);
    if (place === undefined) return undefined;
    const word = words.find((each) => each === place.value);
    if (word !== undefined) return word;
    throw place.wrong(`must be one of ${words.join(", ")}`, "invalid_value");
  }

  fields(name: string): Fields | undefined {
    return this.at(name)?.fields();
  }

  /** An empty one where it is absent. */
  list(name: string, max: number): readonly Place[] {
    return this.at(name)?.list(max) ?? [];
  }

  /** Known, and without a say in the answer. */
  pass(...names: readonly string[]): void {
    for (const name of names) this.#asked.add(name);
  }

  /** Known, and not done: the answer names those that are there. */
  ignore(...names: readonly string[]): void {
    for (const name of names) this.at(name)?.ignore();
  }

  /** Passes the whole object over; the answer names it by what it is. */
  passOver(as: string): void {
    new Place(this.#values, this.path, this.#notes).ignore(as.slice(0, MAX_SHOWN));
  }

  /** Known, and not done yet: it would change the answer, so asking for it is refused. `harmless` values ask for nothing. */
  refuse(name: string, ...harmless: readonly unknown[]): void {
    const place = this.at(name);
    if (place && !harmless.includes(place.value)) throw place.unsupported();
  }

  /** Ends the reading of this object: fields that were not asked for are unknown. */
  close(): void {
    for (const name of Object.keys(this.#values)) {
      if (this.#notes.ignored.size >= MAX_IGNORED) return;
      const value = this.#values[name];
      if (!this.#asked.has(name) && value !== null) this.#place(name, value).ignore();
    }
  }

  /** Names of what was passed over in the whole body, as `input[].name`. */
  ignored(): readonly string[] {
    return [...this.#notes.ignored];
  }

  pathOf(name: string): string {
    return this.path === "" ? name : `${this.path}.${name}`;
  }

  #place(name: string, value: unknown): Place {
    return new Place(value, this.pathOf(name), this.#notes);
  }
}

function tooManyObjects(): ApiError {
  const message = `The body must have at most ${MAX_OBJECTS} objects with fields. Send less in one request.`;
  return invalidRequest("invalid_value", message);
}

function tooManyFields(path: string): ApiError {
  const what = path === "" ? "The body" : `'${path}'`;
  const message = `${what} must have at most ${MAX_FIELDS} fields.`;
  return invalidRequest("invalid_value", message, path === "" ? undefined : path);
}

/** As valibot shows what it got: texts and numbers as they are, the others by their kind. */
function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, MAX_SHOWN));
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
