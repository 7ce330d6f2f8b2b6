// Fields that a valibot schema checks. The first one that is wrong is named, and what it should have been.

import * as v from "valibot";

import { describeInRequest, issuePath } from "../base/describe-issue.ts";
import { type ApiError, invalidRequest } from "./api-error.ts";
import type { Fields } from "./field-policy.ts";

/** Throws `invalid_type`, `invalid_value` or `missing_required_parameter`; `at` stands before the field's path. */
export function parseFields<Schema extends v.GenericSchema>(
  schema: Schema,
  given: unknown,
  at = "",
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, given, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = issuePath(issue);
  const param = at === "" || path === "" || path.startsWith("[") ? at + path : `${at}.${path}`;
  const isMissing = issue.type === "object" || issue.type === "variant";
  if (isMissing && issue.received === "undefined") throw missing(param);
  const isTypeIssue = issue.kind === "schema" && issue.type !== "picklist";
  throw invalidRequest(
    isTypeIssue ? "invalid_type" : "invalid_value",
    `'${param}' ${describeInRequest(issue)}.`,
    param,
  );
}

/**
 * Gives a reader of bodies by the rows of `table` that work. It looks at the fields that are there, and takes the others'
 * defaults: a body has ten of a hundred. Throws as `parseFields`.
 */
export function fieldsReader<Schemas extends v.ObjectEntries>(
  schemas: Schemas,
): (given: Fields) => v.InferOutput<v.ObjectSchema<Schemas, undefined>> {
  const names = Object.keys(schemas);
  const isRequired = (name: string) => !("wrapped" in (schemas[name] as object)); // an optional one wraps another
  const required = names.filter(isRequired);
  const entries = names.filter((name) => !isRequired(name)).map((name) => defaultOf(name, schemas));
  const defaults = Object.fromEntries(entries.filter(([, value]) => value !== undefined));
  return (given) => {
    const fields: Record<string, unknown> = { ...defaults };
    for (const name of required) if (!Object.hasOwn(given, name)) throw missing(name);
    for (const name of Object.keys(given)) {
      const schema = Object.hasOwn(schemas, name) ? schemas[name] : undefined;
      if (schema !== undefined)
        fields[name] = parseFields(schema as v.GenericSchema, given[name], name);
    }
    return fields as never; // of the schemas' outputs, name by name
  };
}

function defaultOf(name: string, schemas: v.ObjectEntries): readonly [string, unknown] {
  return [name, v.getDefault(schemas[name] as v.GenericSchema)];
}

export function missing(param: string): ApiError {
  return invalidRequest("missing_required_parameter", `'${param}' is required.`, param);
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
