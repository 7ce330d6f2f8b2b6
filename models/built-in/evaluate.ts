// Asks the served model what it was never trained on, and prints the table of the model card.
//
//   bun models/built-in/evaluate.ts [http://127.0.0.1:8000] [MODEL]

import {
  BLIND_QUESTIONS,
  PASTED_MESSAGES,
  YES_NO_QUESTIONS,
  type YesNoQuestion,
} from "./corpus/blind-questions.ts";
import { chatSample } from "./corpus/chat.ts";
import { type Fact, isRight } from "./corpus/fact.ts";
import { heldOutPhrasings } from "./corpus/facts/phrasings.ts";
import { FACTS } from "./corpus/facts.ts";
import { jsonTask } from "./corpus/json-answer.ts";
import { HELD_OUT_NEAR_MISSES } from "./corpus/near-miss.ts";
import { HELD_OUT_NOT_THERE, isNotThere } from "./corpus/not-there.ts";
import { write } from "./corpus/pattern.ts";
import { heldOutFrames } from "./corpus/questions.ts";
import { Random } from "./corpus/random.ts";
import type { Message } from "./corpus/sample.ts";
import { TALK } from "./corpus/small-talk.ts";
import { otherHeroes, tellStory } from "./corpus/story.ts";
import { shown, toolTask } from "./corpus/tool-call.ts";
import { HELD_OUT_UNKNOWN, isRefusal } from "./corpus/unknown.ts";

/** Far from the corpus's own seed, so that names, cities and numbers come in other combinations. */
const SEED = 77_001;
const AT_ONCE = 8;

interface Reply {
  readonly text: string;
  readonly finishReason: string;
}

interface Row {
  readonly what: string;
  readonly right: number;
  readonly of: number;
  readonly wrong: readonly string[];
}

const [, , url = "http://127.0.0.1:8000", wantedModel] = process.argv;
const model = wantedModel ?? (await firstModel());
const random = new Random(SEED);
let asked = 0;
let ended = 0;

const rows = [
  await score("facts, plain questions never seen", FACTS.flatMap(plainTasks), checkFact),
  await score("facts, asked by one who had read the docs only", BLIND_QUESTIONS, checkFact),
  await score(
    "facts, roundabout questions never seen",
    FACTS.map((fact) => ({ fact, question: fact.heldOut })),
    checkFact,
  ),
  await score(
    "facts, sentence frames never seen",
    FACTS.flatMap((fact) => heldOutFrames(fact, random).map((question) => ({ fact, question }))),
    checkFact,
  ),
  await score("yes-or-no questions, each both ways round", YES_NO_QUESTIONS, checkYesNo),
  await score("messages of the server, pasted", PASTED_MESSAGES, checkFact),
  await score("not there, and told so", HELD_OUT_NOT_THERE, async (question) => {
    const { text } = await ask(question);
    return isNotThere(text) ? undefined : `${question} -> ${text}`;
  }),
  await score(
    "facts, behind a conversation of some 750 tokens",
    BLIND_QUESTIONS.filter((_, index) => index % 6 === 0),
    async ({ fact, question }) => {
      const { text } = await chat([...longTalk(), { role: "user", content: question }]);
      return isRight(fact, text) ? undefined : `(${fact.id}) ${question} -> ${text}`;
    },
  ),
  await score("topics of the world declined", HELD_OUT_UNKNOWN, checkRefusal),
  await score(
    "unknown about dynamo and its neighbours declined",
    HELD_OUT_NEAR_MISSES,
    checkRefusal,
  ),
  await score("small talk", TALK, async ({ heldOut, answer }) =>
    (await ask(heldOut)).text === answer ? undefined : heldOut,
  ),
  await score(
    "tool calls",
    times(100, () => toolTask(random)),
    checkToolCall,
  ),
  await score(
    "JSON, right fields and values",
    times(100, () => jsonTask(random)),
    async (task) =>
      sameJson((await ask(task.request)).text, task.value) ? undefined : task.request,
  ),
  await score(
    "a name remembered over turns",
    times(20, () => random.pick(["Anna", "Peter", "Omar", "Yuki"])),
    async (name) =>
      (
        await chat([...introduction(name), { role: "user", content: "What is my name?" }])
      ).text.includes(name)
        ? undefined
        : name,
  ),
  await score(
    "stories at temperature 0.8",
    times(50, () => tellStory(random)),
    checkStory,
  ),
];

rows.push({ what: "answers that end by themselves", right: ended, of: asked, wrong: [] });
process.stdout.write("| held out | right | of | share |\n|---|---:|---:|---:|\n");
for (const { what, right, of } of rows) {
  process.stdout.write(`| ${what} | ${right} | ${of} | ${((100 * right) / of).toFixed(0)} % |\n`);
}
process.stdout.write("\n");
for (const { what, wrong } of rows) {
  for (const each of wrong) process.stdout.write(`${what}: ${each}\n`);
}

