// Expressions of a template, as functions of its scope.

import { attributeOf, callOf, subscriptOf } from "./attributes.ts";
import { FILTERS } from "./filters.ts";
import { add, OPERATORS, sliceOf } from "./operators.ts";
import type { Expression, Scope } from "./scope.ts";
import { TESTS } from "./tests.ts";
import { textOf } from "./text.ts";
import type { TokenReader } from "./token-reader.ts";
import {
  type Arguments,
  Float,
  isTrue,
  itemsOf,
  keyOf,
  numberOf,
  RenderError,
  tupleOf,
  Undefined,
} from "./values.ts";

const CONSTANTS: Readonly<Record<string, unknown>> = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
};

type GivenArguments = (scope: Scope) => Arguments;
const NO_ARGUMENTS: GivenArguments = () => ({ list: [], named: new Map() });

export class ExpressionParser {
  readonly #tokens: TokenReader;
  /** Names of filters and tests that are not there are an error at once outside of conditions, later within. */
  numConditions = 0;

  constructor(tokens: TokenReader) {
    this.#tokens = tokens;
  }

  /** Also `a, b` without brackets. `ends` tells where an item cannot begin. */
  tuple({ withCondition = true } = {}): Expression {
    const item = () => (withCondition ? this.expression() : this.#or());
    const first = item();
    if (!this.#tokens.isNext(",")) return first;
    const items = [first];
    while (this.#tokens.skip(",") && !this.#tokens.isAtEnd(")", "=", "in")) items.push(item());
    return (scope) => tupleOf(items.map((each) => each(scope)));
  }

  expression(): Expression {
    let value = this.#or();
    while (this.#tokens.skipName("if")) {
      const then = value;
      const test = this.#or();
      const otherwise = this.#tokens.skipName("else") ? this.expression() : undefined;
      const missing = new Undefined(
        "the inline if-expression evaluated to false and no else section was defined",
      );
      const other = otherwise ?? (() => missing);
      value = (scope) => (isTrue(test(scope)) ? then(scope) : other(scope));
    }
    return value;
  }

  #or(): Expression {
    let left = this.#and();
    while (this.#tokens.skipName("or")) {
      const [first, right] = [left, this.#and()];
      left = (scope) => {
        const value = first(scope);
        return isTrue(value) ? value : right(scope);
      };
    }
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    while (this.#tokens.skipName("and")) {
      const [first, right] = [left, this.#not()];
      left = (scope) => {
        const value = first(scope);
        return isTrue(value) ? right(scope) : value;
      };
    }
    return left;
  }

  #not(): Expression {
    if (!this.#tokens.skipName("not")) return this.#comparison();
    const value = this.#not();
    return (scope) => !isTrue(value(scope));
  }

  #comparison(): Expression {
    const first = this.#sum();
    const others: (readonly [string, Expression])[] = [];
    for (let sign = this.#comparator(); sign !== undefined; sign = this.#comparator()) {
      others.push([sign, this.#sum()]);
    }
    const [only] = others;
    if (only === undefined) return first;
    return (scope) => {
      let left = first(scope);
      for (const [sign, operand] of others) {
        const right = operand(scope);
        if (!OPERATORS[sign]?.(left, right)) return false;
        left = right;
      }
      return true;
    };
  }

  #comparator(): string | undefined {
    const sign = this.#tokens.skipOneOf(["==", "!=", "<=", ">=", "<", ">"]);
    if (sign !== undefined) return sign;
    if (this.#tokens.skipName("in")) return "in";
    return this.#tokens.skipNames("not", "in") ? "not in" : undefined;
  }

  #sum(): Expression {
    return this.#binary(["+", "-"], () => this.#concatenation());
  }

  #concatenation(): Expression {
    const parts = [this.#product()];
    while (this.#tokens.skip("~")) parts.push(this.#product());
    const [only] = parts;
    if (parts.length === 1 && only !== undefined) return only;
    return (scope) =>
      parts.map((part) => textOf(part(scope))).reduce((all, part) => all + part, "");
  }

  #product(): Expression {
    return this.#binary(["*", "//", "/", "%"], () => this.#power());
  }

  #power(): Expression {
    return this.#binary(["**"], () => this.#unary(true));
  }

  #binary(signs: readonly string[], operand: () => Expression): Expression {
    let left = operand();
    for (
      let sign = this.#tokens.skipOneOf(signs);
      sign !== undefined;
      sign = this.#tokens.skipOneOf(signs)
    ) {
      const [first, right] = [left, operand()];
      const work = OPERATORS[sign] ?? add;
      left = (scope) => work(first(scope), right(scope));
    }
    return left;
  }

  #unary(withFilters: boolean): Expression {
    const sign = this.#tokens.skipOneOf(["-", "+"]);
    const value = this.#postfix(
      sign === undefined ? this.#primary() : signed(sign, this.#unary(false)),
    );
    return withFilters ? this.#filtered(value) : value;
  }

