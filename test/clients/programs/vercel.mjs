// The AI SDK, with each provider that speaks an API of this server.

import { generateObject, generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";

import {
  FACT,
  FORM,
  FORM_NAME,
  FORM_SCHEMA,
  joined,
  RIDDLE,
  same,
  TOOL,
  WEATHER,
  weatherOf,
} from "./questions.mjs";

/** `thinking` is what a provider needs to be told before it shows thoughts, `forms` before it asks for one. */
export function actionsOf(model, thinking = {}, forms = {}) {
  const plain = { model, temperature: 0, maxRetries: 0 };
  const riddle = { ...plain, prompt: RIDDLE, providerOptions: thinking };
  const withTool = (calls) => ({
    ...plain,
    prompt: WEATHER,
    stopWhen: stepCountIs(3),
    tools: {
      [TOOL.name]: tool({
        description: TOOL.description,
        inputSchema: jsonSchema(TOOL.schema),
        execute: weatherOf(calls),
      }),
    },
  });
  const streamed = (options) => {
    let problem;
    const onError = ({ error }) => {
      problem = error;
    };
    const stream = streamText({ ...options, onError });
    return { stream, text: () => stream.text.catch((error) => Promise.reject(problem ?? error)) };
  };
  return {
    "a chat": async () => (await generateText({ ...plain, prompt: FACT })).text,
    "a chat, streamed": async () => {
      const { stream, text } = streamed({ ...plain, prompt: FACT });
      return same(await joined(stream.textStream, (piece) => piece), await text());
    },
    "a tool": async () => {
      const calls = [];
      return { calls, answer: (await generateText(withTool(calls))).text };
    },
    "a tool, streamed": async () => {
      const calls = [];
      return { calls, answer: await streamed(withTool(calls)).text() };
    },
    "a form": async () => {
      const form = { schema: jsonSchema(FORM_SCHEMA), schemaName: FORM_NAME };
      const asked = { ...plain, ...form, prompt: FORM, providerOptions: forms };
      return (await generateObject(asked)).object;
    },
    thoughts: async () => {
      const { reasoningText, text } = await generateText(riddle);
      return { thoughts: reasoningText, answer: text };
    },
    "thoughts, streamed": async () => {
      const { stream, text } = streamed(riddle);
      const answer = await text();
      return { thoughts: await stream.reasoningText, answer };
    },
  };
}
