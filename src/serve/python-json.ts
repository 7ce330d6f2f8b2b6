// JSON as Python reads and writes it (`json.loads`, `json.dumps`), to the byte: NaN and Infinity,
// integers of any length, 1.0 that stays 1.0, `\u` escapes for all that is not ASCII.

import { DynamoError } from "../base/error.ts";
import type { SourceText, Span } from "./config-error.ts";
import type { Path } from "./path.ts";
import { floatText, isDict, keyText, type PythonValue } from "./python-value.ts";
import { dictOf, type RepeatedKey, type Setting, type SettingsDocument } from "./setting.ts";

/** Deeper nesting is refused; Python's own limit is its recursion limit, about the same. */
const MAX_DEPTH = 900;

export function parseJson(text: string): PythonValue {
  return parsePlacedJson({ name: "JSON", text }).root.value;
}

/** Each value with its place. */
export function parsePlacedJson(source: SourceText): SettingsDocument {
  return new JsonReader(source).document();
}

/** `json.dumps(value)`, or with `indent` as `json.dumps(value, indent=indent)`. */
export function formatJson(value: PythonValue, indent?: number): string {
  return format(value, indent, "\n");
}

function format(value: PythonValue, indent: number | undefined, newline: string): string {
  if (typeof value === "string") return quote(value);
  if (typeof value === "number") return floatText(value);
  if (value === null || typeof value !== "object") return String(value);
  const inner = newline + " ".repeat(indent ?? 0);
  const items = isDict(value)
    ? [...value].map(([key, item]) => `${quote(keyText(key))}: ${format(item, indent, inner)}`)
    : value.map((item) => format(item, indent, inner));
  const [open, close] = isDict(value) ? "{}" : "[]";
  if (items.length === 0) return `${open}${close}`;
  if (indent === undefined) return `${open}${items.join(", ")}${close}`;
  return `${open}${inner}${items.join(`,${inner}`)}${newline}${close}`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\f": "\\f",
  "\b": "\\b",
};

