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

export function missing(param: string): ApiError {
  return invalidRequest("missing_required_parameter", `'${param}' is required.`, param);
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
