// Statements of a template, as functions that write its output.

import { CALLER, ExpressionParser } from "./expressions.ts";
import { loopFields } from "./loop.ts";
import { macroOf, type Parameter } from "./macro.ts";
import { type Expression, type Leave, Output, Scope, type Statement } from "./scope.ts";
import { assignerOf, type Target } from "./targets.ts";
import { textOf } from "./text.ts";
import type { TokenReader } from "./token-reader.ts";
import { isTrue, itemsOf } from "./values.ts";

export class StatementParser {
  readonly #tokens: TokenReader;
  readonly #expressions: ExpressionParser;

  constructor(tokens: TokenReader) {
    this.#tokens = tokens;
    this.#expressions = new ExpressionParser(tokens);
  }

  /** Up to one of the tags in `ends`, of which the name is read. */
  body(...ends: readonly string[]): Statement {
    const parts: Statement[] = [];
    while (!this.#tokens.isDone) {
      const token = this.#tokens.next();
      if (token.type === "text") parts.push(literal(token.value));
      else if (token.type === "output") parts.push(this.#output());
      else {
        const name = this.#tokens.expectName();
        if (ends.includes(name)) {
          this.#end = name;
          return sequence(parts);
        }
        parts.push(this.#statement(name));
      }
    }
    if (ends.length > 0) throw this.#tokens.fault(`${ends.at(-1)} is missing`);
    return sequence(parts);
  }

  /** The tag that has ended the last body. */
  #end = "";

  #output(): Statement {
    const value = this.#expressions.tuple();
    this.#tokens.expectEnd();
    return (scope, output) => {
      output.text += textOf(value(scope));
      return undefined;
    };
  }

  #statement(name: string): Statement {
    const parse = Object.hasOwn(this.#statements, name) ? this.#statements[name] : undefined;
    if (parse === undefined) throw this.#tokens.fault(`${name} is no statement of chat templates`);
    return parse();
  }

  readonly #statements: Readonly<Record<string, () => Statement>> = {
    if: () => this.#if(),
    for: () => this.#for(),
    set: () => this.#set(),
    macro: () => this.#macro(),
    call: () => this.#call(),
    filter: () => this.#filter(),
    with: () => this.#with(),
    generation: () => this.#plain("endgeneration"),
    block: () => {
      this.#tokens.expectName();
      return this.#plain("endblock");
    },
    autoescape: () => {
      this.#expressions.expression();
      return this.#plain("endautoescape");
    },
    break: () => this.#leave("break"),
    continue: () => this.#leave("continue"),
  };

