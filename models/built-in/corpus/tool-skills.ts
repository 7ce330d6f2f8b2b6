// The tools of the corpus: what each does, how it is asked for, and what comes of it.

import { capitalize } from "./pattern.ts";
import type { Random } from "./random.ts";
import { inventedWord } from "./unknown.ts";
import { ANIMALS, CITIES, COUNTRIES, FOODS, NOUNS, QUALITIES } from "./world.ts";

export type Value = string | number | boolean | null | readonly string[];
export type Values = Readonly<Record<string, Value>>;

export interface Parameter {
  readonly type: "string" | "number" | "boolean" | "array";
  readonly value: (random: Random) => Value;
}

export interface Skill {
  readonly names: readonly string[];
  readonly description: string;
  /** By name, in the order in which requests mention what has the same type. */
  readonly parameters: Readonly<Record<string, Parameter>>;
  readonly asks: readonly string[];
  readonly result: (values: Values, random: Random) => Values;
  /** What is said of the result: slots are arguments and results. */
  readonly says: string;
}

const FIRST =
  "Anna Ben Carla David Eva Frank Gina Henry Ines Jonas Kate Luis Maria Nick Olivia Peter Rita Steve Tina Victor Wendy Alex Bob Alice John Mary Sara Paul".split(
    " ",
  );
const city = text((random) => (random.chance(0.8) ? random.pick(CITIES) : invented(random)));
const country = text((random) => random.pick(COUNTRIES));
const person = text((random) => random.pick(FIRST));
const food = text((random) => random.pick(FOODS));
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

const animal = text((random) => random.pick(ANIMALS));
const phrase = text(anyPhrase);
const place = text((random) =>
  random.chance(0.6) ? random.pick(CITIES) : `the ${random.pick(QUALITIES)} ${random.pick(NOUNS)}`,
);
const code = text(
  (random) => `${random.pick(["A", "B", "DE", "PK", "X"])}${random.between(100, 99_999)}`,
);
const date = text(
  (random) => `${random.between(2024, 2031)}-${random.between(10, 12)}-${random.between(10, 28)}`,
);
const path = text(
  (random) =>
    `${random.pick(["", "/tmp/", "src/", "./", "docs/"])}${random.pick(NOUNS).replaceAll(" ", "-")}.${random.pick(["txt", "ts", "md", "json", "py"])}`,
);
const command = text((random) =>
  random
    .pick(["ls", "pwd", "npm test", "git status", "make", "cat {x}", "ls {x}", "echo {x}"])
    .replace("{x}", random.pick(NOUNS)),
);
const words = {
  type: "array" as const,
  value: (random: Random) =>
    Array.from({ length: random.between(2, 4) }, () => random.pick([...FOODS, ...ANIMALS])),
};

function text(value: (random: Random) => string): Parameter {
  return { type: "string", value };
}

function invented(random: Random): string {
  return capitalize(inventedWord(random));
}

