// Filters, which stand behind `|`: Jinja's own, and transformers' `tojson`.

import { pathOf } from "./attributes.ts";
import { FILTER_TABLE, type Filter } from "./filter-table.ts";
import { fixed, percentFormat } from "./formats.ts";
import { LIST_FILTERS } from "./list-filters.ts";
import { read, textArgument } from "./parameters.ts";
import { capitalized, linesOf, replaced, STRING_METHODS, strip } from "./string-methods.ts";
import { jsonOf, reprOf, textOf } from "./text.ts";
import {
  type Arguments,
  charsOf,
  Float,
  isNumber,
  isTrue,
  numberOf,
  RenderError,
  tupleOf,
  Undefined,
} from "./values.ts";

export const FILTERS: Readonly<Record<string, Filter>> = Object.assign(FILTER_TABLE, {
  ...LIST_FILTERS,
  abs: (value) =>
    value instanceof Float ? new Float(Math.abs(value.value)) : Math.abs(numberOf(value)),
  attr: (value, { list: [name] }) => pathOf(value, name),
  capitalize: (value) => capitalized(textOf(value)),
  center: (value, given) =>
    STRING_METHODS["center"]?.(textOf(value), { ...given, list: [read(given, "width")[0] ?? 80] }),
  d: withDefault,
  default: withDefault,
  e: escaped,
  escape: escaped,
  forceescape: escaped,
  float: (value, given) => {
    const number = toNumber(value);
    return number === undefined ? (read(given, "default")[0] ?? new Float(0)) : new Float(number);
  },
  format: (value, { list }) => percentFormat(textOf(value), tupleOf(list)),
  indent: indented,
  int: (value, given) => {
    const [otherwise = 0, base = 10] = read(given, "default", "base");
    return toInt(value, numberOf(base)) ?? otherwise;
  },
  lower: (value) => textOf(value).toLowerCase(),
  pprint: reprOf,
  replace: (value, given) => {
    const [from, to, count] = read(given, "old", "new", "count");
    const times = count === undefined || count === null ? -1 : numberOf(count);
    return replaced(textOf(value), textOf(from), textOf(to), times);
  },
  round: rounded,
  safe: textOf,
  string: textOf,
  striptags: (value) =>
    textOf(value)
      .replace(/<!--[\s\S]*?-->|<[^>]*>/g, "")
      .split(/\s+/)
      .filter(Boolean)
      .join(" "),
  title: (value) =>
    textOf(value)
      .split(/([-\s({[<]+)/)
      .map((part) => capitalized(part))
      .join(""),
  tojson: toJson,
  trim: (value, given) => {
    const [chars] = read(given, "chars");
    return strip(
      textOf(value),
      chars === undefined || chars === null ? undefined : textArgument(chars),
    );
  },
  truncate: truncated,
  upper: (value) => textOf(value).toUpperCase(),
  urlencode: (value) =>
    encodeURIComponent(textOf(value))
      .replace(/%2F/g, "/")
      .replace(/[!'()*]/g, percentCode),
  wordcount: (value) => textOf(value).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0,
} satisfies Record<string, Filter>);

function withDefault(value: unknown, given: Arguments): unknown {
  const [otherwise = "", alsoFalse = false] = read(given, "default_value", "boolean");
  return value instanceof Undefined || (isTrue(alsoFalse) && !isTrue(value)) ? otherwise : value;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&#34;",
  "'": "&#39;",
};

function escaped(value: unknown): string {
  return textOf(value).replace(/[&<>"']/g, (char) => ENTITIES[char] ?? char);
}

function percentCode(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
}

function toNumber(value: unknown): number | undefined {
  if (value instanceof Undefined) throw new RenderError(value.message);
  if (isNumber(value)) return numberOf(value);
  if (typeof value !== "string") return undefined;
  const text = value.trim().replace(/(?<=\d)_(?=\d)/g, "");
  return /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(text) ? Number(text) : undefined;
}

function toInt(value: unknown, base: number): number | undefined {
  if (typeof value === "string" && base !== 10) {
    const number = Number.parseInt(value.trim().replace(/^0[xob]/i, ""), base);
    return Number.isNaN(number) ? undefined : number;
  }
  const number = toNumber(value);
  return number === undefined || !Number.isFinite(number) ? undefined : Math.trunc(number) + 0;
}

function rounded(value: unknown, given: Arguments): unknown {
  const [precision = 0, method = "common"] = read(given, "precision", "method");
  const number = numberOf(value);
  const digits = numberOf(precision);
  const scale = 10 ** digits;
  if (method === "ceil") return new Float(Math.ceil(number * scale) / scale);
  if (method === "floor") return new Float(Math.floor(number * scale) / scale);
  if (method !== "common") throw new RenderError("method must be common, ceil or floor");
  const result =
    digits < 0 ? Number(fixed(number * scale, 0)) / scale : Number(fixed(number, digits));
  return value instanceof Float ? new Float(result) : result;
}

function indented(value: unknown, given: Arguments): string {
  const [width = 4, first = false, blank = false] = read(given, "width", "first", "blank");
  const margin = typeof width === "string" ? width : " ".repeat(numberOf(width));
  const text = `${textOf(value)}\n`;
  const lines = isTrue(blank) ? text.slice(0, -1).split("\n") : linesOf(text);
  const [head = "", ...rest] = lines;
  const others = rest.map((line) => (isTrue(blank) || line !== "" ? margin + line : line));
  return (isTrue(first) ? margin : "") + [head, ...others].join("\n");
}

function truncated(value: unknown, given: Arguments): string {
  const [length = 255, kill = false, end = "...", leeway = 5] = read(
    given,
    "length",
    "killwords",
    "end",
    "leeway",
  );
  const chars = charsOf(textOf(value));
  if (chars.length <= numberOf(length) + numberOf(leeway)) return chars.join("");
  const cut = chars.slice(0, numberOf(length) - textOf(end).length).join("");
  if (isTrue(kill)) return cut + textOf(end);
  const blank = cut.lastIndexOf(" ");
  return (blank < 0 ? cut : cut.slice(0, blank)) + textOf(end);
}

function toJson(value: unknown, given: Arguments): string {
  const [ascii = false, indent = null, separators = null, sortKeys = false] = read(
    given,
    "ensure_ascii",
    "indent",
    "separators",
    "sort_keys",
  );
  const isWide = indent === null;
  const [item, key] = Array.isArray(separators) ? separators : [isWide ? ", " : ",", ": "];
  return jsonOf(value, {
    indent: isWide
      ? undefined
      : typeof indent === "string"
        ? indent
        : " ".repeat(Math.max(0, numberOf(indent))),
    itemSeparator: textArgument(item),
    keySeparator: textArgument(key),
    sortKeys: isTrue(sortKeys),
    ascii: isTrue(ascii),
  });
}
