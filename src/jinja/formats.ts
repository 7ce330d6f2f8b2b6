// Python's ways to put values into a text: `%`, `str.format` and `strftime`.

import { floatText, reprOf, textOf } from "./text.ts";
import { type Arguments, isNumber, numberOf, RenderError, Tuple } from "./values.ts";

const PERCENT = /%(?:\(([^)]*)\))?([-+ #0]*)(\*|\d+)?(?:\.(\d+))?([a-zA-Z%])/g;

export function percentFormat(pattern: string, given: unknown): string {
  const list = given instanceof Tuple ? [...given] : [given];
  let next = 0;
  const text = pattern.replace(
    PERCENT,
    (_, key?: string, flags = "", width?: string, digits?: string, type = "") => {
      if (type === "%") return "%";
      if (key === undefined && next >= list.length)
        throw new RenderError("not enough arguments for format string");
      const value = key === undefined ? list[next++] : fieldOf(given, key);
      return specified(value, {
        type: type === "i" ? "d" : type,
        width: Number(width ?? 0),
        digits: digits === undefined ? undefined : Number(digits),
        groups: "",
        ...flagsOf(flags),
      });
    },
  );
  if (!(given instanceof Map) && next < list.length) {
    throw new RenderError("not all arguments converted during string formatting");
  }
  return text;
}

function fieldOf(given: unknown, key: string): unknown {
  return given instanceof Map ? given.get(key) : undefined;
}

function flagsOf(flags: string) {
  const isLeft = flags.includes("-");
  const hasZeros = flags.includes("0") && !isLeft;
  const sign = flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";
  const align = isLeft ? "<" : hasZeros ? "=" : ">";
  return { sign, align, fill: hasZeros ? "0" : " ", alternate: flags.includes("#") };
}

interface Spec {
  readonly type: string;
  readonly width: number;
  readonly digits: number | undefined;
  readonly sign: string;
  readonly fill: string;
  readonly align: string;
  readonly groups: string;
  readonly alternate: boolean;
}

function specified(value: unknown, spec: Spec): string {
  const text = bodyOf(value, spec);
  const missing = spec.width - Array.from(text).length;
  if (missing <= 0) return text;
  if (spec.width > 2 ** 20) throw new RangeError("a format is too wide");
  const fill = spec.fill.repeat(missing);
  if (spec.align === "<") return text + fill;
  if (spec.align === "^") {
    const left = Math.floor(missing / 2);
    return spec.fill.repeat(left) + text + spec.fill.repeat(missing - left);
  }
  const signLength = spec.align === "=" && /^[-+ ]/.test(text) ? 1 : 0;
  return text.slice(0, signLength) + fill + text.slice(signLength);
}

function bodyOf(value: unknown, spec: Spec): string {
  const { type, digits } = spec;
  if (type === "r") return cut(reprOf(value), digits);
  if (type === "s" || (type === "" && !isNumber(value))) return cut(textOf(value), digits);
  if (type === "c") return characterOf(value);
  const isPlain = type === "" && digits === undefined;
  return signed(grouped(isPlain ? plainText(value) : numberText(value, spec), spec), spec);
}

function characterOf(value: unknown): string {
  return typeof value === "string" ? value : String.fromCodePoint(numberOf(value));
}

function plainText(value: unknown): string {
  return typeof value === "boolean" ? String(Number(value)) : textOf(value);
}

function numberText(value: unknown, { type, digits, alternate }: Spec): string {
  const number = numberOf(value);
  if (type === "d" || type === "n") return BigInt(Math.trunc(number)).toString();
  const base = { x: 16, X: 16, o: 8, b: 2 }[type];
  if (base !== undefined) return inBase(number, base, { type, alternate });
  return floatIn(number, type, digits ?? 6);
}

function floatIn(number: number, type: string, digits: number): string {
  if (type === "f" || type === "F") return fixed(number, digits);
  if (type === "%") return `${fixed(number * 100, digits)}%`;
  if (type === "e" || type === "E") {
    const text = number.toExponential(digits).replace(/e([+-])(\d)$/, "e$10$2");
    return type === "E" ? text.toUpperCase() : text;
  }
  if (type === "g" || type === "G" || type === "") return general(number, digits);
  throw new RenderError(`Unknown format code '${type}'`);
}

function inBase(
  number: number,
  base: number,
  { type, alternate }: Pick<Spec, "type" | "alternate">,
): string {
  const text = (alternate ? `0${type}` : "") + Math.abs(number).toString(base);
  return (number < 0 ? "-" : "") + (type === "X" ? text.toUpperCase() : text);
}

/** As C's `%g`. */
function general(number: number, digits: number): string {
  if (number === 0) return "0";
  const precision = Math.max(1, digits);
  const exponent = Number(number.toExponential(precision - 1).split("e")[1]);
  if (exponent >= -4 && exponent < precision) {
    const text = number.toFixed(Math.max(0, precision - 1 - exponent));
    return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
  }
  const [mantissa = "", power = ""] = number.toExponential(precision - 1).split("e");
  const short = mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa;
  return `${short}e${power.replace(/^([+-])(\d)$/, "$10$2")}`;
}

/** Half-way cases go by the number's exact value, as `toFixed` takes it. */
export function fixed(number: number, digits: number): string {
  if (!Number.isFinite(number) || Math.abs(number) >= 1e21) return floatText(number);
  const text = number.toFixed(Math.min(100, digits));
  return isHalf(number, digits) ? toEven(text, digits) : text;
}

function isHalf(number: number, digits: number): boolean {
  if (digits > 20) return false;
  const scaled = Math.abs(number) * 10 ** digits;
  const exact = number.toFixed(Math.min(100, digits + 60)).slice(-60);
  return scaled % 1 === 0.5 && /^50*$/.test(exact);
}

function toEven(text: string, digits: number): string {
  const last = Number(text.at(-1));
  if (last % 2 === 0) return text;
  const step = 10 ** -digits;
  return (Number(text) - Math.sign(Number(text)) * step).toFixed(digits);
}

function grouped(text: string, { groups }: Spec): string {
  if (groups === "") return text;
  const [whole = "", ...rest] = text.split(".");
  return [whole.replace(/\B(?=(\d{3})+$)/g, groups), ...rest].join(".");
}

function signed(text: string, { sign }: Spec): string {
  return sign !== "" && !text.startsWith("-") ? sign + text : text;
}

function cut(text: string, digits: number | undefined): string {
  return digits === undefined ? text : Array.from(text).slice(0, digits).join("");
}

const SPEC = /^(?:(.)?([<>=^]))?([-+ ])?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([a-zA-Z%])?$/su;

export function formatValue(value: unknown, spec: string): string {
  const found = SPEC.exec(spec);
  if (found === null) throw new RenderError(`Invalid format specifier '${spec}'`);
  const [, fill, align, sign = "", hash, zero, width, groups = "", digits, type = ""] = found;
  const isText = !isNumber(value);
  return specified(value, {
    type,
    width: Number(width ?? 0),
    digits: digits === undefined ? undefined : Number(digits),
    sign: sign === "-" ? "" : sign,
    fill: fill ?? (zero !== undefined ? "0" : " "),
    align: align ?? (zero !== undefined && !isText ? "=" : isText ? "<" : ">"),
    groups,
    alternate: hash !== undefined,
  });
}

const FIELD = /\{\{|\}\}|\{([^{}!:]*)(?:!([rsa]))?(?::((?:[^{}]|\{[^{}]*\})*))?\}|[{}]/g;

/** `get` reads an attribute or an item of a value. */
export function strFormat(
  pattern: string,
  given: Arguments,
  get: (value: unknown, key: string) => unknown,
): string {
  let next = 0;
  const fill = (text: string): string =>
    text.replace(FIELD, (whole, name?: string, conversion?: string, spec = "") => {
      if (whole === "{{" || whole === "}}") return whole.slice(1);
      if (name === undefined)
        throw new RenderError("Single '{' or '}' encountered in format string");
      const [first = "", ...path] = name
        .split(/[.[\]]+/)
        .filter((part, index) => index === 0 || part !== "");
      const root = first === "" ? given.list[next++] : argumentOf(given, first);
      if (root === undefined) throw new RenderError(`no argument for '{${name}}'`);
      return formatValue(converted(path.reduce(get, root), conversion), fill(spec));
    });
  return fill(pattern);
}

function argumentOf({ list, named }: Arguments, name: string): unknown {
  return /^\d+$/.test(name) ? list[Number(name)] : named.get(name);
}

/** By `!r`, `!a` or `!s`. */
function converted(value: unknown, conversion: string | undefined): unknown {
  if (conversion === undefined) return value;
  return conversion === "s" ? textOf(value) : reprOf(value);
}

const pad = (value: number, width = 2, fill = "0") => String(value).padStart(width, fill);
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

const DIRECTIVES: Readonly<Record<string, (now: Date) => string>> = {
  a: (now) => (DAYS[now.getDay()] ?? "").slice(0, 3),
  A: (now) => DAYS[now.getDay()] ?? "",
  b: (now) => (MONTHS[now.getMonth()] ?? "").slice(0, 3),
  h: (now) => (MONTHS[now.getMonth()] ?? "").slice(0, 3),
  B: (now) => MONTHS[now.getMonth()] ?? "",
  d: (now) => pad(now.getDate()),
  e: (now) => pad(now.getDate(), 2, " "),
  f: (now) => pad(now.getMilliseconds() * 1000, 6),
  H: (now) => pad(now.getHours()),
  I: (now) => pad(now.getHours() % 12 || 12),
  j: (now) => pad(dayOfYear(now) + 1, 3),
  m: (now) => pad(now.getMonth() + 1),
  M: (now) => pad(now.getMinutes()),
  p: (now) => (now.getHours() < 12 ? "AM" : "PM"),
  S: (now) => pad(now.getSeconds()),
  s: (now) => String(Math.floor(now.getTime() / 1000)),
  u: (now) => String(now.getDay() || 7),
  U: (now) => pad(Math.floor((dayOfYear(now) + 7 - now.getDay()) / 7)),
  w: (now) => String(now.getDay()),
  W: (now) => pad(Math.floor((dayOfYear(now) + 7 - ((now.getDay() + 6) % 7)) / 7)),
  y: (now) => pad(now.getFullYear() % 100),
  Y: (now) => String(now.getFullYear()),
  z: () => "",
  Z: () => "",
  n: () => "\n",
  t: () => "\t",
  "%": () => "%",
};

const WHOLE: Readonly<Record<string, string>> = {
  c: "%a %b %e %H:%M:%S %Y",
  D: "%m/%d/%y",
  F: "%Y-%m-%d",
  R: "%H:%M",
  r: "%I:%M:%S %p",
  T: "%H:%M:%S",
  x: "%m/%d/%y",
  X: "%H:%M:%S",
};

export function strftime(pattern: string, now = new Date()): string {
  return pattern.replace(/%(-?)([a-zA-Z%])/g, (whole, short: string, letter: string) => {
    const nested = WHOLE[letter];
    if (nested !== undefined) return strftime(nested, now);
    const text = DIRECTIVES[letter]?.(now) ?? whole;
    return short === "" ? text : text.replace(/^[0 ]+(?=\d)/, "");
  });
}

function dayOfYear(now: Date): number {
  const day = Date.UTC(now.getFullYear(), now.getMonth(), now.getDate());
  return Math.round((day - Date.UTC(now.getFullYear(), 0, 1)) / 86_400_000);
}
