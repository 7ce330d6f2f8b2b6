/** The way to a value: service, key, and on into maps and lists. */
export type Path = readonly string[];

/** The key of a service that says how it is run, as opposed to what it does. */
export const SERVICE_ARGS = "ServiceArgs";

/** A path as the key of a table. Not for people: names may contain dots. */
export function pathKey(path: Path): string {
  return JSON.stringify(path);
}

/** Keys are kebab or snake case in files and flags; this is the form in which the two are the same. */
export function canonicalKey(key: string): string {
  return key.replaceAll("_", "-");
}

/** The schema's `maxModelLen`, or `max_model_len`, as people write it: `max-model-len`. */
export function kebabKey(schemaKey: string): string {
  return canonicalKey(schemaKey.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`));
}
