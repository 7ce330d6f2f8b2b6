// Sizes and counts as people write them, wherever a key wants a number: `32k` and `2GB` count in thousands, `32Ki` and
// `1.5GiB` in 1,024s, `1e9` and `512B` are what they say. A dry run prints what was typed.

import type { GenericSchema } from "valibot";

/** The number that `value` stands for where `schema` wants one; anything else as it is. */
export function withSize(schema: unknown, value: unknown): unknown {
  if (typeof value !== "string" || !wantsNumber(schema as GenericSchema)) return value;
  return parseSize(value) ?? value;
}

/** `undefined` for what is no size. */
export function parseSize(text: string): number | undefined {
  const [, digits, prefix = "", binary] = SIZE.exec(text) ?? [];
  if (digits === undefined) return plainSize(text);
  const power = "kmgt".indexOf(prefix.toLowerCase()) + 1;
  const size = Number(digits) * (binary === "" ? 1000 : 1024) ** power;
  return Number.isInteger(size) || size < 1 ? size : Math.round(size); // 1.1GB is no sum of powers of two
}

const SIZE = /^(\d+(?:\.\d+)?) ?([kKmMgGtT])(i?)[bB]?$/;
/** A text in YAML 1.1, which wants a point and a sign. */
const WITH_EXPONENT = /^\d+(?:\.\d+)?[eE][+-]?\d{1,2}$/;
const BYTES = /^(\d+) ?[bB]$/;

/** A number in quotes is none: quotes ask for a text. */
function plainSize(text: string): number | undefined {
  if (WITH_EXPONENT.test(text)) return Number(text);
  const [, digits] = BYTES.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/** True if a number is right and a text of one's own is not. Schemas are read as valibot 1.5 builds them. */
function wantsNumber(schema: GenericSchema | undefined): boolean {
  const kinds = new Set(kindsOf(schema));
  return kinds.has("number") && !kinds.has("string") && !kinds.has("any") && !kinds.has("unknown");
}

function kindsOf(schema: GenericSchema | undefined): readonly string[] {
  if (schema === undefined) return [];
  if ("wrapped" in schema) return kindsOf(schema.wrapped as GenericSchema);
  if ("options" in schema && schema.type === "union") {
    return (schema.options as readonly GenericSchema[]).flatMap(kindsOf);
  }
  return [schema.type];
}