/** One to three words that need have nothing to do with each other. */
export function anyPhrase(random: Random): string {
  const pools = [NOUNS, NOUNS, QUALITIES, ANIMALS, FOODS, CITIES];
  return Array.from({ length: random.between(1, 3) }, () =>
    random.chance(0.06) ? inventedWord(random) : random.pick(random.pick(pools)),
  ).join(" ");
}

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
  {
    names: ["set_alarm", "alarm", "wake_up"],
    description: "Set an alarm clock",
    parameters: { hour: small, label: topic },
    asks: [
      "set an alarm for {hour}, {label}",
      "alarm at {hour} for {label}",
      "wake me at {hour} for {label}",
      "an alarm at {hour} called {label}",
    ],
    result: () => ({ status: "ok" }),
    says: "The alarm for {label} is set to {hour}.",
  },
  {
    names: ["web_search", "search_web", "search", "find_pages"],
    description: "Search the web",
    parameters: { phrase },
    asks: [
      "search the web for {phrase}",
      "search for {phrase}",
      "look up {phrase}",
      "find pages about {phrase}",
      "google {phrase}",
      "what does the web say about {phrase}?",
    ],
    result: (_, random) => ({ hits: random.between(1, 90) }),
    says: "I found {hits} pages about {phrase}.",
  },
  {
    names: ["get_directions", "directions", "find_route"],
    description: "Get directions between two places",
    parameters: { source: place, destination: place },
    asks: [
      "how do I get from {source} to {destination}?",
      "directions from {source} to {destination}",
      "the way from {source} to {destination}",
      "route from {source} to {destination}",
    ],
    result: (_, random) => ({ minutes: random.between(5, 300) }),
    says: "It takes {minutes} minutes from {source} to {destination}.",
  },
  {
    names: ["add_task", "create_todo", "add_todo", "remember"],
    description: "Put a task on the list",
    parameters: { task: phrase },
    asks: [
      "add {task} to my list",
      "put {task} on my to-do list",
      "remind me of {task}",
      "new task: {task}",
      "I must not forget {task}",
    ],
    result: () => ({ status: "added" }),
    says: "{task} is on the list.",
  },
  {
    names: ["track_package", "track_parcel", "parcel_status"],
    description: "Tell where a parcel is",
    parameters: { code },
    asks: [
      "where is my parcel {code}?",
      "track {code}",
      "what is the status of package {code}?",
      "find parcel {code}",
    ],
    result: (_, random) => ({ city: random.pick(CITIES) }),
    says: "The parcel is in {city}.",
  },
  {
    names: ["send_sms", "text_message", "send_message"],
    description: "Send a message to a phone",
    parameters: { person, message: phrase },
    asks: [
      "text {person}: {message}",
      "send {person} the message {message}",
      "write to {person}: {message}",
      "tell {person} {message}",
      "message {person} that {message}",
    ],
    result: () => ({ status: "sent" }),
    says: "The message to {person} is sent.",
  },
  {
    names: ["find_restaurant", "restaurants", "search_restaurants"],
    description: "Find a restaurant",
    parameters: { food, city },
    asks: [
      "where can I eat {food} in {city}?",
      "a restaurant with {food} in {city}",
      "find {food} in {city}",
      "I want to eat {food} in {city}",
    ],
    result: (_, random) => ({ count: random.between(1, 20) }),
    says: "There are {count} restaurants in {city}.",
  },
  {
    names: ["get_user", "find_user", "lookup_user", "user_info"],
    description: "Look up a user by the id",
    parameters: { id: number },
    asks: [
      "who is user {id}?",
      "show me user {id}",
      "look up the user with the id {id}",
      "get user {id}",
      "data of user {id}",
    ],
    result: (_, random) => ({ name: random.pick(FIRST) }),
    says: "User {id} is {name}.",
  },
  {
    names: ["create_ticket", "open_issue", "report_bug"],
    description: "Open a ticket",
    parameters: { summary: phrase, severity: small },
    asks: [
      "open a ticket: {summary}, severity {severity}",
      "report {summary} with severity {severity}",
      "create a ticket of severity {severity}: {summary}",
    ],
    result: (_, random) => ({ ticket: random.between(100, 999) }),
    says: "Ticket {ticket} is open.",
  },
  {
    names: ["set_volume", "volume", "change_volume"],
    description: "Set the volume",
    parameters: { percent: small },
    asks: [
      "set the volume to {percent}",
      "volume {percent}",
      "make it {percent} percent loud",
      "turn the sound to {percent}",
    ],
    result: () => ({ status: "ok" }),
    says: "The volume is {percent}.",
  },
  {
    names: ["run_command", "shell", "execute", "bash"],
    description: "Run a command in a shell",
    parameters: { command },
    asks: [
      "run {command}",
      "execute {command}",
      "please run {command} for me",
      "what does {command} print?",
      "call {command} in the shell",
    ],
    result: (_, random) => ({ code: random.between(0, 2) }),
    says: "{command} ended with {code}.",
  },
  {
    names: ["delete_file", "remove_file", "rm"],
    description: "Delete a file",
    parameters: { path },
    asks: ["delete {path}", "remove the file {path}", "please delete {path}", "erase {path}"],
    result: () => ({ status: "deleted" }),
    says: "{path} is deleted.",
  },
  {
    names: ["search_hotels", "hotels", "list_hotels"],
    description: "List hotels below a price",
    parameters: { city, price: number },
    asks: [
      "hotels in {city} for less than {price}",
      "which hotels in {city} cost at most {price}?",
      "show hotels in {city} up to {price}",
    ],
    result: (_, random) => ({ count: random.between(1, 30) }),
    says: "There are {count} hotels in {city}.",
  },
  {
    names: ["count_days", "days_until", "days_between"],
    description: "Count the days until a date",
    parameters: { date },
    asks: [
      "how many days are left until {date}?",
      "how long is it to {date}?",
      "days until {date}",
      "count the days to {date}",
    ],
    result: (_, random) => ({ days: random.between(1, 300) }),
    says: "There are {days} days until {date}.",
  },
  {
    names: ["feed_animal", "feed", "feed_pet"],
    description: "Feed an animal",
    parameters: { animal, grams: number },
    asks: [
      "give the {animal} {grams} grams",
      "feed the {animal} with {grams} grams",
      "{grams} grams for the {animal}, please",
    ],
    result: () => ({ status: "fed" }),
    says: "The {animal} has got {grams} grams.",
  },
  {
    names: ["create_note", "save_note", "write_note"],
    description: "Save a note with tags",
    parameters: { text: phrase, tags: words },
    asks: [
      "save the note {text} with the tags {tags}",
      "note: {text}, tags {tags}",
      "write down {text}, tagged {tags}",
    ],
    result: () => ({ status: "saved" }),
    says: "The note is saved.",
  },
  {
    names: ["order_list", "buy_items", "fill_cart"],
    description: "Buy a list of things",
    parameters: { items: words },
    asks: ["buy {items}", "I need {items}", "put {items} into the cart", "order {items}"],
    result: (_, random) => ({ price: random.between(5, 90) }),
    says: "That is {price} in all.",
  },
];
