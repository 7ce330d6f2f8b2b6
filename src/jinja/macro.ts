// Macros, which are called as functions and give a text.

import { type Expression, Scope } from "./scope.ts";
import { Callable, tupleOf, Undefined } from "./values.ts";

export interface Parameter {
  readonly name: string;
  readonly otherwise: Expression | undefined;
}

interface MacroParts {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  /** The scope in which it is written. */
  readonly scope: Scope;
  readonly write: (scope: Scope) => string;
}

export function macroOf({ name, parameters, scope, write }: MacroParts): Callable {
  const names = parameters.map((parameter) => parameter.name);
  return new Callable(
    name,
    ({ list, named }) => {
      const inner = new Scope(scope);
      for (const [index, { name: parameter, otherwise }] of parameters.entries()) {
        const given = index < list.length ? list[index] : named.get(parameter);
        const missing = new Undefined(`parameter '${parameter}' was not provided`);
        inner.vars.set(
          parameter,
          given === undefined ? (otherwise?.(inner) ?? (otherwise ? null : missing)) : given,
        );
      }
      const others = [...named].filter(([key]) => !names.includes(key));
      inner.vars.set("varargs", tupleOf(list.slice(parameters.length)));
      inner.vars.set(
        "kwargs",
        new Map<unknown, unknown>(others.filter(([key]) => key !== "caller")),
      );
      const caller = named.get("caller");
      if (caller !== undefined) inner.vars.set("caller", caller);
      return write(inner);
    },
    new Map<string, unknown>([
      ["name", name],
      ["arguments", tupleOf(names)],
    ]),
  );
}
