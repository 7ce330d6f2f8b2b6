// A template's source as tokens, with transformers' settings: the newline behind a block goes (`trim_blocks`), and
// so do blanks before one on its line (`lstrip_blocks`).

export class SyntaxFault extends Error {}

export interface Token {
  readonly type: "text" | "output" | "block" | "end" | "name" | "string" | "int" | "float" | "op";
  readonly value: string;
  readonly at: number;
}

const TAG = /\{\{|\{%|\{#/g;
const RAW = /\{%[-+]?\s*raw\s*(?:-%\}\s*|%\})/y;
const RAW_END = /\{%([-+]?)\s*endraw\s*(?:\+%\}|-%\}\s*|%\}\n?)/g;
const COMMENT_END = /([-+]?)#\}/g;
const BLANK = /\s+/y;
const NAME = /[\p{L}\p{Nl}_][\p{L}\p{N}\p{M}_]*/uy;
const FLOAT = /\d+(?:_\d+)*(?:\.\d+(?:_\d+)*(?:[eE][+-]?\d+)?|[eE][+-]?\d+)/y;
const INT = /0[bB][01_]+|0[oO][0-7_]+|0[xX][\da-fA-F_]+|\d+(?:_\d+)*/y;
const STRING = /'[^'\\]*(?:\\[\s\S][^'\\]*)*'|"[^"\\]*(?:\\[\s\S][^"\\]*)*"/y;
const OP = /\/\/|\*\*|==|!=|>=|<=|[+\-/*%~[\](){}><=.:|,;]/y;

export function tokensOf(source: string): readonly Token[] {
  return new Lexer(source.replace(/\r\n?/g, "\n").replace(/\n$/, "")).run();
}

class Lexer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  #at = 0;
  /** A tag may begin its line here. */
  #beginsLine = true;

  constructor(source: string) {
    this.#source = source;
  }

  run(): readonly Token[] {
    while (this.#at < this.#source.length) {
      TAG.lastIndex = this.#at;
      const [open] = TAG.exec(this.#source) ?? [undefined];
      if (open === undefined) {
        this.#push("text", this.#source.slice(this.#at));
        break;
      }
      const begin = TAG.lastIndex - 2;
      this.#text(begin, this.#source[begin + 2] ?? "", open !== "{{");
      this.#at = begin;
      if (open === "{#") this.#comment();
      else if (open !== "{%" || !this.#raw()) this.#tag(open);
    }
    return this.#tokens;
  }

  #text(end: number, sign: string, isBlock: boolean): void {
    const text = stripped(this.#source.slice(this.#at, end), {
      sign,
      isBlock,
      beginsLine: this.#beginsLine,
    });
    if (text !== "") this.#push("text", text);
  }

  #comment(): void {
    COMMENT_END.lastIndex = this.#at + 2;
    const found = COMMENT_END.exec(this.#source);
    if (found === null) throw this.#fault("a comment has no end");
    this.#at = COMMENT_END.lastIndex;
    this.#afterTag(found[1] ?? "", true);
  }

  #raw(): boolean {
    const begin = this.#match(RAW);
    if (begin === undefined) return false;
    RAW_END.lastIndex = this.#at;
    const end = RAW_END.exec(this.#source);
    if (end === null) throw this.#fault("raw has no endraw");
    this.#beginsLine = begin.endsWith("\n");
    this.#text(end.index, end[1] ?? "", true);
    this.#at = RAW_END.lastIndex;
    this.#beginsLine = end[0].endsWith("\n");
    return true;
  }

  #tag(open: string): void {
    const isBlock = open === "{%";
    this.#push(isBlock ? "block" : "output", open);
    this.#at += 2;
    if (/[-+]/.test(this.#source[this.#at] ?? "")) this.#at++;
    const close = isBlock ? /([-+]?)%\}/y : /(-?)\}\}/y;
    for (let depth = 0; ; ) {
      this.#match(BLANK);
      close.lastIndex = this.#at;
      const end = depth === 0 ? close.exec(this.#source) : null;
      if (end !== null) {
        this.#push("end", end[0]);
        this.#at = close.lastIndex;
        this.#afterTag(end[1] ?? "", isBlock);
        return;
      }
      depth += this.#token();
    }
  }

  /** By how much brackets are deeper behind it. */
  #token(): number {
    for (const [type, pattern] of PATTERNS) {
      const at = this.#at;
      const value = this.#match(pattern);
      if (value === undefined) continue;
      this.#tokens.push({ type, value: type === "string" ? unescaped(value) : value, at });
      if (type !== "op") return 0;
      return "([{".includes(value) ? 1 : ")]}".includes(value) ? -1 : 0;
    }
    throw this.#fault(this.#at < this.#source.length ? "an unknown character" : "a tag has no end");
  }

  #afterTag(sign: string, isBlock: boolean): void {
    const begin = this.#at;
    if (sign === "-") this.#match(BLANK);
    else if (isBlock && sign !== "+" && this.#source[this.#at] === "\n") this.#at++;
    this.#beginsLine = this.#at > begin && this.#source[this.#at - 1] === "\n";
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #push(type: Token["type"], value: string): void {
    this.#tokens.push({ type, value, at: this.#at });
  }

  #fault(reason: string): SyntaxFault {
    return new SyntaxFault(`line ${lineOf(this.#source, this.#at)}: ${reason}`);
  }
}

const PATTERNS: readonly (readonly [Token["type"], RegExp])[] = [
  ["float", FLOAT],
  ["int", INT],
  ["name", NAME],
  ["string", STRING],
  ["op", OP],
];

export function lineOf(source: string, at: number): number {
  return source.slice(0, at).split("\n").length;
}

interface Stripping {
  readonly sign: string;
  readonly isBlock: boolean;
  readonly beginsLine: boolean;
}

function stripped(text: string, { sign, isBlock, beginsLine }: Stripping): string {
  if (sign === "-") return text.trimEnd();
  if (sign === "+" || !isBlock) return text;
  const line = text.lastIndexOf("\n") + 1;
  return (line > 0 || beginsLine) && text.slice(line).trim() === "" ? text.slice(0, line) : text;
}

const SHORT: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  b: "\b",
  f: "\f",
  v: "\v",
  a: "\x07",
  "\n": "",
  "\\": "\\",
  "'": "'",
  '"': '"',
};

function unescaped(literal: string): string {
  const body = literal.slice(1, -1);
  if (!body.includes("\\")) return body;
  return body.replace(
    /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{1,3})|([\s\S]))/g,
    (whole, x?: string, u?: string, long?: string, octal?: string, short = "") => {
      const hex = x ?? u ?? long;
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
      if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
      return SHORT[short] ?? whole;
    },
  );
}
