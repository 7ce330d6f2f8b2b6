// The keywords of one object of a schema, read and checked once. A keyword that is not in the table is an error that names it:
// an unread keyword would let texts through that the caller refused.

import { GrammarError } from "../grammar-error.ts";
import type { JsonNode, JsonObjectNode } from "../ordered-json.ts";
import { type Bound, type Decimal, parseDecimal } from "./decimal.ts";
import { SUPPORTED_FORMATS } from "./formats.ts";

export type JsonType = "null" | "boolean" | "integer" | "number" | "string" | "array" | "object";

/** A schema: an object, or true or false. */
export type Schema = JsonNode;

export interface Facts {
  readonly node: JsonObjectNode;
  types?: ReadonlySet<JsonType>;
  /** Values of `enum` and of `const`. */
  readonly enumerations: (readonly JsonNode[])[];
  minLength: number;
  maxLength: number;
  readonly patterns: { readonly source: string; readonly pointer: string }[];
  readonly formats: string[];
  readonly lower: Bound[];
  readonly upper: Bound[];
  readonly multiplesOf: Decimal[];
  prefixItems: readonly Schema[];
  items?: Schema;
  minItems: number;
  maxItems: number;
  properties: ReadonlyMap<string, Schema>;
  patternProperties: ReadonlyMap<string, Schema>;
  additionalProperties?: Schema;
  propertyNames?: Schema;
  required: readonly string[];
  minProperties: number;
  maxProperties: number;
  readonly refs: { readonly target: string; readonly pointer: string }[];
  allOf: readonly Schema[];
  anyOf?: readonly Schema[];
  oneOf?: readonly Schema[];
}

const MAX_COUNT = 1_000_000;

export function readFacts(node: JsonObjectNode): Facts {
  const facts: Facts = {
    node,
    enumerations: [],
    minLength: 0,
    maxLength: Number.POSITIVE_INFINITY,
    patterns: [],
    formats: [],
    lower: [],
    upper: [],
    multiplesOf: [],
    prefixItems: [],
    minItems: 0,
    maxItems: Number.POSITIVE_INFINITY,
    properties: new Map(),
    patternProperties: new Map(),
    required: [],
    minProperties: 0,
    maxProperties: Number.POSITIVE_INFINITY,
    refs: [],
    allOf: [],
  };
  for (const [keyword, value] of node.members) {
    const read = KEYWORDS.get(keyword);
    if (read !== undefined) read(facts, value);
    else if (!isAnnotation(keyword)) throw unsupported(value, keyword);
  }
  return facts;
}

/** Types that all of `facts` allow; never both "integer" and "number". */
export function typesOf(facts: readonly Facts[]): ReadonlySet<JsonType> {
  let types: ReadonlySet<JsonType> = new Set([
    "null",
    "boolean",
    "number",
    "string",
    "array",
    "object",
  ]);
  for (const { types: own } of facts) if (own !== undefined) types = bothTypes(types, own);
  return types.has("number") ? new Set([...types].filter((type) => type !== "integer")) : types;
}

function bothTypes(a: ReadonlySet<JsonType>, b: ReadonlySet<JsonType>): ReadonlySet<JsonType> {
  const common = [...a].filter((type) => b.has(type));
  const isInteger = (one: ReadonlySet<JsonType>, other: ReadonlySet<JsonType>) =>
    one.has("integer") && other.has("number");
  if (isInteger(a, b) || isInteger(b, a)) common.push("integer");
  return new Set(common);
}

type ReadKeyword = (facts: Facts, value: JsonNode) => void;

const KEYWORDS: ReadonlyMap<string, ReadKeyword> = new Map<string, ReadKeyword>([
  ["type", (facts, value) => (facts.types = typeNamesOf(value))],
  ["enum", (facts, value) => facts.enumerations.push(arrayOf(value))],
  ["const", (facts, value) => facts.enumerations.push([value])],
  ["minLength", (facts, value) => (facts.minLength = countOf(value))],
  ["maxLength", (facts, value) => (facts.maxLength = countOf(value))],
  [
    "pattern",
    (facts, value) => facts.patterns.push({ source: stringOf(value), pointer: value.pointer }),
  ],
  ["format", (facts, value) => facts.formats.push(formatOf(value))],
  ["minimum", (facts, value) => facts.lower.push({ value: decimalOf(value), isExclusive: false })],
  ["maximum", (facts, value) => facts.upper.push({ value: decimalOf(value), isExclusive: false })],
  [
    "exclusiveMinimum",
    (facts, value) => facts.lower.push({ value: decimalOf(value), isExclusive: true }),
  ],
  [
    "exclusiveMaximum",
    (facts, value) => facts.upper.push({ value: decimalOf(value), isExclusive: true }),
  ],
  ["multipleOf", (facts, value) => facts.multiplesOf.push(divisorOf(value))],
  ["prefixItems", (facts, value) => (facts.prefixItems = schemasOf(value))],
  ["items", (facts, value) => (facts.items = schemaOf(value))],
  ["minItems", (facts, value) => (facts.minItems = countOf(value))],
  ["maxItems", (facts, value) => (facts.maxItems = countOf(value))],
  ["uniqueItems", (_, value) => refuseTrue(value, "uniqueItems")],
  ["properties", (facts, value) => (facts.properties = schemaMapOf(value))],
  ["patternProperties", (facts, value) => (facts.patternProperties = schemaMapOf(value))],
  ["additionalProperties", (facts, value) => (facts.additionalProperties = schemaOf(value))],
  ["propertyNames", (facts, value) => (facts.propertyNames = schemaOf(value))],
  ["required", (facts, value) => (facts.required = arrayOf(value).map(stringOf))],
  ["minProperties", (facts, value) => (facts.minProperties = countOf(value))],
  ["maxProperties", (facts, value) => (facts.maxProperties = countOf(value))],
  ["$ref", (facts, value) => facts.refs.push({ target: stringOf(value), pointer: value.pointer })],
  ["allOf", (facts, value) => (facts.allOf = schemasOf(value))],
  ["anyOf", (facts, value) => (facts.anyOf = schemasOf(value))],
  ["oneOf", (facts, value) => (facts.oneOf = schemasOf(value))],
  ["nullable", (_, value) => refuseTrue(value, "nullable")],
  ["$schema", (_, value) => refuseOtherDialects(value)],
  ["$id", (_, value) => refuseInnerId(value)],
]);

