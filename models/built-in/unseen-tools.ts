// Tools that are in no part of the training text, and requests for them.

import { write } from "./corpus/pattern.ts";
import type { Random } from "./corpus/random.ts";
import { CITIES } from "./corpus/world.ts";
import type { Asked } from "./tool-forms.ts";

interface Unseen {
  readonly name: string;
  readonly description: string;
  /** By name: the values that it may have. */
  readonly parameters: Readonly<Record<string, readonly (string | number)[]>>;
  readonly asks: readonly string[];
}

const TOOLS: readonly Unseen[] = [
  {
    name: "get_stock_price",
    description: "Returns the share price for a ticker symbol",
    parameters: { ticker: ["NVDA", "AAPL", "TSLA", "AMD", "IBM"] },
    asks: ["what does {ticker} trade at?", "share price of {ticker}", "how is {ticker} doing?"],
  },
  {
    name: "play_song",
    description: "Play a song",
    parameters: { title: ["Yesterday", "Imagine", "Hey Jude", "Thriller", "Waterloo"] },
    asks: ["play {title}", "I want to hear {title}", "put on {title}"],
  },
  {
    name: "translateText",
    description: "Translate a word into another language",
    parameters: {
      text: ["house", "good morning", "river", "thank you"],
      language: ["German", "French", "Polish", "Spanish"],
    },
    asks: ["translate {text} into {language}", "what is {text} in {language}?"],
  },
  {
    name: "switch_light",
    description: "Switch the light in a room",
    parameters: { room: ["kitchen", "bathroom", "garage", "office"] },
    asks: ["switch on the light in the {room}", "light in the {room}, please"],
  },
  {
    name: "read_file",
    description: "Read a file from disk",
    parameters: { file_path: ["notes.txt", "src/main.ts", "/etc/hosts", "README.md"] },
    asks: ["read {file_path}", "show me {file_path}", "open the file {file_path}"],
  },
  {
    name: "convert_currency",
    description: "Convert an amount of money into another currency",
    parameters: { sum: [20, 75, 310, 999], currency: ["EUR", "USD", "JPY", "CHF"] },
    asks: ["how much is {sum} in {currency}?", "convert {sum} to {currency}"],
  },
  {
    name: "air_quality",
    description: "Air quality in a city",
    parameters: { locality: CITIES },
    asks: [
      "how is the air in {locality}?",
      "air quality of {locality}",
      "is the air good in {locality}?",
    ],
  },
  {
    name: "rent_bikes",
    description: "Rent bicycles in a city",
    parameters: { townName: CITIES, how_many_bikes: [2, 3, 4, 5, 6] },
    asks: [
      "rent {how_many_bikes} bikes in {townName}",
      "I need {how_many_bikes} bikes in {townName}",
    ],
  },
];

export function unseenTask(random: Random): Asked {
  const [mine, other] = random.shuffle(TOOLS);
  if (!mine || !other) throw new Error("there are no tools");
  const values: Record<string, string | number> = {};
  for (const [name, choices] of Object.entries(mine.parameters))
    values[name] = random.pick(choices);
  const slots = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, String(value)]),
  );
  return {
    tools: random.shuffle([mine, other]).map(definitionOf),
    messages: [{ role: "user", content: write(random.pick(mine.asks), random, slots) }],
    call: { name: mine.name, arguments: values },
  };
}

function definitionOf({ name, description, parameters }: Unseen): Asked["tools"][number] {
  const properties = Object.fromEntries(
    Object.entries(parameters).map(([key, [value]]) => [key, { type: typeof value }]),
  );
  return {
    type: "function",
    function: {
      name,
      description,
      parameters: { type: "object", properties, required: Object.keys(properties) },
    },
  };
}
