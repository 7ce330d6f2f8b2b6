// Values of plain scalars of YAML 1.1, by the expressions of PyYAML's SafeLoader: `yes` is true, 010 is eight, 1:30 is
// ninety and 1e3 is a string.

import type { PythonValue } from "./python-value.ts";

export const TAG = "tag:yaml.org,2002:";

// PyYAML resolver.py: the same expressions, in the same order.
const BOOL = /^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/;
const FLOAT =
  /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;
const INT =
  /^(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$/;
const NULL = /^(?:~|null|Null|NULL|)$/;
const TIMESTAMP =
  /^(?:\d{4}-\d\d-\d\d|\d{4}-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?)$/;

/** The type of a plain scalar without a tag. */
export function implicitTag(text: string): string {
  if (BOOL.test(text)) return "bool";
  if (FLOAT.test(text)) return "float";
  if (INT.test(text)) return "int";
  if (NULL.test(text)) return "null";
  if (TIMESTAMP.test(text)) return "timestamp";
  return text === "=" ? "value" : "str";
}

/** By tag: the value of a text, undefined where it is not of that type. */
export const CONSTRUCTORS: Readonly<Record<string, (text: string) => PythonValue | undefined>> = {
  [`${TAG}null`]: () => null,
  [`${TAG}str`]: (text) => text,
  [`${TAG}bool`]: parseBool,
  [`${TAG}int`]: parseInteger,
  [`${TAG}float`]: parseFloatingPoint,
};

/** Why a tag has no value here, as the end of a sentence. */
export function unsupported(tag: string, text: string): string {
  const quoted = JSON.stringify(text);
  if (tag === `${TAG}timestamp`) return `is a date, which JSON does not have. Quote it: ${quoted}`;
  if (tag === `${TAG}value`) return `is YAML's "=", which has no value here. Quote it: ${quoted}`;
  return `has a tag that is not supported: ${tag.replace(TAG, "!!")}`;
}

function parseBool(text: string): boolean | undefined {
  if (!BOOL.test(text)) return undefined;
  return ["yes", "true", "on"].includes(text.toLowerCase());
}

function parseInteger(text: string): bigint | undefined {
  const digits = text.replaceAll("_", "");
  const negative = digits.startsWith("-");
  const magnitude = parseMagnitude(digits.replace(/^[-+]/, ""));
  return negative && magnitude !== undefined ? -magnitude : magnitude;
}

function parseMagnitude(digits: string): bigint | undefined {
  if (/^0b[01]+$/.test(digits) || /^0x[0-9a-fA-F]+$/.test(digits)) return BigInt(digits);
  if (/^0[0-7]*$/.test(digits)) return BigInt(`0o${digits}`);
  if (!/^\d+(:\d+)*$/.test(digits) || digits.startsWith("0")) return undefined;
  return digits.split(":").reduce((sum, part) => sum * 60n + BigInt(part), 0n);
}

function parseFloatingPoint(text: string): number | undefined {
  const digits = text.replaceAll("_", "").toLowerCase();
  const sign = digits.startsWith("-") ? -1 : 1;
  const magnitude = digits.replace(/^[-+]/, "");
  if (magnitude === ".inf") return sign * Number.POSITIVE_INFINITY;
  if (magnitude === ".nan") return Number.NaN;
  const parts = magnitude.split(":");
  if (!parts.every((part) => /^(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/.test(part))) return undefined;
  // From the right, as PyYAML adds: floats are not associative.
  let base = 1;
  let sum = 0;
  for (const part of parts.reverse()) {
    sum += Number(part) * base;
    base *= 60;
  }
  return sign * sum;
}
