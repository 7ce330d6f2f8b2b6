// Messages between frontend, processor and workers. Types only.
// A request gets smaller and surer on its way down: text -> token ids -> a sequence in the engine.

import type { ToolCallDelta } from "./chat.ts";

/** How the next token is chosen. Every field has its value; the defaults were applied at the door. */
export interface SamplingOptions {
  /** 0 is greedy. */
  readonly temperature: number;
  /** 1 is off. */
  readonly topP: number;
  /** 0 is off. */
  readonly topK: number;
  /** 0 is off. */
  readonly minP: number;
  /** 64 bits. Random numbers are f(seed, position in the sequence) and nothing else. */
  readonly seed: bigint;
  /** 0 is off. Subtracted once from every token that the output already has. */
  readonly presencePenalty: number;
  /** 0 is off. Subtracted for each time that the output already has the token. */
  readonly frequencyPenalty: number;
  /** 1 is off. Divides positive and multiplies negative logits of tokens in prompt or output. */
  readonly repetitionPenalty: number;
}

/** When a sequence ends. Stop strings are not here: text is the processor's business. */
export interface StopConditions {
  /** At least 1, and such that prompt and output fit the model's context. */
  readonly maxTokens: number;
  /** No stop token is sampled before this many tokens. */
  readonly minTokens: number;
  /** End-of-sequence ids of the model, hidden from the text; empty under `ignore_eos`. */
  readonly stopTokenIds: readonly number[];
}

/** One sequence to generate, as a worker gets it. */
export interface PreprocessedRequest {
  /** Whose it is: a connection, or a key. Tenants share a worker by what was computed for each. */
  readonly tenant: number;
  readonly tokenIds: Int32Array;
  /** Tokens that another worker has generated of it already. The sequence goes on behind it, as if it were its own. */
  readonly output?: Int32Array;
  readonly sampling: SamplingOptions;
  readonly stop: StopConditions;
}

/** OpenAI's words. A sequence that is ended from outside has none: its stream throws. */
export type SequenceEnd = "stop" | "length";

/** `tool_calls`: the model ended its turn with a call. */
export type FinishReason = SequenceEnd | "tool_calls";

/** Tokens that one engine step added to one sequence. */
export interface TokenOutput {
  /** New token ids, usually one. Hidden stop ids are included, as the last. */
  readonly tokenIds: readonly number[];
  /** Prompt tokens that were found in the prefix cache. The same in every output of a sequence. */
  readonly numCachedTokens: number;
  /** Present in the first output after the sequence was begun again elsewhere: what came before is void. */
  readonly restarts?: true;
  /** Present in the last output only. */
  readonly finishReason?: SequenceEnd;
  /** Facts about the request, by name. Present in the last output only, if at all. */
  readonly annotations?: Annotations;
}

export type Annotations = Readonly<Record<string, string>>;

/** A piece of text of one choice, as the processor hands it to the frontend. */
export interface TextOutput {
  /** Which of the `n` choices. */
  readonly index: number;
  /** Text that the client is told: neither thoughts nor calls. */
  readonly text: string;
  /** Thoughts of the model before its answer. */
  readonly reasoning?: string;
  /** Calls of tools, in pieces. */
  readonly toolCalls?: readonly ToolCallDelta[];
  /** Tokens that this piece stands for. 0 where text was held back or flushed. */
  readonly numTokens: number;
  /** How many of them were thoughts. */
  readonly numReasoningTokens?: number;
  readonly numPromptTokens: number;
  readonly numCachedTokens: number;
  /** Present in the first output after the choice was begun again: what came before is void. Never after text was sent. */
  readonly restarts?: true;
  /** Present in the last output of the choice only. */
  readonly finishReason?: FinishReason;
  /** The stop string that ended it. Present in the last output only, if at all. */
  readonly stopString?: string;
  readonly annotations?: Annotations;
}
