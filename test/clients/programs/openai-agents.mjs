import {
  Agent,
  OpenAIProvider,
  Runner,
  setDefaultOpenAIClient,
  setTracingDisabled,
  tool,
} from "@openai/agents";
import OpenAI from "openai";

import { FACT, TOOL, WEATHER, weatherOf } from "./questions.mjs";

export function actions({ url, model }) {
  setTracingDisabled(true);
  const openAIClient = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
  setDefaultOpenAIClient(openAIClient);
  const open = (useResponses) =>
    new Runner({ modelProvider: new OpenAIProvider({ openAIClient, useResponses }) });
  const chats = Object.entries(actionsOf(open(false), { model, strict: false }));
  return {
    ...actionsOf(open(true), { model, strict: true }),
    ...Object.fromEntries(chats.map(([name, act]) => [`${name}, over chats`, act])),
  };
}

function actionsOf(runner, { model, strict }) {
  const agent = (tools = []) =>
    new Agent({ name: "Clerk", model, tools, modelSettings: { temperature: 0 } });
  const weather = (calls) =>
    tool({
      name: TOOL.name,
      description: TOOL.description,
      parameters: { ...TOOL.schema, additionalProperties: !strict },
      strict,
      execute: weatherOf(calls),
    });
  const streamed = async (agent, question) => {
    const stream = await runner.run(agent, question, { stream: true });
    await stream.completed;
    return stream.finalOutput;
  };
  return {
    "a chat": async () => (await runner.run(agent(), FACT)).finalOutput,
    "a chat, streamed": () => streamed(agent(), FACT),
    "a tool": async () => {
      const calls = [];
      return { calls, answer: (await runner.run(agent([weather(calls)]), WEATHER)).finalOutput };
    },
    "a tool, streamed": async () => {
      const calls = [];
      return { calls, answer: await streamed(agent([weather(calls)]), WEATHER) };
    },
  };
}
