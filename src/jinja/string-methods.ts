// Methods of Python's `str`.

import { sliceOf } from "./operators.ts";
import { read, textArgument } from "./parameters.ts";
import {
  type Arguments,
  charsOf,
  itemsOf,
  lengthOf,
  numberOf,
  RenderError,
  refuseItems,
  tupleOf,
} from "./values.ts";

type Method = (self: string, given: Arguments) => unknown;

export const STRING_METHODS: Readonly<Record<string, Method>> = {
  upper: (self) => self.toUpperCase(),
  lower: (self) => self.toLowerCase(),
  casefold: (self) => self.toLowerCase().replaceAll("ß", "ss"),
  title: titled,
  capitalize: capitalized,
  swapcase: (self) =>
    charsOf(self)
      .map((char) => (char === char.toLowerCase() ? char.toUpperCase() : char.toLowerCase()))
      .join(""),
  strip: (self, given) => stripped(self, given, true, true),
  lstrip: (self, given) => stripped(self, given, true, false),
  rstrip: (self, given) => stripped(self, given, false, true),
  split: (self, given) => splitText(self, given, false),
  rsplit: (self, given) => splitText(self, given, true),
  splitlines: (self, given) => linesOf(self, read(given, "keepends")[0] === true),
  partition: (self, given) => parted(self, given, self.indexOf(textArgument(given.list[0]))),
  rpartition: (self, given) =>
    parted(self, given, self.lastIndexOf(textArgument(given.list[0])), true),
  replace: (self, given) => {
    const [from, to, count] = read(given, "old", "new", "count");
    return replaced(
      self,
      textArgument(from),
      textArgument(to),
      count === undefined ? -1 : numberOf(count),
    );
  },
  startswith: (self, given) => affixed(self, given, (text, part) => text.startsWith(part)),
  endswith: (self, given) => affixed(self, given, (text, part) => text.endsWith(part)),
  removeprefix: (self, given) => {
    const part = textArgument(given.list[0]);
    return self.startsWith(part) ? self.slice(part.length) : self;
  },
  removesuffix: (self, given) => {
    const part = textArgument(given.list[0]);
    return part !== "" && self.endsWith(part) ? self.slice(0, -part.length) : self;
  },
  find: (self, given) => found(self, given, false),
  rfind: (self, given) => found(self, given, true),
  index: (self, given) => needed(found(self, given, false)),
  rindex: (self, given) => needed(found(self, given, true)),
  count: (self, given) => {
    const part = textArgument(given.list[0]);
    return part === "" ? lengthOf(self) + 1 : self.split(part).length - 1;
  },
  join: (self, given) => {
    const [all] = read(given, "iterable");
    return itemsOf(all)
      .map((item) => textArgument(item))
      .join(self);
  },
  center: (self, given) => padded(self, given, "both"),
  ljust: (self, given) => padded(self, given, "right"),
  rjust: (self, given) => padded(self, given, "left"),
  zfill: (self, { list: [width] }) => {
    const sign = /^[+-]/.test(self) ? self.charAt(0) : "";
    return sign + self.slice(sign.length).padStart(numberOf(width) - sign.length, "0");
  },
  expandtabs: (self) => self.replaceAll("\t", "        "),
  isdigit: (self) => /^\p{Nd}+$/u.test(self),
  isdecimal: (self) => /^\p{Nd}+$/u.test(self),
  isnumeric: (self) => /^\p{N}+$/u.test(self),
  isalpha: (self) => /^\p{L}+$/u.test(self),
  isalnum: (self) => /^[\p{L}\p{N}]+$/u.test(self),
  isspace: (self) => /^\s+$/.test(self),
  isascii: (self) => !/[\u0080-\uffff]/.test(self),
  isupper: (self) => self !== self.toLowerCase() && self === self.toUpperCase(),
  islower: (self) => self !== self.toUpperCase() && self === self.toLowerCase(),
  istitle: (self) => self !== self.toLowerCase() && self === titled(self),
  isidentifier: (self) => /^[\p{L}_][\p{L}\p{N}_]*$/u.test(self),
};

export function titled(self: string): string {
  return self.replace(/\p{L}+/gu, capitalized);
}

export function capitalized(self: string): string {
  const [first = "", ...rest] = charsOf(self);
  return first.toUpperCase() + rest.join("").toLowerCase();
}

function stripped(self: string, given: Arguments, left: boolean, right: boolean): string {
  const [chars] = read(given, "chars");
  return strip(self, chars === undefined || chars === null ? undefined : textArgument(chars), {
    left,
    right,
  });
}

export function strip(
  self: string,
  chars: string | undefined,
  { left = true, right = true } = {},
): string {
  if (chars === undefined) {
    const half = left ? self.trimStart() : self;
    return right ? half.trimEnd() : half;
  }
  const set = new Set(charsOf(chars));
  const all = charsOf(self);
  let [begin, end] = [0, all.length];
  while (left && begin < end && set.has(all[begin] ?? "")) begin++;
  while (right && end > begin && set.has(all[end - 1] ?? "")) end--;
  return all.slice(begin, end).join("");
}

