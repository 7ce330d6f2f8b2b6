// Exact decimal numbers, and the texts of all numbers on one side of one.

import { charSet } from "../char-set.ts";
import {
  char,
  choice,
  EMPTY,
  type Expression,
  optional,
  repeat,
  sequence,
  star,
  text,
} from "../expression.ts";

export interface Decimal {
  readonly isNegative: boolean;
  /** Without leading zeros, but at least "0". */
  readonly whole: string;
  /** Without trailing zeros. */
  readonly fraction: string;
}

const MAX_DIGITS = 100;

/** Undefined for a number of more than 100 digits on one side of its point. `text` is a number of JSON. */
export function parseDecimal(text: string): Decimal | undefined {
  const isNegative = text.startsWith("-");
  const [mantissa = "", exponentText = "0"] = text
    .slice(isNegative ? 1 : 0)
    .toLowerCase()
    .split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  const exponent = Number(exponentText);
  if (Math.abs(exponent) > MAX_DIGITS || whole.length + fraction.length > MAX_DIGITS)
    return undefined;
  const digits = whole + fraction;
  const point = whole.length + exponent;
  const padded =
    "0".repeat(Math.max(0, -point)) + digits + "0".repeat(Math.max(0, point - digits.length));
  const split = Math.max(0, point);
  const decimal = {
    whole: stripLeadingZeros(padded.slice(0, split)),
    fraction: stripTrailingZeros(padded.slice(split)),
  };
  const isZero = decimal.whole === "0" && decimal.fraction === "";
  return { ...decimal, isNegative: isNegative && !isZero };
}

function stripLeadingZeros(digits: string): string {
  let at = 0;
  while (at < digits.length - 1 && digits[at] === "0") at++;
  return digits.slice(at) || "0";
}

function stripTrailingZeros(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits[end - 1] === "0") end--;
  return digits.slice(0, end);
}

/** Negative, zero or positive, as a - b. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  const difference = scaled(a) - scaled(b);
  if (difference === 0n) return 0;
  return difference < 0n ? -1 : 1;
}

/** The decimal times 10^MAX_DIGITS... in whole numbers. */
function scaled({ isNegative, whole, fraction }: Decimal): bigint {
  const value = BigInt(whole + fraction.padEnd(2 * MAX_DIGITS, "0"));
  return isNegative ? -value : value;
}

const DIGIT = char(charSet([[0x30, 0x39]]));
const NOT_ZERO = char(charSet([[0x31, 0x39]]));
export const ANY_WHOLE = choice([text("0"), sequence([NOT_ZERO, star(DIGIT)])]);
const ANY_FRACTION = sequence([text("."), DIGIT, star(DIGIT)]);

export type Bound = { readonly value: Decimal; readonly isExclusive: boolean };
export type NumberForm = "integer" | "decimal";

/** Texts of magnitudes, without a sign, that are at least `bound`. */
export function magnitudeAtLeast(
  { value: { whole, fraction }, isExclusive }: Bound,
  form: NumberForm,
): Expression {
  if (form === "integer") {
    const least = BigInt(whole) + (fraction !== "" || isExclusive ? 1n : 0n);
    return wholeAtLeast(least.toString());
  }
  return choice([
    sequence([wholeAtLeast((BigInt(whole) + 1n).toString()), optional(ANY_FRACTION)]),
    sequence([text(whole), fractionAtLeast(fraction, isExclusive)]),
  ]);
}

/** Texts of magnitudes, without a sign, that are at most `bound`; undefined if there are none. */
export function magnitudeAtMost(
  { value: { whole, fraction }, isExclusive }: Bound,
  form: NumberForm,
): Expression | undefined {
  if (form === "integer") {
    const most = BigInt(whole) - (fraction === "" && isExclusive ? 1n : 0n);
    return most < 0n ? undefined : wholeAtMost(most.toString());
  }
  const options: Expression[] = [];
  if (whole !== "0") {
    options.push(sequence([wholeAtMost((BigInt(whole) - 1n).toString()), optional(ANY_FRACTION)]));
  }
  const sameWhole = fractionAtMost(fraction, isExclusive);
  if (sameWhole !== undefined) options.push(sequence([text(whole), sameWhole]));
  return options.length === 0 ? undefined : choice(options);
}

function wholeAtLeast(least: string): Expression {
  const options: Expression[] = [text(least)];
  for (let index = 0; index < least.length; index++) {
    const higher = digitsBetween(Number(least[index]) + 1, 9);
    if (higher === undefined) continue;
    const rest = repeat(DIGIT, least.length - index - 1, least.length - index - 1);
    if (least !== "0") options.push(sequence([text(least.slice(0, index)), higher, rest]));
  }
  if (least === "0") return ANY_WHOLE;
  options.push(sequence([NOT_ZERO, repeat(DIGIT, least.length, Number.POSITIVE_INFINITY)]));
  return choice(options);
}

function wholeAtMost(most: string): Expression {
  const options: Expression[] = [text(most)];
  for (let index = 0; index < most.length; index++) {
    const isLeading = index === 0 && most.length > 1;
    const lower = digitsBetween(isLeading ? 1 : 0, Number(most[index]) - 1);
    if (lower === undefined) continue;
    const rest = repeat(DIGIT, most.length - index - 1, most.length - index - 1);
    options.push(sequence([text(most.slice(0, index)), lower, rest]));
  }
  if (most.length > 1) {
    options.push(text("0"), sequence([NOT_ZERO, repeat(DIGIT, 0, most.length - 2)]));
  }
  return choice(options);
}

function fractionAtLeast(least: string, isExclusive: boolean): Expression {
  const options: Expression[] = [];
  for (let index = 0; index < least.length; index++) {
    const higher = digitsBetween(Number(least[index]) + 1, 9);
    if (higher !== undefined)
      options.push(sequence([text(`.${least.slice(0, index)}`), higher, star(DIGIT)]));
  }
  const more = sequence([star(DIGIT), NOT_ZERO, star(DIGIT)]);
  if (isExclusive) options.push(sequence([text(`.${least}`), more]));
  else if (least === "") options.push(optional(ANY_FRACTION));
  else options.push(sequence([text(`.${least}`), star(DIGIT)]));
  return choice(options);
}

function fractionAtMost(most: string, isExclusive: boolean): Expression | undefined {
  const zeros = star(text("0"));
  if (most === "") return isExclusive ? undefined : optional(sequence([text(".0"), zeros]));
  const options: Expression[] = [EMPTY];
  for (let index = 0; index < most.length; index++) {
    const lower = digitsBetween(0, Number(most[index]) - 1);
    if (lower !== undefined)
      options.push(sequence([text(`.${most.slice(0, index)}`), lower, star(DIGIT)]));
    if (index > 0) options.push(text(`.${most.slice(0, index)}`));
  }
  if (!isExclusive) options.push(sequence([text(`.${most}`), zeros]));
  return choice(options);
}

function digitsBetween(low: number, high: number): Expression | undefined {
  return low > high ? undefined : char(charSet([[0x30 + low, 0x30 + high]]));
}

export function isMultipleOf(value: Decimal, divisor: Decimal): boolean {
  return scaled(value) % scaled(divisor) === 0n;
}
