// A backend that plays the answers it is given, cut into random pieces, and remembers what it was asked.

import type { ChatCompletionRequest } from "../../src/protocol/chat.ts";
import type { FinishReason, TextOutput } from "../../src/protocol/llm.ts";
import { FakeBackend } from "./fake-backend.ts";

export interface PlayedAnswer {
  readonly reasoning?: string;
  readonly text?: string;
  readonly calls?: readonly PlayedCall[];
  readonly finishReason?: FinishReason;
  readonly stopString?: string;
  readonly numPromptTokens?: number;
  readonly numCachedTokens?: number;
  /** It breaks here, before its finish. */
  readonly error?: Error;
}

interface PlayedCall {
  /** Default: by its place in the answer. Agents take a second call of the same id for the first. */
  readonly id?: string;
  readonly name: string;
  readonly arguments: string;
}

export class PlayedBackend extends FakeBackend {
  /** Answers of the chats to come, in order. The last one is played again and again. */
  answers: readonly PlayedAnswer[] = [{ text: "Hello." }];
  readonly requests: ChatCompletionRequest[] = [];
  readonly #random: () => number;

  constructor(random: () => number) {
    super();
    this.#random = random;
  }

  get last(): ChatCompletionRequest {
    const request = this.requests.at(-1);
    if (!request) throw new Error("nothing was asked");
    return request;
  }

  override chat(request: ChatCompletionRequest) {
    this.requests.push(request);
    const [answer = {}, ...rest] = this.answers;
    const isCount = request.annotations.length > 0;
    if (rest.length > 0 && !isCount) this.answers = rest;
    const outputs = isCount ? [{ ...counts(answer), text: "" }] : outputsOf(answer, this.#random);
    this.numOpen++;
    return play(outputs, answer.error, () => this.numOpen--);
  }
}

function play(
  outputs: readonly TextOutput[],
  error: Error | undefined,
  onEnd: () => void,
): ReturnType<FakeBackend["chat"]> {
  let next = 0;
  let hasEnded = false;
  const end = () => {
    if (!hasEnded) onEnd();
    hasEnded = true;
    return { done: true as const, value: undefined };
  };
  const iterator: AsyncIterableIterator<TextOutput> = {
    [Symbol.asyncIterator]: () => iterator,
    async next() {
      await new Promise((resolve) => setImmediate(resolve));
      const value = hasEnded ? undefined : outputs[next++];
      if (value) return { done: false, value };
      end();
      if (error) throw error;
      return { done: true, value: undefined };
    },
    async return() {
      return end();
    },
  };
  return iterator;
}

function counts({ numPromptTokens = 7, numCachedTokens = 3 }: PlayedAnswer) {
  return { index: 0, numTokens: 0, numPromptTokens, numCachedTokens };
}

function outputsOf(answer: PlayedAnswer, random: () => number): TextOutput[] {
  const { reasoning = "", text = "", calls = [], error } = answer;
  const base = { ...counts(answer), numTokens: 1, text: "" };
  const outputs: TextOutput[] = [
    ...pieces(reasoning, random).map((piece) => ({
      ...base,
      reasoning: piece,
      numReasoningTokens: 1,
    })),
    ...pieces(text, random).map((piece) => ({ ...base, text: piece })),
    ...calls.flatMap(({ id, name, arguments: args }, index) => [
      { ...base, toolCalls: [{ index, id: id ?? `call_${index}`, name, arguments: "" }] },
      ...pieces(args, random).map((piece) => ({
        ...base,
        toolCalls: [{ index, arguments: piece }],
      })),
    ]),
  ];
  if (error) return outputs;
  const finishReason = answer.finishReason ?? (calls.length > 0 ? "tool_calls" : "stop");
  const { stopString } = answer;
  return [...outputs, { ...base, finishReason, ...(stopString !== undefined && { stopString }) }];
}

/** Pieces of one to four characters. */
function pieces(text: string, random: () => number): string[] {
  const chars = [...text];
  const cut: string[] = [];
  while (chars.length > 0) cut.push(chars.splice(0, 1 + Math.floor(random() * 4)).join(""));
  return cut;
}
