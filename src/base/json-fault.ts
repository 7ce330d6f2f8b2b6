// Finds where a text stops being JSON (RFC 8259), and what should stand there. JSON.parse tells no place, and its words
// are an engine's; so a text that it has refused is read once more, slowly.

export interface JsonFault {
  /** One-based, as editors count. */
  readonly line: number;
  readonly column: number;
  /** The end of a sentence that begins with the place: `expected "," or "]"`. */
  readonly message: string;
}

/** `text` is none that JSON.parse takes, and nests no deeper than the stack allows. */
export function jsonFault(text: string): JsonFault | undefined {
  const reader = new FaultReader(text);
  try {
    reader.document();
    return undefined;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const before = text.slice(0, error.at);
    const line = before.split("\n").length;
    return { line, column: error.at - before.lastIndexOf("\n"), message: error.message };
  }
}

class Fault extends Error {
  readonly at: number;

  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

const SPACE = /[ \t\n\r]*/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: a string may not hold them
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?(?![\w.+-])/y;
const WORD = /(?:true|false|null)(?!\w)/y;

class FaultReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): void {
    this.#skip(SPACE);
    this.#value();
    if (this.#at < this.#text.length) throw this.#fault("expected the end: the value is complete");
  }

  #value(): void {
    const char = this.#text[this.#at];
    if (char === "{") this.#items("}", () => this.#member());
    else if (char === "[") this.#items("]", () => this.#value());
    else if (char === '"') this.#string();
    else if (!this.#skip(NUMBER) && !this.#skip(WORD)) throw this.#fault("expected a value");
    this.#skip(SPACE);
  }

  #items(close: "}" | "]", item: () => void): void {
    this.#at += 1;
    this.#skip(SPACE);
    if (this.#text[this.#at] !== close) {
      for (let isFirst = true; isFirst || this.#text[this.#at] === ","; isFirst = false) {
        if (!isFirst) this.#at += 1;
        this.#skip(SPACE);
        if (!isFirst && this.#text[this.#at] === close) {
          throw this.#fault("a comma stands before the end; remove it");
        }
        item();
      }
    }
    if (this.#text[this.#at] !== close) throw this.#fault(`expected "," or "${close}"`);
    this.#at += 1;
  }

  #member(): void {
    if (this.#text[this.#at] !== '"') throw this.#fault("expected a key in double quotes");
    this.#string();
    this.#skip(SPACE);
    if (this.#text[this.#at] !== ":") throw this.#fault('expected ":"');
    this.#at += 1;
    this.#skip(SPACE);
    this.#value();
  }

  #string(): void {
    if (!this.#skip(STRING)) throw this.#fault("this string does not end, or has a wrong escape");
  }

  /** True if `pattern` is here; it is then behind. */
  #skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    if (!pattern.test(this.#text)) return false;
    this.#at = pattern.lastIndex;
    return true;
  }

  #fault(message: string): Fault {
    if (this.#at < this.#text.length) return new Fault(this.#at, message);
    if (this.#text.trim() === "") return new Fault(this.#at, "it is empty");
    return new Fault(this.#at, "the text ends in the middle: it was cut short");
  }
}