function plainTasks(fact: Fact): { fact: Fact; question: string }[] {
  return heldOutPhrasings(fact.id).map((pattern) => ({ fact, question: write(pattern, random) }));
}

async function checkFact({ fact, question }: { fact: Fact; question: string }) {
  const { text } = await ask(question);
  return isRight(fact, text) ? undefined : `(${fact.id}) ${question} -> ${text}`;
}

/** An answer that begins with yes or no is wrong one way round. */
async function checkYesNo({ fact, question }: YesNoQuestion): Promise<string | undefined> {
  const { text } = await ask(question);
  const isGiven = fact ? isRight(fact, text) : isNotThere(text);
  return isGiven && !/^(yes|no)\b/i.test(text) ? undefined : `${question} -> ${text}`;
}

async function checkRefusal(question: string): Promise<string | undefined> {
  const { text } = await ask(question);
  return isRefusal(text) ? undefined : `${question} -> ${text}`;
}

/** What is wrong with each task, or nothing; a few at a time. */
async function score<T>(
  what: string,
  tasks: readonly T[],
  fault: (task: T, index: number) => Promise<string | undefined>,
): Promise<Row> {
  const wrong: string[] = [];
  const queue = [...tasks.entries()];
  const work = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const found = await fault(next[1], next[0]);
      if (found !== undefined) wrong.push(found);
    }
  };
  await Promise.all(times(AT_ONCE, work));
  return { what, right: tasks.length - wrong.length, of: tasks.length, wrong };
}

async function checkToolCall(task: ReturnType<typeof toolTask>): Promise<string | undefined> {
  // The text that the chat template makes of `tools`; servers need not parse them for this.
  const tools = task.tools.map(shown).join("\n");
  const { text } = await chat([
    { role: "system", content: `Tools:\n${tools}\n` },
    { role: "user", content: task.request },
  ]);
  const json = /<tool_call>\s*([\s\S]*?)\s*<\/tool_call>/.exec(text)?.[1] ?? "";
  return sameJson(json, task.call) ? undefined : task.request;
}

/** The hero and place that were asked for and no other hero, an end, and no sentence twice. */
async function checkStory(
  story: ReturnType<typeof tellStory>,
  index: number,
): Promise<string | undefined> {
  const request = `Tell me a story about ${story.hero} the ${story.kind} in ${story.place}.`;
  const { text, finishReason } = await ask(request, { temperature: 0.8, seed: index });
  const sentences = text.split(/(?<=[.!?]"?) /);
  const good =
    finishReason === "stop" &&
    text.split(story.hero).length > 2 &&
    text.includes(story.place) &&
    text.includes("The end.") &&
    otherHeroes(text, story.hero).length === 0 &&
    new Set(sentences).size === sentences.length;
  return good ? undefined : text;
}

/** Turns about facts and small talk, of 1,700 to 2,100 characters. */
function longTalk(): Message[] {
  let messages: Message[] = [];
  while (lengthOf(messages) < 1_700) {
    const longer = [...messages, ...chatSample(random).messages];
    if (lengthOf(longer) <= 2_100) messages = longer;
  }
  return messages;
}

function lengthOf(messages: readonly Message[]): number {
  return messages.reduce((sum, { content }) => sum + content.length, 0);
}

function introduction(name: string): Message[] {
  return [
    { role: "user", content: `Hi, my name is ${name}.` },
    { role: "assistant", content: `Nice to meet you, ${name}!` },
    { role: "user", content: "What is the default port?" },
    { role: "assistant", content: "dynamo listens on port 8000." },
  ];
}

function ask(question: string, sampling: object = {}): Promise<Reply> {
  return chat([{ role: "user", content: question }], sampling);
}

async function chat(messages: readonly Message[], sampling: object = {}): Promise<Reply> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, messages, temperature: 0, max_tokens: 400, ...sampling }),
  });
  const body = (await response.json()) as {
    choices?: { message: { content: string }; finish_reason: string }[];
  };
  const choice = body.choices?.[0];
  if (!choice) throw new Error(`${url} answered ${response.status}: ${JSON.stringify(body)}`);
  asked += 1;
  if (choice.finish_reason === "stop") ended += 1;
  return { text: choice.message.content, finishReason: choice.finish_reason };
}

async function firstModel(): Promise<string> {
  const response = await fetch(`${url}/v1/models`);
  const { data } = (await response.json()) as { data: { id: string }[] };
  const id = data[0]?.id;
  if (!id) throw new Error(`${url} serves no model`);
  return id;
}

function sameJson(text: string, value: unknown): boolean {
  try {
    return Bun.deepEquals(JSON.parse(text), value);
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

function times<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make);
}
