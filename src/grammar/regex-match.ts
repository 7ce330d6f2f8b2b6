// A regex's pattern as an expression: of whole texts, or of texts with a part that it matches.

import { ANY_CHAR } from "./char-set.ts";
import { char, choice, EMPTY, type Expression, repeat, sequence } from "./expression.ts";
import { GrammarError } from "./grammar-error.ts";
import type { Pattern } from "./regex-parser.ts";

/** A pattern's anchors, moved to its ends. */
interface Variant {
  readonly expression: Expression;
  readonly isAtStart: boolean;
  readonly isAtEnd: boolean;
}

const MAX_VARIANTS = 1000;

/** Texts that `pattern` matches as a whole. Anchors may stand only at the ends, where they say nothing. */
export function wholeMatch(pattern: Pattern, place: string): Expression {
  return choice(variants(pattern, place).map(({ expression }) => expression));
}

/** Texts with a part that `pattern` matches, as JSON Schema's `pattern` has it. */
export function partMatch(pattern: Pattern, place: string): Expression {
  const rest = repeat(char(ANY_CHAR), 0, Number.POSITIVE_INFINITY);
  return choice(
    variants(pattern, place).map(({ expression, isAtStart, isAtEnd }) =>
      sequence([isAtStart ? EMPTY : rest, expression, isAtEnd ? EMPTY : rest]),
    ),
  );
}

function variants(pattern: Pattern, place: string): readonly Variant[] {
  switch (pattern.type) {
    case "plain":
      return [{ expression: pattern.expression, isAtStart: false, isAtEnd: false }];
    case "start":
      return [{ expression: EMPTY, isAtStart: true, isAtEnd: false }];
    case "end":
      return [{ expression: EMPTY, isAtStart: false, isAtEnd: true }];
    case "choice":
      return pattern.options.flatMap((option) => variants(option, place));
    case "sequence":
      return pattern.parts
        .map((part) => variants(part, place))
        .reduce((before, after) => combine(before, after, place));
  }
}

function combine(
  before: readonly Variant[],
  after: readonly Variant[],
  place: string,
): readonly Variant[] {
  if (before.length * after.length > MAX_VARIANTS) {
    throw new GrammarError(
      "grammar_too_complex",
      place,
      "regex: too many choices with ^ or $ in them",
    );
  }
  return before.flatMap((left) =>
    after.map((right) => {
      if ((left.isAtEnd && !isEmpty(right)) || (right.isAtStart && !isEmpty(left))) {
        throw new GrammarError(
          "grammar_unsupported",
          place,
          "regex: ^ and $ are supported only where the text begins and ends",
        );
      }
      return {
        expression: sequence([left.expression, right.expression]),
        isAtStart: left.isAtStart || right.isAtStart,
        isAtEnd: left.isAtEnd || right.isAtEnd,
      };
    }),
  );
}

/** Nothing but anchors. */
function isEmpty({ expression }: Variant): boolean {
  return (
    expression.type === "sequence" &&
    expression.parts.every((part) => isEmpty({ expression: part } as Variant))
  );
}
