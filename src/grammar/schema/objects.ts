// Objects: declared properties in the order of the schema, each at most once, then others.

import {
  acceptsText,
  automatonNode,
  automatonOf,
  both,
  type CharAutomaton,
  complement,
  isEmpty,
  wordsAutomaton,
} from "../char-automaton.ts";
import type { ProgramBuilder } from "../program-builder.ts";
import { partMatch } from "../regex-match.ts";
import { parseRegex } from "../regex-parser.ts";
import { encodeJson } from "../utf8.ts";
import type { SchemaContext } from "./context.ts";
import type { Facts, Schema } from "./facts.ts";
import { stringsOf } from "./strings.ts";

/** Patterns for keys multiply: a key may match each or not. */
const MAX_KEY_PATTERNS = 6;

export function objectNode(facts: readonly Facts[], context: SchemaContext): number {
  const { builder, space } = context;
  const count = countsOf(facts);
  if (count.min > count.max) return builder.never;
  const keys = new Keys(facts, context);
  const declared = keys.declared().map(({ name, schemas, isRequired }) => ({
    pair: pairNode(context, builder.text(JSON.stringify(name)), schemas),
    isRequired,
  }));
  const others = keys.others().map(({ key, schemas }) => pairNode(context, key, schemas));
  const members = memberGraph({ declared, others, count }, context);
  return builder.sequence([builder.text("{"), members, space, builder.text("}")]);
}

function pairNode(context: SchemaContext, key: number, schemas: readonly Schema[]): number {
  const { builder, space } = context;
  const value = context.value(schemas);
  return builder.sequence([key, space, builder.text(":"), space, value]);
}

interface Members {
  readonly declared: readonly { readonly pair: number; readonly isRequired: boolean }[];
  readonly others: readonly number[];
  readonly count: { readonly min: number; readonly max: number };
}

/** State (place, written): the declared property that is next, and how many members are written, as far as that matters. */
// biome-ignore lint/complexity/noExcessiveCognitiveComplexity: one table, filled row by row
function memberGraph(
  { declared, others, count }: Members,
  { builder, space }: SchemaContext,
): number {
  const isBounded = count.max !== Number.POSITIVE_INFINITY;
  const most = isBounded ? count.max : Math.max(1, count.min);
  const comma = builder.sequence([space, builder.text(","), space]);
  const width = most + 1;
  if (width * (declared.length + 1) > 100_000)
    throw builder.tooComplex("minProperties or maxProperties is too large");
  const edges: number[][] = [];
  const accepting: boolean[] = [];
  for (let place = 0; place <= declared.length; place++) {
    const property = declared[place];
    for (let written = 0; written < width; written++) {
      const list: number[] = [];
      const separator = written === 0 ? space : comma;
      const after = Math.min(written + 1, most);
      const mayWrite = written < most || !isBounded;
      const add = (pair: number, target: number) => {
        if (mayWrite) list.push(builder.sequence([separator, pair]), target);
      };
      if (property === undefined) for (const pair of others) add(pair, place * width + after);
      else {
        add(property.pair, (place + 1) * width + after);
        if (!property.isRequired) list.push(builder.empty, (place + 1) * width + written);
      }
      edges.push(list);
      accepting.push(property === undefined && written >= count.min);
    }
  }
  return builder.graph(edges, accepting);
}

export function countsOf(facts: readonly Facts[]) {
  return {
    min: Math.max(0, ...facts.map(({ minProperties }) => minProperties)),
    max: Math.min(...facts.map(({ maxProperties }) => maxProperties), Number.POSITIVE_INFINITY),
  };
}

/** Keys that an object of all of `facts` may have, and schemas of their values. */
export class Keys {
  readonly #facts: readonly Facts[];
  readonly #context: SchemaContext;
  readonly #patterns: readonly KeyPattern[];
  readonly #names: ReadonlySet<string>;
  /** No schema says what undeclared properties may be, some declare any, and the caller wants no others. */
  readonly #refusesUndeclared: boolean;

