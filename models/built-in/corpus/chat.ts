// Chats of several turns that refer back: names, what was asked, what was answered, "and ...?".

import { capitalize, write } from "./pattern.ts";
import { askFact, pickFact } from "./questions.ts";
import type { Random } from "./random.ts";
import { exchange, type Message, type Sample } from "./sample.ts";
import { talkSample } from "./small-talk.ts";
import { storyChat, tellStory } from "./story.ts";
import { askUnknown, REFUSAL } from "./unknown.ts";
import { CITIES } from "./world.ts";

const NAMES =
  "Anna Ben Carla David Eva Frank Gina Henry Ines Jonas Kate Luis Maria Nick Olivia Peter Rita Steve Tina Victor Wendy Alex Bob Alice John Mary Sara Paul Omar Yuki Chen Priya Ahmed Sven Ivan".split(
    " ",
  );

const SYSTEMS = [
  "You are a helpful assistant.",
  "You are a helpful assistant.",
  "You are dynamo.",
  "You are the assistant of dynamo.",
  "Answer questions about dynamo.",
  "You are a friendly assistant. Answer briefly.",
  "Be concise.",
  "You are an AI assistant that helps users.",
];

/** Some conversations begin with a system message, as clients send it. */
export function withSystem(sample: Sample, random: Random): Sample {
  if (sample.messages[0]?.role === "system" || !random.chance(0.12)) return sample;
  return {
    ...sample,
    messages: [{ role: "system", content: random.pick(SYSTEMS) }, ...sample.messages],
  };
}

export function chatSample(random: Random): Sample {
  if (random.chance(0.25)) return storyChat(random);
  const messages: Message[] = [];
  const isLong = random.chance(0.3);
  const size = isLong ? random.between(1_300, 2_300) : random.between(1, 400);
  let name: string | undefined;
  while (messages.length < 4 || lengthOf(messages) < size) {
    const [question, answer] = turn(random, messages, name);
    name = /^Nice to meet you, (\w+)!/.exec(answer)?.[1] ?? name;
    messages.push(...exchange(question, answer));
  }
  while (lengthOf(messages) > MAX_LENGTH) messages.splice(-2);
  return { kind: "chat", template: "chat", messages };
}

/** Fits the context, whatever the text. */
const MAX_LENGTH = 2_400;

/** In characters, of which a token has about three and a half. */
function lengthOf(messages: readonly Message[]): number {
  return messages.reduce((sum, { content }) => sum + content.length, 0);
}

type Turn = [question: string, answer: string];

/** The next question and its answer, after what was said. */
function turn(random: Random, messages: readonly Message[], name: string | undefined): Turn {
  const kind = random.next();
  if (kind < 0.14 && !name) return introduction(random);
  if (kind < 0.46 && messages.length > 0) return referBack(kind, random, messages, name);
  if (kind < 0.53) return [askUnknown(random), REFUSAL];
  if (kind < 0.62) {
    const { messages: talk } = talkSample(random);
    return [talk[0]?.content ?? "", talk[1]?.content ?? ""];
  }
  if (kind < 0.64) {
    const story = tellStory(random);
    return [story.request, story.text];
  }
  const fact = pickFact(random);
  if (messages.length > 0 && fact.what && random.chance(0.3)) {
    return [said(random.pick(FOLLOW_UPS), random, { n: random.pick(fact.what) }), fact.answer];
  }
  return [askFact(fact, random), fact.answer];
}

function introduction(random: Random): Turn {
  const name = random.pick(NAMES);
  const question = said(random.pick(INTRODUCTIONS), random, { n: name, c: random.pick(CITIES) });
  return [question, `Nice to meet you, ${name}!`];
}

/** `kind` is 0 to 0.46: how often each question comes. */
function referBack(
  kind: number,
  random: Random,
  messages: readonly Message[],
  name: string | undefined,
): Turn {
  if (kind < 0.24) {
    const answer = name ? `Your name is ${name}.` : "You have not told me your name.";
    return [said(random.pick(ASKS_NAME), random), answer];
  }
  if (kind < 0.36)
    return [said(random.pick(ASKS_FIRST), random), `You wrote: "${messages[0]?.content}"`];
  return [said(random.pick(ASKS_AGAIN), random), messages.at(-1)?.content ?? ""];
}

const INTRODUCTIONS = [
  "my name is {n}",
  "I am {n}",
  "I'm {n}",
  "hi, I'm {n}",
  "hello, my name is {n}",
  "call me {n}",
  "{n} here",
  "you can call me {n}",
  "hi, my name is {n} and I live in {c}",
];

const ASKS_NAME = [
  "what is my name?",
  "what's my name?",
  "do you [know|remember] my name?",
  "who am I?",
  "say my name",
  "how am I called?",
];

const ASKS_FIRST = [
  "what [was|is] my first question?",
  "what did I ask first?",
  "what did I [ask|say] at the beginning?",
  "what was the first thing I [said|asked|wrote]?",
];

const ASKS_AGAIN = [
  "[say|tell me] that again",
  "repeat that[, please|]",
  "again[, please|]",
  "can you repeat that?",
  "[sorry, what|what] did you [just|] say?",
  "please repeat your [last|] answer",
  "what was your [last|] answer?",
  "once more",
];

const FOLLOW_UPS = [
  "and {n}?",
  "what about {n}?",
  "and what is {n}?",
  "how about {n}?",
  "ok, and {n}?",
  "and what about {n}?",
];

function said(
  pattern: string,
  random: Random,
  slots: Readonly<Record<string, string>> = {},
): string {
  const text = write(pattern, random, slots);
  const spoken = random.chance(0.6) ? capitalize(text) : text;
  return random.chance(0.25) ? spoken.replace(/[?.!]$/, "") : spoken;
}
