// The door of this room: from what a caller wrote to a program. Pure and synchronous, so that a side thread can run it;
// a program is plain data that can be posted back.

import { unreachable } from "../base/assert.ts";
import type { GrammarSource, JsonLayout, SchemaSource, Whitespace } from "../protocol/grammar.ts";
import { compileEbnf } from "./ebnf.ts";
import { expressionNode } from "./expression.ts";
import { GrammarError } from "./grammar-error.ts";
import { textWithout } from "./marked-text.ts";
import { type JsonNode, parseOrderedJson } from "./ordered-json.ts";
import type { GrammarProgram } from "./program.ts";
import { ProgramBuilder } from "./program-builder.ts";
import { wholeMatch } from "./regex-match.ts";
import { parseRegex } from "./regex-parser.ts";
import { compileFields, compileSchema, type SchemaOptions } from "./schema/schema-compiler.ts";
import { encodeBare } from "./utf8.ts";
import { checkWhitespacePattern } from "./whitespace.ts";

export type { GrammarSource, JsonLayout } from "../protocol/grammar.ts";

/** Throws `GrammarError`. Typically < 50 ms, at most a second or two of CPU: all that grows has a limit. */
export function compileGrammar(source: GrammarSource): GrammarProgram {
  switch (source.type) {
    case "json_schema":
      return compileSchema(...schemaOf(source));
    case "json_object":
      return compileSchema(ANY_OBJECT, optionsOf(source.layout));
    case "fields":
      return compileFields(source, ...schemaOf(source.schema));
    case "regex":
      return compileRegex(source.pattern);
    case "choice":
      return compileChoice(source.choices);
    case "ebnf":
      return compileEbnf(source.grammar, source.root);
    case "field":
      return inField(source.field, () => compileGrammar(source.body));
    case "lenient":
      return compileLenient(source);
    default: {
      const builder = new ProgramBuilder();
      return builder.finish(nodeOf(builder, source));
    }
  }
}

/** The node of a part. Parts that were compiled by themselves are copied in. */
function nodeOf(builder: ProgramBuilder, source: GrammarSource): number {
  const node = (part: GrammarSource) => nodeOf(builder, part);
  switch (source.type) {
    case "text":
      return builder.text(source.text);
    case "without":
      return textWithout(builder, source);
    case "sequence":
      return builder.sequence(source.parts.map(node));
    case "any_of":
      return builder.choice(source.options.map(node));
    case "list":
      return listNode(builder, source);
    case "json_schema":
    case "json_object":
    case "fields":
    case "regex":
    case "choice":
    case "ebnf":
    case "field":
    case "lenient":
      return builder.include(compileGrammar(source));
    default:
      return unreachable(source);
  }
}

function listNode(
  builder: ProgramBuilder,
  { item, separator, min, max = Infinity }: Extract<GrammarSource, { type: "list" }>,
): number {
  const one = nodeOf(builder, item);
  const more = builder.sequence([nodeOf(builder, separator), one]);
  const rest = builder.repeat(more, { min: Math.max(0, min - 1), max: max - 1 });
  const list = builder.sequence([one, rest]);
  return min === 0 ? builder.optional(list) : list;
}

function compileLenient({
  body,
  fallback,
}: Extract<GrammarSource, { type: "lenient" }>): GrammarProgram {
  try {
    return compileGrammar(body);
  } catch (error) {
    if (error instanceof GrammarError) return compileGrammar(fallback);
    throw error;
  }
}

/** Errors name the field as well as the place in it. */
function inField(field: string, compile: () => GrammarProgram): GrammarProgram {
  try {
    return compile();
  } catch (error) {
    if (error instanceof GrammarError) throw error.inField(field);
    throw error;
  }
}

function schemaOf({ schema, part = "#", layout, isObject }: SchemaSource) {
  const root = parseOrderedJson(schema);
  const at = part === "#" ? root : partOf(root, part);
  return [root, optionsOf(layout), isObject ? [at, ANY_OBJECT] : [at]] as const;
}

const ANY_OBJECT = parseOrderedJson('{"type": "object"}');

/** The node at a JSON pointer that stands in the schema. */
function partOf(root: JsonNode, pointer: string): JsonNode {
  let node: JsonNode | undefined = root;
  for (const word of pointer.slice(2).split("/")) {
    const key = word.replaceAll("~1", "/").replaceAll("~0", "~");
    node = node?.type === "object" ? node.members.get(key) : undefined;
  }
  if (node !== undefined) return node;
  throw new GrammarError("grammar_invalid", pointer, "the schema has no such part");
}

function optionsOf({
  whitespace = "any",
  undeclaredProperties = "allowed",
  escapes = "json",
  mayOmitDefaults = false,
}: JsonLayout = {}): SchemaOptions {
  const makeSpace = (builder: ProgramBuilder) => spaceNode(builder, whitespace);
  return { undeclaredProperties, escapes, mayOmitDefaults, makeSpace };
}

function compileRegex(pattern: string): GrammarProgram {
  const builder = new ProgramBuilder();
  builder.place = "regex";
  return builder.finish(
    expressionNode(builder, wholeMatch(parseRegex(pattern, "regex"), "regex"), encodeBare),
  );
}

function compileChoice(choices: readonly string[]): GrammarProgram {
  const builder = new ProgramBuilder();
  builder.place = "choice";
  if (choices.length === 0)
    throw new GrammarError("grammar_invalid", "choice", "expected at least one text");
  return builder.finish(builder.words(choices));
}

/** Bounded, so that a model cannot write white space without end. */
const MAX_INDENT = 60;

function spaceNode(builder: ProgramBuilder, whitespace: Whitespace): number {
  if (whitespace === "compact") return builder.empty;
  if (whitespace === "any") {
    const indent = builder.repeat(builder.bytes([0x09, 0x09, 0x20, 0x20]), {
      min: 0,
      max: MAX_INDENT,
    });
    return builder.choice([
      builder.empty,
      builder.text(" "),
      builder.sequence([builder.text("\n"), indent]),
    ]);
  }
  const place = "whitespace_pattern";
  const expression = wholeMatch(parseRegex(whitespace.pattern, place), place);
  checkWhitespacePattern(expression, place);
  return expressionNode(builder, expression, encodeBare);
}
