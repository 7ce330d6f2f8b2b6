// Arguments of filters and methods, by place or by name.

import { type Arguments, RenderError } from "./values.ts";

/** In the order of `names`; `undefined` for those that were not given. Throws for more. */
export function read({ list, named }: Arguments, ...names: readonly string[]): readonly unknown[] {
  if (list.length > names.length)
    throw new RenderError(`takes ${names.length} arguments, not ${list.length}`);
  for (const name of named.keys()) {
    if (!names.includes(name))
      throw new RenderError(`got an unexpected keyword argument '${name}'`);
  }
  return names.map((name, index) => (index < list.length ? list[index] : named.get(name)));
}

/** The text, `fallback` for none. Throws for another type. */
export function textArgument(value: unknown, fallback?: string): string {
  const text = value === undefined ? fallback : value;
  if (typeof text !== "string") throw new RenderError("a text is wanted as argument");
  return text;
}
