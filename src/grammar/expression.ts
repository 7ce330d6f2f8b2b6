// Regular expressions over characters, as trees: what regexes, formats and ranges of numbers are made of.

import { unreachable } from "../base/assert.ts";
import { type CharSet, charsOf } from "./char-set.ts";
import type { ProgramBuilder } from "./program-builder.ts";
import type { EncodeChar } from "./utf8.ts";

export type Expression =
  | { readonly type: "char"; readonly set: CharSet }
  | { readonly type: "sequence"; readonly parts: readonly Expression[] }
  | { readonly type: "choice"; readonly options: readonly Expression[] }
  | {
      readonly type: "repeat";
      readonly body: Expression;
      readonly min: number;
      readonly max: number;
    };

export const EMPTY: Expression = { type: "sequence", parts: [] };

export function char(set: CharSet): Expression {
  return { type: "char", set };
}

export function text(value: string): Expression {
  return sequence([...value].map((one) => char(charsOf(one))));
}

export function sequence(parts: readonly Expression[]): Expression {
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : { type: "sequence", parts };
}

export function choice(options: readonly Expression[]): Expression {
  const [only] = options;
  return options.length === 1 && only !== undefined ? only : { type: "choice", options };
}

export function repeat(body: Expression, min: number, max: number): Expression {
  return { type: "repeat", body, min, max };
}

export function optional(body: Expression): Expression {
  return repeat(body, 0, 1);
}

export function star(body: Expression): Expression {
  return repeat(body, 0, Number.POSITIVE_INFINITY);
}

export function expressionNode(
  builder: ProgramBuilder,
  tree: Expression,
  encode: EncodeChar,
): number {
  switch (tree.type) {
    case "char":
      return encode(builder, tree.set);
    case "sequence":
      return builder.sequence(tree.parts.map((part) => expressionNode(builder, part, encode)));
    case "choice":
      return builder.choice(tree.options.map((option) => expressionNode(builder, option, encode)));
    case "repeat":
      return builder.repeat(expressionNode(builder, tree.body, encode), tree);
    default:
      return unreachable(tree);
  }
}
