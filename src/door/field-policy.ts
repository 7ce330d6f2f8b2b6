// The server's policy for each field of an API, one row a field. An API's schema, the fields that are named in
// `x-dynamo-ignored-params`, the refusals and the reference in docs/api.md are all made of the same rows.
//
//   works      a schema checks it, and it does what its API says
//   harmless   it changes no answer, and is passed over in silence
//   later      it would change the answer and is not there yet: 400, unless its value asks for nothing
//   refused    it is never taken, for the reason that the row gives
//
// A field without a row is passed over too, and named.

import type * as v from "valibot";

import { type ApiError, invalidRequest } from "./api-error.ts";

/** Which APIs have the field. */
export type Origin = "both" | "openai" | "vllm" | "dynamo" | "others";

export type Fields = Readonly<Record<string, unknown>>;

/** Tells if a value asks for nothing; `fields` are those beside it. */
export type AsksNothing = (value: unknown, fields: Fields) => boolean;

export interface WorkingField<Schema extends v.GenericSchema = v.GenericSchema> {
  readonly here: "works";
  readonly from: Origin;
  readonly schema: Schema;
}

export interface HarmlessField {
  readonly here: "harmless";
  readonly from: Origin;
  /** Any other value is named in the header. */
  readonly isSilent: AsksNothing;
}

export interface LaterField {
  readonly here: "later";
  readonly from: Origin;
  readonly asksNothing: AsksNothing;
}

export interface RefusedField {
  readonly here: "refused";
  readonly from: Origin;
  readonly asksNothing: AsksNothing;
  /** Behind "is not taken: ". */
  readonly reason: string;
}

export type FieldRow = WorkingField | HarmlessField | LaterField | RefusedField;
export type FieldTable = Readonly<Record<string, FieldRow>>;

export function works<Schema extends v.GenericSchema>(
  from: Origin,
  schema: Schema,
): WorkingField<Schema> {
  return { here: "works", from, schema };
}

export function harmless(from: Origin, isSilent: AsksNothing = () => true): HarmlessField {
  return { here: "harmless", from, isSilent };
}

export function later(from: Origin, asksNothing: AsksNothing): LaterField {
  return { here: "later", from, asksNothing };
}

export function refused(from: Origin, asksNothing: AsksNothing, reason: string): RefusedField {
  return { here: "refused", from, asksNothing, reason };
}

type SchemasOf<Table> = {
  [Name in keyof Table as Table[Name] extends WorkingField ? Name : never]: Table[Name] extends {
    readonly schema: infer Schema extends v.GenericSchema;
  }
    ? Schema
    : never;
};

/** The schemas of the fields that work: the entries of an object's schema. */
export function schemasOf<Table extends FieldTable>(table: Table): SchemasOf<Table> {
  const entries = Object.entries(table).flatMap(([name, row]) =>
    row.here === "works" ? [[name, row.schema] as const] : [],
  );
  return Object.fromEntries(entries) as SchemasOf<Table>; // a type cannot follow `fromEntries`
}

/**
 * The names of the fields that are passed over and should be told, each behind `at`; `null` is the same as absent.
 * Throws `unsupported_parameter` for the first field that asks for what this server does not do.
 */
export function passedOver(fields: Fields, table: FieldTable, at = ""): string[] {
  return Object.keys(fields).flatMap((name) => {
    const row = Object.hasOwn(table, name) ? table[name] : undefined;
    if (fields[name] === null || row?.here === "works") return [];
    return isSilent(name, fields, row, at) ? [] : [at + name];
  });
}

function isSilent(
  name: string,
  fields: Fields,
  row: Exclude<FieldRow, WorkingField> | undefined,
  at: string,
): boolean {
  if (row === undefined) return false;
  const value = fields[name];
  if (row.here === "harmless") return row.isSilent(value, fields);
  if (row.asksNothing(value, fields)) return true;
  throw unsupported(at + name, row.here === "refused" ? row.reason : undefined);
}

export function unsupported(param: string, reason?: string): ApiError {
  const message =
    reason === undefined
      ? `'${param}' is not supported by this server yet; leave it out.`
      : `'${param}' is not taken: ${reason}`;
  return invalidRequest("unsupported_parameter", message, param);
}

/** One of these values asks for nothing. */
export function only(...values: readonly unknown[]): AsksNothing {
  return (value) => values.includes(value);
}

/** An empty text, list or object, false and 0 ask for nothing. */
export const empty: AsksNothing = (value) =>
  value === "" ||
  value === false ||
  value === 0 ||
  (typeof value === "object" && value !== null && Object.keys(value).length === 0);

/** Every value asks for something. */
export const never: AsksNothing = () => false;

/** The field is a detail of another, which asks for nothing here. */
export function unless(main: string, isOff: AsksNothing = empty): AsksNothing {
  return (_, fields) => fields[main] === undefined || isOff(fields[main], fields);
}
