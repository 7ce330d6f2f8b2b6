// Regexes as JSON Schema has them (ECMA-262, with the u flag's Unicode), less what no finite automaton can do:
// backreferences, lookaround, word boundaries. Read by hand: a caller's pattern never reaches JavaScript's RegExp.

import { type CharSet, charSet, charsOf, negate, union } from "./char-set.ts";
import { char, choice, type Expression, repeat, sequence } from "./expression.ts";
import { GrammarError } from "./grammar-error.ts";
import { propertySet } from "./unicode-properties.ts";

/** A regex may say where the text begins and ends. */
export type Pattern =
  | { readonly type: "plain"; readonly expression: Expression }
  | { readonly type: "start" }
  | { readonly type: "end" }
  | { readonly type: "sequence"; readonly parts: readonly Pattern[] }
  | { readonly type: "choice"; readonly options: readonly Pattern[] };

const MAX_CHARS = 20_000;
const MAX_DEPTH = 100;
const MAX_COUNT = 1_000_000;

const DIGITS = charSet([[0x30, 0x39]]);
const WORD = union(
  DIGITS,
  charsOf("_"),
  charSet([
    [0x41, 0x5a],
    [0x61, 0x7a],
  ]),
);
const SPACE = union(
  charSet([
    [0x09, 0x0d],
    [0x2000, 0x200a],
    [0x2028, 0x2029],
  ]),
  charsOf(" \u00a0\u1680\u202f\u205f\u3000\ufeff"),
);
const DOT = negate(charsOf("\n\r\u2028\u2029"));

const CLASS_ESCAPES: Readonly<Record<string, CharSet>> = {
  d: DIGITS,
  D: negate(DIGITS),
  w: WORD,
  W: negate(WORD),
  s: SPACE,
  S: negate(SPACE),
};
const CHAR_ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  f: "\f",
  0: "\0",
};

/** Throws `GrammarError`; `place` names the regex. */
export function parseRegex(source: string, place: string): Pattern {
  return new RegexParser(source, place).whole();
}

class RegexParser {
  readonly #chars: readonly string[];
  readonly #place: string;
  #at = 0;
  #depth = 0;

  constructor(source: string, place: string) {
    this.#place = place;
    if (source.length > MAX_CHARS) {
      throw new GrammarError(
        "grammar_too_complex",
        place,
        `a regex of more than ${MAX_CHARS} characters`,
      );
    }
    this.#chars = [...source];
  }

