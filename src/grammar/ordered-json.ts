// JSON with what JSON.parse loses: the order of integer-like keys, `__proto__`, the digits of numbers, and the place
// of each value. The last value of a repeated key counts, as for JSON.parse.

import { GrammarError } from "./grammar-error.ts";

export type JsonNode =
  | { readonly type: "null"; readonly pointer: string }
  | { readonly type: "boolean"; readonly pointer: string; readonly value: boolean }
  /** `text`: as it was written. */
  | { readonly type: "number"; readonly pointer: string; readonly text: string }
  | { readonly type: "string"; readonly pointer: string; readonly value: string }
  | { readonly type: "array"; readonly pointer: string; readonly items: readonly JsonNode[] }
  | JsonObjectNode;

export interface JsonObjectNode {
  readonly type: "object";
  readonly pointer: string;
  readonly members: ReadonlyMap<string, JsonNode>;
}

const MAX_CHARS = 2 ** 20;
const MAX_DEPTH = 128;

/** Throws `GrammarError` with a place in the text, or a JSON pointer. */
export function parseOrderedJson(text: string): JsonNode {
  if (text.length > MAX_CHARS) {
    throw new GrammarError(
      "grammar_too_complex",
      "#",
      `the schema is longer than ${MAX_CHARS} characters`,
    );
  }
  return new Reader(text).document();
}

class Reader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): JsonNode {
    const value = this.#value("#");
    if (this.#at < this.#text.length) throw this.#fault("expected the end");
    return value;
  }

  #value(pointer: string): JsonNode {
    if (++this.#depth > MAX_DEPTH) {
      throw new GrammarError(
        "grammar_too_complex",
        shorten(pointer),
        `it nests deeper than ${MAX_DEPTH} levels`,
      );
    }
    this.#space();
    const value = this.#bare(pointer);
    this.#space();
    this.#depth--;
    return value;
  }

  #bare(pointer: string): JsonNode {
    const one = this.#peek();
    if (one === "{") return this.#object(pointer);
    if (one === "[") return this.#array(pointer);
    if (one === '"') return { type: "string", pointer, value: this.#string() };
    if (this.#word("true")) return { type: "boolean", pointer, value: true };
    if (this.#word("false")) return { type: "boolean", pointer, value: false };
    if (this.#word("null")) return { type: "null", pointer };
    return { type: "number", pointer, text: this.#number() };
  }

  #object(pointer: string): JsonNode {
    const members = new Map<string, JsonNode>();
    this.#list("}", () => {
      this.#space();
      if (this.#peek() !== '"') throw this.#fault("expected a key in double quotes");
      const key = this.#string();
      this.#space();
      if (!this.#skip(":")) throw this.#fault('expected ":"');
      members.set(
        key,
        this.#value(`${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`),
      );
    });
    return { type: "object", pointer, members };
  }

  #array(pointer: string): JsonNode {
    const items: JsonNode[] = [];
    this.#list("]", () => items.push(this.#value(`${pointer}/${items.length}`)));
    return { type: "array", pointer, items };
  }

  #list(close: string, item: () => void): void {
    this.#at++;
    this.#space();
    if (this.#skip(close)) return;
    do item();
    while (this.#skip(","));
    if (!this.#skip(close)) throw this.#fault(`expected "," or "${close}"`);
  }

  #string(): string {
    const begin = this.#at++;
    while (this.#peek() !== '"') {
      if (this.#at >= this.#text.length) throw this.#fault("this string does not end", begin);
      this.#at += this.#peek() === "\\" ? 2 : 1;
    }
    this.#at++;
    try {
      return JSON.parse(this.#text.slice(begin, this.#at)) as string;
    } catch (error) {
      if (error instanceof SyntaxError)
        throw this.#fault("this string has a wrong escape or a control character", begin);
      throw error;
    }
  }

  #number(): string {
    const begin = this.#at;
    this.#skip("-");
    if (!this.#skip("0") && this.#digits() === 0) throw this.#fault("expected a value", begin);
    if (this.#skip(".") && this.#digits() === 0) throw this.#fault("expected digits");
    if (this.#skip("e") || this.#skip("E")) {
      if (!this.#skip("+")) this.#skip("-");
      if (this.#digits() === 0) throw this.#fault("expected digits");
    }
    return this.#text.slice(begin, this.#at);
  }

  #digits(): number {
    const begin = this.#at;
    while (this.#peek() >= "0" && this.#peek() <= "9") this.#at++;
    return this.#at - begin;
  }

  #word(word: string): boolean {
    if (!this.#text.startsWith(word, this.#at)) return false;
    this.#at += word.length;
    return true;
  }

  #space(): void {
    while (" \t\n\r".includes(this.#peek()) && this.#at < this.#text.length) this.#at++;
  }

  #peek(): string {
    return this.#text[this.#at] ?? "";
  }

  #skip(one: string): boolean {
    if (this.#text[this.#at] !== one) return false;
    this.#at++;
    return true;
  }

  #fault(message: string, at = this.#at): GrammarError {
    const before = this.#text.slice(0, at).split("\n");
    const column = (before.at(-1) ?? "").length + 1;
    return new GrammarError("grammar_invalid", `line ${before.length}, column ${column}`, message);
  }
}

/** Pointers of deep places are long; their beginning says enough. */
function shorten(pointer: string): string {
  return pointer.length > 200 ? `${pointer.slice(0, 200)}...` : pointer;
}
