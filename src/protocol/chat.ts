// A request as the rooms behind the door see it, whichever API it came by: checked, in camelCase, with every default
// applied except those that the model decides. Types only.

import type { SamplingRequest } from "../sampling/options.ts";
import type { GrammarSource } from "./grammar.ts";

/** An absent sampling parameter is left to the model's generation config. */
export interface GenerationRequest extends SamplingRequest {
  /** Whose it is: a connection, or a key. */
  readonly tenant: number;
  /** Empty as a client leaves it out; the door fills it in. */
  readonly model: string;
  /** Choices for each prompt. */
  readonly n: number;
  readonly stream: boolean;
  /** A stream ends with a chunk that has the usage. */
  readonly includeUsage: boolean;
  /** Each chunk has the usage so far. */
  readonly continuousUsage?: boolean;
  /** Tokens of a choice that one chunk of a stream stands for (1). */
  readonly streamInterval?: number;
  /** Among the waiting sequences of its tenant, those of lower numbers go first (0). */
  readonly priority?: number;
  /** Longest prompt: the rest is cut off. -1: what leaves room for the output. */
  readonly truncatePromptTokens?: number;
  /** The end at which it is cut (left). */
  readonly truncationSide?: "left" | "right";
  /** The tokens that open a text stand before the prompt. Default: before a completion's, and not before a chat's. */
  readonly addSpecialTokens?: boolean;
  /** 64 bits. `undefined`: any, and another one each time. */
  readonly seed: bigint | undefined;
  /** `undefined`: as many as the context has room for. */
  readonly maxTokens: number | undefined;
  readonly minTokens: number;
  readonly ignoreEos: boolean;
  /** The worker that is to take it; undefined leaves the choice to the router. */
  readonly backendInstanceId: number | undefined;
  /** Further facts that the client wants to be told; unknown names are passed over. */
  readonly annotations: readonly string[];
  readonly stop: readonly string[];
  /** Log-probabilities of the output are told, and those of so many likeliest tokens in each place. */
  readonly logprobs?: number;
  /** Likewise of the prompt. */
  readonly promptLogprobs?: number;
  /** Words that the output may not have. */
  readonly badWords?: readonly string[];
  /** Tokens that end the text, beside the model's own. */
  readonly stopTokenIds?: readonly number[];
  /** The text ends with the stop string or token that ended it. */
  readonly includeStop?: boolean;
  /** Special tokens are spelled in the text. */
  readonly showSpecialTokens?: boolean;
  /** The form that the answer has, but for its thoughts and calls. */
  readonly form?: GrammarSource;
  /** Ids of prompt and output are told. */
  readonly returnTokenIds?: boolean;
  /** A client's name for a prefix cache: prompts of other names find nothing of it. */
  readonly cacheSalt?: string;
  /** The API key's name whose prefix cache it is; absent where clients have no keys, or share. */
  readonly cacheOwner?: string;
  /** The conversation that it belongs to: a hint to the router, which keeps a conversation at its worker where that costs little. */
  readonly sessionId?: string;
}

/** `required`: the answer is one call at least; `name`: it is one of this tool. */
export type ToolChoice = "auto" | "none" | "required" | { readonly name: string };

export interface ChatCompletionRequest extends GenerationRequest {
  readonly messages: readonly ChatMessage[];
  /** The prompt ends where an answer begins (true). */
  readonly addGenerationPrompt?: boolean;
  /** The answer goes on behind the last message, as a part of it. */
  readonly continueFinalMessage?: boolean;
  /** The text of the messages is the prompt; no template is applied. */
  readonly useRawPrompt: boolean;
  /** Functions that the model may call; none if empty. */
  readonly tools: readonly ToolDefinition[];
  /** `none`: the tools are shown to the model, and its text is never read as a call. */
  readonly toolChoice: ToolChoice;
  /** False: an answer has at most one call. */
  readonly parallelToolCalls: boolean;
  /** Further variables of the chat template, as `enable_thinking`. JSON. */
  readonly templateVariables: Readonly<Record<string, unknown>>;
}

/** A function's name, its purpose, and the JSON schema of its arguments, as the client sent it. */
export interface ToolDefinition {
  readonly name: string;
  readonly description: string | undefined;
  readonly parameters: Readonly<Record<string, unknown>> | undefined;
  /** `parameters` as JSON text in the order in which it came, where calls are held to it. */
  readonly schema?: string;
  /** Calls obey the schema, or the request is refused. */
  readonly strict?: boolean;
  /** The field in which the schema came. */
  readonly field?: string;
}

export interface CompletionRequest extends GenerationRequest {
  /** Texts, or token ids that are used as they are. At least one. */
  readonly prompts: readonly (string | Int32Array)[];
  /** Each text begins with its prompt. */
  readonly echo?: boolean;
  /** The hidden state of each prompt's last token is told, and no text: `maxTokens` is 0. */
  readonly pooling?: "last";
}

export interface ChatMessage {
  readonly role: "system" | "developer" | "user" | "assistant" | "tool";
  /** Text parts arrive joined by newlines. An assistant's turn of calls alone has none: "". */
  readonly content: string;
  readonly name: string | undefined;
  /** An assistant's turn: what it thought before it answered. */
  readonly reasoning?: string;
  /** An assistant's turn: the calls that it made. */
  readonly toolCalls?: readonly ToolCall[];
  /** A tool's turn: the call that it answers. */
  readonly toolCallId?: string;
}

/** A finished call. `arguments` is JSON text of an object. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

/** A piece of a call as it is generated. The first piece of a call has its id and name. */
export interface ToolCallDelta {
  /** Which of the answer's calls. */
  readonly index: number;
  readonly id?: string;
  readonly name?: string;
  /** JSON text, to be appended. */
  readonly arguments: string;
}
