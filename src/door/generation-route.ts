// An API's description of a route that generates: how its requests are read and how its answers are written. Everything
// between is the same for all of them (generate.ts, generation.ts).

import type { ChatCompletionRequest, GenerationRequest, ToolCall } from "../protocol/chat.ts";
import type { FinishReason, PromptEcho, ScoredToken, TextOutput } from "../protocol/llm.ts";
import type { ApiError } from "./api-error.ts";
import type { OpenAIBackend } from "./backend.ts";
import type { RequestLabels } from "./metrics.ts";
import type { StreamKind } from "./stream-kind.ts";
import type { Usage } from "./tally.ts";

export interface GenerationRoute<Request extends GenerationRequest> {
  readonly endpoint: RequestLabels["endpoint"];
  /** The field that carries the prompt: it is at fault when the context overflows. */
  readonly promptField: string;
  /** Throws `ApiError` that names the field. */
  parse(body: unknown, tenant: number): Parsed<Request>;
  numPrompts(request: Request): number;
  open(backend: OpenAIBackend, request: Request, id: string): AsyncIterable<TextOutput>;
}

export interface Parsed<Request> {
  readonly request: Request;
  /** Fields that the client sent and this server does not know. */
  readonly ignored: readonly string[];
  /** How this request's answer is written. */
  readonly format: WireFormat;
  /** Present where not all of the request's choices are told. */
  readonly best?: BestChoices;
}

export interface BestChoices {
  /** Choices of each prompt that are made. */
  readonly of: number;
  /** Choices of each prompt that stay, the best first. */
  readonly keep: number;
  /** The client is told log-probabilities; else they only decide. */
  readonly tellsLogprobs: boolean;
}

export interface WireFormat {
  readonly idPrefix: string;
  /** Default: server-sent events. */
  readonly streamKind?: StreamKind;
  /** Writes one answer as events. */
  events(head: AnswerHead): EventWriter;
  /** The whole answer. */
  answer(head: AnswerHead, choices: readonly Choice[], usage: Usage): object;
}

/** Repeated in every chunk of an answer. */
export interface AnswerHead {
  readonly id: string;
  readonly model: string;
  /** Seconds since the Unix epoch. */
  readonly created: number;
  readonly includeUsage: boolean;
  /** Every chunk has it, so far. */
  readonly continuousUsage: boolean;
  /** A name for all that decides what a seed gives: the server's version and the model. */
  readonly fingerprint: string;
}

export interface EventWriter {
  /** The events of one output; `usage` is what was counted up to it. */
  output(output: TextOutput, usage: () => Usage): string;
  /** The last events of an answer whose choices have all ended. */
  end(usage: Usage): string;
  /** The last events of an answer that cannot go on. Default: the event of the API's errors. */
  failed?(error: ApiError, requestId: string): string;
}

export interface Choice {
  readonly text: string;
  readonly reasoning: string;
  readonly toolCalls: readonly ToolCall[];
  readonly finishReason: FinishReason;
  /** The stop string that ended it. */
  readonly stopString?: string;
  /** The token that ended it, if the client named it. */
  readonly stopTokenId?: number;
  /** Facts that are told of its tokens and of its prompt, where it is asked for. */
  readonly logprobs?: readonly ScoredToken[];
  readonly promptLogprobs?: readonly ScoredToken[];
  readonly tokenIds?: readonly number[];
  readonly promptTokenIds?: readonly number[];
  readonly echo?: PromptEcho;
  /** Why it is no longer, where that is no word of OpenAI's. */
  readonly stopReason?: string;
}

/** For the routes of a chat in any API: they differ in how requests are read and answers written. */
export const chatParts = {
  promptField: "messages",
  numPrompts: () => 1,
  open: (backend: OpenAIBackend, request: ChatCompletionRequest, id: string) =>
    backend.chat(request, id),
} as const;
