// Objects of a body as text, where a parsed object has lost what was written: JSON.parse sorts keys that look like
// integers, and rounds long numbers. A schema's keys say in which order a model writes, and its bounds are exact.

/** Containers further inside are parts of a schema. */
const MAX_DEPTH = 5;
const MAX_TEXTS = 8192;

/** Their numbers and keys are a prompt's; nothing in them is a schema. */
const ASIDE: ReadonlySet<string> = new Set(["messages", "input", "prompt"]);

/** Keys that look like integers, and numbers that may be rounded. A cheap look: most bodies have none. */
const LOSSY = /"\d+"\s*:|\d{16}|[eE]\+?\d{2}/;
const INTEGER = /^(0|[1-9]\d*)$/;
const NUMBER = /-?[\d.]+([eE][+-]?\d+)?/y;

/** Text of the object at `path` in a body. */
export interface RawText {
  readonly path: readonly (string | number)[];
  readonly text: string;
}

const texts = new WeakMap<object, string>();

/** JSON text of an object of a body, as it was written or as good as that. */
export function rawJson(value: object): string {
  return texts.get(value) ?? JSON.stringify(value);
}

/** `raw`: what `rawTextsOf` found in the text that `body` was parsed from. */
export function keepRawTexts(body: unknown, raw: readonly RawText[]): void {
  for (const { path, text } of raw) {
    let value = body;
    for (const key of path) value = (value as Record<string | number, unknown> | undefined)?.[key];
    if (isSame(value, text)) texts.set(value, text);
  }
}

/** True if `text` is of `value`: the last value of a key that stands twice counts. */
function isSame(value: unknown, text: string): value is object {
  return typeof value === "object" && value !== null && Bun.deepEquals(value, JSON.parse(text));
}

interface Open {
  readonly start: number;
  readonly kind: "{" | "[";
  /** The key or index at which the reader is. */
  key: string | number;
  isLossy: boolean;
}

/** The objects of a valid JSON text that a parsed one would not write again. */
export function rawTextsOf(text: string): readonly RawText[] {
  if (!LOSSY.test(text)) return [];
  const found: RawText[] = [];
  const open: Open[] = [];
  for (let at = 0; at < text.length; ) at = readOne(text, at, { open, found });
  return found;
}

interface Reading {
  readonly open: Open[];
  readonly found: RawText[];
}

/** Gives the index behind what stands at `at`. */
function readOne(text: string, at: number, { open, found }: Reading): number {
  const top = open.at(-1);
  const char = text[at] as string;
  switch (char) {
    case '"':
      return readString(text, at, top);
    case "{":
    case "[":
      open.push({ start: at, kind: char, key: 0, isLossy: false });
      return at + 1;
    case "}":
    case "]":
      close(text, at, open, found);
      return at + 1;
    case ",":
      if (top?.kind === "[" && typeof top.key === "number") top.key++;
      return at + 1;
    default:
      return (char >= "0" && char <= "9") || char === "-" ? readNumber(text, at, top) : at + 1;
  }
}

function readString(text: string, start: number, top: Open | undefined): number {
  let end = text.indexOf('"', start + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  let next = end + 1;
  while (" \t\n\r".includes(text[next] ?? "x")) next++;
  if (top?.kind === "{" && text[next] === ":") {
    top.key = JSON.parse(text.slice(start, end + 1)) as string;
    top.isLossy ||= INTEGER.test(top.key);
  }
  return end + 1;
}

function isEscaped(text: string, quote: number): boolean {
  let first = quote;
  while (text[first - 1] === "\\") first--;
  return (quote - first) % 2 === 1;
}

function readNumber(text: string, start: number, top: Open | undefined): number {
  NUMBER.lastIndex = start;
  const [number = "0"] = NUMBER.exec(text) ?? [];
  const isLong = number.replaceAll(/\D/g, "").length > 15;
  if (top && (isLong || !Number.isFinite(Number(number)))) top.isLossy = true;
  return start + number.length;
}

function close(text: string, end: number, open: Open[], found: RawText[]): void {
  const closed = open.pop();
  if (closed === undefined || !closed.isLossy) return;
  const parent = open.at(-1);
  if (parent !== undefined) parent.isLossy = true;
  const [first] = open;
  const isAside = first === undefined || ASIDE.has(String(first.key));
  if (closed.kind === "[" || isAside || open.length > MAX_DEPTH || found.length >= MAX_TEXTS)
    return;
  found.push({ path: open.map(({ key }) => key), text: text.slice(closed.start, end + 1) });
}
