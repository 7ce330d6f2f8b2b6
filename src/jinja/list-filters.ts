// Filters of lists and dicts.

import { pathOf } from "./attributes.ts";
import { FILTER_TABLE, type Filter } from "./filter-table.ts";
import { add } from "./operators.ts";
import { read } from "./parameters.ts";
import { testNamed } from "./tests.ts";
import { textOf } from "./text.ts";
import {
  type Arguments,
  areEqual,
  charsOf,
  compare,
  Generated,
  isTrue,
  itemsOf,
  lengthOf,
  numberOf,
  RenderError,
  tupleOf,
  Undefined,
} from "./values.ts";

export const LIST_FILTERS: Readonly<Record<string, Filter>> = {
  batch: (value, given) => {
    const [size, fill] = read(given, "linecount", "fill_with");
    return new Generated(() => batches(itemsOf(value), numberOf(size), fill));
  },
  count: lengthOf,
  length: lengthOf,
  dictsort,
  first: (value) => end(itemsOf(value)[0], "No first item, sequence was empty."),
  last: (value) => end(itemsOf(value).at(-1), "No last item, sequence was empty."),
  random: (value) =>
    end(itemsOf(value)[Math.floor(Math.random() * lengthOf(value))], "the list is empty"),
  groupby: (value, given) => {
    const [path, otherwise, caseSensitive = false] = read(
      given,
      "attribute",
      "default",
      "case_sensitive",
    );
    return groups(itemsOf(value), (item) => pathOf(item, path, otherwise), isTrue(caseSensitive));
  },
  items: (value) => {
    if (value instanceof Undefined) return new Generated(() => []);
    if (!(value instanceof Map)) throw new RenderError("Can only get item pairs from a mapping.");
    return new Generated(() => Array.from(value, tupleOf));
  },
  join: (value, given) => {
    const [separator = "", path] = read(given, "d", "attribute");
    const items = itemsOf(value);
    const texts = path === undefined ? items : items.map((item) => pathOf(item, path));
    return texts.map(textOf).join(textOf(separator));
  },
  list: (value) => [...itemsOf(value)],
  map: mapped,
  max: (value, given) => extreme(value, given, 1),
  min: (value, given) => extreme(value, given, -1),
  reverse: (value) =>
    typeof value === "string"
      ? charsOf(value).toReversed().join("")
      : new Generated(() => itemsOf(value).toReversed()),
  select: (value, given) => selected(value, given, { byPath: false, wanted: true }),
  reject: (value, given) => selected(value, given, { byPath: false, wanted: false }),
  selectattr: (value, given) => selected(value, given, { byPath: true, wanted: true }),
  rejectattr: (value, given) => selected(value, given, { byPath: true, wanted: false }),
  slice: (value, given) => {
    const [count, fill] = read(given, "slices", "fill_with");
    return new Generated(() => slices(itemsOf(value), numberOf(count), fill));
  },
  sort: (value, given) => {
    const [reverse = false, caseSensitive = false, path] = read(
      given,
      "reverse",
      "case_sensitive",
      "attribute",
    );
    const keys = String(path ?? "").split(",");
    const keyOf = (item: unknown) =>
      keys.map((key) =>
        folded(
          path === undefined || path === null
            ? item
            : pathOf(item, typeof path === "number" ? path : key),
          isTrue(caseSensitive),
        ),
      );
    return sorted(itemsOf(value), keyOf, isTrue(reverse));
  },
  sum: (value, given) => {
    const [path, start = 0] = read(given, "attribute", "start");
    const items = itemsOf(value);
    const numbers =
      path === undefined || path === null ? items : items.map((item) => pathOf(item, path));
    return numbers.reduce(add, start);
  },
  unique: (value, given) => {
    const [caseSensitive = false, path] = read(given, "case_sensitive", "attribute");
    const keyOf = (item: unknown) =>
      folded(path === undefined ? item : pathOf(item, path), isTrue(caseSensitive));
    const seen: unknown[] = [];
    return new Generated(() =>
      itemsOf(value).filter((item) => {
        const key = keyOf(item);
        return !seen.some((other) => areEqual(other, key)) && seen.push(key) > 0;
      }),
    );
  },
};

function end(item: unknown, message: string): unknown {
  return item === undefined ? new Undefined(message) : item;
}

function folded(value: unknown, isCaseSensitive: boolean): unknown {
  return typeof value === "string" && !isCaseSensitive ? value.toLowerCase() : value;
}

