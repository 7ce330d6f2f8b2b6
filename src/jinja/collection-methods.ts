// Methods of Python's `dict` and `list`. Those that change one are refused, as transformers' sandbox refuses them.

import { read } from "./parameters.ts";
import { type Arguments, areEqual, keyOf, RenderError, tupleOf } from "./values.ts";

type Dict = ReadonlyMap<unknown, unknown>;
type List = readonly unknown[];

export const DICT_METHODS: Readonly<Record<string, (self: Dict, given: Arguments) => unknown>> = {
  items: (self) => Array.from(self, tupleOf),
  keys: (self) => [...self.keys()],
  values: (self) => [...self.values()],
  copy: (self) => new Map(self),
  get: (self, given) => {
    const [key, otherwise = null] = read(given, "key", "default");
    const value = self.get(keyOf(key));
    return value === undefined ? otherwise : value;
  },
  ...refused("clear", "pop", "popitem", "setdefault", "update"),
};

export const LIST_METHODS: Readonly<Record<string, (self: List, given: Arguments) => unknown>> = {
  copy: (self) => [...self],
  count: (self, { list: [item] }) => self.filter((other) => areEqual(other, item)).length,
  index: (self, { list: [item] }) => {
    const at = self.findIndex((other) => areEqual(other, item));
    if (at < 0) throw new RenderError("the list does not hold this item");
    return at;
  },
  ...refused("append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"),
};

function refused(...names: readonly string[]): Readonly<Record<string, () => never>> {
  const entries = names.map((name) => [
    name,
    () => {
      throw new RenderError(`${name} would change a value, which templates may not`);
    },
  ]);
  return Object.fromEntries(entries);
}
