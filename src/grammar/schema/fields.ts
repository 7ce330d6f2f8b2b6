// Objects in formats of calls, which write property by property in a form of their own: XML-like tags, or Python's
// arguments. Values are JSON, or text as it is.

import type { BareText, FieldsSource } from "../../protocol/grammar.ts";
import {
  acceptsText,
  automatonNode,
  automatonOf,
  both,
  type CharAutomaton,
  complement,
  isEmpty,
} from "../char-automaton.ts";
import { ANY_CHAR } from "../char-set.ts";
import { char, choice, sequence, star, text } from "../expression.ts";
import { GrammarError } from "../grammar-error.ts";
import { type JsonNode, parseOrderedJson } from "../ordered-json.ts";
import { wholeMatch } from "../regex-match.ts";
import { parseRegex } from "../regex-parser.ts";
import { encodeBare } from "../utf8.ts";
import type { SchemaContext } from "./context.ts";
import type { Facts, Schema } from "./facts.ts";
import { countsOf, Keys } from "./objects.ts";
import { stringsOf } from "./strings.ts";

const NO_STRING = parseOrderedJson('{"type": ["null", "boolean", "number", "array", "object"]}');

/** Objects that satisfy all of `schemas`. Throws `GrammarError` for those that this form cannot tell. */
export function fieldsNode(
  source: FieldsSource,
  schemas: readonly JsonNode[],
  context: SchemaContext,
): number {
  const { builder } = context;
  const pointer = schemas[0]?.pointer ?? "#";
  const [facts, ...others] = context.alternatives(schemas);
  if (facts === undefined) return builder.never;
  if (others.length > 0)
    throw unsupported(pointer, "anyOf and oneOf have no form in this model's calls");
  const declared = new Keys(facts, context).declared();
  const numRequired = declared.filter(({ isRequired }) => isRequired).length;
  const count = countsOf(facts);
  if (count.min > numRequired || count.max < declared.length)
    throw unsupported(
      pointer,
      "minProperties and maxProperties have no form in this model's calls",
    );
  const values = new Values(source.bare, context);
  const names = automatonOf(wholeMatch(parseRegex(source.names, pointer), pointer), builder);
  const fields = declared.flatMap(({ name, schemas: own, isRequired }) => {
    if (!acceptsText(names, name)) {
      if (!isRequired) return [];
      throw unsupported(
        pointer,
        `no call of this model can have the argument ${JSON.stringify(name)}`,
      );
    }
    const { before, between, after } = source;
    const head = builder.text(before + name + between);
    return [
      { node: builder.sequence([head, values.of(name, own), builder.text(after)]), isRequired },
    ];
  });
  return listNode(fields, builder.text(source.separator), context);
}

interface Field {
  readonly node: number;
  readonly isRequired: boolean;
}

/** State 2 * place + (1 if a field was written): the field that is next. */
function listNode(fields: readonly Field[], separator: number, { builder }: SchemaContext): number {
  const edges = fields.flatMap(({ node, isRequired }, place) => {
    const next = 2 * (place + 1);
    const skip = (written: number) => (isRequired ? [] : [builder.empty, next + written]);
    return [
      [node, next + 1, ...skip(0)],
      [builder.sequence([separator, node]), next + 1, ...skip(1)],
    ];
  });
  return builder.graph([...edges, [], []], [...edges.map(() => false), true, true]);
}

class Values {
  readonly #bare: BareText | undefined;
  readonly #context: SchemaContext;
  #unmarked: CharAutomaton | undefined;

  constructor(bare: BareText | undefined, context: SchemaContext) {
    this.#bare = bare;
    this.#context = context;
  }

  of(name: string, schemas: readonly Schema[]): number {
    const bare = this.#bare;
    const { builder } = this.#context;
    if (bare?.strings.includes(name)) return this.#text(schemas, this.#withoutMarkers(bare));
    if (!bare?.mixed.includes(name)) return this.#context.value(schemas);
    const others = automatonOf(wholeMatch(parseRegex(bare.otherKinds, "#"), "#"), builder);
    const strings = both(this.#withoutMarkers(bare), complement(others), builder);
    return builder.choice([
      this.#text(schemas, strings),
      this.#context.value([...schemas, NO_STRING]),
    ]);
  }

  #text(schemas: readonly Schema[], limits: CharAutomaton): number {
    const { builder } = this.#context;
    const alternatives = this.#context.alternatives(schemas);
    return builder.choice(alternatives.map((facts) => this.#textOf(facts, limits)));
  }

  #textOf(facts: readonly Facts[], limits: CharAutomaton): number {
    const { builder } = this.#context;
    const strings = both(stringsOf(facts, builder), limits, builder);
    return isEmpty(strings) ? builder.never : automatonNode(builder, strings, encodeBare);
  }

  #withoutMarkers({ markers }: BareText): CharAutomaton {
    const anything = star(char(ANY_CHAR));
    const marked = sequence([anything, choice(markers.map(text)), anything]);
    const { builder } = this.#context;
    this.#unmarked ??= complement(automatonOf(marked, builder));
    return this.#unmarked;
  }
}

function unsupported(pointer: string, message: string): GrammarError {
  return new GrammarError("grammar_unsupported", pointer, message);
}
