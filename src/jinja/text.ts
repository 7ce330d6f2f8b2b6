// Python's `str()` and `repr()`, and JSON as its `json.dumps` writes it.

import {
  Callable,
  Float,
  Generated,
  Namespace,
  RenderError,
  Tuple,
  typeName,
  Undefined,
} from "./values.ts";

export function textOf(value: unknown): string {
  return typeof value === "string" ? value : value instanceof Undefined ? "" : reprOf(value);
}

export function reprOf(value: unknown): string {
  if (typeof value === "string") return quoted(value);
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return intText(value);
  if (value instanceof Float) return floatText(value.value);
  return collectionText(value) ?? objectText(value);
}

function collectionText(value: unknown): string | undefined {
  if (value instanceof Tuple) {
    const items = Array.from(value, reprOf);
    return items.length === 1 ? `(${items[0]},)` : `(${items.join(", ")})`;
  }
  if (Array.isArray(value)) return `[${value.map(reprOf).join(", ")}]`;
  if (!(value instanceof Map)) return undefined;
  const fields = Array.from(value, ([key, field]) => `${reprOf(key)}: ${reprOf(field)}`);
  return `{${fields.join(", ")}}`;
}

function objectText(value: unknown): string {
  if (value instanceof Undefined) return "Undefined";
  if (value instanceof Generated) return "<generator object>";
  if (value instanceof Namespace) return `<Namespace ${reprOf(value.fields)}>`;
  return value instanceof Callable ? `<function ${value.name}>` : `<${typeName(value)}>`;
}

function intText(value: number): string {
  return Number.isFinite(value) ? BigInt(value).toString() : floatText(value);
}

export function floatText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const size = Math.abs(value);
  if (size < 1e16 && size >= 1e-4) {
    const text = value.toString();
    return Number.isInteger(value) ? `${text}.0` : text;
  }
  return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const body = text.replace(/[\\\n\r\t]|[\p{C}\p{Z}]/gu, (char) => {
    if (char === " ") return char;
    return ESCAPES[char] ?? hexEscape(char.codePointAt(0) ?? 0, char);
  });
  return quote + (quote === "'" ? body.replaceAll("'", "\\'") : body) + quote;
}

/** Private-use characters stand for texts of special tokens, so they stay. */
function hexEscape(code: number, char: string): string {
  if (/\p{Co}/u.test(char)) return char;
  const hex = code.toString(16);
  if (code < 0x100) return `\\x${hex.padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

export interface JsonStyle {
  /** A text for each level; none: all on one line. */
  readonly indent: string | undefined;
  readonly itemSeparator: string;
  readonly keySeparator: string;
  readonly sortKeys: boolean;
  readonly ascii: boolean;
}

export function jsonOf(value: unknown, style: JsonStyle, depth = 0): string {
  if (typeof value === "string") return jsonText(value, style);
  if (value === null) return "null";
  if (typeof value === "boolean") return String(value);
  if (typeof value === "number") return intText(value);
  if (value instanceof Float) return jsonFloat(value.value);
  if (Array.isArray(value)) {
    const items = Array.from(value, (item) => jsonOf(item, style, depth + 1));
    return bracketed("[]", items, style, depth);
  }
  if (value instanceof Map) return jsonMap(value, style, depth);
  throw new RenderError(`Object of type ${typeName(value)} is not JSON serializable`);
}

function jsonMap(map: ReadonlyMap<unknown, unknown>, style: JsonStyle, depth: number): string {
  const entries = [...map];
  if (style.sortKeys) entries.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
  const fields = entries.map(([key, field]) => {
    const name = typeof key === "string" ? key : jsonOf(key, style);
    return jsonText(name, style) + style.keySeparator + jsonOf(field, style, depth + 1);
  });
  return bracketed("{}", fields, style, depth);
}

function bracketed(
  brackets: string,
  parts: readonly string[],
  style: JsonStyle,
  depth: number,
): string {
  const { indent, itemSeparator } = style;
  const [open = "", close = ""] = brackets;
  if (indent === undefined || parts.length === 0) return open + parts.join(itemSeparator) + close;
  const line = `\n${indent.repeat(depth + 1)}`;
  return `${open}${line}${parts.join(itemSeparator + line)}\n${indent.repeat(depth)}${close}`;
}

function jsonFloat(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  return floatText(value);
}

function jsonText(text: string, { ascii }: JsonStyle): string {
  const json = JSON.stringify(text);
  if (!ascii) return json;
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return json.replace(/[\u007f-\uffff]/g, (unit) => (unit === "\u007f" ? unit : escaped(unit)));
}
