import Anthropic from "@anthropic-ai/sdk";

import {
  FACT,
  FORCED,
  FORCED_TOOL,
  FORM,
  FORM_SCHEMA,
  RIDDLE,
  same,
  TOOL,
  WEATHER,
  weatherOf,
} from "./questions.mjs";

const user = (content) => [{ role: "user", content }];
const textOf = ({ content }) => content.find(({ type }) => type === "text")?.text;
const thoughtsOf = ({ content }) => ({
  thoughts: content.find(({ type }) => type === "thinking")?.thinking,
  answer: textOf({ content }),
});

export function actions({ url, model }) {
  const client = new Anthropic({ baseURL: url, apiKey: "none", maxRetries: 0 });
  const body = { model, max_tokens: 600, temperature: 0 };
  const weather = (calls) => ({
    type: "custom",
    name: TOOL.name,
    description: TOOL.description,
    input_schema: TOOL.schema,
    parse: (content) => content,
    run: (input) => JSON.stringify(weatherOf(calls)(input)),
  });
  const useTool = async (stream) => {
    const calls = [];
    const asked = { ...body, messages: user(WEATHER), tools: [weather(calls)], stream };
    const answer = textOf(await client.beta.messages.toolRunner(asked));
    return { calls, answer };
  };
  return {
    "a chat": async () => textOf(await client.messages.create({ ...body, messages: user(FACT) })),
    "a chat, streamed": async () => {
      let text = "";
      const stream = client.messages.stream({ ...body, messages: user(FACT) });
      stream.on("text", (delta) => {
        text += delta;
      });
      const whole = await stream.finalText();
      return same(text, whole);
    },
    "a tool": () => useTool(false),
    "a tool, streamed": () => useTool(true),
    "a form": async () => {
      const format = { type: "json_schema", schema: FORM_SCHEMA };
      const asked = { ...body, messages: user(FORM), output_config: { format } };
      return JSON.parse(textOf(await client.messages.create(asked)));
    },
    "a call, required": async () => {
      const { name, description, schema } = FORCED_TOOL;
      const { content, stop_reason } = await client.messages.create({
        ...{
          ...body,
          messages: user(FORCED),
          tools: [{ name, description, input_schema: schema }],
        },
        tool_choice: { type: "any", disable_parallel_tool_use: true },
      });
      const calls = content
        .filter(({ type }) => type === "tool_use")
        .map(({ name, input }) => ({ name, arguments: input }));
      return { reason: stop_reason === "tool_use" ? "tool_calls" : stop_reason, calls };
    },
    thoughts: async () =>
      thoughtsOf(await client.messages.create({ ...body, messages: user(RIDDLE) })),
    "thoughts, streamed": async () =>
      thoughtsOf(await client.messages.stream({ ...body, messages: user(RIDDLE) }).finalMessage()),
    "the prompt's tokens": async () => {
      const count = await client.messages.countTokens({ model, messages: user(FACT) });
      return count.input_tokens > 0;
    },
  };
}
