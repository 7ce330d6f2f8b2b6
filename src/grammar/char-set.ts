// Sets of Unicode scalar values, as sorted, disjoint, inclusive ranges: lowest, highest, lowest, highest, ...
// Surrogates are in no set: UTF-8 has no bytes for them.

export type CharSet = readonly number[];

const LAST_CHAR = 0x10_ffff;
const FIRST_SURROGATE = 0xd800;
const LAST_SURROGATE = 0xdfff;

/** Ranges in any order, which may overlap. */
export function charSet(ranges: readonly (readonly [number, number])[]): CharSet {
  const sorted = ranges
    .flatMap(([low, high]) => withoutSurrogates(low, high))
    .sort(([a], [b]) => a - b);
  const merged: number[] = [];
  for (const [low, high] of sorted) {
    const last = merged.at(-1);
    if (last !== undefined && low <= last + 1) merged[merged.length - 1] = Math.max(last, high);
    else merged.push(low, high);
  }
  return merged;
}

function withoutSurrogates(low: number, high: number): readonly (readonly [number, number])[] {
  const parts: [number, number][] = [
    [low, Math.min(high, FIRST_SURROGATE - 1)],
    [Math.max(low, LAST_SURROGATE + 1), Math.min(high, LAST_CHAR)],
  ];
  return parts.filter(([first, last]) => first <= last);
}

export function charsOf(text: string): CharSet {
  return charSet([...text].map((char) => [char.codePointAt(0) ?? 0, char.codePointAt(0) ?? 0]));
}

export function union(...sets: readonly CharSet[]): CharSet {
  return charSet(sets.flatMap(pairs));
}

export function negate(set: CharSet): CharSet {
  const gaps: [number, number][] = [];
  let next = 0;
  for (const [low, high] of pairs(set)) {
    if (low > next) gaps.push([next, low - 1]);
    next = high + 1;
  }
  if (next <= LAST_CHAR) gaps.push([next, LAST_CHAR]);
  return charSet(gaps);
}

export function intersect(a: CharSet, b: CharSet): CharSet {
  return negate(union(negate(a), negate(b)));
}

export function pairs(set: CharSet): readonly (readonly [number, number])[] {
  const found: [number, number][] = [];
  for (let index = 0; index < set.length; index += 2)
    found.push([set[index] ?? 0, set[index + 1] ?? 0]);
  return found;
}

export const ANY_CHAR: CharSet = charSet([[0, LAST_CHAR]]);
