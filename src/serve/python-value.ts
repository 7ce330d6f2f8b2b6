// Values as Python holds them. Integers and floats are different things there (1 and 1.0 print
// differently) and so they are here: a `bigint` is an int, a `number` is a float.

export type PythonValue =
  | null
  | boolean
  | string
  | bigint
  | number
  | readonly PythonValue[]
  | PythonDict;

/** Insertion order is kept, as in Python. A `Map`, since an object would sort keys like "7". */
export type PythonDict = ReadonlyMap<PythonKey, PythonValue>;

export type PythonKey = null | boolean | string | bigint | number;

export function isDict(value: PythonValue | undefined): value is PythonDict {
  return value instanceof Map;
}

/** The key that `map[key] = value` sets: in Python the keys 1, 1.0 and True are equal, and the first of them stays. */
export function storedKey(map: ReadonlyMap<PythonKey, unknown>, key: PythonKey): PythonKey {
  if (typeof key === "string" || key === null || map.has(key)) return key;
  const wanted = Number(key);
  for (const other of map.keys()) {
    if (typeof other === "string" || other === null) continue;
    // The loose comparison is exact between a bigint and a number, and that is Python's too.
    // biome-ignore lint/suspicious/noDoubleEquals: 1 == 1.0 == True
    if (other == key || (typeof key === "boolean" && Number(other) === wanted)) return other;
  }
  return key;
}

/** As plain JavaScript, for schemas and services. Only an int that a number cannot hold stays a bigint. */
export function toPlain(value: PythonValue): unknown {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (isDict(value)) return toPlainDict(value);
  if (Array.isArray(value)) return value.map(toPlain);
  return value;
}

export function toPlainDict(dict: PythonDict): Readonly<Record<string, unknown>> {
  return Object.fromEntries([...dict].map(([key, item]) => [keyText(key), toPlain(item)]));
}

/** The word for a value's kind in messages to people. */
export function describeKind(value: PythonValue): string {
  if (value === null) return "null";
  if (isDict(value)) return "a map";
  switch (typeof value) {
    case "boolean":
      return "a boolean";
    case "string":
      return "a string";
    case "bigint":
      return "an integer";
    case "number":
      return "a float";
    default:
      return "a list";
  }
}

/** A key as `json.dumps` writes it: JSON knows only string keys. */
export function keyText(key: PythonKey): string {
  if (typeof key === "string") return key;
  if (typeof key === "number") return floatText(key);
  return String(key);
}

/** A float as Python's `repr` writes it: the shortest digits that read back as the same number. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const [mantissa = "0", exponentText = "0"] = Math.abs(value).toExponential().split("e");
  const digits = mantissa.replace(".", "");
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= 16) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : "";
    const magnitude = String(Math.abs(exponent)).padStart(2, "0");
    return `${sign}${digits[0]}${fraction}e${exponent < 0 ? "-" : "+"}${magnitude}`;
  }
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  return `${sign}${whole}.${digits.slice(exponent + 1) || "0"}`;
}
