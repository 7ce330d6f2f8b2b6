// A chat template: Jinja, as transformers sets it up. Its source is read once into functions.

import { globalsOf } from "./globals.ts";
import { tokensOf } from "./lexer.ts";
import { Output, Scope, type Statement } from "./scope.ts";
import { StatementParser } from "./statements.ts";
import { TokenReader } from "./token-reader.ts";
import { fromJson } from "./values.ts";

export class Template {
  readonly #body: Statement;

  /** Throws `SyntaxFault`, and `RangeError` if it nests too deeply. */
  constructor(source: string) {
    this.#body = new StatementParser(new TokenReader(tokensOf(source), source)).body();
  }

  /**
   * Variables are JSON values, `Float`s and `Map`s. Throws `RenderError` where Jinja raises, and `RangeError` if a text, a
   * list or the stack becomes too large. May take for ever on a hostile template.
   */
  render(variables: Readonly<Record<string, unknown>>): string {
    const scope = new Scope(new Scope());
    for (const [name, value] of globalsOf()) scope.parent?.vars.set(name, value);
    for (const [name, value] of Object.entries(variables)) {
      if (value !== undefined) scope.vars.set(name, fromJson(value));
    }
    const output = new Output();
    this.#body(scope, output);
    return output.text;
  }
}
