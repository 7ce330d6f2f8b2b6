/** The way to a value: service, key, and on into maps and lists. */
export type Path = readonly string[];

/** The key of a service that says how it is run, as opposed to what it does. */
export const SERVICE_ARGS = "ServiceArgs";

/** Keys are kebab, snake or camel case in files and flags; this is the form in which the three are the same. */
export function canonicalKey(key: string): string {
  return key
    .replaceAll("_", "-")
    .replace(/(?<=[a-z0-9])[A-Z]+/g, (capitals) => `-${capitals.toLowerCase()}`);
}

/** The schema's `maxModelLen`, or `max_model_len`, as people write it: `max-model-len`. */
export function kebabKey(schemaKey: string): string {
  return canonicalKey(schemaKey);
}
