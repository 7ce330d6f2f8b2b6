// Values as Python writes them, into JSON. Models that call tools in Python write no other expressions.

const MAX_DEPTH = 64;

/** JSON text of a literal: a string, a number, None, True, False, and lists, tuples, sets and dicts of them. */
export function jsonOfPython(text: string): string | undefined {
  const reader = new LiteralReader(text);
  try {
    const json = reader.value(0);
    return reader.isAtEnd ? json : undefined;
  } catch (error) {
    if (error instanceof NoLiteral) return undefined;
    throw error;
  }
}

class NoLiteral extends Error {}

class LiteralReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    this.#space();
    return this.#at === this.#text.length;
  }

  value(depth: number): string {
    if (depth > MAX_DEPTH) throw new NoLiteral();
    this.#space();
    const char = this.#text[this.#at] ?? "";
    if (char === "[") return `[${this.#items("]", depth).join(", ")}]`;
    if (char === "(") return `[${this.#items(")", depth).join(", ")}]`;
    if (char === "{") return this.#braces(depth);
    if (/^[rRuU]?['"]/.test(this.#text.slice(this.#at, this.#at + 2))) return this.#strings();
    return this.#word();
  }

  #space(): void {
    while (/\s/.test(this.#text[this.#at] ?? "")) this.#at++;
  }

  #accept(char: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #items(end: string, depth: number): string[] {
    this.#at++;
    const items: string[] = [];
    while (!this.#accept(end)) {
      items.push(this.value(depth + 1));
      if (this.#accept(",")) continue;
      if (!this.#accept(end)) throw new NoLiteral();
      break;
    }
    return items;
  }

  /** A dict, or a set. */
  #braces(depth: number): string {
    const begin = this.#at++;
    if (this.#accept("}")) return "{}";
    const first = this.value(depth + 1);
    if (!this.#accept(":")) {
      this.#at = begin;
      return `[${this.#items("}", depth).join(", ")}]`;
    }
    const fields = [field(first, this.value(depth + 1))];
    while (this.#accept(",") && this.#text[this.#skipped()] !== "}") {
      const key = this.value(depth + 1);
      if (!this.#accept(":")) throw new NoLiteral();
      fields.push(field(key, this.value(depth + 1)));
    }
    if (!this.#accept("}")) throw new NoLiteral();
    return `{${fields.join(", ")}}`;
  }

  #skipped(): number {
    this.#space();
    return this.#at;
  }

  /** Strings side by side are one. */
  #strings(): string {
    let text = "";
    for (;;) {
      const prefix = /^[rRuU]?(?=['"])/.exec(this.#text.slice(this.#skipped(), this.#at + 2))?.[0];
      if (prefix === undefined) return JSON.stringify(text);
      this.#at += prefix.length;
      text += this.#string(prefix.toLowerCase() === "r");
    }
  }

  #string(isRaw: boolean): string {
    const quote = this.#text[this.#at++];
    let text = "";
    for (;;) {
      const char = this.#text[this.#at++];
      if (char === undefined) throw new NoLiteral();
      if (char === quote) return text;
      if (char !== "\\") text += char;
      else if (isRaw) text += char + (this.#text[this.#at++] ?? "");
      else text += this.#escape();
    }
  }

  /** One that Python does not know stays as it is. */
  #escape(): string {
    const char = this.#text[this.#at++] ?? "";
    const simple = ESCAPES[char];
    if (simple !== undefined) return simple;
    const length = { x: 2, u: 4, U: 8 }[char];
    if (length === undefined) return `\\${char}`;
    const hex = this.#text.slice(this.#at, this.#at + length);
    const code = Number.parseInt(hex, 16);
    if (!/^[\da-fA-F]+$/.test(hex) || hex.length < length || code > 0x10ffff) throw new NoLiteral();
    this.#at += length;
    return String.fromCodePoint(code);
  }

  #word(): string {
    const [word = ""] = /^[-+.\w]+/.exec(this.#text.slice(this.#at)) ?? [];
    this.#at += word.length;
    const constant = CONSTANTS[word];
    if (constant !== undefined) return constant;
    const json = jsonNumber(word);
    if (json === undefined) throw new NoLiteral();
    return json;
  }
}

/** A number as JSON writes it, with all its digits. */
function jsonNumber(word: string): string | undefined {
  const plain = word.replaceAll(/(?<=\d)_(?=\d)/g, "").replace(/^\+/, "");
  if (/^-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?$/.test(plain)) return plain;
  if (!/^-?(\d+\.?\d*|\.\d+|0[xXoObB][\da-fA-F]+)([eE][-+]?\d+)?$/.test(plain)) return undefined;
  const value = plain.startsWith("-") ? -Number(plain.slice(1)) : Number(plain);
  return Number.isFinite(value) ? JSON.stringify(value) : undefined;
}

function field(key: string, value: string): string {
  return `${key.startsWith('"') ? key : JSON.stringify(key)}: ${value}`;
}

const CONSTANTS: Readonly<Record<string, string>> = {
  ...{ None: "null", True: "true", False: "false" },
  ...{ null: "null", true: "true", false: "false" },
};

const ESCAPES: Readonly<Record<string, string>> = {
  ...{ n: "\n", r: "\r", t: "\t", b: "\b", f: "\f", v: "\v", a: "\x07", 0: "\0" },
  ...{ "\\": "\\", "'": "'", '"': '"', "\n": "" },
};
