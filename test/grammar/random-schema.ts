import type { Schema } from "./small-validator.ts";

export type Random = () => number;
export const chance = (random: Random, share: number) => random() < share;
export const below = (random: Random, limit: number) => Math.floor(random() * limit);
export const pick = <T>(random: Random, list: readonly T[]): T =>
  list[below(random, list.length)] as T;
export const NAMES = ["a", "b", "ab", "1", "x1"];

/** A schema of the keywords that small-validator.ts knows; `$ref` is `#/$defs/d`. */
export function randomSchema(random: Random, depth: number): Schema {
  const inner = () => randomSchema(random, depth - 1);
  const simple = ["string", "integer", "number", "boolean", "null"];
  const kind = pick(
    random,
    depth > 0 ? [...simple, "array", "object", "anyOf", "allOf", "mixed", "ref"] : simple,
  );
  const bounds = (min: string, max: string, limit: number) => ({
    ...(chance(random, 0.4) ? { [min]: below(random, limit) } : {}),
    ...(chance(random, 0.4) ? { [max]: below(random, limit) + 2 } : {}),
  });
  switch (kind) {
    case "string":
      return {
        type: "string",
        ...bounds("minLength", "maxLength", 3),
        ...(chance(random, 0.3) ? { pattern: pick(random, ["a", "^b*$", "[1x]$", "^.{2}"]) } : {}),
      };
    case "integer":
    case "number":
      return {
        type: kind,
        ...bounds("minimum", "maximum", 12),
        ...(chance(random, 0.2) ? { exclusiveMinimum: -1.5 } : {}),
        ...(chance(random, 0.2) ? { multipleOf: pick(random, [1, 2, 3, 0.5]) } : {}),
      };
    case "array":
      return {
        type: "array",
        ...(chance(random, 0.4) ? { prefixItems: [inner(), inner()] } : {}),
        ...(chance(random, 0.7) ? { items: inner() } : {}),
        ...bounds("minItems", "maxItems", 3),
      };
    case "object":
      return randomObject(random, inner);
    case "anyOf":
      return { anyOf: [inner(), inner()] };
    case "allOf":
      return {
        allOf: [
          inner(),
          {
            type: pick(random, [
              ["string", "integer"],
              ["object", "number"],
              ["array", "null"],
            ]),
          },
        ],
      };
    case "mixed":
      return {
        enum: [1, "a", null, 2.5, "ab", true],
        type: pick(random, [
          ["string", "integer"],
          ["number", "null"],
        ]),
      };
    case "ref":
      return { $ref: "#/$defs/d" };
    default:
      return { type: kind };
  }
}

function randomObject(random: Random, inner: () => Schema): Schema {
  const names = NAMES.filter(() => chance(random, 0.4));
  return {
    type: "object",
    properties: Object.fromEntries(names.map((name) => [name, inner()])),
    required: NAMES.filter(() => chance(random, 0.2)),
    ...(chance(random, 0.3) ? { patternProperties: { "^x": inner() } } : {}),
    ...(chance(random, 0.5) ? { additionalProperties: pick(random, [false, inner()]) } : {}),
    ...(chance(random, 0.3) ? { minProperties: 1 } : {}),
    ...(chance(random, 0.3) ? { maxProperties: 2 } : {}),
  };
}
