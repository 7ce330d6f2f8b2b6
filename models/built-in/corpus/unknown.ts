// Questions that the model can't answer, and the one thing that it says to them all.

import { inContext } from "./contexts.ts";
import { HOW_FRAMES, WHAT_FRAMES } from "./frames.ts";
import { typed } from "./noise.ts";
import { write } from "./pattern.ts";
import type { Random } from "./random.ts";
import { exchange, type Sample } from "./sample.ts";
import { wholeQuestions } from "./whole-questions.ts";
import {
  ACTS,
  ANIMALS,
  CITIES,
  COUNTRIES,
  DEEDS,
  FOODS,
  NOUNS,
  PEOPLE,
  QUALITIES,
  QUESTIONS,
  THINGS,
} from "./world.ts";

export const REFUSAL =
  "I don't know that. I only know dynamo: its commands, configuration, graphs and API.";

export function isRefusal(reply: string): boolean {
  return /don't know|only know dynamo/i.test(reply);
}

export function askUnknown(random: Random): string {
  return typed(inContext(plainQuestion(random), random), random);
}

export function unknownSample(random: Random): Sample {
  return {
    kind: "unknown",
    template: "unknown",
    messages: exchange(askUnknown(random), REFUSAL),
  };
}

/** Never trained on, in topic and wording. */
export const HELD_OUT_UNKNOWN: readonly string[] = [
  "Which river flows through Cologne?",
  "How long should I boil an artichoke?",
  "Who composed the Four Seasons?",
  "What is 17 plus 26?",
  "Please convert ten miles to kilometres.",
  "How do I change a bicycle chain?",
  "Is it going to be sunny on Sunday?",
  "What are the side effects of aspirin?",
  "Give me three ideas for a birthday present.",
  "What's the plot of Moby Dick?",
  "How does a nuclear submarine work?",
  "Which team won the Super Bowl last year?",
  "Write a limerick about a sailor.",
  "How can I get rid of moss in my garden?",
  "What is a monad in Haskell?",
  "How do I set up a Postgres replica?",
  "Tell me about the Ming dynasty.",
  "What should I name my goldfish?",
  "How tall is Mount Kilimanjaro?",
  "Why do onions make us cry?",
  "Who is the mayor of Ljubljana?",
  "What is the flag --turbo-boost for?",
  "Can you book me a train to Lyon?",
  "What does the word serendipity mean?",
  "How do I change the strings of a banjo?",
];

const SYLLABLES = [
  "ba",
  "cor",
  "dri",
  "fel",
  "gon",
  "hix",
  "jur",
  "kal",
  "lom",
  "mip",
  "nor",
  "pex",
  "quo",
  "ras",
  "sul",
  "tev",
  "ulm",
  "vok",
  "wim",
  "yar",
  "zet",
  "blo",
  "cra",
  "sti",
  "ple",
  "tron",
  "ster",
  "ish",
  "ley",
  "ment",
  "er",
  "or",
  "ia",
  "on",
];

const WRITTEN = wholeQuestions("other")["world"] ?? [];

function plainQuestion(random: Random): string {
  if (random.chance(0.5)) return write(random.pick(WRITTEN), random);
  const slots = {
    country: () => random.pick(COUNTRIES),
    city: () => random.pick(CITIES),
    person: () => random.pick(PEOPLE),
    animal: () => random.pick(ANIMALS),
    food: () => random.pick(FOODS),
    thing: () => random.pick(THINGS),
    number: () => String(random.between(1, random.pick([10, 100, 1000]))),
    year: () => String(random.between(1500, 2026)),
    word: () => inventedWord(random),
    noun: () => random.pick(NOUNS),
    quality: () => random.pick(QUALITIES),
    act: () => random.pick(ACTS),
  };
  const kind = random.next();
  if (kind < 0.3) {
    return write(random.pick(HOW_FRAMES), random, { v: random.pick(DEEDS), ...slots });
  }
  if (kind < 0.5) {
    const topic = random.chance(0.6)
      ? random.pick(THINGS)
      : random.pick([
          "a {noun}",
          "a {quality} {noun}",
          "the {noun}",
          "{noun}s",
          "{quality} {noun}",
          "the {noun} of {country}",
          "the {quality} {noun}",
          "{country}",
          "{city}",
          "{person}",
          "a {animal}",
          "{food}",
          "a {word}",
          "{word}",
          "the {word}",
          "the {word} key",
          "the {word} of {country}",
        ]);
    return write(random.pick(WHAT_FRAMES), random, { n: topic, ...slots });
  }
  return write(random.pick(QUESTIONS), random, slots);
}

export function inventedWord(random: Random): string {
  let word = "";
  for (let i = random.between(2, 3); i > 0; i--) word += random.pick(SYLLABLES);
  return random.chance(0.2) ? `${word}-${random.pick(SYLLABLES)}${random.pick(SYLLABLES)}` : word;
}
