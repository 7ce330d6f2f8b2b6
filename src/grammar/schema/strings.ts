import {
  automatonNode,
  automatonOf,
  both,
  type CharAutomaton,
  lengthBetween,
  wordsAutomaton,
} from "../char-automaton.ts";
import { ANY_CHAR } from "../char-set.ts";
import { type Expression, expressionNode } from "../expression.ts";
import type { ProgramBuilder } from "../program-builder.ts";
import { partMatch } from "../regex-match.ts";
import { parseRegex } from "../regex-parser.ts";
import { anyJsonChar, encodeJson } from "../utf8.ts";
import type { SchemaContext } from "./context.ts";
import type { Facts } from "./facts.ts";
import { formatExpression } from "./formats.ts";

/**
 * Strings under `facts`. One that has no pattern and no format is written in any form that JSON allows; others are
 * escaped only where they must be.
 */
export function stringNode(
  facts: readonly Facts[],
  { builder, anyString, escapes }: SchemaContext,
): number {
  const length = lengthOf(facts);
  if (length.min > length.max) return builder.never;
  const quote = builder.text('"');
  const expressions = contentOf(facts);
  const [only] = expressions;
  if (only === undefined) {
    if (length.min === 0 && length.max === Number.POSITIVE_INFINITY) return anyString;
    return builder.sequence([quote, builder.repeat(anyJsonChar(builder, escapes), length), quote]);
  }
  const isLengthSaid = expressions.some((expression) => isWithin(lengthsOf(expression), length));
  const content =
    expressions.length === 1 && isLengthSaid
      ? expressionNode(builder, only, encodeJson)
      : automatonNode(builder, contentAutomaton(facts, builder), encodeJson);
  return builder.sequence([quote, content, quote]);
}

/** Contents of strings under `facts`, less what `enum` and `const` say. */
export function contentAutomaton(facts: readonly Facts[], builder: ProgramBuilder): CharAutomaton {
  const expressions = contentOf(facts);
  const length = lengthOf(facts);
  if (length.min > length.max) return { edges: [[]], accepting: [false] };
  const isLengthSaid = expressions.some((expression) => isWithin(lengthsOf(expression), length));
  if (!isLengthSaid) expressions.push(lengthBetween(ANY_CHAR, length.min, length.max));
  return expressions
    .map((expression) => automatonOf(expression, builder))
    .reduce((a, b) => both(a, b, builder));
}

/** Strings that satisfy all of `facts`: only what concerns strings matters. */
export function stringsOf(facts: readonly Facts[], builder: ProgramBuilder): CharAutomaton {
  const allows = facts.every(({ types }) => types === undefined || types.has("string"));
  if (!allows) return { edges: [[]], accepting: [false] };
  const words = facts.flatMap(({ enumerations }) =>
    enumerations.map((values) =>
      wordsAutomaton(
        values.flatMap((value) => (value.type === "string" ? [value.value] : [])),
        builder,
      ),
    ),
  );
  return [contentAutomaton(facts, builder), ...words].reduce((a, b) => both(a, b, builder));
}

function contentOf(facts: readonly Facts[]): Expression[] {
  const patterns = facts.flatMap(({ patterns }) =>
    patterns.map(({ source, pointer }) => partMatch(parseRegex(source, pointer), pointer)),
  );
  const formats = new Set(facts.flatMap((fact) => fact.formats));
  return [
    ...patterns,
    ...[...formats].map(formatExpression).filter((format) => format !== undefined),
  ];
}

interface Lengths {
  readonly min: number;
  readonly max: number;
}

function lengthOf(facts: readonly Facts[]): Lengths {
  return {
    min: Math.max(0, ...facts.map(({ minLength }) => minLength)),
    max: Math.min(...facts.map(({ maxLength }) => maxLength), Number.POSITIVE_INFINITY),
  };
}

function isWithin(inner: Lengths, outer: Lengths): boolean {
  return inner.min >= outer.min && inner.max <= outer.max;
}

/** Bounds of the lengths of what an expression matches, in characters. */
function lengthsOf(tree: Expression): Lengths {
  if (tree.type === "char") return { min: 1, max: 1 };
  if (tree.type === "repeat") {
    const { min, max } = lengthsOf(tree.body);
    return { min: min * tree.min, max: max === 0 ? 0 : max * tree.max };
  }
  const parts = (tree.type === "sequence" ? tree.parts : tree.options).map(lengthsOf);
  if (tree.type === "sequence") {
    return parts.reduce((a, b) => ({ min: a.min + b.min, max: a.max + b.max }), { min: 0, max: 0 });
  }
  return {
    min: Math.min(...parts.map(({ min }) => min)),
    max: Math.max(0, ...parts.map(({ max }) => max)),
  };
}
