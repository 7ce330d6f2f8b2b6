import { describe, expect, test } from "bun:test";

import {
  BLIND_QUESTIONS,
  PASTED_MESSAGES,
  YES_NO_QUESTIONS,
} from "../../models/built-in/corpus/blind-questions.ts";
import { corpus } from "../../models/built-in/corpus/corpus.ts";
import { isRight } from "../../models/built-in/corpus/fact.ts";
import { heldOutPhrasings, phrasedIds } from "../../models/built-in/corpus/facts/phrasings.ts";
import { FACTS } from "../../models/built-in/corpus/facts.ts";
import {
  HELD_OUT_HOW_FRAMES,
  HELD_OUT_WHAT_FRAMES,
  HOW_FRAMES,
  WHAT_FRAMES,
} from "../../models/built-in/corpus/frames.ts";
import { jsonTask } from "../../models/built-in/corpus/json-answer.ts";
import { HELD_OUT_NEAR_MISSES } from "../../models/built-in/corpus/near-miss.ts";
import { HELD_OUT_NOT_THERE } from "../../models/built-in/corpus/not-there.ts";
import { allTexts, wordsOf } from "../../models/built-in/corpus/pattern.ts";
import { plainWordings } from "../../models/built-in/corpus/questions.ts";
import { Random } from "../../models/built-in/corpus/random.ts";
import { TALK } from "../../models/built-in/corpus/small-talk.ts";
import { tellStory } from "../../models/built-in/corpus/story.ts";
import { toolSample, toolTask } from "../../models/built-in/corpus/tool-call.ts";
import { UNSEEN_NAMES } from "../../models/built-in/corpus/tool-parameters.ts";
import { HELD_OUT_UNKNOWN } from "../../models/built-in/corpus/unknown.ts";
import { wholeQuestions } from "../../models/built-in/corpus/whole-questions.ts";

describe("the corpus", () => {
  test("is the same, byte for byte, each time it is made", () => {
    const digest = () => {
      const hash = new Bun.CryptoHasher("sha256");
      for (const sample of corpus(5_000)) hash.update(JSON.stringify(sample));
      return hash.digest("hex");
    };
    const first = digest();
    expect(digest()).toBe(first);
    expect(first).toMatchSnapshot();
  });

  test("ends every conversation with the assistant", () => {
    for (const { messages } of corpus(3_000)) expect(messages.at(-1)?.role).toBe("assistant");
  });

  test("never asks a held-out question", () => {
    const heldOut = new Set(
      [
        ...FACTS.map((fact) => fact.heldOut),
        ...TALK.map((talk) => talk.heldOut),
        ...[...BLIND_QUESTIONS, ...PASTED_MESSAGES, ...YES_NO_QUESTIONS].map(
          ({ question }) => question,
        ),
        ...HELD_OUT_NOT_THERE,
        ...HELD_OUT_UNKNOWN,
        ...HELD_OUT_NEAR_MISSES,
        ...FACTS.flatMap(({ id }) => heldOutPhrasings(id)).flatMap(allTexts),
      ].map(wordsOf),
    );
    for (const { messages } of corpus(40_000)) {
      for (const { role, content } of messages) {
        if (role === "user")
          expect([content, heldOut.has(wordsOf(content))]).toEqual([content, false]);
      }
    }
  });

  test("shares no sentence frame with the held-out split", () => {
    const trained = new Set([...HOW_FRAMES, ...WHAT_FRAMES].map(wordsOf));
    for (const frame of [...HELD_OUT_HOW_FRAMES, ...HELD_OUT_WHAT_FRAMES]) {
      expect(trained.has(wordsOf(frame))).toBe(false);
    }
  });
});