  constructor(facts: readonly Facts[], context: SchemaContext) {
    this.#facts = facts;
    this.#context = context;
    this.#patterns = patternsOf(facts, context.builder);
    this.#refusesUndeclared =
      context.undeclaredProperties === "refused" &&
      facts.every((fact) => fact.additionalProperties === undefined) &&
      facts.some((fact) => fact.properties.size > 0 || fact.patternProperties.size > 0);
    this.#names = new Set([
      ...facts.flatMap(({ properties }) => [...properties.keys()]),
      ...facts.flatMap(({ required }) => required),
    ]);
  }

  /** In the order of the schema; required ones that no schema declares come last. */
  declared(): readonly {
    readonly name: string;
    readonly schemas: readonly Schema[];
    readonly isRequired: boolean;
  }[] {
    const required = new Set(this.#facts.flatMap((fact) => fact.required));
    return [...this.#names].map((name) => ({
      name,
      schemas: [
        ...this.#schemasOf(name, (pattern) => pattern.accepts(name)),
        ...this.#nameSchemas(name),
      ],
      isRequired: required.has(name) && !this.#mayBeOmitted(name),
    }));
  }

  #mayBeOmitted(name: string): boolean {
    if (!this.#context.mayOmitDefaults) return false;
    const schemas = this.#facts.map(({ properties }) => properties.get(name));
    return schemas.some((schema) => schema?.type === "object" && schema.members.has("default"));
  }

  /** All other keys, by which patterns they match. */
  others(): readonly { readonly key: number; readonly schemas: readonly Schema[] }[] {
    const classes: { key: number; schemas: readonly Schema[] }[] = [];
    for (let matched = 0; matched < 2 ** this.#patterns.length; matched++) {
      const isMatched = (pattern: KeyPattern) =>
        ((matched >> this.#patterns.indexOf(pattern)) & 1) === 1;
      const schemas = this.#schemasOf(undefined, isMatched);
      if (schemas.some((schema) => schema.type === "boolean" && !schema.value)) continue;
      const key = this.#keyNode(isMatched);
      if (key !== undefined) classes.push({ key, schemas });
    }
    return classes;
  }

  #schemasOf(
    name: string | undefined,
    isMatched: (pattern: KeyPattern) => boolean,
  ): readonly Schema[] {
    return this.#facts.flatMap((fact) => {
      const own = name === undefined ? undefined : fact.properties.get(name);
      const matching = this.#patterns
        .filter((pattern) => fact.patternProperties.has(pattern.source) && isMatched(pattern))
        .flatMap(({ source }) => fact.patternProperties.get(source) ?? []);
      if (own !== undefined) return [own, ...matching];
      if (matching.length > 0) return matching;
      return name === undefined
        ? this.#additionalOf(fact)
        : [fact.additionalProperties ?? []].flat();
    });
  }

  #additionalOf({ additionalProperties, node }: Facts): readonly Schema[] {
    if (additionalProperties !== undefined) return [additionalProperties];
    return this.#refusesUndeclared
      ? [{ type: "boolean", pointer: node.pointer, value: false }]
      : [];
  }

  /** False for a name that `propertyNames` refuses. */
  #nameSchemas(name: string): readonly Schema[] {
    const automata = this.#nameAutomata();
    const isAllowed = automata.every((automaton) => acceptsText(automaton, name));
    return isAllowed
      ? []
      : [{ type: "boolean", pointer: this.#context.builder.place, value: false }];
  }

  #keyNode(isMatched: (pattern: KeyPattern) => boolean): number | undefined {
    const { builder, anyString } = this.#context;
    const limits = this.#nameAutomata();
    if (this.#names.size > 0) limits.push(complement(wordsAutomaton([...this.#names], builder)));
    for (const pattern of this.#patterns) {
      limits.push(isMatched(pattern) ? pattern.automaton : complement(pattern.automaton));
    }
    if (limits.length === 0) return anyString;
    const automaton = limits.reduce((a, b) => both(a, b, builder));
    if (isEmpty(automaton)) return undefined;
    const quote = builder.text('"');
    return builder.sequence([quote, automatonNode(builder, automaton, encodeJson), quote]);
  }

  #nameAutomata(): CharAutomaton[] {
    const { builder } = this.#context;
    return this.#facts.flatMap(({ propertyNames }) => {
      if (propertyNames === undefined) return [];
      const alternatives = this.#context.alternatives([propertyNames]);
      const [only = []] = alternatives;
      if (alternatives.length !== 1) return [anyOfNames(alternatives, builder)];
      return [stringsOf(only, builder)];
    });
  }
}

interface KeyPattern {
  readonly source: string;
  readonly automaton: CharAutomaton;
  accepts(name: string): boolean;
}

function patternsOf(facts: readonly Facts[], builder: ProgramBuilder): readonly KeyPattern[] {
  const sources = new Map(
    facts.flatMap(({ patternProperties }) =>
      [...patternProperties].map(([source, { pointer }]) => [source, pointer]),
    ),
  );
  if (sources.size > MAX_KEY_PATTERNS) {
    throw builder.tooComplex(`more than ${MAX_KEY_PATTERNS} patternProperties for one object`);
  }
  return [...sources].map(([source, pointer]) => {
    const expression = partMatch(parseRegex(source, pointer), pointer);
    const automaton = automatonOf(expression, builder);
    return { source, automaton, accepts: (name) => acceptsText(automaton, name) };
  });
}

function anyOfNames(
  alternatives: readonly (readonly Facts[])[],
  builder: ProgramBuilder,
): CharAutomaton {
  const none = alternatives
    .map((facts) => complement(stringsOf(facts, builder)))
    .reduce((a, b) => both(a, b, builder), complement({ edges: [[]], accepting: [false] }));
  return complement(none);
}
