// The questions to every client, and the one tool that it offers.

export const FACT = "What is the default port?";
export const WEATHER = "What is the weather in Paris?";
export const RIDDLE = "Think: how much is one and one?";

export const FORM = "Form: who listens where?";
export const CALLED_FORM = "Call a form: who listens where?";
export const FORCED = "Force a call.";

/** An object that has one value only, so that a form leaves no model a choice. */
export const FORM_SCHEMA = {
  type: "object",
  properties: {
    name: { type: "string", enum: ["dynamo"] },
    port: { type: "integer", const: 8000 },
  },
  required: ["name", "port"],
  additionalProperties: false,
};
export const FORM_NAME = "listener";

/** Likewise the arguments of a call. */
export const FORCED_TOOL = {
  name: "get_weather",
  description: "Get the weather of a city",
  schema: {
    type: "object",
    properties: { city: { type: "string", enum: ["Paris"] } },
    required: ["city"],
    additionalProperties: false,
  },
};

export const TOOL = {
  name: "get_weather",
  description: "Get the weather of a city",
  schema: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
  },
};

/** The tool's result; each call's arguments are kept in `calls`. */
export function weatherOf(calls) {
  return (given) => {
    calls.push({ name: TOOL.name, arguments: given });
    return { temperature: 18, condition: "sunny" };
  };
}

/** The text that came twice, or both where they differ. */
export function same(streamed, whole) {
  return streamed === whole ? whole : [streamed, whole];
}

/** The pieces of a stream that `textOf` finds a text in. */
export async function joined(stream, textOf) {
  let text = "";
  for await (const event of stream) text += textOf(event) ?? "";
  return text;
}
