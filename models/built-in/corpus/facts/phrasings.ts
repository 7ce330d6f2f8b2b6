// Whole questions as people ask them, by the id of the fact. Every sixth of a fact is only for the evaluation.

import { allTexts, wordsOf } from "../pattern.ts";
import { wholeQuestions } from "../whole-questions.ts";
import { PHRASINGS_ACCESS } from "./phrasings-access.ts";
import { PHRASINGS_AGENTS } from "./phrasings-agents.ts";
import { PHRASINGS_API } from "./phrasings-api.ts";
import { PHRASINGS_CONFIGURATION } from "./phrasings-configuration.ts";
import { PHRASINGS_CONFIGURATION_2 } from "./phrasings-configuration-2.ts";
import { PHRASINGS_CORE } from "./phrasings-core.ts";
import { PHRASINGS_CORE_2 } from "./phrasings-core-2.ts";
import { PHRASINGS_CORE_3 } from "./phrasings-core-3.ts";
import { PHRASINGS_FAILURES } from "./phrasings-failures.ts";
import { PHRASINGS_GRAPHS } from "./phrasings-graphs.ts";
import { PHRASINGS_HUB } from "./phrasings-hub.ts";
import { PHRASINGS_INSIDE } from "./phrasings-inside.ts";
import { PHRASINGS_MODEL } from "./phrasings-model.ts";
import { PHRASINGS_OPERATION } from "./phrasings-operation.ts";
import { PHRASINGS_ROUTING } from "./phrasings-routing.ts";
import { PHRASINGS_SERVING } from "./phrasings-serving.ts";
import { PHRASINGS_UNATTENDED } from "./phrasings-unattended.ts";

const FILES: readonly Readonly<Record<string, readonly string[]>>[] = [
  PHRASINGS_SERVING,
  PHRASINGS_CONFIGURATION,
  PHRASINGS_CONFIGURATION_2,
  PHRASINGS_GRAPHS,
  PHRASINGS_API,
  PHRASINGS_INSIDE,
  PHRASINGS_MODEL,
  PHRASINGS_ROUTING,
  PHRASINGS_OPERATION,
  PHRASINGS_ACCESS,
  PHRASINGS_HUB,
  PHRASINGS_AGENTS,
  PHRASINGS_UNATTENDED,
  PHRASINGS_FAILURES,
];

/** Those of which nothing is kept for the evaluation. */
const ONLY_TRAINED: typeof FILES = [
  PHRASINGS_CORE,
  PHRASINGS_CORE_2,
  PHRASINGS_CORE_3,
  wholeQuestions("facts"),
];

/** Of so many in a row, the one at this place is kept out of the training. */
const ROW = 6;
const KEPT = 3;

export function trainedPhrasings(id: string): readonly string[] {
  return TRAINED.get(id) ?? [];
}

/** With all the texts that their patterns stand for. */
export function heldOutPhrasings(id: string): readonly string[] {
  return phrasings(id).filter((_, index) => index % ROW === KEPT);
}

/** All that have phrasings, to compare with the facts. */
export function phrasedIds(): readonly string[] {
  return [...FILES, ...ONLY_TRAINED].flatMap((file) => Object.keys(file));
}

const TRAINED = new Map(
  phrasedIds().map((id) => {
    const kept = new Set(heldOutPhrasings(id));
    const more = ONLY_TRAINED.flatMap((file) => file[id] ?? []);
    return [id, [...phrasings(id), ...more].filter((each) => !kept.has(each))];
  }),
);

const HELD_OUT = new Set(
  phrasedIds()
    .flatMap(heldOutPhrasings)
    .flatMap(allTexts)
    .map((text) => wordsOf(text)),
);

/** Whether the evaluation asks this, however it is written. */
export function isHeldOut(question: string): boolean {
  return HELD_OUT.has(wordsOf(question));
}

function phrasings(id: string): readonly string[] {
  return FILES.flatMap((file) => file[id] ?? []);
}
