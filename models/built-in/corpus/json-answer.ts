// JSON on request: a small object whose fields and values stand in the question.

import { write } from "./pattern.ts";
import type { Random } from "./random.ts";
import { exchange, type Sample } from "./sample.ts";
import { python } from "./tool-call.ts";
import { ANIMALS, CITIES, COUNTRIES, FOODS } from "./world.ts";

type Value = string | number | boolean | readonly string[];

const NAMES =
  "Anna Ben Carla David Eva Frank Gina Henry Ines Jonas Kate Luis Maria Nick Olivia Peter Rita Steve Tina Victor".split(
    " ",
  );

const FIELDS: Readonly<Record<string, (random: Random) => Value>> = {
  name: (random) => random.pick(NAMES),
  age: (random) => random.between(1, 99),
  city: (random) => random.pick(CITIES),
  country: (random) => random.pick(COUNTRIES),
  animal: (random) => random.pick(ANIMALS),
  food: (random) => random.pick(FOODS),
  color: (random) => random.pick(["red", "blue", "green", "yellow", "black", "white"]),
  price: (random) => random.between(1, 500),
  count: (random) => random.between(1, 50),
  active: (random) => random.chance(0.5),
  title: (random) => `${random.pick(["The", "My", "Our"])} ${random.pick(ANIMALS)}`,
  year: (random) => random.between(1900, 2026),
  port: (random) => random.between(1000, 9999),
  model: (random) => random.pick(["dynamo", "llama", "small", "large"]),
  tags: (random) =>
    random.shuffle(["red", "new", "old", "big", "small"]).slice(0, random.between(1, 3)),
};

const ASKS = [
  "[give me|write|make|return|produce|create|output] [a JSON object|JSON|json|a json object] with {pairs}",
  "[return|answer with|reply with|give me|output] [only|] JSON: {pairs}",
  "[as|in] JSON: {pairs}",
  "[turn|convert|put|write] this [in|]to [JSON|json]: {pairs}",
  "JSON with the [fields|keys] {keys} for: {values}",
  "[give me|write] {keys} as [JSON|a JSON object] from this: {values}",
  "[extract|get] {keys} as [JSON|json] from: {values}",
];

export interface JsonTask {
  readonly request: string;
  readonly value: Readonly<Record<string, Value>>;
}

export function jsonTask(random: Random): JsonTask {
  const keys = random.shuffle(Object.keys(FIELDS)).slice(0, random.between(1, 4));
  const value: Record<string, Value> = {};
  for (const key of keys) value[key] = FIELDS[key]?.(random) ?? "";
  const equals = random.pick([" ", "=", ": ", " = ", " is "]);
  const pairs = keys
    .map((key) => `${key}${equals}${shown(value[key])}`)
    .join(random.pick([", ", " and ", "; "]));
  const slots = {
    pairs,
    keys: keys.join(random.pick([", ", " and "])),
    values: keys.map((key) => shown(value[key])).join(", "),
  };
  let request = write(random.pick(ASKS), random, slots);
  if (random.chance(0.5)) request = request.charAt(0).toUpperCase() + request.slice(1);
  return { request: random.chance(0.3) ? `${request}.` : request, value };
}

export function jsonSample(random: Random): Sample {
  const { request, value } = jsonTask(random);
  return { kind: "json", template: "json", messages: exchange(request, python(value)) };
}

function shown(value: Value | undefined): string {
  return Array.isArray(value) ? value.join(" ") : String(value);
}
