import type { BaseIssue } from "valibot";

import { didYouMean } from "../base/nearest.ts";

/**
 * What a schema found, as the end of a sentence that begins with the key: `must be a number, not "64"`.
 * A message that the schema's author wrote stands as it is.
 */
export function describeIssue(issue: BaseIssue<unknown>): string {
  const match = /^Invalid [^:]+: (?:Expected (.+) but received|Received) .+$/s.exec(issue.message);
  if (!match) return `is not right: ${issue.message}`;
  const expected = match[1] === undefined ? (KINDS[issue.type] ?? issue.type) : words(match[1]);
  return `must be ${expected}, not ${show(issue.input)}${choiceHint(issue)}`;
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

const MAX_SHOWN = 60;

function show(value: unknown): string {
  if (typeof value === "bigint") return String(value);
  const text = JSON.stringify(value) ?? String(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text;
}
