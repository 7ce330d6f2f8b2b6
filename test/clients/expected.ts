// The two engines' answers to the questions of `programs/questions.mjs`, and what each action of a client must make of them.

const FACT = "dynamo listens on port 8000.";
const WEATHER = "It is 18 degrees and sunny in Paris.";
const CALL = { name: "get_weather", arguments: { city: "Paris" } };
const OTHER_CALL = { name: "get_weather", arguments: { city: 'Zürich "🙂"\n' } };
const FORM = { name: "dynamo", port: 8000 };
const FORMED_CALL = { name: "listener", arguments: FORM };
const THOUGHTS = "<think>\nOne and one more.\n</think>\n\n";

export interface Said {
  readonly model: string;
  readonly fact: string;
  readonly calls: readonly object[];
  /** Undefined for a model that has none. */
  readonly thoughts: { readonly thoughts: string; readonly answer: string } | undefined;
}

export const SCRIPTED: Said = {
  model: "scripted",
  fact: FACT,
  calls: [CALL],
  thoughts: { thoughts: "One and one more.", answer: "Two." },
};

/** An answer of two calls behind thoughts and text, each byte a token. */
export const SCRIPTED_IN_BYTES: Said = { ...SCRIPTED, calls: [CALL, OTHER_CALL] };

/** Greedy: the fact is one that it knows. */
export const BUILT_IN: Said = {
  model: "dynamo",
  fact: `${FACT} Another one: \`--port 9000\`.`,
  calls: [CALL],
  thoughts: undefined,
};

/** As `VllmWorker.script` takes it. */
export const SCRIPT = [
  { match: "default port?", text: FACT },
  { match: "weather in Paris?", text: written(CALL) },
  { match: "sunny", text: WEATHER },
  { match: "Think:", text: `${THOUGHTS}Two.` },
  { match: "Form:", text: JSON.stringify(FORM) },
  { match: "Call a form:", text: written(FORMED_CALL) },
  { match: "Force a call.", text: written(CALL) },
];

export const SCRIPT_IN_BYTES = [
  { match: "default port?", text: FACT },
  {
    match: "weather in Paris?",
    text: `${THOUGHTS}I look.\n${written(CALL)}\n${written(OTHER_CALL)}`,
  },
  { match: "sunny", text: `${THOUGHTS}${WEATHER}` },
  { match: "Think:", text: `${THOUGHTS}Two.` },
  { match: "Form:", text: `${THOUGHTS}${JSON.stringify(FORM)}` },
  { match: "Call a form:", text: `${THOUGHTS}${written(FORMED_CALL)}` },
  { match: "Force a call.", text: `${THOUGHTS}${written(CALL)}` },
].map((answer) => ({ ...answer, split: "bytes" }));

function written(call: object): string {
  return `<tool_call>\n${JSON.stringify(call)}\n</tool_call>`;
}

export function expected(actions: readonly string[], said: Said): Record<string, unknown> {
  return Object.fromEntries(actions.map((action) => [action, expectedOf(action, said)]));
}

function expectedOf(action: string, { fact, calls, thoughts }: Said): unknown {
  if (action.startsWith("thoughts")) return thoughts;
  if (action.startsWith("a form")) return FORM;
  if (action.startsWith("a call"))
    return { reason: action.endsWith("named") ? "stop" : "tool_calls", calls: [CALL] };
  if (action.includes("tool")) return { calls, answer: WEATHER };
  if (action.startsWith("the ")) return true;
  return fact;
}
