// How the answers of the two routes are written: whole, and as chunks of a stream.
// The parts that are the same in every chunk of a choice are made once; per token only its text is escaped.

import type { AnswerHead, Choice, EventWriter, WireFormat } from "../door/generation-route.ts";
import type { Usage } from "../door/tally.ts";
import type { ToolCallDelta } from "../protocol/chat.ts";
import type { Annotations, FinishReason, TextOutput } from "../protocol/llm.ts";
import { type ChatStyle, callDelta, chatMessage, reasonIn } from "./chat-message.ts";
import { CompletionLogprobs, chatLogprobs, promptLogprobs } from "./logprobs-format.ts";

export function chatFormat(style: ChatStyle): WireFormat {
  return {
    idPrefix: "chatcmpl-",
    events: (head) =>
      new ChunkWriter(head, {
        object: "chat.completion.chunk",
        opening: `"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null`,
        beforeText: `"delta":{"content":`,
        afterText: `},"logprobs":null,"finish_reason":null`,
        closing: `"delta":{},"logprobs":null,"finish_reason":`,
        chat: style,
      }),
    answer: (head, choices, usage) => ({
      ...headFields(head, "chat.completion", style),
      choices: choices.map((choice, index) => ({
        index,
        message: chatMessage(choice, style),
        logprobs: choice.logprobs ? chatLogprobs(choice.logprobs) : null,
        ...endFields(choice, style),
        ...(choice.tokenIds && { token_ids: choice.tokenIds }),
      })),
      usage,
      ...promptFields(choices[0] ?? {}),
    }),
  };
}

export const completionFormat: WireFormat = {
  idPrefix: "cmpl-",
  events: (head) =>
    new ChunkWriter(head, {
      object: "text_completion",
      opening: undefined,
      beforeText: `"text":`,
      afterText: `,"logprobs":null,"finish_reason":null`,
      closing: `"text":"","logprobs":null,"finish_reason":`,
    }),
  answer: (head, choices, usage) => ({
    ...headFields(head, "text_completion"),
    choices: choices.map((choice, index) => ({
      index,
      text: (choice.echo?.text ?? "") + choice.text,
      logprobs: completionLogprobs(choice, new CompletionLogprobs()),
      ...endFields(choice),
      ...(choice.tokenIds && { token_ids: choice.tokenIds }),
      ...promptFields(choice),
    })),
    usage,
  }),
};

/** The same in an answer and in all chunks of one. There is one service tier. */
function headFields(
  { id, created, model, fingerprint }: AnswerHead,
  object: string,
  style?: ChatStyle,
) {
  const tier = style?.tellsTier ? { service_tier: "default" } : {};
  return { id, object, created, model, ...tier, system_fingerprint: fingerprint };
}

/** `stop_reason` is vLLM's key. */
function endFields(choice: Choice, style?: ChatStyle) {
  const { finishReason, stopReason = stopReasonOf(choice) } = choice;
  return {
    finish_reason: style ? reasonIn(style, finishReason) : finishReason,
    ...(stopReason !== undefined && { stop_reason: stopReason }),
  };
}

/** The stop string that the client named, or the id of its stop token. */
function stopReasonOf({
  stopString,
  stopTokenId,
}: Pick<TextOutput, "stopString" | "stopTokenId">): string | number | undefined {
  return stopString ?? stopTokenId;
}

/** Facts that an answer may tell of its tokens; a chat's prompt stands beside its choices. */
type Told = Pick<
  TextOutput,
  "logprobs" | "promptLogprobs" | "tokenIds" | "promptTokenIds" | "echo"
>;

function promptFields({ promptTokenIds, promptLogprobs: scores }: Told): object {
  return {
    ...(promptTokenIds && { prompt_token_ids: promptTokenIds }),
    ...(scores && { prompt_logprobs: promptLogprobs(scores) }),
  };
}

/** With an echo, those of the prompt come first. */
function completionLogprobs(told: Told, writer: CompletionLogprobs): object | null {
  const { logprobs, echo } = told;
  if (logprobs === undefined) return null;
  const echoed = echo ? [{ text: echo.firstTokenText }, ...(echo.logprobs ?? [])] : [];
  return writer.of([...echoed, ...logprobs]);
}

function tellsTokens({ logprobs, tokenIds, promptTokenIds, promptLogprobs, echo }: Told): boolean {
  return [logprobs, tokenIds, promptTokenIds, promptLogprobs, echo].some((told) => told);
}

/** As Dynamo has them: named events without data, their value in a comment. */
function annotationEvents(annotations: Annotations): string {
  return Object.entries(annotations)
    .map(([name, value]) => `event: ${name}\n: ${JSON.stringify(value)}\n\n`)
    .join("");
}

/** The end of a chunk before the last, where a stream ends with its usage. */
const NO_USAGE = `"usage":null}\n\n`;

/** The parts of a choice's JSON in which the routes differ. */
interface ChunkParts {
  readonly object: string;
  /** A first chunk before any text. */
  readonly opening: string | undefined;
  readonly beforeText: string;
  readonly afterText: string;
  readonly closing: string;
  /** Absent for a text completion, which has neither calls nor thoughts. */
  readonly chat?: ChatStyle;
}

