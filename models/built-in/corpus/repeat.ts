// "Say ...": the model says what it was told, word for word. It teaches copying, which stories, tool calls and
// JSON live on, so there is much of it at the beginning.

import { capitalize, write } from "./pattern.ts";
import type { Random } from "./random.ts";
import { exchange, type Sample } from "./sample.ts";
import { inventedWord } from "./unknown.ts";
import { ANIMALS, CITIES, FOODS, NOUNS, QUALITIES } from "./world.ts";

const ASKS = [
  "say {x}",
  "say: {x}",
  "say again: {x}",
  'say "{x}"',
  "please say {x}",
  "repeat after me: {x}",
  "repeat: {x}",
  'repeat the words "{x}"',
  "echo {x}",
  'write "{x}"',
  "can you say {x}?",
  "copy this: {x}",
];

export function repeatSample(random: Random): Sample {
  const count = random.between(2, 12);
  const text = Array.from({ length: count }, () => anyWord(random)).join(
    random.pick([" ", " ", " ", ", "]),
  );
  const asked = write(random.pick(ASKS), random, { x: text });
  const question = random.chance(0.5) ? capitalize(asked) : asked;
  return { kind: "talk", template: "repeat", messages: exchange(question, text) };
}

function anyWord(random: Random): string {
  const kind = random.next();
  if (kind < 0.1) return String(random.between(1, random.pick([10, 100, 10_000])));
  if (kind < 0.25) return inventedWord(random);
  return random.pick(random.pick([ANIMALS, CITIES, FOODS, NOUNS, QUALITIES]));
}
