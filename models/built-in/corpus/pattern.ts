// Patterns: `[a|b|] word {slot}`. One alternative of each bracket is taken; brackets may be nested.

import type { Random } from "./random.ts";

/** One text of the pattern. Slots are filled from `slots`, and what they give is a pattern too. */
export function write(
  pattern: string,
  random: Random,
  slots: Readonly<Record<string, string | (() => string)>> = {},
): string {
  let text = pattern;
  for (;;) {
    const bracket = /\[([^[\]]*)\]/.exec(text);
    if (bracket) {
      const choice = random.pick((bracket[1] ?? "").split("|"));
      text = text.slice(0, bracket.index) + choice + text.slice(bracket.index + bracket[0].length);
      continue;
    }
    const slot = /\{(\w+)\}/.exec(text);
    const value = slot ? slots[slot[1] ?? ""] : undefined;
    if (!slot || value === undefined) return tidy(text);
    const filled = typeof value === "string" ? value : value();
    text = text.slice(0, slot.index) + filled + text.slice(slot.index + slot[0].length);
  }
}

/** All texts that a pattern without slots stands for. */
export function allTexts(pattern: string): string[] {
  const bracket = /\[([^[\]]*)\]/.exec(pattern);
  if (!bracket) return [tidy(pattern)];
  const before = pattern.slice(0, bracket.index);
  const after = pattern.slice(bracket.index + bracket[0].length);
  return (bracket[1] ?? "").split("|").flatMap((choice) => allTexts(before + choice + after));
}

/** The words alone: what is left when case and signs differ. */
export function wordsOf(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, " ")
    .trim();
}

export function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function tidy(text: string): string {
  return text
    .replace(/ {2,}/g, " ")
    .replace(/ ([.,?!])(?=\s|$)/g, "$1")
    .trim();
}