/** Writes the events of one stream. */
export class ChunkWriter implements EventWriter {
  readonly #parts: ChunkParts;
  readonly #head: string;
  readonly #tail: string;
  readonly #usageHead: string;
  /** By choice, what stands before its text. */
  readonly #beforeText: string[] = [];
  readonly #afterText: string;
  /** Behind a delta that is an object of its own: a thought's or a call's. */
  readonly #afterDelta: string;
  readonly #includeUsage: boolean;
  readonly #continuousUsage: boolean;
  /** By choice, of a text completion. */
  readonly #logprobs: CompletionLogprobs[] = [];

  constructor(head: AnswerHead, parts: ChunkParts) {
    const { includeUsage, continuousUsage } = head;
    this.#parts = parts;
    this.#includeUsage = includeUsage;
    this.#continuousUsage = continuousUsage;
    const { object, chat } = parts;
    const fields = JSON.stringify(headFields(head, object, chat)).slice(0, -1);
    this.#usageHead = `data: ${fields},"choices":[],"usage":`;
    this.#head = `data: ${fields},"choices":[{"index":`;
    // With include_usage, OpenAI's other chunks have the key too.
    this.#tail = includeUsage ? `}],${NO_USAGE}` : "}]}\n\n";
    this.#afterText = parts.afterText + this.#tail;
    this.#afterDelta = `,"logprobs":null,"finish_reason":null${this.#tail}`;
  }

  output(output: TextOutput, usage: () => Usage): string {
    const events = this.#events(output);
    // No text has it: a line break in JSON is escaped.
    return this.#continuousUsage && events !== ""
      ? events.replaceAll(NO_USAGE, `"usage":${JSON.stringify(usage())}}\n\n`)
      : events;
  }

  end(usage: Usage): string {
    const last = this.#includeUsage ? `${this.#usageHead}${JSON.stringify(usage)}}\n\n` : "";
    return `${last}data: [DONE]\n\n`;
  }

  #events(output: TextOutput): string {
    const { index, text, reasoning, toolCalls, finishReason, annotations } = output;
    let events = annotations === undefined ? "" : annotationEvents(annotations);
    if (reasoning) events += this.#thought(index, reasoning);
    if (tellsTokens(output)) events += this.#told(output);
    else if (text !== "") events += this.#text(index, text);
    if (toolCalls) for (const delta of toolCalls) events += this.#call(index, delta);
    return finishReason === undefined
      ? events
      : events + this.#finish(index, finishReason, stopReasonOf(output));
  }

  // per token: one JSON.stringify, one concatenation
  #text(index: number, text: string): string {
    const before = this.#beforeText[index];
    if (before === undefined) return this.#open(index) + this.#text(index, text);
    return before + JSON.stringify(text) + this.#afterText;
  }

  #thought(index: number, thought: string): string {
    if (this.#parts.chat?.thoughts !== "told") return "";
    const text = JSON.stringify(thought);
    return this.#delta(index, `{"reasoning":${text},"reasoning_content":${text}}`);
  }

  #call(index: number, delta: ToolCallDelta): string {
    const { chat } = this.#parts;
    return chat ? this.#delta(index, callDelta(delta, chat)) : "";
  }

  #delta(index: number, json: string): string {
    const opening = this.#beforeText[index] === undefined ? this.#open(index) : "";
    return `${opening}${this.#head}${index},"delta":${json}${this.#afterDelta}`;
  }

  /** Text, if any, and what is told of its tokens and of the prompt's. */
  #told(output: TextOutput): string {
    const { index, tokenIds } = output;
    const opening = this.#beforeText[index] === undefined ? this.#open(index) : "";
    const text = (output.echo?.text ?? "") + output.text;
    const { chat } = this.#parts;
    const ofChoice = this.#logprobs[index] ?? new CompletionLogprobs();
    this.#logprobs[index] = ofChoice;
    const logprobs = chat
      ? output.logprobs && chatLogprobs(output.logprobs)
      : completionLogprobs(output, ofChoice);
    const ofPrompt = promptFields(output);
    const fields = {
      ...{ logprobs: logprobs ?? null, finish_reason: null },
      ...(tokenIds && { token_ids: tokenIds }),
      ...(chat ? {} : ofPrompt),
    };
    const written = `${JSON.stringify(text)}${chat ? "}" : ""},${JSON.stringify(fields).slice(1)}]`;
    const beside = { ...(chat ? ofPrompt : {}), ...(this.#includeUsage && { usage: null }) };
    const ofAnswer = Object.keys(beside).length > 0 ? `,${JSON.stringify(beside).slice(1)}` : "}";
    return `${opening}${this.#beforeText[index]}${written}${ofAnswer}\n\n`;
  }

  #finish(index: number, reason: FinishReason, stopReason: string | number | undefined): string {
    const opening = this.#beforeText[index] === undefined ? this.#open(index) : "";
    const { chat, closing } = this.#parts;
    const told = chat ? reasonIn(chat, reason) : reason;
    const stopped = stopReason === undefined ? "" : `,"stop_reason":${JSON.stringify(stopReason)}`;
    return `${opening}${this.#head}${index},${closing}"${told}"${stopped}${this.#tail}`;
  }

  #open(index: number): string {
    const { opening, beforeText } = this.#parts;
    this.#beforeText[index] = `${this.#head}${index},${beforeText}`;
    return opening === undefined ? "" : `${this.#head}${index},${opening}${this.#tail}`;
  }
}
