// Tests, which stand behind `is`.

import { FILTER_TABLE } from "./filter-table.ts";
import { isIn, modulo } from "./operators.ts";
import { textOf } from "./text.ts";
import {
  type Arguments,
  areEqual,
  Callable,
  compare,
  Float,
  Generated,
  isNumber,
  numberOf,
  RenderError,
  Undefined,
} from "./values.ts";

type Test = (value: unknown, given: Arguments) => boolean;

const equal: Test = (value, { list: [other] }) => areEqual(value, other);
const unequal: Test = (value, { list: [other] }) => !areEqual(value, other);
const less: Test = (value, { list: [other] }) => compare(value, other) < 0;
const atMost: Test = (value, { list: [other] }) => compare(value, other) <= 0;
const greater: Test = (value, { list: [other] }) => compare(value, other) > 0;
const atLeast: Test = (value, { list: [other] }) => compare(value, other) >= 0;

export const TESTS: Readonly<Record<string, Test>> = {
  __proto__: null as never,
  defined: (value) => !(value instanceof Undefined),
  undefined: (value) => value instanceof Undefined,
  none: (value) => value === null,
  boolean: (value) => typeof value === "boolean",
  true: (value) => value === true,
  false: (value) => value === false,
  integer: (value) => typeof value === "number",
  float: (value) => value instanceof Float,
  number: isNumber,
  string: (value) => typeof value === "string",
  mapping: (value) => value instanceof Map,
  sequence: (value) =>
    typeof value === "string" ||
    Array.isArray(value) ||
    value instanceof Map ||
    value instanceof Undefined,
  iterable: (value) =>
    typeof value === "string" ||
    Array.isArray(value) ||
    value instanceof Map ||
    value instanceof Undefined ||
    value instanceof Generated,
  callable: (value) => value instanceof Callable,
  odd: (value) => Math.abs(modulo(numberOf(value), 2)) === 1,
  even: (value) => modulo(numberOf(value), 2) === 0,
  divisibleby: (value, { list: [by] }) => {
    if (numberOf(by) === 0) throw new RenderError("division by zero");
    return modulo(numberOf(value), numberOf(by)) === 0;
  },
  lower: (value) => isCase(textOf(value), "toLowerCase"),
  upper: (value) => isCase(textOf(value), "toUpperCase"),
  sameas: (value, { list: [other] }) => value === other,
  in: (value, { list: [all] }) => isIn(value, all),
  escaped: () => false,
  filter: (value) => typeof value === "string" && value in FILTER_TABLE,
  test: (value) => typeof value === "string" && value in TESTS,
  eq: equal,
  equalto: equal,
  "==": equal,
  ne: unequal,
  "!=": unequal,
  lt: less,
  lessthan: less,
  "<": less,
  le: atMost,
  "<=": atMost,
  gt: greater,
  greaterthan: greater,
  ">": greater,
  ge: atLeast,
  ">=": atLeast,
};

function isCase(text: string, change: "toLowerCase" | "toUpperCase"): boolean {
  return text === text[change]() && text.toLowerCase() !== text.toUpperCase();
}

/** The test of a name, as `select` is given it. */
export function testNamed(name: unknown): Test {
  const test = TESTS[String(name)];
  if (test === undefined) throw new RenderError(`there is no test ${name}`);
  return test;
}