  whole(): Pattern {
    const pattern = this.#choice();
    if (this.#at < this.#chars.length) throw this.#invalid('")" without "("');
    return pattern;
  }

  #choice(): Pattern {
    if (++this.#depth > MAX_DEPTH) {
      throw new GrammarError(
        "grammar_too_complex",
        this.#place,
        `a regex nests deeper than ${MAX_DEPTH} groups`,
      );
    }
    const options = [this.#sequence()];
    while (this.#skip("|")) options.push(this.#sequence());
    this.#depth--;
    return choicePattern(options);
  }

  #sequence(): Pattern {
    const parts: Pattern[] = [];
    while (this.#at < this.#chars.length && this.#peek() !== "|" && this.#peek() !== ")") {
      parts.push(this.#quantified());
    }
    return sequencePattern(parts);
  }

  #quantified(): Pattern {
    const begin = this.#at;
    let atom = this.#atom();
    for (let range = this.#quantifier(); range !== undefined; range = this.#quantifier()) {
      if (atom.type !== "plain") throw this.#unsupported("repeated ^ or $", begin);
      atom = { type: "plain", expression: repeat(atom.expression, range.min, range.max) };
    }
    return atom;
  }

  #quantifier(): { readonly min: number; readonly max: number } | undefined {
    const begin = this.#at;
    let range: { min: number; max: number } | undefined;
    if (this.#skip("*")) range = { min: 0, max: Number.POSITIVE_INFINITY };
    else if (this.#skip("+")) range = { min: 1, max: Number.POSITIVE_INFINITY };
    else if (this.#skip("?")) range = { min: 0, max: 1 };
    else if (this.#peek() === "{") range = this.#braces();
    if (range === undefined) return undefined;
    if (range.min > range.max)
      throw this.#invalid("a repetition whose numbers are out of order", begin);
    this.#skip("?"); // a lazy one matches the same texts
    if (this.#peek() === "+") throw this.#unsupported("a possessive or doubled quantifier");
    return range;
  }

  /** Undefined, and nothing is read, if this is no quantifier: then "{" is a character. */
  #braces(): { min: number; max: number } | undefined {
    const begin = this.#at;
    this.#at++;
    const min = this.#number();
    let max = min;
    if (min !== undefined && this.#skip(",")) {
      max = this.#peek() === "}" ? Number.POSITIVE_INFINITY : this.#number();
    }
    if (min !== undefined && max !== undefined && this.#skip("}")) {
      if (min > MAX_COUNT || (max > MAX_COUNT && max !== Number.POSITIVE_INFINITY)) {
        throw new GrammarError(
          "grammar_too_complex",
          this.#place,
          `a repetition over ${MAX_COUNT} times`,
        );
      }
      return { min, max };
    }
    this.#at = begin;
    return undefined;
  }

  #number(): number | undefined {
    let digits = "";
    while (isDigit(this.#peek()) && digits.length < 10) digits += this.#next();
    return digits === "" ? undefined : Number(digits);
  }

  #atom(): Pattern {
    const begin = this.#at;
    const one = this.#next();
    switch (one) {
      case "^":
        return { type: "start" };
      case "$":
        return { type: "end" };
      case "(":
        return this.#group(begin);
      case "[":
        return plain(char(this.#class(begin)));
      case ".":
        return plain(char(DOT));
      case "\\":
        return plain(char(this.#escape("outside")));
      case "*":
      case "+":
      case "?":
        throw this.#invalid(`"${one}" with nothing before it`, begin);
      default:
        return plain(char(charsOf(one)));
    }
  }

  #group(begin: number): Pattern {
    if (this.#skip("?")) {
      const kind = this.#next();
      if (kind === "P" && this.#peek() === "<") this.#next();
      if ((kind === "P" || kind === "<") && this.#peek() !== "=" && this.#peek() !== "!")
        this.#groupName(begin);
      else if (kind !== ":")
        throw this.#unsupported("lookaround, flags and other (?...) groups", begin);
    }
    const inner = this.#choice();
    if (!this.#skip(")")) throw this.#invalid('"(" without ")"', begin);
    return inner;
  }

  #groupName(begin: number): void {
    for (let numChars = 0; numChars < 100 && this.#at < this.#chars.length; numChars++) {
      if (this.#next() === ">") return;
    }
    throw this.#invalid("a group's name without its end", begin);
  }

  #class(begin: number): CharSet {
    const isNegated = this.#skip("^");
    const sets: CharSet[] = [];
    while (!this.#skip("]")) {
      if (this.#at >= this.#chars.length) throw this.#invalid('"[" without "]"', begin);
      sets.push(this.#classRange());
    }
    const set = union(...sets);
    return isNegated ? negate(set) : set;
  }

  #classRange(): CharSet {
    const begin = this.#at;
    const low = this.#classAtom();
    if (this.#peek() !== "-" || this.#chars[this.#at + 1] === "]") return low;
    this.#next();
    if (this.#at >= this.#chars.length) throw this.#invalid('"[" without "]"', begin);
    const high = this.#classAtom();
    const [first, sameFirst] = low;
    const [last, sameLast] = high;
    const isRange =
      first !== undefined && last !== undefined && first === sameFirst && last === sameLast;
    if (!isRange || low.length > 2 || high.length > 2) return union(low, charsOf("-"), high);
    if (first > last) throw this.#invalid("a range whose ends are out of order", begin);
    return charSet([[first, last]]);
  }

  #classAtom(): CharSet {
    const one = this.#next();
    return one === "\\" ? this.#escape("in class") : charsOf(one);
  }

  #escape(where: "outside" | "in class"): CharSet {
    const begin = this.#at - 1;
    if (this.#at >= this.#chars.length) throw this.#invalid("a backslash at the end", begin);
    const one = this.#next();
    const set = CLASS_ESCAPES[one];
    if (set !== undefined) return set;
    if (one === "b" && where === "in class") return charsOf("\b");
    const known = CHAR_ESCAPES[one];
    if (known !== undefined && !(one === "0" && isDigit(this.#peek()))) return charsOf(known);
    return this.#longEscape(one, begin);
  }

  #longEscape(one: string, begin: number): CharSet {
    if (one === "x") return this.#codePoint(this.#hex(2, begin));
    if (one === "u") return this.#codePoint(this.#unicode(begin));
    if (one === "c" && isLetter(this.#peek()))
      return this.#codePoint((this.#next().codePointAt(0) ?? 0) % 32);
    if (one === "p" || one === "P") return this.#property(one, begin);
    if (isLetter(one) || isDigit(one)) {
      throw this.#unsupported(`\\${one} (word boundaries and backreferences among them)`, begin);
    }
    return charsOf(one);
  }

  #codePoint(value: number): CharSet {
    return charSet([[value, value]]);
  }

  #unicode(begin: number): number {
    if (this.#skip("{")) {
      let digits = "";
      while (this.#peek() !== "}" && digits.length < 8 && this.#at < this.#chars.length)
        digits += this.#next();
      if (!this.#skip("}") || ![...digits].every(isHex) || digits === "")
        throw this.#invalid("a wrong \\u{...}", begin);
      const value = Number.parseInt(digits, 16);
      if (value > 0x10_ffff) throw this.#invalid("\\u{...} over 10FFFF", begin);
      return value;
    }
    const high = this.#hex(4, begin);
    const isPair =
      high >= 0xd800 &&
      high <= 0xdbff &&
      this.#peek() === "\\" &&
      this.#chars[this.#at + 1] === "u";
    if (!isPair) return high;
    this.#at += 2;
    const low = this.#hex(4, begin);
    if (low < 0xdc00 || low > 0xdfff) throw this.#invalid("half a surrogate pair", begin);
    return 0x1_0000 + (high - 0xd800) * 0x400 + (low - 0xdc00);
  }

  #hex(numDigits: number, begin: number): number {
    const digits = this.#chars.slice(this.#at, this.#at + numDigits);
    if (digits.length < numDigits || !digits.every(isHex))
      throw this.#invalid("an escape without its hex digits", begin);
    this.#at += numDigits;
    return Number.parseInt(digits.join(""), 16);
  }

  #property(kind: "p" | "P", begin: number): CharSet {
    let name = "";
    if (!this.#skip("{")) throw this.#invalid("\\p without {", begin);
    while (this.#peek() !== "}" && name.length < 64 && this.#at < this.#chars.length)
      name += this.#next();
    this.#skip("}");
    const set = propertySet(name);
    if (set === undefined) throw this.#unsupported(`\\${kind}{${name}}`, begin);
    return kind === "p" ? set : negate(set);
  }

  #peek(): string {
    return this.#chars[this.#at] ?? "";
  }

  #next(): string {
    return this.#chars[this.#at++] ?? "";
  }

  #skip(one: string): boolean {
    if (this.#chars[this.#at] !== one) return false;
    this.#at++;
    return true;
  }

  #invalid(message: string, at = this.#at): GrammarError {
    return new GrammarError(
      "grammar_invalid",
      this.#place,
      `regex, character ${at + 1}: ${message}`,
    );
  }

  #unsupported(what: string, at = this.#at): GrammarError {
    return new GrammarError(
      "grammar_unsupported",
      this.#place,
      `regex, character ${at + 1}: ${what} is not supported`,
    );
  }
}

function plain(expression: Expression): Pattern {
  return { type: "plain", expression };
}

function sequencePattern(parts: readonly Pattern[]): Pattern {
  const plains = parts.flatMap((part) => (part.type === "plain" ? [part.expression] : []));
  if (plains.length === parts.length) return plain(sequence(plains));
  return { type: "sequence", parts };
}

function choicePattern(options: readonly Pattern[]): Pattern {
  const [only] = options;
  if (options.length === 1 && only !== undefined) return only;
  const plains = options.flatMap((option) => (option.type === "plain" ? [option.expression] : []));
  if (plains.length === options.length) return plain(choice(plains));
  return { type: "choice", options };
}

function isDigit(one: string): boolean {
  return one >= "0" && one <= "9" && one.length === 1;
}

function isLetter(one: string): boolean {
  return one.length === 1 && ((one >= "a" && one <= "z") || (one >= "A" && one <= "Z"));
}

function isHex(one: string): boolean {
  return (
    isDigit(one) || (one.length === 1 && ((one >= "a" && one <= "f") || (one >= "A" && one <= "F")))
  );
}