  #primary(): Expression {
    const token = this.#tokens.next();
    const { type, value } = token;
    if (type === "name") return value in CONSTANTS ? () => CONSTANTS[value] : this.#name(value);
    if (type === "string") return this.#strings(value);
    if (type === "int") return constant(Number(value.replaceAll("_", "")));
    if (type === "float") return constant(new Float(Number(value.replaceAll("_", ""))));
    if (value === "(") return this.#brackets();
    if (value === "[") return this.#list();
    if (value === "{") return this.#dict();
    throw this.#tokens.fault(`${value === "" ? "the end" : value} is not expected`, token);
  }

  #name(name: string): Expression {
    const missing = new Undefined(`'${name}' is undefined`);
    return (scope) => {
      const value = scope.get(name);
      return value === undefined ? missing : value;
    };
  }

  #strings(first: string): Expression {
    let text = first;
    for (
      let more = this.#tokens.skipType("string");
      more !== undefined;
      more = this.#tokens.skipType("string")
    ) {
      text += more;
    }
    return constant(text);
  }

  #brackets(): Expression {
    if (this.#tokens.skip(")")) return () => tupleOf([]);
    const value = this.tuple();
    this.#tokens.expect(")");
    return value;
  }

  #list(): Expression {
    const items: Expression[] = [];
    while (!this.#tokens.skip("]")) {
      items.push(this.expression());
      if (!this.#tokens.isNext("]")) this.#tokens.expect(",");
    }
    return (scope) => items.map((item) => item(scope));
  }

  #dict(): Expression {
    const fields: (readonly [Expression, Expression])[] = [];
    while (!this.#tokens.skip("}")) {
      const key = this.expression();
      this.#tokens.expect(":");
      fields.push([key, this.expression()]);
      if (!this.#tokens.isNext("}")) this.#tokens.expect(",");
    }
    return (scope) => new Map(fields.map(([key, field]) => [keyOf(key(scope)), field(scope)]));
  }

  #postfix(begin: Expression): Expression {
    let value = begin;
    for (;;) {
      const inner = value;
      if (this.#tokens.skip(".")) value = this.#attribute(inner);
      else if (this.#tokens.skip("[")) value = this.#subscript(inner);
      else if (this.#tokens.isNext("(")) {
        const given = this.arguments();
        value = (scope) => callOf(inner(scope), withCaller(given(scope), scope));
      } else return value;
    }
  }

  #attribute(inner: Expression): Expression {
    const { type, value } = this.#tokens.next();
    if (type === "int") return (scope) => subscriptOf(inner(scope), Number(value));
    if (type !== "name") throw this.#tokens.fault("a name is expected behind the point");
    return (scope) => attributeOf(inner(scope), value);
  }

  #subscript(inner: Expression): Expression {
    const parts = [this.#subscriptPart()];
    while (this.#tokens.skip(",")) parts.push(this.#subscriptPart());
    this.#tokens.expect("]");
    const [only] = parts;
    if (parts.length > 1 || only === undefined) {
      return (scope) =>
        subscriptOf(inner(scope), tupleOf(parts.map((part) => part.index?.(scope))));
    }
    const { index, bounds } = only;
    if (index !== undefined) return (scope) => subscriptOf(inner(scope), index(scope));
    const [start, stop, step] = bounds.map((bound) => bound ?? (() => null));
    return (scope) =>
      sliceOf(inner(scope), {
        start: start?.(scope) ?? null,
        stop: stop?.(scope) ?? null,
        step: step?.(scope) ?? null,
      });
  }

  #subscriptPart() {
    const bound = () => (this.#tokens.isAtEnd(":", "]", ",") ? undefined : this.expression());
    const index = bound();
    if (!this.#tokens.isNext(":")) {
      if (index === undefined) throw this.#tokens.fault("an index is expected");
      return { index, bounds: [] };
    }
    const bounds = [index];
    while (this.#tokens.skip(":")) bounds.push(bound());
    while (bounds.length < 3) bounds.push(undefined);
    return { index: undefined, bounds };
  }

  /** In brackets. */
  arguments(): GivenArguments {
    this.#tokens.expect("(");
    const parts: Argument[] = [];
    while (!this.#tokens.skip(")")) {
      parts.push(this.#argument());
      if (!this.#tokens.isNext(")")) this.#tokens.expect(",");
    }
    return (scope) => {
      const list: unknown[] = [];
      const named = new Map<string, unknown>();
      for (const part of parts) put(part.value(scope), part, { list, named });
      return { list, named };
    };
  }

  #argument(): Argument {
    const form = this.#tokens.skipOneOf(["**", "*"]);
    const name = form === undefined ? this.#tokens.skipKeyword() : undefined;
    return { form, name, value: this.expression() };
  }

  #filtered(begin: Expression): Expression {
    let value = begin;
    for (;;) {
      const inner = value;
      if (this.#tokens.skip("|")) value = this.filter(inner);
      else if (this.#tokens.skipName("is")) value = this.#test(inner);
      else if (this.#tokens.isNext("(")) {
        const given = this.arguments();
        value = (scope) => callOf(inner(scope), given(scope));
      } else return value;
    }
  }

  /** Its name comes next. */
  filter(inner: Expression): Expression {
    const name = this.#dotted();
    const given = this.#tokens.isNext("(") ? this.arguments() : NO_ARGUMENTS;
    const work = FILTERS[name];
    if (work === undefined) return this.#unknown(`there is no filter ${name}`);
    return (scope) => work(inner(scope), given(scope), scope);
  }

  #test(inner: Expression): Expression {
    const isNegated = this.#tokens.skipName("not");
    const name = this.#dotted();
    const given = this.#testArguments();
    const work = TESTS[name];
    if (work === undefined) return this.#unknown(`there is no test ${name}`);
    return (scope) => work(inner(scope), given(scope)) !== isNegated;
  }

  #testArguments(): GivenArguments {
    if (this.#tokens.isNext("(")) return this.arguments();
    const { type, value } = this.#tokens.peek();
    const begins =
      ["name", "string", "int", "float"].includes(type) || value === "[" || value === "{";
    if (
      !begins ||
      (type === "name" &&
        ["else", "or", "and", "is", "if", "in", "not", "recursive"].includes(value))
    )
      return NO_ARGUMENTS;
    const argument = this.#postfix(this.#primary());
    return (scope) => ({ list: [argument(scope)], named: new Map() });
  }

  #dotted(): string {
    let name = this.#tokens.expectName();
    while (this.#tokens.skip(".")) name += `.${this.#tokens.expectName()}`;
    return name;
  }

  #unknown(reason: string): Expression {
    if (this.numConditions === 0) throw this.#tokens.fault(reason);
    return () => {
      throw new RenderError(reason);
    };
  }
}

/** The name, in a scope, of the body of a `call` block. */
export const CALLER = " caller";

function withCaller(given: Arguments, { vars }: Scope): Arguments {
  const caller = vars.get(CALLER);
  if (caller === undefined) return given;
  return { ...given, named: new Map([...given.named, ["caller", caller]]) };
}

interface Argument {
  readonly form: string | undefined;
  readonly name: string | undefined;
  readonly value: Expression;
}

function put(
  value: unknown,
  { form, name }: Argument,
  { list, named }: { readonly list: unknown[]; readonly named: Map<string, unknown> },
): void {
  if (form === "*") list.push(...itemsOf(value));
  else if (form === "**")
    for (const [key, field] of value as Map<string, unknown>) named.set(key, field);
  else if (name !== undefined) named.set(name, value);
  else list.push(value);
}

function constant(value: unknown): Expression {
  return () => value;
}

function signed(sign: string, value: Expression): Expression {
  return (scope) => {
    const operand = value(scope);
    const number = sign === "-" ? -numberOf(operand) : numberOf(operand);
    return operand instanceof Float ? new Float(number) : number === 0 ? 0 : number;
  };
}
