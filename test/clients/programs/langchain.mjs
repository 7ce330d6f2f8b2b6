import { HumanMessage, ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI } from "@langchain/openai";

import {
  CALLED_FORM,
  FACT,
  FORM,
  FORM_NAME,
  FORM_SCHEMA,
  joined,
  TOOL,
  WEATHER,
  weatherOf,
} from "./questions.mjs";

export function actions({ url, model }) {
  const open = (useResponsesApi) =>
    new ChatOpenAI({
      model,
      useResponsesApi,
      temperature: 0,
      maxRetries: 0,
      apiKey: "none",
      configuration: { baseURL: `${url}/v1` },
    });
  const chats = actionsOf(open(false));
  const responses = Object.entries(actionsOf(open(true)));
  return {
    ...chats,
    ...Object.fromEntries(responses.map(([name, act]) => [`${name}, as a response`, act])),
  };
}

function actionsOf(model) {
  return {
    "a chat": async () => (await model.invoke(FACT)).text,
    "a chat, streamed": async () => joined(await model.stream(FACT), ({ text }) => text),
    "a form": () => formed("jsonSchema", FORM),
    "a form by a call": () => formed("functionCalling", CALLED_FORM),
    "a tool": () => useTool((bound, messages) => bound.invoke(messages)),
    "a tool, streamed": () =>
      useTool(async (bound, messages) => {
        let whole;
        for await (const piece of await bound.stream(messages)) {
          whole = whole === undefined ? piece : whole.concat(piece);
        }
        return whole;
      }),
  };

  function formed(method, question) {
    const form = { name: FORM_NAME, method, strict: true };
    return model.withStructuredOutput(FORM_SCHEMA, form).invoke(question);
  }

  async function useTool(ask) {
    const calls = [];
    const weather = tool((given) => JSON.stringify(weatherOf(calls)(given)), TOOL);
    const bound = model.bindTools([weather]);
    const question = new HumanMessage(WEATHER);
    const asking = await ask(bound, [question]);
    const results = [];
    for (const { id, args } of asking.tool_calls) {
      results.push(new ToolMessage({ tool_call_id: id, content: await weather.invoke(args) }));
    }
    const answer = await ask(bound, [question, asking, ...results]);
    return { calls, answer: answer.text };
  }
}
