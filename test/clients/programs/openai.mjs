import OpenAI from "openai";

import { zodFunction, zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";

import {
  FACT,
  FORCED,
  FORCED_TOOL,
  FORM,
  FORM_NAME,
  joined,
  RIDDLE,
  same,
  TOOL,
  WEATHER,
  weatherOf,
} from "./questions.mjs";

const user = (content) => [{ role: "user", content }];

export function actions({ url, model }) {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
  const chat = { model, temperature: 0 };
  const named = { name: TOOL.name, description: TOOL.description, parameters: TOOL.schema };
  const runnable = (calls) => ({
    type: "function",
    function: { ...named, parse: JSON.parse, function: weatherOf(calls) },
  });
  return {
    "a chat": async () => {
      const answer = await client.chat.completions.create({ ...chat, messages: user(FACT) });
      return answer.choices[0].message.content;
    },
    "a chat, streamed": async () => {
      const body = { ...chat, messages: user(FACT), stream: true };
      const stream = await client.chat.completions.create(body);
      return joined(stream, ({ choices }) => choices[0]?.delta.content);
    },
    "a chat, by the stream helper": () =>
      client.chat.completions.stream({ ...chat, messages: user(FACT) }).finalContent(),
    "a tool": async () => {
      const calls = [];
      const body = { ...chat, messages: user(WEATHER), tools: [runnable(calls)] };
      const answer = await client.chat.completions.runTools(body).finalContent();
      return { calls, answer };
    },
    "a tool, streamed": async () => {
      const calls = [];
      const body = { ...chat, messages: user(WEATHER), tools: [runnable(calls)], stream: true };
      const answer = await client.chat.completions.runTools(body).finalContent();
      return { calls, answer };
    },
    ...forms(client, chat),
    thoughts: async () => {
      const answer = await client.chat.completions.create({ ...chat, messages: user(RIDDLE) });
      const { reasoning, content } = answer.choices[0].message;
      return { thoughts: reasoning, answer: content };
    },
    ...responses(client, chat, named),
  };
}

const Listener = z.object({ name: z.literal("dynamo"), port: z.literal(8000) });

function forms(client, chat) {
  const called = ({ message, finish_reason: reason }) => ({
    reason,
    calls: message.tool_calls.map(({ function: { name, arguments: json, parsed_arguments } }) => ({
      name,
      arguments: parsed_arguments ?? JSON.parse(json),
    })),
  });
  const { name, description, schema: parameters } = FORCED_TOOL;
  const tools = [{ type: "function", function: { name, description, parameters } }];
  const forced = async (choice) => {
    const body = { ...chat, messages: user(FORCED), tools, tool_choice: choice };
    const { choices } = await client.chat.completions.create({
      ...{ ...body, parallel_tool_calls: false },
    });
    return called(choices[0]);
  };
  return {
    "a form": async () => {
      const body = { ...chat, messages: user(FORM) };
      const response_format = zodResponseFormat(Listener, FORM_NAME);
      const answer = await client.chat.completions.parse({ ...body, response_format });
      return answer.choices[0].message.parsed;
    },
    "a form, streamed": async () => {
      const body = { ...chat, messages: user(FORM) };
      const response_format = zodResponseFormat(Listener, FORM_NAME);
      const stream = client.chat.completions.stream({ ...body, response_format });
      return (await stream.finalChatCompletion()).choices[0].message.parsed;
    },
    "a form of a response": async () => {
      const text = { format: zodTextFormat(Listener, FORM_NAME) };
      return (await client.responses.parse({ ...chat, input: FORM, text })).output_parsed;
    },
    "a call, required": () => forced("required"),
    "a call, named": () => forced({ type: "function", function: { name } }),
    "a call, strict": async () => {
      const strict = zodFunction({ name, parameters: z.object({ city: z.literal("Paris") }) });
      const body = { ...chat, messages: user(FORCED), tools: [strict], tool_choice: "required" };
      const answer = await client.chat.completions.parse({ ...body, parallel_tool_calls: false });
      return called(answer.choices[0]);
    },
  };
}

function responses(client, chat, named) {
  const tools = [{ type: "function", ...named, strict: null }];
  return {
    "a response": async () => {
      const response = await client.responses.create({ ...chat, input: FACT });
      return response.output_text;
    },
    "a response, streamed": async () => {
      const stream = client.responses.stream({ ...chat, input: FACT });
      const text = await joined(stream, ({ type, delta }) =>
        type === "response.output_text.delta" ? delta : "",
      );
      return same(text, (await stream.finalResponse()).output_text);
    },
    "a response's tool": async () => {
      const calls = [];
      const first = await client.responses.create({ ...chat, input: WEATHER, tools });
      const second = await client.responses.create({
        ...chat,
        tools,
        previous_response_id: first.id,
        input: results(first, calls),
      });
      return { calls, answer: second.output_text };
    },
    "a response's tool, streamed": async () => {
      const calls = [];
      const input = user(WEATHER);
      const first = await client.responses.stream({ ...chat, input, tools }).finalResponse();
      const whole = [...input, ...first.output, ...results(first, calls)];
      const second = client.responses.stream({ ...chat, input: whole, tools, store: false });
      return { calls, answer: (await second.finalResponse()).output_text };
    },
    "thoughts of a response": async () => {
      const { output, output_text } = await client.responses.create({ ...chat, input: RIDDLE });
      const thoughts = output.find(({ type }) => type === "reasoning");
      return { thoughts: thoughts?.content?.[0].text, answer: output_text };
    },
  };
}

function results({ output }, calls) {
  return output
    .filter(({ type }) => type === "function_call")
    .map((item) => ({
      type: "function_call_output",
      call_id: item.call_id,
      output: JSON.stringify(weatherOf(calls)(JSON.parse(item.arguments))),
    }));
}