function quote(text: string): string {
  // By UTF-16 unit, so that a character beyond the BMP becomes its surrogate pair.
  const escaped = text.replace(
    /[^ -~]|["\\]/g,
    (unit) => ESCAPES[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `"${escaped}"`;
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/y;
const PLAIN_CHARACTERS = /(?:[^"\\\p{Cc}]|[\u007f-\u009f])*/uy;
const WORDS: readonly (readonly [string, PythonValue])[] = [
  ["null", null],
  ["true", true],
  ["false", false],
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
];
const UNESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

type Key = Pick<Setting, "key" | "path" | "keySpan">;

class JsonReader {
  readonly #source: SourceText;
  readonly #text: string;
  readonly #repeated: RepeatedKey[] = [];
  #at = 0;

  constructor(source: SourceText) {
    this.#source = source;
    this.#text = source.text;
  }

  document(): SettingsDocument {
    this.#skipSpace();
    const root = this.#setting({ key: null, path: [], keySpan: undefined });
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#error("Extra data");
    return { root, repeated: this.#repeated };
  }

  #setting(key: Key): Setting {
    const start = this.#at;
    const { value, items } = this.#value(key.path);
    return { ...key, value, items, valueSpan: this.#spanFrom(start) };
  }

  #value(path: Path): Pick<Setting, "value" | "items"> {
    if (path.length > MAX_DEPTH) throw this.#error("Nested too deeply");
    const char = this.#text[this.#at];
    if (char === "{") return this.#object(path);
    if (char === "[") return this.#array(path);
    return { value: char === '"' ? this.#string() : this.#word(), items: [] };
  }

  #word(): PythonValue {
    for (const [word, value] of WORDS) {
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length;
        return value;
      }
    }
    return this.#number();
  }

  #number(): PythonValue {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    if (!match) throw this.#error("Expecting value");
    this.#at += match[0].length;
    const isFloat = match[1] !== undefined || match[2] !== undefined;
    return isFloat ? Number(match[0]) : BigInt(match[0]);
  }

  #object(path: Path): Pick<Setting, "value" | "items"> {
    const settings = new Map<string, Setting>();
    const firsts = new Map<string, Span>();
    this.#at += 1;
    this.#skipSpace();
    if (this.#take("}")) return { value: new Map(), items: [] };
    for (;;) {
      const [key, keySpan] = this.#key();
      const first = firsts.get(key);
      const inside = [...path, key];
      if (first) this.#repeated.push({ path: inside, first, again: keySpan });
      else firsts.set(key, keySpan);
      // A key given twice: the last value, the first place.
      settings.set(key, this.#setting({ key, path: inside, keySpan }));
      this.#skipSpace();
      if (this.#take("}")) break;
      if (!this.#take(",")) throw this.#error("Expecting ',' delimiter");
      this.#skipSpace();
    }
    const items = [...settings.values()];
    return { value: dictOf(items), items };
  }

  /** A key of an object and its ":". */
  #key(): [string, Span] {
    const start = this.#at;
    if (this.#text[start] !== '"') {
      throw this.#error("Expecting property name enclosed in double quotes");
    }
    const key = this.#string();
    const span = this.#spanFrom(start);
    this.#skipSpace();
    if (!this.#take(":")) throw this.#error("Expecting ':' delimiter");
    this.#skipSpace();
    return [key, span];
  }

  #array(path: Path): Pick<Setting, "value" | "items"> {
    const items: Setting[] = [];
    this.#at += 1;
    this.#skipSpace();
    if (this.#take("]")) return { value: [], items };
    for (;;) {
      const key = String(items.length);
      items.push(this.#setting({ key, path: [...path, key], keySpan: undefined }));
      this.#skipSpace();
      if (this.#take("]")) return { value: items.map(({ value }) => value), items };
      if (!this.#take(",")) throw this.#error("Expecting ',' delimiter");
      this.#skipSpace();
    }
  }

  #spanFrom(start: number): Span {
    return { source: this.#source, start, end: this.#at };
  }

  #string(): string {
    const start = this.#at;
    this.#at += 1;
    let text = "";
    for (;;) {
      PLAIN_CHARACTERS.lastIndex = this.#at;
      const plain = PLAIN_CHARACTERS.exec(this.#text)?.[0] ?? "";
      text += plain;
      this.#at += plain.length;
      if (this.#take('"')) return text;
      if (this.#at >= this.#text.length) {
        this.#at = start;
        throw this.#error("Unterminated string starting at");
      }
      if (!this.#take("\\")) throw this.#error("Invalid control character at");
      text += this.#escape();
    }
  }

  #escape(): string {
    const char = this.#text[this.#at] ?? "";
    if (char === "u") {
      const hex = this.#text.slice(this.#at + 1, this.#at + 5);
      if (!/^[0-9a-fA-F]{4}$/.test(hex)) throw this.#error("Invalid \\uXXXX escape");
      this.#at += 5;
      return String.fromCharCode(Number.parseInt(hex, 16));
    }
    const unescaped = UNESCAPES[char];
    if (unescaped === undefined) throw this.#error("Invalid \\escape");
    this.#at += 1;
    return unescaped;
  }

  #take(char: string): boolean {
    if (this.#text[this.#at] !== char) return false;
    this.#at += 1;
    return true;
  }

  #skipSpace(): void {
    while (" \t\n\r".includes(this.#text[this.#at] ?? "x")) this.#at += 1;
  }

  #error(what: string): JsonError {
    const before = this.#text.slice(0, this.#at).split("\n");
    const column = (before.at(-1)?.length ?? 0) + 1;
    return new JsonError(
      `${what}: line ${before.length} column ${column} (char ${this.#at})`,
      this.#at,
    );
  }
}

/** Text that is not JSON. The wording is Python's. */
export class JsonError extends DynamoError {
  override readonly code = "invalid_json";
  /** Offset into the text. */
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}
