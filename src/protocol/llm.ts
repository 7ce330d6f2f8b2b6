// Messages between frontend, processor and workers. Types only.
// A request gets smaller and surer on its way down: text -> token ids -> a sequence in the engine.

import type { SamplingValues } from "../sampling/options.ts";
import type { ToolCallDelta } from "./chat.ts";
import type { OutputGrammar } from "./grammar.ts";

/** How the next token is chosen. Every number has its value; the defaults were applied at the door. */
export interface SamplingOptions extends SamplingValues {
  /** 64 bits. Random numbers are f(seed, position in the sequence) and nothing else. */
  readonly seed: bigint;
  /** Words, as token ids, that the output may not have. */
  readonly badWords?: readonly (readonly number[])[];
}

/** When a sequence ends. Stop strings are not here: text is the processor's business. */
export interface StopConditions {
  /** Such that prompt and output fit the model's context. 0: only the prompt is asked about. */
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
  /** Its blocks are found by, and found for, sequences of the same salt only. */
  readonly cacheSalt?: bigint;
  /** Lower ones go first among the waiting sequences of the tenant (0). */
  readonly priority?: number;
  /** Tokens that another worker has generated of it already. The sequence goes on behind it, as if it were its own. */
  readonly output?: Int32Array;
  readonly sampling: SamplingOptions;
  readonly stop: StopConditions;
  /** Sequences of its request, where it is the first of several: it is refused for all where the queue is too long. */
  readonly numSequences?: number;
  /** The first of its request is refused for it. */
  readonly isSibling?: true;
  /** Log-probabilities of the output are told, and those of so many likeliest tokens in each place. */
  readonly logprobs?: number;
  /** Likewise of the prompt. */
  readonly promptLogprobs?: number;
  /** The output is of this form. */
  readonly grammar?: OutputGrammar;
  /** The hidden state of the prompt's last token is told, and no token: `maxTokens` is 0. */
  readonly pooling?: "last";
}

/**
 * How likely tokens were, one for each: natural logarithms, by the model's logits as they came, before temperature,
 * penalties and whatever else shapes the choice.
 */
export interface TokenLogprobs {
  readonly logprobs: Float32Array;
  /** How many ids are as likely or likelier. 0 where no likeliest tokens were asked for. */
  readonly ranks: Int32Array;
  /** As many for each token as were asked for, the likeliest first; below 0 where the vocabulary has no more. */
  readonly topIds: Int32Array;
  readonly topLogprobs: Float32Array;
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
  /** Log-probabilities of `tokenIds`, where they are asked for. */
  readonly logprobs?: TokenLogprobs;
  /** Log-probabilities of the prompt from its second token on. Present in the first output only, if at all. */
  readonly promptLogprobs?: TokenLogprobs;
  /** Present in the first output after the sequence was begun again elsewhere: what came before is void. */
  readonly restarts?: true;
  /** Behind the final norm, as it came. Present in the last output only, where it is asked for. */
  readonly hiddenState?: Float32Array;
  /** Present in the last output only. */
  readonly finishReason?: SequenceEnd;
  /** Facts about the request, by name. Present in the last output only, if at all. */
  readonly annotations?: Annotations;
}

/** A token in its place: how likely it was, and how many ids were as likely or likelier. */
export interface TokenScore {
  readonly tokenId: number;
  /** Special tokens are spelled; U+FFFD stands for bytes that are no whole character. */
  readonly text: string;
  readonly bytes: readonly number[];
  readonly logprob: number;
  readonly rank: number;
}

/** With the likeliest in its place. */
export interface ScoredToken extends TokenScore {
  readonly top: readonly TokenScore[];
}

export type Annotations = Readonly<Record<string, string>>;

export interface PromptEcho {
  readonly text: string;
  /** The text of the first token, which has no log-probability. */
  readonly firstTokenText: string;
  /** Log-probabilities of the tokens behind it, where log-probabilities are asked for. */
  readonly logprobs?: readonly ScoredToken[];
}

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
  /** Log-probabilities of the tokens of this piece, where they are asked for. */
  readonly logprobs?: readonly ScoredToken[];
  /** Log-probabilities of the prompt from its second token on. Present in the first output of the choice only, if at all. */
  readonly promptLogprobs?: readonly ScoredToken[];
  /** The ids of the tokens of this piece, where they are asked for. */
  readonly tokenIds?: readonly number[];
  /** The prompt's, likewise. Present in the first output of the choice only, if at all. */
  readonly promptTokenIds?: readonly number[];
  /** The prompt's text, with that of its tokens: for answers that begin with it. Present in the first output only. */
  readonly echo?: PromptEcho;
  /** That of the prompt's last token. Present in the last output only, where it is asked for. */
  readonly hiddenState?: Float32Array;
  /** Present in the first output after the choice was begun again: what came before is void. Never after text was sent. */
  readonly restarts?: true;
  /** Present in the last output of the choice only. */
  readonly finishReason?: FinishReason;
  /** The stop string that ended it. Present in the last output only, if at all. */
  readonly stopString?: string;
  /** The token that ended it, if the client named it. Present in the last output only, if at all. */
  readonly stopTokenId?: number;
  readonly annotations?: Annotations;
}