describe("the facts", () => {
  test("are at least 150, each with an id of its own", () => {
    expect(FACTS.length).toBeGreaterThanOrEqual(150);
    expect(new Set(FACTS.map(({ id }) => id)).size).toBe(FACTS.length);
  });

  test("have the phrasings that are written for them, and some are only for the evaluation", () => {
    const ids = new Set(FACTS.map(({ id }) => id));
    expect(phrasedIds().filter((id) => !ids.has(id))).toEqual([]);
    expect(FACTS.filter(({ id }) => heldOutPhrasings(id).length < 1).map(({ id }) => id)).toEqual(
      [],
    );
  });

  test("have whole questions of their own, well written and once each", () => {
    const questions = wholeQuestions("facts");
    expect(Object.keys(questions).sort()).toEqual(FACTS.map(({ id }) => id).sort());
    for (const [id, lines] of Object.entries(questions)) {
      expect([id, lines.length >= 15, new Set(lines).size]).toEqual([id, true, lines.length]);
      for (const text of lines.flatMap(allTexts)) expect(text).not.toMatch(/[[\]|]|^$/);
    }
  });

  test("have no whole question that is nearly a held-out one", () => {
    for (const fact of FACTS) {
      const heldOut = [fact.heldOut, ...heldOutPhrasings(fact.id).flatMap(allTexts)].map(telling);
      for (const text of (wholeQuestions("facts")[fact.id] ?? []).flatMap(allTexts)) {
        const words = telling(text);
        const near = heldOut.filter((other) => likeness(words, other) >= 0.8);
        expect([fact.id, text, near]).toEqual([fact.id, text, []]);
      }
    }
  });

  test("are right by their own check", () => {
    for (const fact of FACTS)
      expect([fact.id, isRight(fact, fact.answer)]).toEqual([fact.id, true]);
  });

  test("name in their answers what they say they name", () => {
    for (const { id, answer, names = [] } of FACTS) {
      for (const name of names) {
        expect([id, name, mentions(answer, name)]).toEqual([id, name, true]);
      }
    }
  });

  test("are asked in 40 wordings or more each, before any noise", () => {
    for (const fact of FACTS) {
      expect([fact.id, plainWordings(fact, new Random(1), 2_000) >= 40]).toEqual([fact.id, true]);
    }
  });
});

test("a story names its hero and its place, and ends", () => {
  const random = new Random(3);
  for (let i = 0; i < 500; i++) {
    const story = tellStory(random);
    expect(story.text).toContain(story.hero);
    expect(story.text).toContain(story.place);
    expect(story.text).toEndWith("The end.");
    expect(story.text).not.toMatch(/[{}[\]|]/);
  }
});

test("no two of a thousand stories are alike", () => {
  const random = new Random(4);
  const texts = new Set(Array.from({ length: 1_000 }, () => tellStory(random).text));
  expect(texts.size).toBe(1_000);
});

test("no answer begins with yes or no, so that it is right whichever way a question is turned", () => {
  for (const { answer } of [...FACTS, ...TALK]) expect(answer).not.toMatch(/^(yes|no)\b/i);
});

test("the training text has no parameter of a name that the evaluation asks with", () => {
  const random = new Random(7);
  const unseen = new Set(Object.values(UNSEEN_NAMES).flat());
  for (let i = 0; i < 3_000; i++) {
    for (const { function: tool } of toolSample(random).tools ?? []) {
      const { properties } = tool.parameters as { properties: object };
      expect(Object.keys(properties).filter((name) => unseen.has(name))).toEqual([]);
    }
  }
});

test("a tool call names a tool that is defined, with all of its parameters", () => {
  const random = new Random(5);
  for (let i = 0; i < 500; i++) {
    const { tools, call } = toolTask(random);
    const tool = tools.find((each) => each.function.name === call.name);
    expect(tool?.function.parameters).toHaveProperty("required", Object.keys(call.arguments));
  }
});

test("a JSON request has one to four fields", () => {
  const random = new Random(6);
  for (let i = 0; i < 500; i++) {
    const number = Object.keys(jsonTask(random).value).length;
    expect(number).toBeGreaterThanOrEqual(1);
    expect(number).toBeLessThanOrEqual(4);
  }
});

/** The words that say which question it is. */
function telling(text: string): ReadonlySet<string> {
  const others = "a an the of to in is are it its do does i my how what which can for on with";
  return new Set(wordsOf(text).split(" ")).difference(new Set(others.split(" ")));
}

/** Share of two sets' elements that both have. */
function likeness(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  return a.size < 2 || b.size < 2 ? 0 : a.intersection(b).size / a.union(b).size;
}

/** A key may be named with its service before it, and stand alone in the answer. */
function mentions(answer: string, name: string): boolean {
  return answer.includes(name) || answer.includes(name.replace(/^[A-Z]\w*\./, ""));
}
