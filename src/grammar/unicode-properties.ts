// Unicode's general categories and some scripts as sets of characters. The runtime's own tables are asked, once a
// property, with patterns that stand here: nothing that a caller wrote is compiled.

import { type CharSet, charSet } from "./char-set.ts";

const PROPERTIES: Readonly<Record<string, RegExp>> = {
  L: /\p{L}/u,
  Letter: /\p{L}/u,
  Lu: /\p{Lu}/u,
  Uppercase_Letter: /\p{Lu}/u,
  Ll: /\p{Ll}/u,
  Lowercase_Letter: /\p{Ll}/u,
  Lt: /\p{Lt}/u,
  Lm: /\p{Lm}/u,
  Lo: /\p{Lo}/u,
  M: /\p{M}/u,
  Mark: /\p{M}/u,
  N: /\p{N}/u,
  Number: /\p{N}/u,
  Nd: /\p{Nd}/u,
  Decimal_Number: /\p{Nd}/u,
  digit: /\p{Nd}/u,
  Nl: /\p{Nl}/u,
  No: /\p{No}/u,
  P: /\p{P}/u,
  Punctuation: /\p{P}/u,
  S: /\p{S}/u,
  Symbol: /\p{S}/u,
  Z: /\p{Z}/u,
  Separator: /\p{Z}/u,
  Zs: /\p{Zs}/u,
  Alphabetic: /\p{Alphabetic}/u,
  Uppercase: /\p{Uppercase}/u,
  Lowercase: /\p{Lowercase}/u,
  White_Space: /\p{White_Space}/u,
  ASCII: /\p{ASCII}/u,
  "Script=Latin": /\p{Script=Latin}/u,
  "Script=Greek": /\p{Script=Greek}/u,
  "Script=Cyrillic": /\p{Script=Cyrillic}/u,
  "Script=Han": /\p{Script=Han}/u,
  "Script=Hiragana": /\p{Script=Hiragana}/u,
  "Script=Katakana": /\p{Script=Katakana}/u,
  "Script=Arabic": /\p{Script=Arabic}/u,
  "Script=Hebrew": /\p{Script=Hebrew}/u,
};

const known = new Map<string, CharSet>();

/** Undefined for a name that is not in the table. The first use of each costs some 20 ms. */
export function propertySet(name: string): CharSet | undefined {
  const pattern = Object.hasOwn(PROPERTIES, name) ? PROPERTIES[name] : undefined;
  if (pattern === undefined) return undefined;
  let set = known.get(name);
  if (set === undefined) {
    set = scan(pattern);
    known.set(name, set);
  }
  return set;
}

function scan(pattern: RegExp): CharSet {
  const ranges: [number, number][] = [];
  let first: number | undefined;
  for (let char = 0; char <= 0x11_0000; char++) {
    const isIn = char <= 0x10_ffff && pattern.test(String.fromCodePoint(char));
    if (isIn && first === undefined) first = char;
    if (!isIn && first !== undefined) {
      ranges.push([first, char - 1]);
      first = undefined;
    }
  }
  return charSet(ranges);
}
