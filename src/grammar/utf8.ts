// Characters as bytes: nodes that match one character of a set, in UTF-8, bare or inside a JSON string.

import { type CharSet, charSet, intersect, negate, pairs, union } from "./char-set.ts";
import type { ProgramBuilder } from "./program-builder.ts";

/** Makes the node that matches one character of a set. */
export type EncodeChar = (builder: ProgramBuilder, set: CharSet) => number;

/** Bare UTF-8. */
export const encodeBare: EncodeChar = (builder, set) =>
  builder.once(`bare ${set}`, () =>
    byteTree(
      builder,
      pairs(set).flatMap(([low, high]) => byteSequences(low, high)),
    ),
  );

type ByteRange = readonly [number, number];

/** One tree for all sequences: first bytes with the same bytes behind them are one node. */
function byteTree(builder: ProgramBuilder, sequences: readonly (readonly ByteRange[])[]): number {
  const restsOf = new Map<string, { readonly first: ByteRange; readonly rests: ByteRange[][] }>();
  for (const [first, ...rest] of sequences) {
    if (first === undefined) return builder.empty;
    const group = restsOf.get(first.join()) ?? { first, rests: [] };
    group.rests.push(rest);
    restsOf.set(first.join(), group);
  }
  const firstsOf = new Map<number, ByteRange[]>();
  for (const { first, rests } of restsOf.values()) {
    const rest = byteTree(builder, rests);
    firstsOf.set(rest, [...(firstsOf.get(rest) ?? []), first]);
  }
  const options = [...firstsOf].map(([rest, firsts]) =>
    builder.sequence([builder.bytes(firsts.flat()), rest]),
  );
  return builder.choice(options);
}

const QUOTE_AND_BACKSLASH = charSet([
  [0x22, 0x22],
  [0x5c, 0x5c],
]);
const CONTROLS = charSet([[0, 0x1f]]);
const BARE_IN_JSON = negate(union(QUOTE_AND_BACKSLASH, CONTROLS));

const SHORT_ESCAPES: ReadonlyMap<number, string> = new Map([
  [0x22, '"'],
  [0x5c, "\\"],
  [0x08, "b"],
  [0x0c, "f"],
  [0x0a, "n"],
  [0x0d, "r"],
  [0x09, "t"],
]);

/** As JSON.stringify writes it inside a string: escaped only where it must be. */
export const encodeJson: EncodeChar = (builder, set) =>
  builder.once(`json ${set}`, () => encodeJsonOnce(builder, set));

const encodeJsonOnce: EncodeChar = (builder, set) => {
  const escaped = intersect(set, union(QUOTE_AND_BACKSLASH, CONTROLS));
  const options = [encodeBare(builder, intersect(set, BARE_IN_JSON))];
  for (const [low, high] of pairs(escaped)) {
    for (let char = low; char <= high; char++) options.push(builder.text(escapeOf(char)));
  }
  return builder.choice(options);
};

function escapeOf(char: number): string {
  const short = SHORT_ESCAPES.get(char);
  return short === undefined ? `\\u${char.toString(16).padStart(4, "0")}` : `\\${short}`;
}

/** Any character of a JSON string, in each form that JSON allows, and Python too if so asked. Half a surrogate pair is none. */
export function anyJsonChar(builder: ProgramBuilder, escapes: "json" | "python"): number {
  const hex = builder.bytes([0x30, 0x39, 0x41, 0x46, 0x61, 0x66]);
  const text = (value: string) => builder.text(value);
  const oneOf = (chars: string) => builder.choice([...chars].map(text));
  const escaped = builder.choice([
    oneOf(escapes === "json" ? '"\\/bfnrt' : '"\\bfnrt'),
    builder.sequence([
      text("u"),
      builder.choice([
        builder.sequence([oneOf("0123456789abcefABCEF"), hex, hex, hex]),
        builder.sequence([oneOf("dD"), oneOf("01234567"), hex, hex]),
        builder.sequence([
          ...[oneOf("dD"), oneOf("89abAB"), hex, hex, text("\\u")],
          ...[oneOf("dD"), oneOf("cdefCDEF"), hex, hex],
        ]),
      ]),
    ]),
  ]);
  return builder.choice([
    encodeBare(builder, BARE_IN_JSON),
    builder.sequence([text("\\"), escaped]),
  ]);
}

/** The ranges of bytes, one after the other, that spell the characters from `low` to `high` and no others. */
function byteSequences(low: number, high: number): readonly (readonly ByteRange[])[] {
  for (const last of [0x7f, 0x7ff, 0xffff]) {
    if (low <= last && high > last)
      return [...byteSequences(low, last), ...byteSequences(last + 1, high)];
  }
  const numBytes = utf8Length(low);
  // Split until all bytes behind the first that differs run over all of their values.
  for (let tail = 1; tail < numBytes; tail++) {
    const mask = 64 ** tail - 1;
    if (Math.floor(low / (mask + 1)) === Math.floor(high / (mask + 1))) continue;
    if ((low & mask) !== 0)
      return [...byteSequences(low, low | mask), ...byteSequences((low | mask) + 1, high)];
    if ((high & mask) !== mask)
      return [...byteSequences(low, (high & ~mask) - 1), ...byteSequences(high & ~mask, high)];
  }
  const first = utf8Bytes(low);
  const last = utf8Bytes(high);
  return [first.map((byte, index): [number, number] => [byte, last[index] ?? byte])];
}

function utf8Length(char: number): number {
  if (char <= 0x7f) return 1;
  if (char <= 0x7ff) return 2;
  return char <= 0xffff ? 3 : 4;
}

function utf8Bytes(char: number): readonly number[] {
  return [...Buffer.from(String.fromCodePoint(char), "utf8")];
}
