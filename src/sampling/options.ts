// A request by the rows: its parameters as a client gives them, and as the engine takes them.

import type * as v from "valibot";

import {
  SAMPLING_PARAMETERS,
  type SamplingName,
  type SamplingParameter,
  type SamplingRows,
} from "./parameters.ts";

type Given<Row> = Row extends { readonly schema: infer Schema extends v.GenericSchema }
  ? Exclude<v.InferOutput<Schema>, undefined>
  : never;

type Option<Row> = Row extends { readonly toOption: (given: never) => infer Made }
  ? Made
  : Given<Row>;

type NameWith<Part> = {
  [Name in SamplingName]: SamplingRows[Name] extends Part ? Name : never;
}[SamplingName];

/** Parameters that a client gives. An absent one is the model's or the server's to decide. */
export type SamplingRequest = {
  readonly [Name in SamplingName]?: Given<SamplingRows[Name]> | undefined;
};

/** Defaults that a model's maker ships in generation_config.json. */
export type GenerationDefaults = {
  readonly [Name in NameWith<{ readonly inModel: object }>]?: number;
};

type NameWithValue = NameWith<{ readonly unset: number }>;

/** How the next token is chosen: numbers have their value, whatever else is absent where it asks for nothing. */
export type SamplingValues = {
  readonly [Name in NameWithValue]: number;
} & {
  readonly [Name in Exclude<SamplingName, NameWithValue>]?: Option<SamplingRows[Name]>;
};

export const SAMPLING_ROWS: readonly (readonly [SamplingName, SamplingParameter])[] =
  Object.entries(SAMPLING_PARAMETERS) as [SamplingName, SamplingParameter][]; // keys of the table

/** Rows of which a model's files may have a value. */
export const MODEL_PARAMETERS = SAMPLING_ROWS.flatMap(([name, { field, inModel }]) =>
  inModel === undefined ? [] : [{ name, field, ...inModel }],
);

/** Parameters of a request, whose values `read` finds; absent where it finds none. */
export function readSampling(
  read: (row: SamplingParameter, name: SamplingName) => unknown,
): SamplingRequest {
  const given: Partial<Record<SamplingName, unknown>> = {};
  for (const [name, row] of SAMPLING_ROWS) {
    const value = read(row, name);
    if (value !== undefined) given[name] = value;
  }
  return given as SamplingRequest; // each row's schema made its value
}

/** A request's parameters, then the model's, then the server's. */
export function samplingValues(
  request: SamplingRequest,
  defaults: GenerationDefaults,
): SamplingValues {
  const byName: Partial<Record<SamplingName, unknown>> = defaults;
  const values: Partial<Record<SamplingName, unknown>> = {};
  for (const [name, { unset, toOption }] of SAMPLING_ROWS) {
    const given = request[name] ?? byName[name] ?? unset;
    if (given === undefined) continue;
    values[name] = toOption === undefined ? given : toOption(given as never);
  }
  return values as SamplingValues; // the table says which are there
}
