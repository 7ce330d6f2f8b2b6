// Questions by someone who had read the docs and the facts' answers, and nothing that the model is trained on. Only
// the evaluation asks them; what the training happens to ask in the same words was taken out.

import { readFileSync } from "node:fs";

import type { Fact } from "./fact.ts";
import { FACTS } from "./facts.ts";

export interface BlindQuestion {
  readonly fact: Fact;
  readonly question: string;
}

/** A line is the fact's id, a tab, and the question. */
export const BLIND_QUESTIONS: readonly BlindQuestion[] = readFileSync(
  new URL("questions/blind.tsv", import.meta.url),
  "utf8",
)
  .trim()
  .split("\n")
  .map((line) => {
    const [id, question = ""] = line.split("\t");
    const fact = FACTS.find((known) => known.id === id);
    if (fact === undefined) throw new Error(`questions/blind.tsv: no fact ${id}`);
    return { fact, question };
  });