/** They say nothing about which texts are valid. */
const ANNOTATIONS: ReadonlySet<string> = new Set([
  ...[
    "title",
    "description",
    "default",
    "examples",
    "example",
    "deprecated",
    "readOnly",
    "writeOnly",
  ],
  ...["$comment", "$anchor", "$dynamicAnchor", "$defs", "definitions", "discriminator"],
  ...["contentEncoding", "contentMediaType", "contentSchema"],
]);

function isAnnotation(keyword: string): boolean {
  return ANNOTATIONS.has(keyword) || keyword.startsWith("x-");
}

const TYPES: ReadonlySet<string> = new Set<JsonType>([
  ...(["null", "boolean", "integer", "number", "string", "array", "object"] as const),
]);

function typeNamesOf(value: JsonNode): ReadonlySet<JsonType> {
  const names = value.type === "array" ? value.items.map(stringOf) : [stringOf(value)];
  for (const name of names) {
    if (!TYPES.has(name)) throw invalid(value, `there is no type ${JSON.stringify(name)}`);
  }
  return new Set(names as JsonType[]);
}

function formatOf(value: JsonNode): string {
  const name = stringOf(value);
  if (SUPPORTED_FORMATS.includes(name)) return name;
  throw new GrammarError(
    "grammar_unsupported",
    value.pointer,
    `format ${JSON.stringify(name)} is not supported; supported: ${SUPPORTED_FORMATS.join(", ")}`,
  );
}

function refuseTrue(value: JsonNode, keyword: string): void {
  if (value.type !== "boolean") throw invalid(value, "expected true or false");
  if (value.value) throw unsupported(value, keyword);
}

/** A dialect of one's own may give keywords another meaning. */
function refuseOtherDialects(value: JsonNode): void {
  const dialect = stringOf(value);
  const isOfficial = ["http://", "https://"].some((scheme) =>
    dialect.startsWith(`${scheme}json-schema.org/`),
  );
  if (isOfficial) return;
  throw new GrammarError(
    "grammar_unsupported",
    value.pointer,
    `$schema ${JSON.stringify(dialect)} is not supported; drafts of json-schema.org are`,
  );
}

/** References are resolved against the root; a schema inside with a name of its own would change that. */
function refuseInnerId(value: JsonNode): void {
  if (value.pointer !== "#/$id") throw unsupported(value, "$id");
}

function decimalOf(value: JsonNode): Decimal {
  if (value.type !== "number") throw invalid(value, "expected a number");
  const decimal = parseDecimal(value.text);
  if (decimal !== undefined) return decimal;
  throw new GrammarError("grammar_too_complex", value.pointer, "a number of more than 100 digits");
}

function divisorOf(value: JsonNode): Decimal {
  const divisor = decimalOf(value);
  const isZero = divisor.whole === "0" && divisor.fraction === "";
  if (isZero || divisor.isNegative) throw invalid(value, "expected a number above 0");
  return divisor;
}

function countOf(value: JsonNode): number {
  const { whole, fraction, isNegative } = decimalOf(value);
  if (fraction !== "" || isNegative) throw invalid(value, "expected a whole number, 0 or more");
  if (Number(whole) <= MAX_COUNT) return Number(whole);
  throw new GrammarError(
    "grammar_too_complex",
    value.pointer,
    `counts are supported up to ${MAX_COUNT}`,
  );
}

function stringOf(value: JsonNode): string {
  if (value.type !== "string") throw invalid(value, "expected a string");
  return value.value;
}

function arrayOf(value: JsonNode): readonly JsonNode[] {
  if (value.type !== "array") throw invalid(value, "expected an array");
  return value.items;
}

function schemaOf(value: JsonNode): Schema {
  if (value.type === "object" || value.type === "boolean") return value;
  if (value.type !== "array") throw invalid(value, "expected a schema: an object, true or false");
  throw new GrammarError(
    "grammar_unsupported",
    value.pointer,
    "an array of schemas is not supported here; write prefixItems for items of given places",
  );
}

function schemasOf(value: JsonNode): readonly Schema[] {
  const schemas = arrayOf(value).map(schemaOf);
  if (schemas.length === 0) throw invalid(value, "expected at least one schema");
  return schemas;
}

function schemaMapOf(value: JsonNode): ReadonlyMap<string, Schema> {
  if (value.type !== "object") throw invalid(value, "expected an object of schemas");
  for (const schema of value.members.values()) schemaOf(schema);
  return value.members;
}

function invalid({ pointer }: JsonNode, message: string): GrammarError {
  return new GrammarError("grammar_invalid", pointer, message);
}

function unsupported({ pointer }: JsonNode, keyword: string): GrammarError {
  return new GrammarError(
    "grammar_unsupported",
    pointer,
    `keyword ${JSON.stringify(keyword)} is not supported`,
  );
}
