// Tool calls: a definition in the system part, a request, the call, its result and what to say of it.

import { capitalize, write } from "./pattern.ts";
import { askFact, pickFact } from "./questions.ts";
import type { Random } from "./random.ts";
import { exchange, type Message, type Sample, type Tool } from "./sample.ts";
import { askUnknown, REFUSAL } from "./unknown.ts";
import { CITIES, COUNTRIES, FOODS } from "./world.ts";

type Value = string | number;
type Values = Readonly<Record<string, Value>>;

interface Skill {
  readonly names: readonly string[];
  readonly description: string;
  /** By parameter: its type and the values that it may have. */
  readonly parameters: Readonly<
    Record<string, { type: "string" | "number"; value: (random: Random) => Value }>
  >;
  readonly asks: readonly string[];
  readonly result: (values: Values, random: Random) => Values;
  /** What is said of the result: slots are arguments and results. */
  readonly says: string;
}

const FIRST =
  "Anna Ben Carla David Eva Frank Gina Henry Ines Jonas Kate Luis Maria Nick Olivia Peter Rita Steve Tina Victor Wendy Alex Bob Alice John Mary Sara Paul".split(
    " ",
  );
const city = { type: "string" as const, value: (random: Random) => random.pick(CITIES) };
const country = { type: "string" as const, value: (random: Random) => random.pick(COUNTRIES) };
const person = { type: "string" as const, value: (random: Random) => random.pick(FIRST) };
const food = { type: "string" as const, value: (random: Random) => random.pick(FOODS) };
const small = { type: "number" as const, value: (random: Random) => random.between(1, 60) };
const number = {
  type: "number" as const,
  value: (random: Random) => random.between(1, random.pick([10, 100, 1000])),
};
const topic = {
  type: "string" as const,
  value: (random: Random) =>
    random.pick(
      "music sports politics science art history health travel food money cars games films books weather space".split(
        " ",
      ),
    ),
};

export const SKILLS: readonly Skill[] = [
  {
    names: ["get_weather", "weather", "current_weather", "get_current_weather", "weather_lookup"],
    description: "Get the weather of a city",
    parameters: { city },
    asks: [
      "what is the weather [in|like in] {city}?",
      "how is the weather in {city}[ today|]?",
      "weather in {city}",
      "what's the weather in {city}?",
      "is it raining in {city}?",
      "tell me the weather in {city}",
      "is it [cold|warm|sunny|hot] in {city}?",
    ],
    result: (_, random) => ({
      temperature: random.between(-5, 35),
      condition: random.pick(["sunny", "cloudy", "rainy", "windy", "snowy"]),
    }),
    says: "It is {temperature} degrees and {condition} in {city}.",
  },
  {
    names: ["get_time", "current_time", "get_current_time", "clock"],
    description: "Get the time in a city",
    parameters: { city },
    asks: [
      "what time is it in {city}?",
      "what's the time in {city}?",
      "time in {city}",
      "tell me the time in {city}",
      "how late is it in {city}?",
    ],
    result: (_, random) => ({ time: `${random.between(10, 23)}:${random.between(10, 59)}` }),
    says: "It is {time} in {city}.",
  },
  {
    names: ["add", "add_numbers", "sum"],
    description: "Add two numbers",
    parameters: { a: number, b: number },
    asks: [
      "what is {a} plus {b}?",
      "add {a} and {b}",
      "{a} + {b}",
      "how much is {a} and {b} together?",
      "what is the sum of {a} and {b}?",
      "calculate {a} + {b}",
    ],
    result: ({ a, b }) => ({ result: Number(a) + Number(b) }),
    says: "The result is {result}.",
  },
  {
    names: ["multiply", "multiply_numbers", "product"],
    description: "Multiply two numbers",
    parameters: { a: number, b: number },
    asks: [
      "what is {a} times {b}?",
      "multiply {a} by {b}",
      "{a} * {b}",
      "multiply {a} and {b}",
      "what is the product of {a} and {b}?",
    ],
    result: ({ a, b }) => ({ result: Number(a) * Number(b) }),
    says: "The result is {result}.",
  },
  {
    names: ["set_timer", "start_timer", "timer"],
    description: "Set a timer",
    parameters: { minutes: small },
    asks: [
      "set a timer for {minutes} minutes",
      "start a timer of {minutes} minutes",
      "timer, {minutes} minutes",
      "wake me in {minutes} minutes",
      "remind me in {minutes} minutes",
    ],
    result: () => ({ status: "ok" }),
    says: "The timer is set for {minutes} minutes.",
  },
  {
    names: ["send_email", "send_mail", "email"],
    description: "Send an email",
    parameters: { to: person, subject: topic },
    asks: [
      "send an email to {to} about {subject}",
      "write {to} an email about {subject}",
      "mail {to} about {subject}",
      "email {to}, subject {subject}",
    ],
    result: () => ({ status: "sent" }),
    says: "The email to {to} is sent.",
  },
  {
    names: ["call_contact", "make_call", "phone"],
    description: "Call a person by phone",
    parameters: { name: person },
    asks: [
      "call {name}",
      "phone {name}",
      "please call {name}",
      "I want to talk to {name}",
      "give {name} a call",
      "ring {name}",
    ],
    result: () => ({ status: "calling" }),
    says: "I am calling {name}.",
  },
  {
    names: ["search_recipes", "find_recipe", "get_recipe"],
    description: "Find a recipe",
    parameters: { dish: food },
    asks: [
      "find a recipe for {dish}",
      "how do I make {dish}?",
      "I want to cook {dish}",
      "recipe for {dish}",
      "search a {dish} recipe",
      "how do I cook {dish}?",
    ],
    result: (_, random) => ({ minutes: random.between(10, 90) }),
    says: "I found a recipe for {dish}. It takes {minutes} minutes.",
  },
  {
    names: ["book_flight", "reserve_flight", "find_flight"],
    description: "Book a flight between two cities",
    parameters: { from: city, to: city },
    asks: [
      "book a flight from {from} to {to}",
      "I want to fly from {from} to {to}",
      "flight from {from} to {to}",
      "I need a flight from {from} to {to}",
      "get me from {from} to {to}",
    ],
    result: (_, random) => ({ price: random.between(50, 900) }),
    says: "A flight from {from} to {to} costs {price}.",
  },
  {
    names: ["book_hotel", "reserve_hotel", "find_hotel"],
    description: "Book a hotel in a city",
    parameters: { city, nights: small },
    asks: [
      "book a hotel in {city} for {nights} nights",
      "I need a room in {city} for {nights} nights",
      "hotel in {city}, {nights} nights",
      "reserve a hotel in {city} for {nights} nights",
    ],
    result: (_, random) => ({ price: random.between(50, 900) }),
    says: "The hotel in {city} costs {price}.",
  },
  {
    names: ["get_capital", "capital", "capital_of"],
    description: "Get the capital of a country",
    parameters: { country },
    asks: [
      "what is the capital of {country}?",
      "capital of {country}",
      "which city is the capital of {country}?",
      "tell me the capital of {country}",
    ],
    result: (_, random) => ({ capital: random.pick(CITIES) }),
    says: "The capital of {country} is {capital}.",
  },
  {
    names: ["get_population", "population", "count_people"],
    description: "Get the population of a country",
    parameters: { country },
    asks: [
      "how many people live in {country}?",
      "what is the population of {country}?",
      "population of {country}",
    ],
    result: (_, random) => ({ population: random.between(1, 900) }),
    says: "{population} million people live in {country}.",
  },
  {
    names: ["order_food", "order", "order_meal"],
    description: "Order food",
    parameters: { item: food, quantity: small },
    asks: [
      "order {quantity} {item}",
      "I'd like {quantity} {item}",
      "please order {quantity} {item}",
      "get me {quantity} {item}",
    ],
    result: (_, random) => ({ minutes: random.between(10, 60) }),
    says: "{quantity} {item} will come in {minutes} minutes.",
  },
  {
    names: ["get_news", "news", "search_news"],
    description: "Get news about a topic",
    parameters: { topic },
    asks: [
      "what is the news about {topic}?",
      "news about {topic}",
      "tell me the news about {topic}",
      "what is new in {topic}?",
      "show me {topic} news",
    ],
    result: (_, random) => ({ articles: random.between(1, 40) }),
    says: "There are {articles} articles about {topic}.",
  },
  {
    names: ["set_temperature", "heating", "thermostat"],
    description: "Set the room temperature",
    parameters: { degrees: small },
    asks: [
      "set the temperature to {degrees} degrees",
      "make it {degrees} degrees in here",
      "heat the room to {degrees} degrees",
      "set the heating to {degrees}",
    ],
    result: () => ({ status: "ok" }),
    says: "The temperature is set to {degrees} degrees.",
  },
  {
    names: ["create_event", "add_event", "schedule_meeting"],
    description: "Put a meeting into the calendar",
    parameters: { name: person, hour: small },
    asks: [
      "schedule a meeting with {name} at {hour}",
      "meeting with {name} at {hour}",
      "put a meeting with {name} at {hour} into my calendar",
      "I meet {name} at {hour}, please note it",
    ],
    result: () => ({ status: "created" }),
    says: "The meeting with {name} at {hour} is in the calendar.",
  },
];

