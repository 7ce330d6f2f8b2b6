// What people do to a sentence when they type it: case, punctuation, slips, a greeting before and a thank-you after.

import { CLOSINGS, OPENINGS } from "./frames.ts";
import { capitalize } from "./pattern.ts";
import type { Random } from "./random.ts";

/** The sentence as somebody types it. */
export function typed(sentence: string, random: Random): string {
  if (random.chance(0.2)) return hasty(sentence, random);
  let text = random.chance(0.22) ? withASynonym(sentence, random) : sentence;
  if (random.chance(0.16)) text = closed(text, random.pick(CLOSINGS));
  if (random.chance(0.18)) text = `${random.pick(OPENINGS)} ${text}`;
  if (random.chance(0.55)) text = capitalize(text);
  text = ended(text, random);
  if (random.chance(0.05)) text = text.replace(/\?$/, random.pick(["??", "?!", " ?", "."]));
  if (random.chance(0.12)) text = text.toLowerCase();
  if (random.chance(0.02)) text = text.toUpperCase();
  if (random.chance(0.05)) text = text.replace(/'/g, "");
  if (random.chance(0.14)) text = slip(text, random);
  if (random.chance(0.04)) text = slip(text, random);
  if (random.chance(0.04))
    text = withoutAWord(text, random, /^(the|a|an|to|do|does|is|of|I|for|in|can)$/i);
  if (random.chance(0.05)) text = withoutAWord(text, random, /^[a-z']+$/i);
  if (random.chance(0.08)) text = withAFiller(text, random);
  return text;
}

/**
 * With gaps, and now and then in no order: what is left must still be known, by whichever of its words. It keeps the
 * model from learning whole sentences by heart.
 */
function hasty(sentence: string, random: Random): string {
  const words = sentence.split(" ");
  const left = words.filter(() => !random.chance(0.25));
  if (left.length < 2) return sentence;
  return (random.chance(0.35) ? random.shuffle(left) : left).join(" ");
}

/** Without the mark at the end, or with one that was missing. */
function ended(text: string, random: Random): string {
  if (random.chance(0.3)) return text.replace(/[?.!]+$/, "");
  return random.chance(0.3) && /\w$/.test(text) ? `${text}?` : text;
}

/** Words that say the same in almost every question. */
const SYNONYMS: readonly (readonly string[])[] = [
  ["change", "switch", "alter", "modify", "adjust", "update"],
  ["start", "launch", "run", "boot", "begin", "bring up"],
  ["stop", "end", "halt", "terminate", "quit"],
  ["show", "display", "print", "list"],
  ["see", "view", "look at", "inspect", "check"],
  ["use", "employ", "work with", "apply"],
  ["set", "define", "specify", "configure"],
  ["which", "what"],
  ["flag", "option", "switch", "parameter", "argument"],
  ["key", "setting", "option", "parameter"],
  ["need", "require"],
  ["get", "obtain", "receive", "have"],
  ["find", "locate", "discover"],
  ["limit", "cap", "restrict", "bound"],
  ["error", "failure", "problem"],
  ["several", "multiple", "many", "more than one"],
  ["happens", "takes place", "goes on"],
  ["explain", "describe", "clarify"],
  ["work", "function", "operate"],
  ["command", "instruction"],
  ["another", "a different", "some other"],
  ["write", "create", "make"],
  ["want", "would like", "wish"],
  ["server", "service", "process"],
  ["answer", "response", "reply", "output"],
  ["configuration", "config", "settings"],
  ["machine", "computer", "host", "box"],
  ["folder", "directory"],
  ["supported", "available", "possible"],
  ["does", "will"],
  ["can", "could", "may"],
];

function withASynonym(text: string, random: Random): string {
  const words = text.split(" ");
  const known = words.flatMap((word, index) => {
    const group = SYNONYMS.find((synonyms) => synonyms.includes(word));
    return group ? [{ index, group }] : [];
  });
  if (known.length === 0) return text;
  const { index, group } = random.pick(known);
  words[index] = random.pick(group);
  return words.join(" ");
}

function closed(text: string, closing: string): string {
  const body = text.replace(/[?.!]+$/, "");
  const mark = text.slice(body.length);
  if (/[.!?]$/.test(closing))
    return `${body}${/^[A-Z]/.test(closing) ? mark || "." : ""} ${closing}`;
  return `${body} ${closing}${mark}`;
}

/** One slip of the finger in a word of four letters or more. */
function slip(text: string, random: Random): string {
  const words = text.split(" ");
  const long = words.flatMap((word, index) => (/[a-z]{4}/i.test(word) ? [index] : []));
  if (long.length === 0) return text;
  const index = random.pick(long);
  const word = words[index] ?? "";
  const at = random.between(1, word.length - 2);
  const [before, here, after] = [word.slice(0, at), word.charAt(at), word.slice(at + 1)];
  const slips = [
    before + after,
    before + here + here + after,
    before + after.charAt(0) + here + after.slice(1),
    before + random.pick([..."etaoinsrlcdmu"]) + after,
  ];
  words[index] = random.pick(slips);
  return words.join(" ");
}

function withoutAWord(text: string, random: Random, such: RegExp): string {
  const words = text.split(" ");
  const found = words.flatMap((word, index) => (such.test(word) ? [index] : []));
  if (found.length === 0 || words.length < 5) return text;
  const gone = random.pick(found);
  return words.filter((_, index) => index !== gone).join(" ");
}

const FILLERS = (
  "actually just basically really simply currently maybe perhaps exactly now then still ever even " +
  "normally usually properly quickly easily somehow again here please"
).split(" ");

/** A word that says nothing, somewhere inside. */
function withAFiller(text: string, random: Random): string {
  const words = text.split(" ");
  if (words.length < 4) return text;
  const at = random.between(1, words.length - 1);
  return [...words.slice(0, at), random.pick(FILLERS), ...words.slice(at)].join(" ");
}
