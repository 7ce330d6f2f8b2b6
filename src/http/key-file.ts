// The file of API keys, one a line:
//
//   # who     key                       admin: may use the operator's routes from anywhere
//   alice     3c1d8a6f5b0e4d27
//   ci:       9a0b7c6d5e4f3a21
//   grafana   f00dfeed0badcafe          admin
//   batch     5ca1ab1e0ddba115          sequences=8 tokens-per-minute=60000
//
// A name may have several keys, so that an old one works until its clients know the new one. They share its limits.

import { DynamoError } from "../base/error.ts";
import { type ApiKey, digestOf, type KeyLimits } from "./api-key.ts";

/**
 * Parses the lines of a file. Throws `invalid_key_file` with the file and the line. No message repeats a word of the
 * file: where a name is missing, a key stands in its place.
 */
export function parseKeyFile(text: string, file: string): readonly ApiKey[] {
  const keys: ApiKey[] = [];
  const seen = new Map<string, { readonly name: string; readonly line: number }>();
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  for (const [index, written] of lines.entries()) {
    const entry = written.replace(/(^|\s)#.*$/, "").trim();
    if (entry === "") continue;
    const line = index + 1;
    const fail = (problem: string) => new KeyFileError(`${file}:${line}: ${problem}`);
    const { name, key, scope, limits } = parseEntry(entry, fail);
    const before = seen.get(key);
    if (before && before.name !== name) {
      throw fail(`the key is that of line ${before.line}, too; a key belongs to one name`);
    }
    const other = keys.find((one) => one.name === name);
    if (other && !Bun.deepEquals(other.limits, limits)) {
      throw fail(
        "another line has other limits for this name; its keys share them, so write the same",
      );
    }
    if (keys.length === MAX_KEYS) throw fail(`more than ${MAX_KEYS} keys`);
    seen.set(key, { name, line });
    const isShort = key.length < MIN_GOOD_LENGTH;
    keys.push({ name, scope, digest: digestOf(key), isShort, ...(limits && { limits }) });
  }
  if (keys.length === 0) {
    throw new KeyFileError(`${file}: there is no key in it; write a line NAME KEY for each client`);
  }
  return keys;
}

/** A key in no file, as from the environment. Throws `invalid_key_file` with `source` where it cannot be one. */
export function singleKey(key: string, source: string): ApiKey {
  if (key === "") throw new KeyFileError(`${source} is empty; set a key, or unset it`);
  if (!isKey(key)) {
    throw new KeyFileError(
      `${source} must be visible ASCII characters without spaces; set a key, or unset it`,
    );
  }
  const isShort = key.length < MIN_GOOD_LENGTH;
  return { name: source, scope: "admin", digest: digestOf(key), isShort };
}

/** Every request is compared with every key: 16 ns each. */
const MAX_KEYS = 4096;
/** Shorter keys are taken, and warned about: they can be guessed. */
const MIN_GOOD_LENGTH = 16;

function parseEntry(entry: string, fail: (problem: string) => KeyFileError) {
  const [, name = "", rest = ""] = /^([^\s:]*)(?:\s*:\s*|\s+|$)(.*)$/.exec(entry) ?? [];
  const [key = "", ...words] = rest.split(/\s+/);
  if (!/^[\w.@+-]{1,64}$/.test(name)) {
    throw fail("a line begins with a name: up to 64 letters, digits and . _ @ + -");
  }
  if (key === "" || (key === "admin" && words.length === 0) || isLimit(key)) {
    throw fail("there is no key after the name; write NAME KEY, or NAME KEY admin");
  }
  if (!isKey(key)) throw fail("the key has characters that no header can carry");
  const limits = words.filter(isLimit);
  const others = words.filter((word) => !isLimit(word));
  if (others.length > 1 || (others.length === 1 && others[0] !== "admin")) {
    throw fail(
      "after the key stands something other than the word admin and limits: sequences=N, tokens-per-minute=N",
    );
  }
  const scope = others.length === 1 ? ("admin" as const) : ("client" as const);
  return { name, key, scope, limits: parseLimits(limits, fail) };
}

const LIMITS = { sequences: "maxSequences", "tokens-per-minute": "tokensPerMinute" } as const;

function isLimit(word: string): boolean {
  return Object.keys(LIMITS).some((name) => word.startsWith(`${name}=`));
}

function parseLimits(
  words: readonly string[],
  fail: (problem: string) => KeyFileError,
): KeyLimits | undefined {
  if (words.length === 0) return undefined;
  const limits: { -readonly [Name in keyof KeyLimits]: KeyLimits[Name] } = {};
  for (const word of words) {
    const [name, text = ""] = word.split("=") as [keyof typeof LIMITS, string?];
    const value = Number(text);
    if (!/^[1-9]\d{0,11}$/.test(text)) throw fail(`${name} takes a whole number from 1 on`);
    if (limits[LIMITS[name]] !== undefined) throw fail(`${name} stands there twice`);
    limits[LIMITS[name]] = value;
  }
  return limits;
}

/** Visible ASCII: what an HTTP header carries unchanged. */
function isKey(text: string): boolean {
  return /^[\x21-\x7e]{1,512}$/.test(text);
}

/** A file of keys that cannot be read or understood. */
export class KeyFileError extends DynamoError {
  override readonly code = "invalid_key_file";
}