export interface ToolTask {
  readonly tools: readonly Tool[];
  readonly request: string;
  readonly call: { readonly name: string; readonly arguments: Values };
  readonly result: string;
  readonly answer: string;
}

export function toolTask(random: Random): ToolTask {
  const skill = random.pick(SKILLS);
  const others = random
    .shuffle(SKILLS.filter((other) => other !== skill))
    .slice(0, random.pick([0, 0, 1, 1, 2]));
  const mine = define(skill, random);
  const values: Record<string, Value> = {};
  for (const [name, { value }] of Object.entries(skill.parameters)) values[name] = value(random);
  const result = skill.result(values, random);
  const slots = Object.fromEntries(
    Object.entries({ ...values, ...result }).map(([name, value]) => [name, String(value)]),
  );
  const asked = write(random.pick(skill.asks), random, slots);
  return {
    tools: random.shuffle([mine, ...others.map((other) => define(other, random))]),
    request: random.chance(0.5) ? capitalize(asked) : asked,
    call: { name: mine.function.name, arguments: values },
    result: python(result),
    answer: write(skill.says, random, slots),
  };
}

export function toolSample(random: Random): Sample {
  const task = toolTask(random);
  if (random.chance(0.2)) {
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
  if (random.chance(0.5)) {
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

function define(skill: Skill, random: Random): Tool {
  const properties = Object.fromEntries(
    Object.entries(skill.parameters).map(([name, { type }]) => [name, { type }]),
  );
  return {
    type: "function",
    function: {
      name: random.pick(skill.names),
      description: skill.description,
      parameters: { type: "object", properties, required: Object.keys(properties) },
    },
  };
}

/** A question of the world that the first tool has nothing to do with. */
function unrelated(task: ToolTask, random: Random): string {
  const subject = new RegExp(task.tools[0]?.function.description.split(" ").at(-1) ?? "", "i");
  for (;;) {
    const question = askUnknown(random);
    if (
      !subject.test(question) &&
      !/weather|time|news|recipe|capital|plus|times|call|people|email|flight|hotel|\+|\*/.test(
        question,
      )
    )
      return question;
  }
}
