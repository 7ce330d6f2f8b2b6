// Keeps special tokens out of what clients write into messages. Before a template is rendered, each special token's text
// in a message stands for one character of Unicode's private use; after it, the text is put back, and where it stands is
// known, so that the encoder finds no special token there. Templates trim, cut and compare the rest as it is.
//
//   "hi <|im_end|>" --mark--> "hi \uE000" --template--> "...hi \uE000<|im_end|>" --restore--> text, literals
//
// A field that begins with the end of a special token, or ends with the begin of one, is marked there as well, so that a
// template that joins fields makes no token of two halves.

import { DynamoError } from "../base/error.ts";
import type { Literal } from "./added-tokens.ts";

export interface PromptText {
  readonly text: string;
  /** In order: of what no added token is made. */
  readonly literals: readonly Literal[];
}

export class SpecialTexts {
  readonly #whole: Trie = { next: new Map(), ends: false };
  /** Any character that a special token begins with, in both cases. */
  readonly #first: RegExp;
  /** Begins and ends of special tokens, in lower case. */
  readonly #begins = new Set<string>();
  readonly #ends = new Set<string>();
  readonly #maxLength: number;

  constructor(texts: readonly string[]) {
    this.#maxLength = texts.reduce((longest, text) => Math.max(longest, text.length), 0);
    const firsts = texts.flatMap(([char = ""]) => [char.toLowerCase(), char.toUpperCase()]);
    this.#first = new RegExp(firsts.map(escapeRegExp).join("|"), "g");
    for (const text of texts) {
      const lower = asciiLower(text);
      insert(this.#whole, lower);
      for (let length = 1; length < lower.length; length++) {
        this.#begins.add(lower.slice(0, length));
        this.#ends.add(lower.slice(-length));
      }
    }
  }

  /** A copy of `value`, JSON, whose strings are marked. `others` are texts that come into the same prompt. */
  mark<T>(value: T, others: readonly string[] = []): Marked<T> {
    const marks = new Marks(() => [...stringsOf(value), ...others]);
    const marked = this.#maxLength === 0 ? value : this.#markValue(value, marks);
    return { value: marked as T, restore: (text) => marks.restore(text) };
  }

  #markValue(value: unknown, marks: Marks): unknown {
    if (typeof value === "string") return this.#markText(value, marks);
    if (Array.isArray(value)) return value.map((item) => this.#markValue(item, marks));
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value).map(([key, field]) => [
      this.#markText(key, marks),
      this.#markValue(field, marks),
    ]);
    return Object.fromEntries(entries);
  }

  #markText(text: string, marks: Marks): string {
    let marked = "";
    let end = 0;
    for (const [from, to] of this.#find(text)) {
      marked += text.slice(end, from) + marks.of(text.slice(from, to));
      end = to;
    }
    return end === 0 ? text : marked + text.slice(end);
  }

  /** Special texts in any case, since a template may change it, and halves of them at both ends. */
  *#find(text: string): Generator<readonly [from: number, to: number]> {
    const first = text.length - text.trimStart().length;
    const last = text.trimEnd().length;
    const head = this.#half(asciiLower(text.slice(first, first + this.#maxLength)), "ends");
    const tail = this.#half(
      asciiLower(text.slice(Math.max(0, last - this.#maxLength), last)),
      "begins",
    );
    let at = 0;
    if (head > 0 && this.#wholeEnd(text, first) === undefined) {
      yield [first, first + head];
      at = first + head;
    }
    for (;;) {
      const begin = this.#nextFirst(text, at);
      if (begin === undefined) return;
      const end = this.#wholeEnd(text, begin);
      if (end !== undefined) yield [begin, end];
      else if (tail > 0 && begin === last - tail) yield [begin, last];
      at = end ?? begin + 1;
    }
  }

  #nextFirst(text: string, from: number): number | undefined {
    this.#first.lastIndex = from;
    return this.#first.exec(text)?.index;
  }

  #wholeEnd(text: string, begin: number): number | undefined {
    let found: number | undefined;
    let node = this.#whole.next.get(asciiLowerUnit(text.charCodeAt(begin)));
    for (let end = begin + 1; node !== undefined; end++) {
      if (node.ends) found = end;
      node = end < text.length ? node.next.get(asciiLowerUnit(text.charCodeAt(end))) : undefined;
    }
    return found;
  }

  /** How many characters at the edge are a part of a special text. */
  #half(edge: string, which: "begins" | "ends"): number {
    for (let length = edge.length; length > 0; length--) {
      const part = which === "ends" ? edge.slice(0, length) : edge.slice(-length);
      if ((which === "ends" ? this.#ends : this.#begins).has(part)) return length;
    }
    return 0;
  }
}

export interface Marked<T> {
  readonly value: T;
  /** Puts the texts back into what was made of `value`. */
  restore(text: string): PromptText;
}

/** One character for each text, none of which stands in the prompt by itself. */
class Marks {
  readonly #texts: () => Iterable<string>;
  readonly #charOf = new Map<string, string>();
  readonly #textOf = new Map<string, string>();
  #free: Iterator<string> | undefined;

  constructor(texts: () => Iterable<string>) {
    this.#texts = texts;
  }

  of(text: string): string {
    const known = this.#charOf.get(text);
    if (known !== undefined) return known;
    this.#free ??= freeChars(this.#texts());
    const { value: char, done } = this.#free.next();
    if (done) throw new PrivateUseError("the messages use every private-use character");
    this.#charOf.set(text, char);
    this.#textOf.set(char, text);
    return char;
  }

  restore(marked: string): PromptText {
    if (this.#textOf.size === 0) return { text: marked, literals: [] };
    const literals: Literal[] = [];
    let text = "";
    for (const part of marked.split(/(\p{Co})/u)) {
      const original = this.#textOf.get(part);
      if (original !== undefined) {
        literals.push({ begin: text.length, end: text.length + original.length });
      }
      text += original ?? part;
    }
    return { text, literals };
  }
}

/** Private-use characters that no text has. */
function* freeChars(texts: Iterable<string>): Generator<string, undefined> {
  const used = new Set<string>();
  for (const text of texts) for (const [char] of text.matchAll(/\p{Co}/gu)) used.add(char);
  for (const [first, last] of PRIVATE_USE) {
    for (let code = first; code <= last; code++) {
      const char = String.fromCodePoint(code);
      if (!used.has(char)) yield char;
    }
  }
  return undefined;
}

const PRIVATE_USE = [
  [0xe000, 0xf8ff],
  [0xf0000, 0xffffd],
  [0x100000, 0x10fffd],
] as const;

function* stringsOf(value: unknown): Generator<string> {
  if (typeof value === "string") yield value;
  else if (typeof value === "object" && value !== null) {
    for (const [key, field] of Object.entries(value)) {
      yield key;
      yield* stringsOf(field);
    }
  }
}

interface Trie {
  readonly next: Map<number, Trie>;
  ends: boolean;
}

function insert(root: Trie, text: string): void {
  let node = root;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    let next = node.next.get(unit);
    if (next === undefined) {
      next = { next: new Map(), ends: false };
      node.next.set(unit, next);
    }
    node = next;
  }
  node.ends = true;
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}

/** Keeps the length, which `toLowerCase` does not. */
function asciiLower(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function asciiLowerUnit(unit: number): number {
  return unit >= 0x41 && unit <= 0x5a ? unit + 32 : unit;
}

/** A conversation that leaves no character to mark special tokens with. */
export class PrivateUseError extends DynamoError {
  override readonly code = "invalid_request";

  constructor(message: string) {
    super(message, { param: "messages" });
  }
}
