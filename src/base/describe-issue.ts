// Findings of a schema, as the end of a sentence that begins with the value's name: of a configuration, of a model's
// file, and of a request.

import type { BaseIssue } from "valibot";

import { didYouMean } from "./nearest.ts";

/**
 * In a configuration: `must be a number, not "64"`. A message that the schema's author wrote stands as it is.
 */
export function describeIssue(issue: BaseIssue<unknown>): string {
  const match = /^Invalid [^:]+: (?:Expected (.+) but received|Received) .+$/s.exec(issue.message);
  if (!match) return `is not right: ${issue.message}`;
  const expected = match[1] === undefined ? (KINDS[issue.type] ?? issue.type) : words(match[1]);
  return `must be ${expected}, not ${show(issue.input)}${choiceHint(issue)}${sizeHint(issue)}`;
}

const KINDS: Readonly<Record<string, string>> = {
  integer: "an integer",
  number: "a number",
  string: "a string",
  boolean: "true or false",
  Object: "a map",
  Array: "a list",
  finite: "finite",
  never: "absent",
};

/** valibot writes unions as `("a" | "b")`, and limits as `>=1`. */
function words(expected: string): string {
  const union = /^\((.+)\)$/.exec(expected)?.[1];
  if (union !== undefined) return union.split(" | ").map(words).join(" or ");
  return KINDS[expected] ?? expected.replace(/^>=/, "at least ").replace(/^<=/, "at most ");
}

function choiceHint(issue: BaseIssue<unknown>): string {
  if (typeof issue.input !== "string") return "";
  const choices = [...(issue.expected ?? "").matchAll(/"([^"]*)"/g)].map(
    ([, choice = ""]) => choice,
  );
  return didYouMean(issue.input, choices).replace(/^ /, ". ");
}

/** A text that begins as a size does is one that was written in another way. */
function sizeHint({ type, input }: BaseIssue<unknown>): string {
  if (type !== "number" || typeof input !== "string" || !/^\d[\d.,_ ]*[a-z]/i.test(input))
    return "";
  return ". A size is written 32k, 2GB, 32Ki or 1.5GiB";
}

const MAX_SHOWN = 60;

function show(value: unknown): string {
  if (typeof value === "bigint") return String(value);
  const text = JSON.stringify(value) ?? String(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text;
}

/** In a model's file, where the message says what was expected: `is "64"; expected a whole number from 1 to 4096`. */
export function describeInFile({ message }: BaseIssue<unknown>, value: unknown): string {
  return `is ${showFound(value)}; expected ${message}`;
}

const MAX_RECEIVED = 60;

/** In a request, where the message says what must be: `must be a string; got 5`. */
export function describeInRequest({ message, received }: BaseIssue<unknown>): string {
  return `${message}; got ${received.slice(0, MAX_RECEIVED)}`;
}

/** Path in the value, as `messages[0].content`. */
export function issuePath({ path }: BaseIssue<unknown>): string {
  const keys = (path ?? []).map(({ key }) =>
    typeof key === "number" ? `[${key}]` : `.${String(key)}`,
  );
  return keys.join("").replace(/^\./, "");
}

const MAX_SHOWN_ITEMS = 8;
const MAX_SHOWN_CHARS = 200;

/** A value as an error message shows it: short, and never deep, however large it is. */
export function showFound(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) {
    const isShort = value.length <= MAX_SHOWN_ITEMS && value.every(isScalar);
    return isShort ? `[${value.map(showFound).join(", ")}]` : `a list of ${value.length}`;
  }
  if (!isScalar(value)) return "an object";
  const text = Number.isNaN(value) ? "NaN" : JSON.stringify(value);
  return text.length > MAX_SHOWN_CHARS ? `${text.slice(0, MAX_SHOWN_CHARS)}…` : text;
}

function isScalar(value: unknown): boolean {
  return typeof value !== "object" || value === null;
}
