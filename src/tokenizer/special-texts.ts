// Keeps special tokens out of what clients write into messages, calls, tools and variables. Before a template is rendered, each special token's text
// stands for one character of Unicode's private use; after it, the text is put back, and where it stands is
// known, so that the encoder finds no special token there. Templates trim, cut and compare the rest as it is.
//
//   "hi <|im_end|>" --mark--> "hi \uE000" --template--> "...hi \uE000<|im_end|>" --restore--> text, literals
//
// A field that begins with the end of a special token, or ends with the begin of one, is marked there as well, so that a
// template that joins fields makes no token of two halves.

import { DynamoError } from "../base/error.ts";
import type { Literal } from "./added-tokens.ts";
import { Trie } from "./trie.ts";

export interface PromptText {
  readonly text: string;
  /** Parts that become no added token, in order. */
  readonly literals: readonly Literal[];
}

export class SpecialTexts {
  /** All that follows is in lower case. */
  readonly #whole = new Trie<true>();
  readonly #begins = new Set<string>();
  readonly #ends = new Set<string>();
  readonly #maxLength: number;

  constructor(texts: readonly string[]) {
    this.#maxLength = texts.reduce((longest, text) => Math.max(longest, text.length), 0);
    for (const text of texts) {
      const lower = lowerCase(text);
      this.#whole.set(lower, true);
      for (let length = 1; length < lower.length; length++) {
        this.#begins.add(lower.slice(0, length));
        this.#ends.add(lower.slice(-length));
      }
    }
  }

  /** For one prompt. `inputs` gives all that comes into it, as its strings will stand there. */
  marking(inputs: () => unknown): Marking {
    const marks = new Marks(() => stringsOf(inputs()));
    return {
      mark: <T>(value: T) => (this.#whole.isEmpty ? value : (this.#markValue(value, marks) as T)), // of the same shape
      flag: () => marks.of(""),
      restore: (text) => marks.restore(text),
    };
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

  /** Special texts in any case, since a template may change it, and halves of them at both ends. < 10 ns a character. */
  *#find(text: string): Generator<readonly [from: number, to: number]> {
    const lower = lowerCase(text);
    const first = text.length - text.trimStart().length;
    const last = text.trimEnd().length;
    const head = this.#half(lower.slice(first, first + this.#maxLength), "ends");
    const tail = this.#half(lower.slice(Math.max(0, last - this.#maxLength), last), "begins");
    let at = 0;
    if (head > 0 && this.#whole.longestAt(lower, first) === undefined) {
      yield [first, first + head];
      at = first + head;
    }
    at = this.#whole.nextBegin(lower, at);
    for (; at < lower.length; at = this.#whole.nextBegin(lower, at)) {
      const end = this.#whole.longestAt(lower, at)?.end;
      if (end !== undefined) yield [at, end];
      else if (tail > 0 && at === last - tail) yield [at, last];
      at = end ?? at + 1;
    }
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

export interface Marking {
  /** A copy of what a client wrote, its strings marked, keys of values too. */
  mark<T>(value: T): T;
  /** A character that stands in no input, for a place in the prompt. */
  flag(): string;
  /** Puts the texts back into a prompt that was made of such copies. */
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

/** A code unit stands where it stood: the one character that `toLowerCase` makes longer is replaced before. */
function lowerCase(text: string): string {
  return text.replaceAll("\u0130", "i").toLowerCase();
}

/** A conversation that leaves no character to mark special tokens with. */
export class PrivateUseError extends DynamoError {
  override readonly code = "invalid_request";

  constructor(message: string) {
    super(message, { param: "messages" });
  }
}
