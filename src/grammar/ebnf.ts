// EBNF as llama.cpp (GBNF) and XGrammar write it:
//
//   root  ::= "yes" | "no" [.!]{1,3} other*     # to the end of the line
//   other ::= (" " [a-z]+)?

import { ANY_CHAR, type CharSet, charSet, negate, union } from "./char-set.ts";
import { GrammarError } from "./grammar-error.ts";
import type { GrammarProgram } from "./program.ts";
import { ProgramBuilder } from "./program-builder.ts";
import { encodeBare } from "./utf8.ts";

const MAX_CHARS = 2 ** 18;
const MAX_DEPTH = 100;
const MAX_COUNT = 1_000_000;

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", "0": "\0" };
const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/** `rootRule` is the rule of a whole text. Throws `GrammarError` with line and column. */
export function compileEbnf(source: string, rootRule = "root"): GrammarProgram {
  if (source.length > MAX_CHARS) {
    throw new GrammarError(
      "grammar_too_complex",
      "grammar",
      `it is longer than ${MAX_CHARS} characters`,
    );
  }
  return new EbnfReader(source).program(rootRule);
}

class EbnfReader {
  readonly #text: string;
  readonly #builder = new ProgramBuilder();
  /** By rule: its number, where its name was first seen, and whether it has a body. */
  readonly #rules = new Map<
    string,
    { readonly rule: number; readonly at: number; isDefined: boolean }
  >();
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  program(rootRule: string): GrammarProgram {
    this.#space();
    while (this.#at < this.#text.length) this.#rule();
    const root = this.#rules.get(rootRule);
    if (root === undefined)
      throw new GrammarError("grammar_invalid", "grammar", `there is no rule ${rootRule}`);
    for (const [name, { at, isDefined }] of this.#rules) {
      if (!isDefined) throw this.#invalid(`there is no rule ${name}`, at);
    }
    this.#builder.place = "grammar";
    return this.#builder.finish(this.#builder.call(root.rule));
  }

  #rule(): void {
    const begin = this.#at;
    const name = this.#name();
    if (name === "") throw this.#invalid("expected the name of a rule");
    this.#space();
    if (!this.#skip("::=")) throw this.#invalid('expected "::="');
    const entry = this.#entry(name, begin);
    if (entry.isDefined) throw this.#invalid(`rule ${name} is defined twice`, begin);
    entry.isDefined = true;
    this.#builder.place = `rule ${name}`;
    this.#builder.define(entry.rule, this.#choice());
    if (this.#at < this.#text.length && !this.#isRuleStart())
      throw this.#invalid("expected a rule, or an element of one");
  }

  #entry(name: string, at: number) {
    let entry = this.#rules.get(name);
    if (entry === undefined) {
      entry = { rule: this.#builder.declare(`rule ${name}`), at, isDefined: false };
      this.#rules.set(name, entry);
    }
    return entry;
  }

  #choice(): number {
    if (++this.#depth > MAX_DEPTH) {
      throw new GrammarError(
        "grammar_too_complex",
        this.#placeOf(this.#at),
        `groups nest deeper than ${MAX_DEPTH}`,
      );
    }
    this.#space();
    const options = [this.#sequence()];
    while (this.#skip("|")) {
      this.#space();
      options.push(this.#sequence());
    }
    this.#depth--;
    return this.#builder.choice(options);
  }

  #sequence(): number {
    const parts: number[] = [];
    while (this.#at < this.#text.length && !"|)".includes(this.#peek()) && !this.#isRuleStart()) {
      let part = this.#element();
      this.#space();
      for (let range = this.#quantifier(); range !== undefined; range = this.#quantifier()) {
        part = this.#builder.repeat(part, range);
        this.#space();
      }
      parts.push(part);
    }
    return this.#builder.sequence(parts);
  }

  #element(): number {
    const begin = this.#at;
    const one = this.#peek();
    if (one === '"') return this.#literal();
    if (one === "[") return encodeBare(this.#builder, this.#class());
    if (one === "(") return this.#group();
    if (this.#skip(".")) return encodeBare(this.#builder, ANY_CHAR);
    const name = this.#name();
    if (name === "")
      throw this.#invalid("expected a string, a class, a group or the name of a rule");
    if (this.#peek() === "(") throw this.#unsupported(`${name}(...)`, begin);
    return this.#builder.call(this.#entry(name, begin).rule);
  }

  #literal(): number {
    const begin = this.#at++;
    const chars: string[] = [];
    while (!this.#skip('"')) {
      const code = this.#char(begin);
      if (code >= 0xd800 && code <= 0xdfff) throw this.#invalid("half a surrogate pair", begin);
      chars.push(String.fromCodePoint(code));
    }
    return this.#builder.text(chars.join(""));
  }

  #class(): CharSet {
    const begin = this.#at++;
    const isNegated = this.#skip("^");
    const sets: CharSet[] = [];
    while (!this.#skip("]")) {
      const low = this.#char(begin);
      const isRange = this.#peek() === "-" && this.#text[this.#at + 1] !== "]";
      if (isRange) this.#at++;
      const high = isRange ? this.#char(begin) : low;
      if (high < low) throw this.#invalid("a range whose ends are out of order", begin);
      sets.push(charSet([[low, high]]));
    }
    const set = union(...sets);
    return isNegated ? negate(set) : set;
  }

  #group(): number {
    const begin = this.#at++;
    this.#space();
    if (this.#peek() === "=") throw this.#unsupported("lookahead", begin);
    const inner = this.#choice();
    if (!this.#skip(")")) throw this.#invalid('"(" without ")"', begin);
    return inner;
  }

  #quantifier(): { readonly min: number; readonly max: number } | undefined {
    const begin = this.#at;
    if (this.#skip("*")) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (this.#skip("+")) return { min: 1, max: Number.POSITIVE_INFINITY };
    if (this.#skip("?")) return { min: 0, max: 1 };
    if (!this.#skip("{")) return undefined;
    this.#space();
    const min = this.#number();
    let max = min;
    this.#space();
    if (this.#skip(",")) {
      this.#space();
      max = this.#peek() === "}" ? Number.POSITIVE_INFINITY : this.#number();
      this.#space();
    }
    if (!this.#skip("}")) throw this.#invalid('expected "}"');
    const from = min ?? 0;
    if (max === undefined || from > max)
      throw this.#invalid("a repetition without a sensible range", begin);
    if (from > MAX_COUNT || (max > MAX_COUNT && max !== Number.POSITIVE_INFINITY)) {
      throw new GrammarError(
        "grammar_too_complex",
        this.#placeOf(begin),
        `a repetition over ${MAX_COUNT} times`,
      );
    }
    return { min: from, max };
  }

  #number(): number | undefined {
    let digits = "";
    while (this.#peek() >= "0" && this.#peek() <= "9" && digits.length < 10)
      digits += this.#text[this.#at++];
    return digits === "" ? undefined : Number(digits);
  }

  /** One character of a string or class, which began at `begin`. */
  #char(begin: number): number {
    const code = this.#text.codePointAt(this.#at);
    if (code === undefined) throw this.#invalid("this string or class does not end", begin);
    this.#at += code > 0xffff ? 2 : 1;
    if (code !== 0x5c) return code;
    const one = this.#text[this.#at++] ?? "";
    const known = ESCAPES[one];
    if (known !== undefined) return known.charCodeAt(0);
    const numDigits = HEX_DIGITS[one];
    if (numDigits !== undefined) return this.#hex(numDigits);
    if (one === "" || (isNameChar(one) && one !== "-"))
      throw this.#invalid(`there is no escape \\${one}`, this.#at - 2);
    return one.codePointAt(0) ?? 0;
  }

  #hex(numDigits: number): number {
    const digits = this.#text.slice(this.#at, this.#at + numDigits);
    const isHex =
      digits.length === numDigits &&
      [...digits].every((one) => "0123456789abcdefABCDEF".includes(one));
    const value = isHex ? Number.parseInt(digits, 16) : Number.NaN;
    if (!(value <= 0x10_ffff)) throw this.#invalid("an escape without its hex digits");
    this.#at += numDigits;
    return value;
  }

  #isRuleStart(): boolean {
    const begin = this.#at;
    const hasName = this.#name() !== "";
    this.#space();
    const isRule = hasName && this.#text.startsWith("::=", this.#at);
    this.#at = begin;
    return isRule;
  }

  #name(): string {
    const begin = this.#at;
    while (isNameChar(this.#peek())) this.#at++;
    return this.#text.slice(begin, this.#at);
  }

  #space(): void {
    for (;;) {
      if (this.#peek() === "#")
        while (this.#at < this.#text.length && this.#peek() !== "\n") this.#at++;
      else if (this.#at < this.#text.length && " \t\r\n".includes(this.#peek())) this.#at++;
      else return;
    }
  }

  #peek(): string {
    return this.#text[this.#at] ?? "";
  }

  #skip(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #placeOf(at: number): string {
    const before = this.#text.slice(0, at).split("\n");
    return `line ${before.length}, column ${(before.at(-1) ?? "").length + 1}`;
  }

  #invalid(message: string, at = this.#at): GrammarError {
    return new GrammarError("grammar_invalid", this.#placeOf(at), message);
  }

  #unsupported(what: string, at: number): GrammarError {
    return new GrammarError("grammar_unsupported", this.#placeOf(at), `${what} is not supported`);
  }
}

function isNameChar(one: string): boolean {
  return (
    one.length === 1 &&
    ((one >= "a" && one <= "z") ||
      (one >= "A" && one <= "Z") ||
      (one >= "0" && one <= "9") ||
      one === "-" ||
      one === "_")
  );
}
