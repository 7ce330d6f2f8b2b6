// `--Service.key=value`: settings given on the command line, in Dynamo's three forms
// (`--S.k=v`, `--S.k v`, `--S.k = v`).

import { flagSpan, type Span } from "./config-error.ts";
import type { Path } from "./path.ts";
import { JsonError, parseJson } from "./python-json.ts";
import type { PythonValue } from "./python-value.ts";

export interface Override {
  /** Service, key, and on into maps. At least two parts. */
  readonly path: Path;
  readonly value: PythonValue;
  /** Places at which the flag names each part of the path. */
  readonly keySpans: readonly Span[];
  readonly valueSpan: Span;
}

/** True if `argument` is meant as an override: its name has a dot. */
export function looksLikeOverride(argument: string): boolean {
  return /^--[^-=.][^=.]*\./.test(argument);
}

/** The override that `--name` with `text` stands for; `undefined` if a part of the name is empty. */
export function parseOverride(name: string, text: string): Override | undefined {
  const path = name.split(".");
  if (path.length < 2 || path.includes("")) return undefined;
  const flag = `--${name}=${text}`;
  let start = "--".length;
  const keySpans = path.map((part) => {
    const span = flagSpan(flag, start, start + part.length);
    start += part.length + 1;
    return span;
  });
  const value = isEnvironmentVariable(path) ? text : parseFlagValue(text);
  return { path, value, keySpans, valueSpan: flagSpan(flag, start) };
}

/** The override that a short flag stands for: `--port 9000` is `--Frontend.port=9000`. */
export function impliedOverride(
  path: Path,
  flag: { readonly name: string; readonly text: string },
  value: PythonValue = parseFlagValue(flag.text),
): Override {
  const nameEnd = "--".length + flag.name.length;
  const text = `--${flag.name}=${flag.text}`;
  return {
    path,
    value,
    keySpans: path.map(() => flagSpan(text, "--".length, nameEnd)),
    valueSpan: flagSpan(text, nameEnd + 1),
  };
}

/** JSON if it is, then integers and floats that JSON does not know (007, .5), booleans in any case, else text. */
export function parseFlagValue(text: string): PythonValue {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
  }
  if (/^[0-9]+$/.test(text)) return BigInt(text);
  if (/^-[0-9]+$/.test(text)) return -BigInt(text.slice(1));
  if (/^-?([0-9]+\.[0-9]*|\.[0-9]+)$/.test(text)) return Number(text);
  if (/^(true|false)$/i.test(text)) return text.toLowerCase() === "true";
  return text;
}

/** `ServiceArgs.envs` holds strings, whatever they look like. */
function isEnvironmentVariable(path: Path): boolean {
  return path.length > 3 && path[1] === "ServiceArgs" && path[2] === "envs";
}
