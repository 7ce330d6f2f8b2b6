// Numbers within bounds and multiples, as exact sets of texts. A number under such limits is written without an
// exponent; without limits, in any form of JSON.

import { automatonNode, automatonOf, both, type CharAutomaton } from "../char-automaton.ts";
import {
  choice,
  type Expression,
  expressionNode,
  optional,
  sequence,
  text,
} from "../expression.ts";
import { GrammarError } from "../grammar-error.ts";
import type { ProgramBuilder } from "../program-builder.ts";
import { wholeMatch } from "../regex-match.ts";
import { parseRegex } from "../regex-parser.ts";
import { encodeBare } from "../utf8.ts";
import {
  ANY_WHOLE,
  type Bound,
  type Decimal,
  magnitudeAtLeast,
  magnitudeAtMost,
  type NumberForm,
} from "./decimal.ts";

export interface NumberLimits {
  readonly form: NumberForm;
  readonly lower: readonly Bound[];
  readonly upper: readonly Bound[];
  readonly multiplesOf: readonly Decimal[];
}

/** Remainders that are told apart. */
const MAX_DIVISOR = 2000n;

const ANY_INTEGER = constant("0|-?[1-9][0-9]*");
const ANY_NUMBER = constant("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]{1,4})?");

export function numberNode(builder: ProgramBuilder, limits: NumberLimits): number {
  const { form, lower, upper, multiplesOf } = limits;
  if (lower.length + upper.length + multiplesOf.length === 0) {
    return expressionNode(builder, form === "integer" ? ANY_INTEGER : ANY_NUMBER, encodeBare);
  }
  const sets = [
    ...lower.map((bound) => automatonOf(atLeast(bound, form), builder)),
    ...upper.map((bound) => automatonOf(atMost(bound, form), builder)),
    ...multiplesOf.map((divisor) => multiples(divisor, { form, place: builder.place })),
  ];
  return automatonNode(
    builder,
    sets.reduce((a, b) => both(a, b, builder)),
    encodeBare,
  );
}

function atLeast(bound: Bound, form: NumberForm): Expression {
  if (!bound.value.isNegative) return magnitudeAtLeast(bound, form);
  return signed(anyMagnitude(form), magnitudeAtMost(bound, form));
}

function atMost(bound: Bound, form: NumberForm): Expression {
  const { value } = bound;
  if (value.isNegative) return signed(undefined, magnitudeAtLeast(bound, form));
  const isBelowZero = bound.isExclusive && value.whole === "0" && value.fraction === "";
  if (isBelowZero) return signed(undefined, magnitudeAtLeast(bound, form));
  return signed(magnitudeAtMost(bound, form), anyMagnitude(form));
}

function signed(positive: Expression | undefined, negative: Expression | undefined): Expression {
  const options = positive === undefined ? [] : [positive];
  if (negative !== undefined) options.push(sequence([text("-"), negative]));
  return choice(options);
}

function anyMagnitude(form: NumberForm): Expression {
  const fraction = constant("(\\.[0-9]+)");
  return form === "integer" ? ANY_WHOLE : sequence([ANY_WHOLE, optional(fraction)]);
}

/** Digits are read from the left; a state is the remainder, and how many digits of the fraction have been read. */
function multiples(
  divisor: Decimal,
  { form, place }: { readonly form: NumberForm; readonly place: string },
): CharAutomaton {
  const places = divisor.fraction.length;
  const whole = BigInt(divisor.whole + divisor.fraction);
  const scale = 10n ** BigInt(places);
  // A whole number is a multiple of a fraction if it is one of what is left of it in whole numbers.
  const modulus = form === "integer" ? whole / gcd(whole, scale) : whole;
  const depth = form === "integer" ? 0 : places;
  if (modulus * BigInt(depth + 2) > MAX_DIVISOR) {
    throw new GrammarError(
      "grammar_unsupported",
      `${place}/multipleOf`,
      `multiples are supported up to ${MAX_DIVISOR / BigInt(depth + 2)} units of the last digit`,
    );
  }
  return form === "integer"
    ? wholeMultiples(Number(modulus))
    : decimalMultiples(Number(modulus), places);
}

const [ZERO, NINE, MINUS, POINT] = [0x30, 0x39, 0x2d, 0x2e];

/** States: 0 start, 1 behind "-", 2 behind a leading zero, 3 + r: the digits so far leave r. */
function wholeMultiples(modulus: number): CharAutomaton {
  const first = digitEdges((digit) => (digit === 0 ? 2 : 3 + (digit % modulus)));
  const edges = [[MINUS, MINUS, 1, ...first], first, []];
  const accepting = [false, false, true];
  for (let rest = 0; rest < modulus; rest++) {
    edges.push(digitEdges((digit) => 3 + ((10 * rest + digit) % modulus)));
    accepting.push(rest === 0);
  }
  return { edges, accepting };
}

/** As above; then for each number of digits behind the point a run of remainders, and last only zeros. */
function decimalMultiples(modulus: number, places: number): CharAutomaton {
  const { edges: whole, accepting: _ } = wholeMultiples(modulus);
  const edges = whole.map((list) => [...list]);
  const behindPoint = (read: number, rest: number) => 3 + modulus * (1 + read) + rest;
  const isMultiple = (read: number, rest: number) => (rest * 10 ** (places - read)) % modulus === 0;
  const accepting = [false, false, true];
  for (let rest = 0; rest < modulus; rest++) accepting.push(isMultiple(0, rest));
  edges[2] = [POINT, POINT, behindPoint(0, 0)];
  for (let rest = 0; rest < modulus; rest++)
    edges[3 + rest]?.unshift(POINT, POINT, behindPoint(0, rest));
  for (let read = 0; read <= places + 1; read++) {
    for (let rest = 0; rest < modulus; rest++) {
      const isPast = read >= places;
      const next = (digit: number) =>
        isPast
          ? behindPoint(places + 1, rest)
          : behindPoint(read + 1, (10 * rest + digit) % modulus);
      edges.push(isPast ? [ZERO, ZERO, next(0)] : digitEdges(next));
      accepting.push(read > 0 && isMultiple(Math.min(read, places), rest));
    }
  }
  return { edges, accepting };
}

function digitEdges(target: (digit: number) => number): number[] {
  const edges: number[] = [];
  for (let digit = 0; digit <= NINE - ZERO; digit++)
    edges.push(ZERO + digit, ZERO + digit, target(digit));
  return edges;
}

function gcd(a: bigint, b: bigint): bigint {
  return b === 0n ? a : gcd(b, a % b);
}

function constant(regex: string): Expression {
  return wholeMatch(parseRegex(regex, "number"), "number");
}
