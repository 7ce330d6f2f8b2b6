// A validator of JSON Schema that shares nothing with the engine: what random schemas are checked against.

export type Schema = boolean | { readonly [keyword: string]: unknown };

export function isValid(value: unknown, schema: Schema, root: Schema = schema): boolean {
  if (typeof schema === "boolean") return schema;
  return Object.entries(schema).every(([keyword, argument]) => {
    const check = CHECKS[keyword];
    return check === undefined || check(value, argument as never, { schema, root });
  });
}

interface Place {
  readonly schema: { readonly [keyword: string]: unknown };
  readonly root: Schema;
}

type Check = (value: unknown, argument: never, place: Place) => boolean;

const isNumber = (value: unknown): value is number => typeof value === "number";
const isText = (value: unknown): value is string => typeof value === "string";
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const same = (a: unknown, b: unknown) => Bun.deepEquals(a, b);

const CHECKS: Readonly<Record<string, Check>> = {
  type: (value, types: string | string[]) => [types].flat().some((type) => hasType(value, type)),
  enum: (value, values: unknown[]) => values.some((one) => same(one, value)),
  const: (value, one: unknown) => same(one, value),
  minimum: (value, bound: number) => !isNumber(value) || value >= bound,
  maximum: (value, bound: number) => !isNumber(value) || value <= bound,
  exclusiveMinimum: (value, bound: number) => !isNumber(value) || value > bound,
  exclusiveMaximum: (value, bound: number) => !isNumber(value) || value < bound,
  multipleOf: (value, divisor: number) =>
    !isNumber(value) || Number.isInteger((value * 100) / (divisor * 100)),
  minLength: (value, bound: number) => !isText(value) || [...value].length >= bound,
  maxLength: (value, bound: number) => !isText(value) || [...value].length <= bound,
  pattern: (value, regex: string) => !isText(value) || new RegExp(regex, "u").test(value),
  minItems: (value, bound: number) => !Array.isArray(value) || value.length >= bound,
  maxItems: (value, bound: number) => !Array.isArray(value) || value.length <= bound,
  prefixItems: (value, schemas: Schema[], { root }) =>
    !Array.isArray(value) ||
    schemas.every((one, index) => index >= value.length || isValid(value[index], one, root)),
  items: (value, one: Schema, { schema, root }) => {
    const numPlaces = ((schema["prefixItems"] ?? []) as unknown[]).length;
    return (
      !Array.isArray(value) || value.slice(numPlaces).every((item) => isValid(item, one, root))
    );
  },
  required: (value, names: string[]) =>
    !isObject(value) || names.every((name) => Object.hasOwn(value, name)),
  minProperties: (value, bound: number) => !isObject(value) || Object.keys(value).length >= bound,
  maxProperties: (value, bound: number) => !isObject(value) || Object.keys(value).length <= bound,
  properties: (value, schemas: Record<string, Schema>, { root }) =>
    !isObject(value) ||
    Object.entries(schemas).every(
      ([name, one]) => !Object.hasOwn(value, name) || isValid(value[name], one, root),
    ),
  patternProperties: (value, schemas: Record<string, Schema>, { root }) =>
    !isObject(value) ||
    Object.entries(value).every(([name, member]) =>
      Object.entries(schemas).every(
        ([regex, one]) => !new RegExp(regex, "u").test(name) || isValid(member, one, root),
      ),
    ),
  additionalProperties: (value, one: Schema, { schema, root }) =>
    !isObject(value) ||
    Object.entries(value).every(
      ([name, member]) => isDeclared(name, schema) || isValid(member, one, root),
    ),
  allOf: (value, schemas: Schema[], { root }) => schemas.every((one) => isValid(value, one, root)),
  anyOf: (value, schemas: Schema[], { root }) => schemas.some((one) => isValid(value, one, root)),
  $ref: (value, _: string, { root }) =>
    isValid(
      value,
      ((root as Record<string, unknown>)["$defs"] as Record<string, Schema>)["d"] ?? true,
      root,
    ),
};

function isDeclared(name: string, schema: Place["schema"]): boolean {
  if (Object.hasOwn((schema["properties"] ?? {}) as object, name)) return true;
  return Object.keys((schema["patternProperties"] ?? {}) as object).some((regex) =>
    new RegExp(regex, "u").test(name),
  );
}

function hasType(value: unknown, type: string): boolean {
  if (type === "integer") return Number.isInteger(value);
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "object") return isObject(value);
  return typeof value === type;
}
