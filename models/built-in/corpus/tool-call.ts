// Tool calls: a definition in the system part, a request, the call, its result and what to say of it.

import { capitalize, write } from "./pattern.ts";
import { askFact, pickFact } from "./questions.ts";
import type { Random } from "./random.ts";
import { exchange, type Message, type Sample, type Tool } from "./sample.ts";
import { withExtras } from "./tool-extras.ts";
import { anyName, meaningless } from "./tool-parameters.ts";
import { anyPhrase, SKILLS, type Skill, type Value, type Values } from "./tool-skills.ts";
import { askUnknown, REFUSAL } from "./unknown.ts";
import { NOUNS } from "./world.ts";

export interface ToolTask {
  readonly tools: readonly Tool[];
  readonly request: string;
  readonly call: { readonly name: string; readonly arguments: Values };
  readonly result: string;
  readonly answer: string;
}

/** `names`: those that the skills have, or any that a client might write. */
export function toolTask(random: Random, names: "own" | "any" = "own"): ToolTask {
  const skill = random.pick(SKILLS);
  const others = random
    .shuffle(SKILLS.filter((other) => other !== skill))
    .slice(0, numOthers(random, names));
  const mine = define(skill, random, names);
  const values: Record<string, Value> = {};
  for (const [name, { value }] of Object.entries(skill.parameters)) values[name] = value(random);
  const result = skill.result(values, random);
  const slots = Object.fromEntries(
    Object.entries({ ...values, ...result }).map(([name, value]) => [name, spoken(value)]),
  );
  const asked = write(random.pick(skill.asks), random, slots);
  return {
    tools: random.shuffle([mine.tool, ...others.map((other) => define(other, random, names).tool)]),
    request: random.chance(0.5) ? capitalize(asked) : asked,
    call: {
      name: mine.tool.function.name,
      arguments: Object.fromEntries(mine.names.map(([own, name]) => [name, values[own] ?? null])),
    },
    result: python(result),
    answer: write(skill.says, random, slots),
  };
}

/** Some clients have many tools. */
function numOthers(random: Random, names: "own" | "any"): number {
  if (names === "any" && random.chance(0.03)) return random.between(4, 16);
  return random.pick([0, 0, 1, 1, 2]);
}

export function toolSample(random: Random): Sample {
  const task = random.chance(0.15)
    ? toolTask(random)
    : withExtras(random.chance(0.1) ? namedTask(random) : toolTask(random, "any"), random);
  if (random.chance(0.12)) {
    // Tools are there, but the request is for none of them.
    const fact = pickFact(random);
    return random.chance(0.75)
      ? {
          kind: "tool",
          template: "no-call",
          tools: task.tools,
          messages: exchange(askFact(fact, random), fact.answer),
        }
      : {
          kind: "tool",
          template: "no-call",
          tools: task.tools.slice(0, 1),
          messages: exchange(unrelated(task, random), REFUSAL),
        };
  }
  const messages: Message[] = exchange(task.request, callText(task.call));
  if (random.chance(0.2)) {
    messages.push(
      { role: "tool", content: task.result },
      { role: "assistant", content: task.answer },
    );
  }
  return { kind: "tool", template: task.call.name, tools: task.tools, messages };
}

/** The call as the model writes it. */
export function callText(call: ToolTask["call"]): string {
  return `<tool_call>\n${python(call)}\n</tool_call>`;
}

/** JSON with spaces, as Python's json.dumps writes it. */
export function python(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, each]) => `${JSON.stringify(key)}: ${python(each)}`)
    .join(", ")}}`;
}

/** The tool as the chat template shows it: the beginning of its call, and what it does. */
export function shown({ function: { name, description, parameters } }: Tool): string {
  const { properties } = parameters as { properties: Record<string, { type: string }> };
  const kinds = Object.entries(properties).map(([key, { type }]) => [key, type]);
  return `${python({ name, arguments: Object.fromEntries(kinds) })} ${description}`;
}

interface Defined {
  readonly tool: Tool;
  /** The skill's own names of parameters, and those that they have here. */
  readonly names: readonly (readonly [own: string, name: string])[];
}

function define(skill: Skill, random: Random, choice: "own" | "any"): Defined {
  const renamed = Object.keys(skill.parameters).map(
    (own) => [own, choice === "own" ? own : anyName(own, random)] as const,
  );
  const names = new Set(renamed.map(([, name]) => name)).size === renamed.length ? renamed : [];
  if (names.length < renamed.length) return define(skill, random, choice);
  const properties = Object.fromEntries(
    names.map(([own, name]) => [name, { type: skill.parameters[own]?.type }]),
  );
  return {
    names,
    tool: {
      type: "function",
      function: {
        name: toolName(random.pick(skill.names), random, choice),
        description: skill.description,
        parameters: { type: "object", properties, required: Object.keys(properties) },
      },
    },
  };
}

function toolName(own: string, random: Random, choice: "own" | "any"): string {
  if (choice === "own" || random.chance(0.85)) return own;
  return random.pick([
    own.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
    `mcp__${meaningless(random)}__${own}`,
    `${own}_${meaningless(random)}`,
    own.replaceAll("_", "-"),
  ]);
}

/** A tool that means nothing, asked for by the names that it has. */
function namedTask(random: Random): ToolTask {
  const kinds = Array.from({ length: random.between(1, 3) }, () => ({
    name: meaningless(random),
    value: random.chance(0.3) ? random.between(1, 900) : anyPhrase(random),
  }));
  const values = Object.fromEntries(kinds.map(({ name, value }) => [name, value]));
  const verb = random.pick("find get make check open update show start count send".split(" "));
  const noun = random.chance(0.5) ? meaningless(random) : random.pick(NOUNS);
  const name = `${verb}_${noun.replaceAll(" ", "_")}`;
  const is = random.pick([" ", " = ", ": ", " is ", "="]);
  const said = random.shuffle(Object.entries(values)).map(([key, value]) => `${key}${is}${value}`);
  const properties = Object.fromEntries(
    kinds.map(({ name: key, value }) => [key, { type: typeof value }]),
  );
  const tool: Tool = {
    type: "function",
    function: {
      name,
      description: `${capitalize(verb)} the ${noun}`,
      parameters: { type: "object", properties, required: Object.keys(properties) },
    },
  };
  const ask = random.pick([
    `${verb} the ${noun} with ${said.join(" and ")}`,
    `${verb} ${noun}, ${said.join(", ")}`,
    `call ${name} with ${said.join(" and ")}`,
    `I want to ${verb} the ${noun}: ${said.join(", ")}`,
  ]);
  const others = random.shuffle(SKILLS).slice(0, random.pick([0, 1, 1, 2]));
  return {
    tools: random.shuffle([tool, ...others.map((other) => define(other, random, "any").tool)]),
    request: random.chance(0.5) ? capitalize(ask) : ask,
    call: { name, arguments: values },
    result: python({ status: "ok" }),
    answer: `The ${noun} is done.`,
  };
}

function spoken(value: Value): string {
  return Array.isArray(value) ? value.join(", ") : String(value);
}

/** A question of the world that the first tool has nothing to do with. */
function unrelated(task: ToolTask, random: Random): string {
  const subject = new RegExp(task.tools[0]?.function.description.split(" ").at(-1) ?? "", "i");
  for (;;) {
    const question = askUnknown(random);
    if (
      !subject.test(question) &&
      !/weather|time|news|recipe|capital|plus|times|call|people|email|flight|hotel|search|find|\+|\*/.test(
        question,
      )
    )
      return question;
  }
}