function sorted(
  items: readonly unknown[],
  keyOf: (item: unknown) => unknown,
  isReverse: boolean,
): unknown[] {
  const keyed = items.map((item) => ({ item, key: keyOf(item) }));
  const sign = isReverse ? -1 : 1;
  return keyed.sort((a, b) => sign * compare(a.key, b.key)).map(({ item }) => item);
}

function dictsort(value: unknown, given: Arguments): unknown {
  const [caseSensitive = false, by = "key", reverse = false] = read(
    given,
    "case_sensitive",
    "by",
    "reverse",
  );
  if (!(value instanceof Map)) throw new RenderError("dictsort takes a mapping");
  const at = by === "value" ? 1 : 0;
  const keyOf = (pair: unknown) => folded((pair as readonly unknown[])[at], isTrue(caseSensitive));
  return sorted(Array.from(value, tupleOf), keyOf, isTrue(reverse));
}

function batches(items: readonly unknown[], size: number, fill: unknown): unknown[] {
  const all: unknown[][] = [];
  if (size < 1) throw new RenderError("a batch has at least one item");
  for (let begin = 0; begin < items.length; begin += size)
    all.push(items.slice(begin, begin + size));
  const last = all.at(-1);
  while (fill !== undefined && fill !== null && last !== undefined && last.length < size)
    last.push(fill);
  return all;
}

function slices(items: readonly unknown[], count: number, fill: unknown): unknown[] {
  if (count < 1) throw new RenderError("there is at least one slice");
  const size = Math.floor(items.length / count);
  const numLonger = items.length % count;
  return Array.from({ length: count }, (_, index) => {
    const begin = index * size + Math.min(index, numLonger);
    const part = items.slice(begin, begin + size + (index < numLonger ? 1 : 0));
    return fill !== undefined && fill !== null && index >= numLonger ? [...part, fill] : part;
  });
}

function groups(
  items: readonly unknown[],
  keyOf: (item: unknown) => unknown,
  isCaseSensitive: boolean,
): unknown[] {
  const key = (item: unknown) => folded(keyOf(item), isCaseSensitive);
  const all: { readonly key: unknown; readonly items: unknown[] }[] = [];
  for (const item of sorted(items, key, false)) {
    const last = all.at(-1);
    if (last !== undefined && areEqual(last.key, key(item))) last.items.push(item);
    else all.push({ key: key(item), items: [item] });
  }
  return all.map((group) => tupleOf([keyOf(group.items[0]), group.items]));
}

function extreme(value: unknown, given: Arguments, sign: number): unknown {
  const [caseSensitive = false, path] = read(given, "case_sensitive", "attribute");
  const keyOf = (item: unknown) =>
    folded(path === undefined || path === null ? item : pathOf(item, path), isTrue(caseSensitive));
  const items = itemsOf(value);
  if (items.length === 0) return new Undefined("No aggregated item, sequence was empty.");
  return items.reduce((best, item) => (sign * compare(keyOf(item), keyOf(best)) > 0 ? item : best));
}

function mapped(value: unknown, given: Arguments, scope: Parameters<Filter>[2]): unknown {
  const { list, named } = given;
  const path = named.get("attribute");
  const otherwise = named.get("default");
  if (path !== undefined) {
    return new Generated(() =>
      (isTrue(value) ? itemsOf(value) : []).map((item) => pathOf(item, path, otherwise)),
    );
  }
  const [name, ...rest] = list;
  const work = FILTER_TABLE[String(name)];
  if (work === undefined) throw new RenderError(`there is no filter ${textOf(name)}`);
  return new Generated(() =>
    (isTrue(value) ? itemsOf(value) : []).map((item) => work(item, { list: rest, named }, scope)),
  );
}

interface Selection {
  readonly byPath: boolean;
  readonly wanted: boolean;
}

function selected(
  value: unknown,
  { list, named }: Arguments,
  { byPath, wanted }: Selection,
): unknown {
  const path = list[0];
  const [name, ...rest] = byPath ? list.slice(1) : list;
  const test = name === undefined ? isTrue : testNamed(name);
  const operand = (item: unknown) => (byPath ? pathOf(item, path) : item);
  return new Generated(() =>
    (isTrue(value) ? itemsOf(value) : []).filter(
      (item) => test(operand(item), { list: rest, named }) === wanted,
    ),
  );
}