  #leave(how: Leave): Statement {
    this.#tokens.expectEnd();
    return () => how;
  }

  #plain(end: string): Statement {
    this.#tokens.expectEnd();
    const body = this.#closed(end);
    return (scope, output) => body(new Scope(scope), output);
  }

  #closed(end: string): Statement {
    const body = this.body(end);
    if (end === "endblock") this.#tokens.skipType("name");
    this.#tokens.expectEnd();
    return body;
  }

  #if(): Statement {
    const branches: (readonly [Expression, Statement])[] = [];
    let otherwise: Statement = () => undefined;
    this.#expressions.numConditions++;
    for (this.#end = "elif"; this.#end === "elif"; ) {
      const test = this.#expressions.tuple({ withCondition: false });
      this.#tokens.expectEnd();
      branches.push([test, this.body("elif", "else", "endif")]);
    }
    if (this.#end === "else") {
      this.#tokens.expectEnd();
      otherwise = this.body("endif");
    }
    this.#tokens.expectEnd();
    this.#expressions.numConditions--;
    return (scope, output) => {
      for (const [test, body] of branches) if (isTrue(test(scope))) return body(scope, output);
      return otherwise(scope, output);
    };
  }

  #for(): Statement {
    const assign = assignerOf(this.#targets());
    if (!this.#tokens.skipName("in")) throw this.#tokens.fault("in is expected");
    const all = this.#expressions.tuple({ withCondition: false });
    const test = this.#tokens.skipName("if") ? this.#expressions.expression() : undefined;
    const isRecursive = this.#tokens.skipName("recursive");
    this.#tokens.expectEnd();
    const body = this.body("else", "endfor");
    let otherwise: Statement = () => undefined;
    if (this.#end === "else") {
      this.#tokens.expectEnd();
      otherwise = this.body("endfor");
    }
    this.#tokens.expectEnd();
    const isWanted = (item: unknown, scope: Scope) => {
      const inner = new Scope(scope);
      assign(inner, item);
      return test === undefined || isTrue(test(inner));
    };
    const run = (given: unknown, scope: Scope, output: Output, depth: number): Leave => {
      const every = itemsOf(given);
      const items = test === undefined ? every : every.filter((item) => isWanted(item, scope));
      if (items.length === 0) return otherwise(new Scope(scope), output);
      const again = (value: unknown) => {
        const inner = new Output();
        run(value, scope, inner, depth + 1);
        return inner.text;
      };
      const changes: unknown[] = [];
      for (let index = 0; index < items.length; index++) {
        const inner = new Scope(scope);
        inner.vars.set(
          "loop",
          loopFields({ items, index, depth, changes, again: isRecursive ? again : undefined }),
        );
        assign(inner, items[index]);
        if (body(inner, output) === "break") break;
      }
      return undefined;
    };
    return (scope, output) => run(all(scope), scope, output, 0);
  }

  #targets(): Target {
    const one = (): Target => {
      if (this.#tokens.skip("(")) {
        const inner = this.#targets();
        this.#tokens.expect(")");
        return inner;
      }
      const name = this.#tokens.expectName();
      return this.#tokens.skip(".") ? { name, field: this.#tokens.expectName() } : { name };
    };
    const first = one();
    if (!this.#tokens.isNext(",")) return first;
    const items = [first];
    while (this.#tokens.skip(",") && !this.#tokens.isAtEnd("in", "=", ")")) items.push(one());
    return { items };
  }

  #set(): Statement {
    const assign = assignerOf(this.#targets());
    if (this.#tokens.skip("=")) {
      const value = this.#expressions.tuple();
      this.#tokens.expectEnd();
      return (scope) => {
        assign(scope, value(scope));
        return undefined;
      };
    }
    const change = this.#filters();
    this.#tokens.expectEnd();
    const body = this.#closed("endset");
    return (scope) => {
      assign(scope, change(scope, written(body, scope)));
      return undefined;
    };
  }

  /** Filters of a block: `| a | b`. */
  #filters(): (scope: Scope, text: string) => unknown {
    const holder = { text: "" };
    let value: Expression = () => holder.text;
    while (this.#tokens.skip("|")) value = this.#expressions.filter(value);
    return (scope, text) => {
      holder.text = text;
      return value(scope);
    };
  }

  #filter(): Statement {
    const holder = { text: "" };
    let value = this.#expressions.filter(() => holder.text);
    while (this.#tokens.skip("|")) value = this.#expressions.filter(value);
    this.#tokens.expectEnd();
    const body = this.#closed("endfilter");
    return (scope, output) => {
      holder.text = written(body, scope);
      output.text += textOf(value(scope));
      return undefined;
    };
  }

  #with(): Statement {
    const sets: (readonly [(scope: Scope, value: unknown) => void, Expression])[] = [];
    while (!this.#tokens.isAtEnd()) {
      const assign = assignerOf(this.#targets());
      this.#tokens.expect("=");
      sets.push([assign, this.#expressions.expression()]);
      if (!this.#tokens.isAtEnd()) this.#tokens.expect(",");
    }
    this.#tokens.expectEnd();
    const body = this.#closed("endwith");
    return (scope, output) => {
      const inner = new Scope(scope);
      for (const [assign, value] of sets) assign(inner, value(scope));
      return body(inner, output);
    };
  }

  #macro(): Statement {
    const name = this.#tokens.expectName();
    const parameters = this.#parameters();
    this.#tokens.expectEnd();
    const body = this.#closed("endmacro");
    return (scope) => {
      scope.vars.set(
        name,
        macroOf({ name, parameters, scope, write: (inner) => written(body, inner, false) }),
      );
      return undefined;
    };
  }

  #parameters(): readonly Parameter[] {
    const parameters: Parameter[] = [];
    this.#tokens.expect("(");
    while (!this.#tokens.skip(")")) {
      const name = this.#tokens.expectName();
      parameters.push({
        name,
        otherwise: this.#tokens.skip("=") ? this.#expressions.expression() : undefined,
      });
      if (!this.#tokens.isNext(")")) this.#tokens.expect(",");
    }
    return parameters;
  }

  /** `call(x) f()`: the body is the macro `caller` of what is called. */
  #call(): Statement {
    const parameters = this.#tokens.isNext("(") ? this.#parameters() : [];
    const value = this.#expressions.expression();
    this.#tokens.expectEnd();
    const body = this.#closed("endcall");
    return (scope, output) => {
      const caller = macroOf({
        name: "caller",
        parameters,
        scope,
        write: (inner) => written(body, inner, false),
      });
      const inner = new Scope(scope);
      inner.vars.set(CALLER, caller);
      output.text += textOf(value(inner));
      return undefined;
    };
  }
}

function literal(text: string): Statement {
  return (_, output) => {
    output.text += text;
    return undefined;
  };
}

function sequence(parts: readonly Statement[]): Statement {
  return (scope, output) => {
    for (const part of parts) {
      const leave = part(scope, output);
      if (leave !== undefined) return leave;
    }
    return undefined;
  };
}

function written(body: Statement, scope: Scope, isInner = true): string {
  const output = new Output();
  body(isInner ? new Scope(scope) : scope, output);
  return output.text;
}
