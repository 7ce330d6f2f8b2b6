// Questions that only the evaluation asks, from files: what the training happens to ask in the same words was taken out.

import { readFileSync } from "node:fs";

import type { Fact } from "./fact.ts";
import { FACTS } from "./facts.ts";

export interface BlindQuestion {
  readonly fact: Fact;
  readonly question: string;
}

/** By one who had read the docs and the facts' answers, and nothing that the model is trained on. */
export const BLIND_QUESTIONS: readonly BlindQuestion[] = questionsOf("blind.tsv");

/** Messages of the server as people paste them, whole or in part. */
export const PASTED_MESSAGES: readonly BlindQuestion[] = questionsOf("pasted.tsv");

export interface YesNoQuestion {
  /** None if what is asked for is not there. */
  readonly fact: Fact | undefined;
  readonly question: string;
}

/** Two in a row ask the same thing, the second turned round: what is yes for one is no for the other. */
export const YES_NO_QUESTIONS: readonly YesNoQuestion[] = linesOf("yes-no.tsv").flatMap(
  ([id = "", ...questions]) =>
    questions.map((question) => ({ fact: id === "-" ? undefined : factOf(id), question })),
);

/** A line is the fact's id, a tab, and the question. */
function questionsOf(file: string): BlindQuestion[] {
  return linesOf(file).map(([id = "", question = ""]) => ({ fact: factOf(id), question }));
}

function linesOf(file: string): string[][] {
  const text = readFileSync(new URL(`questions/${file}`, import.meta.url), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => line.split("\t"));
}

function factOf(id: string): Fact {
  const fact = FACTS.find((known) => known.id === id);
  if (fact === undefined) throw new Error(`a held-out question is about no fact: ${id}`);
  return fact;
}
