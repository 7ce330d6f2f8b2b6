// JSON with a `seed` that keeps all its digits: a seed has 64 bits, a number of JavaScript 53.
//
// JSON.parse's reviver is told the digits too, but costs 1.6 s for a body of 3 million token ids (JSON.parse alone:
// 0.13 s), so the text is looked through instead, and only where a seed was rounded.

const SEED = "seed";
/** `"seed"` with every letter escaped. */
const MAX_KEY_CHARS = 26;

/** A sign and the digits of 2^64. To make a bigint of more digits takes time that grows with their square. */
const MAX_SEED_CHARS = 21;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/** As `JSON.parse`, but a top-level `seed` that a number cannot hold is a bigint. Throws `SyntaxError`. */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (!isObject(value)) return value;
  const rounded = value[SEED];
  if (typeof rounded !== "number" || Number.isSafeInteger(rounded)) return value;
  const digits = seedDigits(text);
  if (digits !== undefined && Number(digits) === rounded && digits.length <= MAX_SEED_CHARS)
    value[SEED] = BigInt(digits);
  return value;
}

/** Digits of the last top-level `seed` that is written as an integer. `text` is valid, and its top an object. */
function seedDigits(text: string): string | undefined {
  const integer = /\s*:\s*(-?\d+)(?![\d.eE])/y;
  let depth = 0;
  let digits: string | undefined;
  for (let index = 0; index < text.length; index++) {
    const char = text.charCodeAt(index);
    if (char === QUOTE) {
      const end = endOfString(text, index);
      integer.lastIndex = end;
      if (depth === 1 && isSeed(text, index, end)) digits = integer.exec(text)?.[1] ?? digits;
      index = end - 1;
    }
    // "[" and "{", "]" and "}" differ in one bit.
    else if ((char | 0x20) === OPEN) depth++;
    else if ((char | 0x20) === CLOSE) depth--;
  }
  return digits;
}

/** Behind the quote that ends the string which begins at `start`. */
function endOfString(text: string, start: number): number {
  let index = start + 1;
  while (text.charCodeAt(index) !== QUOTE) index += text.charCodeAt(index) === BACKSLASH ? 2 : 1;
  return index + 1;
}

function isSeed(text: string, start: number, end: number): boolean {
  return end - start <= MAX_KEY_CHARS && JSON.parse(text.slice(start, end)) === SEED;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