function splitText(self: string, given: Arguments, fromRight: boolean): string[] {
  const [separator, count] = read(given, "sep", "maxsplit");
  const max = count === undefined ? -1 : numberOf(count);
  if (separator === undefined || separator === null) return splitAtBlanks(self, max, fromRight);
  if (separator === "") throw new RenderError("empty separator");
  const mark = textArgument(separator);
  if (max < 0) return checked(self.split(mark));
  return splitAt(self, new RegExp(RegExp.escape(mark), "g"), { max, fromRight });
}

/** The part that is not split keeps its blanks at the far end, as in Python. */
function splitAtBlanks(self: string, max: number, fromRight: boolean): string[] {
  const text = self.trim();
  if (text === "") return [];
  if (max < 0) return checked(text.split(/\s+/));
  const whole = fromRight ? self.trimEnd() : self.trimStart();
  if (max === 0) return [whole];
  const parts = splitAt(text, /\s+/g, { max, fromRight });
  const far = fromRight ? 0 : parts.length - 1;
  const blanks = fromRight ? whole.slice(0, whole.length - text.length) : whole.slice(text.length);
  const isCut = parts.length > max; // else blanks were cut on both sides
  if (isCut) parts[far] = fromRight ? blanks + parts[far] : parts[far] + blanks;
  return parts;
}

function splitAt(
  text: string,
  mark: RegExp,
  { max, fromRight }: { readonly max: number; readonly fromRight: boolean },
): string[] {
  const ends = [...text.matchAll(mark)];
  const used = fromRight ? ends.slice(Math.max(0, ends.length - max)) : ends.slice(0, max);
  const parts: string[] = [];
  let begin = 0;
  for (const { index, 0: found } of used) {
    parts.push(text.slice(begin, index));
    begin = index + found.length;
  }
  return [...parts, text.slice(begin)];
}

function checked(parts: string[]): string[] {
  refuseItems(parts.length);
  return parts;
}

/** Python's ends of lines, as a class of a regex. */
const LINE_ENDS = String.raw`\n\r\v\f\x1c-\x1e\x85\u2028\u2029`;
const LINE = new RegExp(`[^${LINE_ENDS}]*(?:\\r\\n|[${LINE_ENDS}]|$)`, "g");
const LINE_END = new RegExp(`(?:\\r\\n|[${LINE_ENDS}])$`);

export function linesOf(self: string, keepEnds = false): string[] {
  const lines = (self.match(LINE) ?? []).filter((line) => line !== "");
  return keepEnds ? lines : lines.map((line) => line.replace(LINE_END, ""));
}

function parted(self: string, { list: [part] }: Arguments, at: number, fromRight = false): unknown {
  const mark = textArgument(part);
  if (at < 0) return tupleOf(fromRight ? ["", "", self] : [self, "", ""]);
  return tupleOf([self.slice(0, at), mark, self.slice(at + mark.length)]);
}

export function replaced(self: string, from: string, to: string, count: number): string {
  if (count < 0) return self.replaceAll(from, () => to);
  let left = count;
  return self.replaceAll(from, (whole) => (left-- > 0 ? to : whole));
}

function affixed(
  self: string,
  given: Arguments,
  test: (text: string, part: string) => boolean,
): boolean {
  const [parts, start, end] = read(given, "prefix", "start", "end");
  const bounds = { start: start ?? null, stop: end ?? null, step: null };
  const text = start === undefined && end === undefined ? self : String(sliceOf(self, bounds));
  return (Array.isArray(parts) ? parts : [parts]).some((part) => test(text, textArgument(part)));
}

function found(self: string, given: Arguments, fromRight: boolean): number {
  const [part, start = 0, end] = read(given, "sub", "start", "end");
  const text = String(sliceOf(self, { start, stop: end ?? null, step: null }));
  const at = fromRight ? text.lastIndexOf(textArgument(part)) : text.indexOf(textArgument(part));
  const skipped =
    numberOf(start) < 0 ? Math.max(0, lengthOf(self) + numberOf(start)) : numberOf(start);
  return at < 0 ? -1 : lengthOf(text.slice(0, at)) + skipped;
}

function needed(at: number): number {
  if (at < 0) throw new RenderError("substring not found");
  return at;
}

function padded(
  self: string,
  { list: [width, fill] }: Arguments,
  side: "both" | "left" | "right",
): string {
  const missing = Math.max(0, numberOf(width) - lengthOf(self));
  const char = textArgument(fill, " ");
  if (side === "left") return char.repeat(missing) + self;
  if (side === "right") return self + char.repeat(missing);
  const left = Math.floor(missing / 2) + (missing & numberOf(width) & 1);
  return char.repeat(left) + self + char.repeat(missing - left);
}
