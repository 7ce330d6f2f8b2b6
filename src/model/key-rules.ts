// Keys of a model's files that nothing reads. One that would change what is computed is refused by name; one that
// nothing is known of is told, so that no file is silently taken for less than it says.

import { showFound } from "../base/describe-issue.ts";
import type { JsonObject } from "./json-object.ts";
import { ModelError } from "./model-files.ts";

export interface KeyRules {
  /** Read elsewhere, or without a bearing on what is computed. */
  readonly known: ReadonlySet<string>;
  /** Features of other decoders: each is off when absent, false, 0 or empty, or has one of these values. */
  readonly off: Readonly<Record<string, readonly unknown[]>>;
  /** Each key must be absent or have one of these values. */
  readonly fixed: Readonly<Record<string, readonly unknown[]>>;
}

/**
 * Gives those of `keys` that nothing is known of. Throws `ModelError` at one that asks for what is not there. No
 * other key's value is looked at: GGUF's vocabularies are decoded when they are.
 */
export function checkKeys(
  json: JsonObject,
  { known, off, fixed }: KeyRules,
  keys = json.keys(),
): readonly string[] {
  const unknown: string[] = [];
  for (const key of keys) {
    const value = json.get(key);
    if (value === undefined || known.has(key)) continue;
    const isOff = isEmpty(value);
    const values = own(fixed, key) ?? (isOff ? undefined : own(off, key));
    if (values === undefined) {
      if (!isOff) unknown.push(key);
    } else if (!values.includes(value)) throw unsupported(json, key, values);
  }
  return unknown;
}

function unsupported(json: JsonObject, key: string, values: readonly unknown[]): ModelError {
  const supported = values.length === 0 ? "models without it" : values.map(showFound).join(", ");
  return new ModelError(
    `${json.place}: ${key} is ${showFound(json.get(key))}, which this engine does not compute; supported: ${supported}`,
  );
}

/** False, 0, and what holds nothing. */
export function isEmpty(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.keys(value).length === 0;
  return value === false || value === 0;
}

function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
