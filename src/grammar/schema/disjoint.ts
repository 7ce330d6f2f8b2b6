// Tells if no value can satisfy two sets of facts. "No" may mean that it was not found out.

import { both, isEmpty } from "../char-automaton.ts";
import type { JsonNode } from "../ordered-json.ts";
import type { SchemaContext } from "./context.ts";
import { compareDecimals } from "./decimal.ts";
import { canonicalText, enumerationOf, judgeOf } from "./enumerations.ts";
import { type Facts, type JsonType, type Schema, typesOf } from "./facts.ts";
import { contentAutomaton } from "./strings.ts";

/** Properties of properties are looked at this deep. */
const MAX_DEPTH = 3;

export function areDisjoint(
  a: readonly Facts[],
  b: readonly Facts[],
  context: SchemaContext,
  depth = 0,
): boolean {
  context.builder.spend(10);
  const valuesOfA = enumerationOf(a, context);
  const valuesOfB = enumerationOf(b, context);
  if (valuesOfA !== undefined && valuesOfB !== undefined)
    return haveNoneInCommon(valuesOfA, valuesOfB);
  if (valuesOfA !== undefined) return valuesOfA.every(refusalOf(b, context));
  if (valuesOfB !== undefined) return valuesOfB.every(refusalOf(a, context));
  return [...kindsOf(a)]
    .filter((kind) => kindsOf(b).has(kind))
    .every((kind) => areDisjointAs(kind, [a, b], context, depth));
}

function haveNoneInCommon(a: readonly JsonNode[], b: readonly JsonNode[]): boolean {
  const texts = new Set(a.map(canonicalText));
  return b.every((value) => !texts.has(canonicalText(value)));
}

function refusalOf(facts: readonly Facts[], context: SchemaContext): (value: JsonNode) => boolean {
  const kinds = kindsOf(facts);
  const allows = judgeOf(facts, context);
  return (value) => {
    if (!kinds.has(value.type)) return true;
    if (value.type === "array" || value.type === "object") return false;
    return !allows(value);
  };
}

function kindsOf(facts: readonly Facts[]): ReadonlySet<JsonType> {
  return new Set([...typesOf(facts)].map((type) => (type === "integer" ? "number" : type)));
}

type Pair = readonly [readonly Facts[], readonly Facts[]];

function areDisjointAs(
  kind: JsonType,
  [a, b]: Pair,
  context: SchemaContext,
  depth: number,
): boolean {
  const { builder } = context;
  if (kind === "string")
    return isEmpty(both(contentAutomaton(a, builder), contentAutomaton(b, builder), builder));
  if (kind === "number") return isBelow(a, b) || isBelow(b, a);
  if (kind === "object")
    return depth < MAX_DEPTH && (differ([a, b], context, depth) || differ([b, a], context, depth));
  return false;
}

function isBelow(a: readonly Facts[], b: readonly Facts[]): boolean {
  return a.some(({ upper }) =>
    upper.some((high) =>
      b.some(({ lower }) =>
        lower.some((low) => {
          const order = compareDecimals(high.value, low.value);
          return order < 0 || (order === 0 && (high.isExclusive || low.isExclusive));
        }),
      ),
    ),
  );
}

/** A property that `a` requires, and that `b` refuses, or requires with other values. */
function differ([a, b]: Pair, context: SchemaContext, depth: number): boolean {
  const requiredByB = new Set(b.flatMap(({ required }) => required));
  return a
    .flatMap(({ required }) => required)
    .some((name) => {
      if (b.some((fact) => refusesProperty(fact, name))) return true;
      if (!requiredByB.has(name)) return false;
      const [ofA, ofB] = [propertyOf(a, name), propertyOf(b, name)];
      if (ofA.length === 0 || ofB.length === 0) return false;
      const alternativesOfB = context.alternatives(ofB);
      return context
        .alternatives(ofA)
        .every((left) =>
          alternativesOfB.every((right) => areDisjoint(left, right, context, depth + 1)),
        );
    });
}

function propertyOf(facts: readonly Facts[], name: string): readonly Schema[] {
  return facts.flatMap(({ properties }) => properties.get(name) ?? []);
}

function refusesProperty(
  { properties, patternProperties, additionalProperties }: Facts,
  name: string,
): boolean {
  const own = properties.get(name);
  if (own !== undefined) return own.type === "boolean" && !own.value;
  return (
    patternProperties.size === 0 &&
    additionalProperties?.type === "boolean" &&
    !additionalProperties.value
  );
}
