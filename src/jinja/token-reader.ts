// Reads a template's tokens one after another.

import { lineOf, SyntaxFault, type Token } from "./lexer.ts";

export class TokenReader {
  readonly #tokens: readonly Token[];
  readonly #source: string;
  #at = 0;

  constructor(tokens: readonly Token[], source: string) {
    this.#tokens = tokens;
    this.#source = source;
  }

  peek(ahead = 0): Token {
    return this.#tokens[this.#at + ahead] ?? { type: "end", value: "", at: this.#source.length };
  }

  get isDone(): boolean {
    return this.#at >= this.#tokens.length;
  }

  next(): Token {
    const token = this.peek();
    this.#at++;
    return token;
  }

  isNext(sign: string): boolean {
    const { type, value } = this.peek();
    return type === "op" && value === sign;
  }

  isName(name: string, ahead = 0): boolean {
    const { type, value } = this.peek(ahead);
    return type === "name" && value === name;
  }

  /** At the tag's end, or before one of these signs or names. */
  isAtEnd(...ends: readonly string[]): boolean {
    const { type, value } = this.peek();
    return type === "end" || ((type === "op" || type === "name") && ends.includes(value));
  }

  skip(sign: string): boolean {
    const isThere = this.isNext(sign);
    if (isThere) this.#at++;
    return isThere;
  }

  skipOneOf(signs: readonly string[]): string | undefined {
    return signs.find((sign) => this.skip(sign));
  }

  skipType(type: Token["type"]): string | undefined {
    return this.peek().type === type ? this.next().value : undefined;
  }

  skipName(name: string): boolean {
    return this.skipNames(name);
  }

  skipNames(...names: readonly string[]): boolean {
    const areThere = names.every((name, index) => this.isName(name, index));
    if (areThere) this.#at += names.length;
    return areThere;
  }

  /** `name =` before an argument's value. */
  skipKeyword(): string | undefined {
    const behind = this.peek(1);
    if (this.peek().type !== "name" || behind.type !== "op" || behind.value !== "=")
      return undefined;
    const { value } = this.next();
    this.#at++;
    return value;
  }

  expect(sign: string): void {
    if (!this.skip(sign)) throw this.fault(`${sign} is expected, not ${this.#shown()}`);
  }

  expectName(): string {
    return this.skipType("name") ?? this.#fail(`a name is expected, not ${this.#shown()}`);
  }

  expectEnd(): void {
    if (this.skipType("end") === undefined)
      throw this.fault(`the tag's end is expected, not ${this.#shown()}`);
  }

  fault(reason: string, { at } = this.peek()): SyntaxFault {
    return new SyntaxFault(`line ${lineOf(this.#source, at)}: ${reason}`);
  }

  #shown(): string {
    return this.peek().value || "the end of the template";
  }

  #fail(reason: string): never {
    throw this.fault(reason);
  }
}
