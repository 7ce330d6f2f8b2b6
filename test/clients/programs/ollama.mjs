import { Ollama } from "ollama";

import { FACT, FORM, FORM_SCHEMA, joined, RIDDLE, TOOL, WEATHER, weatherOf } from "./questions.mjs";

const user = (content) => ({ role: "user", content });

export function actions({ url, model }) {
  const client = new Ollama({ host: url });
  const body = { model, options: { temperature: 0 } };
  const named = { name: TOOL.name, description: TOOL.description, parameters: TOOL.schema };
  const tools = [{ type: "function", function: named }];

  async function useTool(ask) {
    const calls = [];
    const asking = await ask({ ...body, messages: [user(WEATHER)], tools });
    const results = asking.tool_calls.map(({ function: called }) => ({
      role: "tool",
      tool_name: called.name,
      content: JSON.stringify(weatherOf(calls)(called.arguments)),
    }));
    const messages = [user(WEATHER), asking, ...results];
    return { calls, answer: (await ask({ ...body, messages, tools })).content };
  }

  return {
    "a chat": async () => (await client.chat({ ...body, messages: [user(FACT)] })).message.content,
    "a chat, streamed": async () => {
      const stream = await client.chat({ ...body, messages: [user(FACT)], stream: true });
      return joined(stream, ({ message }) => message.content);
    },
    "a prompt": async () => (await client.generate({ ...body, prompt: FACT })).response,
    "a prompt, streamed": async () =>
      joined(
        await client.generate({ ...body, prompt: FACT, stream: true }),
        ({ response }) => response,
      ),
    "a form": async () => {
      const asked = { ...body, messages: [user(FORM)], format: FORM_SCHEMA };
      return JSON.parse((await client.chat(asked)).message.content);
    },
    "a tool": () => useTool(async (asked) => (await client.chat(asked)).message),
    "a tool, streamed": () =>
      useTool(async (asked) => {
        const whole = { role: "assistant", content: "", tool_calls: [] };
        for await (const { message } of await client.chat({ ...asked, stream: true })) {
          whole.content += message.content;
          whole.tool_calls.push(...(message.tool_calls ?? []));
        }
        return whole;
      }),
    thoughts: async () => {
      const messages = [user(RIDDLE)];
      const { message } = await client.chat({ ...body, messages, think: true });
      return { thoughts: message.thinking, answer: message.content };
    },
    "the models": async () => {
      const { models } = await client.list();
      const { model_info } = await client.show({ model });
      return models.some(({ name }) => name === model) && Object.keys(model_info).length > 0;
    },
  };
}
