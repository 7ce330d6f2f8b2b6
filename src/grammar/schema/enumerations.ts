// `enum` and `const`: values as they stand, less those that other keywords of the same schema refuse.

import { acceptsText, type CharAutomaton } from "../char-automaton.ts";
import { GrammarError } from "../grammar-error.ts";
import type { JsonNode } from "../ordered-json.ts";
import type { SchemaContext } from "./context.ts";
import { compareDecimals, type Decimal, isMultipleOf, parseDecimal } from "./decimal.ts";
import { type Facts, type JsonType, typesOf } from "./facts.ts";
import { contentAutomaton } from "./strings.ts";

/** Values that all enumerations of `facts` have, and that all of `facts` allow; undefined if there is no enumeration. */
export function enumerationOf(
  facts: readonly Facts[],
  context: SchemaContext,
): readonly JsonNode[] | undefined {
  const [first, ...others] = facts.flatMap(({ enumerations }) => enumerations);
  if (first === undefined) return undefined;
  const sets = others.map((values) => new Set(values.map(canonicalText)));
  const common = first.filter((value) => sets.every((set) => set.has(canonicalText(value))));
  const types = typesOf(facts);
  const typed = common.filter((value) => hasType(value, types));
  return typed.filter(judgeOf(facts, context));
}

/** A text that is equal for equal values: 1 and 1.0, objects with their keys in another order. */
export function canonicalText(value: JsonNode): string {
  switch (value.type) {
    case "null":
      return "null";
    case "boolean":
      return String(value.value);
    case "string":
      return JSON.stringify(value.value);
    case "number":
      return numberText(value.text);
    case "array":
      return `[${value.items.map(canonicalText).join()}]`;
    case "object":
      return `{${[...value.members]
        .map(([key, member]) => `${JSON.stringify(key)}:${canonicalText(member)}`)
        .sort()
        .join()}}`;
  }
}

function numberText(text: string): string {
  const decimal = parseDecimal(text);
  if (decimal === undefined) return text;
  const { isNegative, whole, fraction } = decimal;
  return `${isNegative ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}

function hasType(value: JsonNode, types: ReadonlySet<JsonType>): boolean {
  if (value.type !== "number") return types.has(value.type);
  if (types.has("number")) return true;
  return types.has("integer") && parseDecimal(value.text)?.fraction === "";
}

/** Scalars are checked; of arrays and objects nothing but the type may be asked beside their enumeration. */
export function judgeOf(
  facts: readonly Facts[],
  { builder }: SchemaContext,
): (value: JsonNode) => boolean {
  let contents: CharAutomaton | undefined;
  return (value) => {
    if (value.type === "string") {
      contents ??= contentAutomaton(facts, builder);
      return acceptsText(contents, value.value);
    }
    if (value.type === "number") {
      const decimal = parseDecimal(value.text);
      return decimal !== undefined && facts.every((fact) => allowsNumber(fact, decimal));
    }
    const asksMore = facts.find((fact) => saysMoreOf(value.type, fact));
    if (asksMore === undefined) return true;
    throw new GrammarError(
      "grammar_unsupported",
      asksMore.node.pointer,
      `enum or const with an ${value.type} is not supported beside other keywords for ${value.type}s`,
    );
  };
}

function allowsNumber({ lower, upper, multiplesOf }: Facts, number: Decimal): boolean {
  const isWithin = (order: number, isExclusive: boolean) => (isExclusive ? order > 0 : order >= 0);
  return (
    lower.every(({ value, isExclusive }) =>
      isWithin(compareDecimals(number, value), isExclusive),
    ) &&
    upper.every(({ value, isExclusive }) =>
      isWithin(compareDecimals(value, number), isExclusive),
    ) &&
    multiplesOf.every((divisor) => isMultipleOf(number, divisor))
  );
}

function saysMoreOf(type: JsonType, fact: Facts): boolean {
  const keywords = type === "array" ? ARRAY_KEYWORDS : OBJECT_KEYWORDS;
  return (
    (type === "array" || type === "object") &&
    keywords.some((keyword) => fact.node.members.has(keyword))
  );
}

const ARRAY_KEYWORDS = ["items", "prefixItems", "minItems", "maxItems"];
const OBJECT_KEYWORDS = [
  ...["properties", "patternProperties", "additionalProperties", "propertyNames"],
  ...["required", "minProperties", "maxProperties"],
];

export function enumerationNode(values: readonly JsonNode[], context: SchemaContext): number {
  const { builder } = context;
  const scalars = values.filter(({ type }) => type !== "array" && type !== "object");
  const others = values.filter(({ type }) => type === "array" || type === "object");
  const texts = scalars.flatMap((value) =>
    value.type === "number" ? [numberText(value.text), value.text] : [canonicalText(value)],
  );
  const options = others.map((value) => constantNode(value, context));
  if (texts.length > 0) options.push(builder.words(texts));
  return builder.choice(options);
}

function constantNode(value: JsonNode, context: SchemaContext): number {
  const { builder, space } = context;
  if (value.type === "array") {
    return listNode(
      ["[", "]"],
      value.items.map((item) => constantNode(item, context)),
      context,
    );
  }
  if (value.type !== "object") return builder.text(canonicalText(value));
  const members = [...value.members].map(([key, member]) =>
    builder.sequence([
      builder.text(JSON.stringify(key)),
      space,
      builder.text(":"),
      space,
      constantNode(member, context),
    ]),
  );
  return listNode(["{", "}"], members, context);
}

function listNode(
  [open, close]: readonly [string, string],
  parts: readonly number[],
  { builder, space }: SchemaContext,
): number {
  const separated = parts.flatMap((part, index) =>
    index === 0 ? [space, part] : [space, builder.text(","), space, part],
  );
  return builder.sequence([builder.text(open), ...separated, space, builder.text(close)]);
}
