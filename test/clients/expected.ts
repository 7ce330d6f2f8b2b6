// What the two engines say to the questions of `programs/questions.mjs`, and what each action of a client must make of it.

const FACT = "dynamo listens on port 8000.";
const WEATHER = "It is 18 degrees and sunny in Paris.";
const CALL = { name: "get_weather", arguments: { city: "Paris" } };

export interface Said {
  readonly model: string;
  readonly fact: string;
  /** Undefined for a model that has none. */
  readonly thoughts: { readonly thoughts: string; readonly answer: string } | undefined;
}

export const SCRIPTED: Said = {
  model: "scripted",
  fact: FACT,
  thoughts: { thoughts: "One and one more.", answer: "Two." },
};

/** Greedy: the fact is one that it knows. */
export const BUILT_IN: Said = {
  model: "dynamo",
  fact: `${FACT} Another one: \`--port 9000\`.`,
  thoughts: undefined,
};

/** As `VllmWorker.script` takes it. */
export const SCRIPT = [
  { match: "default port?", text: FACT },
  {
    match: "weather in Paris?",
    text: `<tool_call>\n${JSON.stringify(CALL)}\n</tool_call>`,
  },
  { match: "sunny", text: WEATHER },
  { match: "Think:", text: "<think>\nOne and one more.\n</think>\n\nTwo." },
];

export function expected(actions: readonly string[], said: Said): Record<string, unknown> {
  return Object.fromEntries(actions.map((action) => [action, expectedOf(action, said)]));
}

function expectedOf(action: string, { fact, thoughts }: Said): unknown {
  if (action.startsWith("thoughts")) return thoughts;
  if (action.includes("tool")) return { calls: [CALL], answer: WEATHER };
  if (action.startsWith("the ")) return true;
  return fact;
}
