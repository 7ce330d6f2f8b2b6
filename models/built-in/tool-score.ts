// Asks a served model for calls of tools, as clients do: over `/v1/chat/completions` with `tools`, whole and streamed.

import type OpenAI from "openai";

import { Random } from "./corpus/random.ts";
import { toolTask } from "./corpus/tool-call.ts";
import type { ToolForm } from "./tool-forms.ts";

/** Far from the corpus's own seed, so that names, cities and numbers come in other combinations. */
const SEED = 91_007;

export interface ToolScore {
  right: number;
  /** Answers that show a call's text as content, or arguments that are no JSON, or a tool that there is not. */
  garbled: number;
  /** Streamed answers that are not the whole one. */
  unlike: number;
  /** The calls that were wanted, and what came. */
  readonly wrong: string[];
}

interface Answer {
  readonly content: string | null;
  readonly calls: readonly { readonly name: string; readonly arguments: string }[];
  readonly finishReason: string | null;
}

/** Greedy. `model`: a name that the server has. */
export async function scoreTools(
  client: OpenAI,
  model: string,
  { form, tasks }: { readonly form: ToolForm; readonly tasks: number },
): Promise<ToolScore> {
  const random = new Random(SEED);
  const score: ToolScore = { right: 0, garbled: 0, unlike: 0, wrong: [] };
  for (let index = 0; index < tasks; index++) {
    const { tools, messages, call } = form.write(toolTask(random), random);
    const body = { model, temperature: 0, max_tokens: 200, tools, messages };
    const whole = answerOf((await client.chat.completions.create(body)).choices[0]);
    const streamed = answerOf(
      (await client.chat.completions.stream(body).finalChatCompletion()).choices[0],
    );
    if (isRight(whole, call)) score.right += 1;
    else score.wrong.push(`${JSON.stringify(call)} -> ${JSON.stringify(whole)}`);
    if (isGarbled(whole, new Set(tools.map((tool) => tool.function.name)))) score.garbled += 1;
    if (!Bun.deepEquals(whole, streamed)) score.unlike += 1;
  }
  return score;
}

function answerOf(choice: OpenAI.ChatCompletion.Choice | undefined): Answer {
  if (!choice) throw new Error("an answer without a choice");
  const calls = (choice.message.tool_calls ?? []).flatMap((call) =>
    call.type === "function"
      ? [{ name: call.function.name, arguments: call.function.arguments }]
      : [],
  );
  return { content: choice.message.content, calls, finishReason: choice.finish_reason };
}

function isRight({ calls, finishReason }: Answer, wanted: { name: string; arguments: object }) {
  const [call, ...others] = calls;
  if (!call || others.length > 0 || finishReason !== "tool_calls") return false;
  return call.name === wanted.name && Bun.deepEquals(parsed(call.arguments), wanted.arguments);
}

function isGarbled({ content, calls }: Answer, names: ReadonlySet<string>): boolean {
  if (/tool_call|"arguments"/.test(content ?? "")) return true;
  return calls.some((call) => !names.has(call.name) || parsed(call.arguments) === undefined);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
