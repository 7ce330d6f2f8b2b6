// The door of this room: from what a caller wrote to a program. Pure and synchronous, so that a side thread can run it;
// a program is plain data that can be posted back.

import { compileEbnf } from "./ebnf.ts";
import { expressionNode } from "./expression.ts";
import { GrammarError } from "./grammar-error.ts";
import { parseOrderedJson } from "./ordered-json.ts";
import type { GrammarProgram } from "./program.ts";
import { ProgramBuilder } from "./program-builder.ts";
import { wholeMatch } from "./regex-match.ts";
import { parseRegex } from "./regex-parser.ts";
import { compileSchema } from "./schema/schema-compiler.ts";
import { encodeBare } from "./utf8.ts";
import { checkWhitespacePattern } from "./whitespace.ts";

/** White space between the elements of JSON: a little of each usual kind, none, or what a regex says. */
export type Whitespace = "any" | "compact" | { readonly pattern: string };

export interface JsonLayout {
  readonly whitespace?: Whitespace;
  /** For objects whose schema declares properties and does not say whether others may come. */
  readonly undeclaredProperties?: "allowed" | "refused";
}

export type GrammarSource =
  /** `schema`: the text as it came, since JSON.parse loses the order of keys. */
  | { readonly type: "json_schema"; readonly schema: string; readonly layout?: JsonLayout }
  | { readonly type: "json_object"; readonly layout?: JsonLayout }
  /** Matches the whole text. */
  | { readonly type: "regex"; readonly pattern: string }
  | { readonly type: "choice"; readonly choices: readonly string[] }
  | { readonly type: "ebnf"; readonly grammar: string; readonly root?: string };

/** Throws `GrammarError`. Typically < 50 ms, at most a second or two of CPU: all that grows has a limit. */
export function compileGrammar(source: GrammarSource): GrammarProgram {
  switch (source.type) {
    case "json_schema":
      return compileJson(source.schema, source.layout);
    case "json_object":
      return compileJson('{"type": "object"}', source.layout);
    case "regex":
      return compileRegex(source.pattern);
    case "choice":
      return compileChoice(source.choices);
    case "ebnf":
      return compileEbnf(source.grammar, source.root);
  }
}

function compileJson(
  schema: string,
  { whitespace = "any", undeclaredProperties = "allowed" }: JsonLayout = {},
): GrammarProgram {
  return compileSchema(parseOrderedJson(schema), {
    undeclaredProperties,
    makeSpace: (builder) => spaceNode(builder, whitespace),
  });
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
