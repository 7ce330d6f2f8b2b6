// From a request to token ids, and from the tokens of its sequences to text; who computes them is the caller's.
//
//   request --> template, tokenizer --> PreprocessedRequest --send--> TokenOutput --> detokenizer, stop strings --> text

import type { ServiceContext } from "dynamo";

import type { Logger } from "../../base/log.ts";
import { ContextLengthExceededError } from "../../engine/validate-request.ts";
import { cacheSaltOf } from "../../kv/cache-salt.ts";
import { BUILT_IN_MODEL } from "../../model/built-in-model.ts";
import { MOCK_MODEL } from "../../model/mock-model.ts";
import type { ModelCard } from "../../model/model-files.ts";
import { openModelConfig } from "../../model/open-model.ts";
import type {
  ChatCompletionRequest,
  CompletionRequest,
  GenerationRequest,
} from "../../protocol/chat.ts";
import type { GrammarSource, OutputGrammar } from "../../protocol/grammar.ts";
import type { PreprocessedRequest, TextOutput } from "../../protocol/llm.ts";
import type { TextStreamOptions } from "../../tokenizer/text-stream.ts";
import { withTemplate } from "../../tokenizer/tokenizer-files.ts";
import { deferredStream } from "../dispatch/deferred-stream.ts";
import { mergeStreams } from "../dispatch/merge-streams.ts";
import { AnswerFormats, type AnswerKeys, contentGrammar } from "./answer-formats.ts";
import { badWordsOf, wordTexts } from "./bad-words.ts";
import { choiceOutputs, type Send, type TextStreams } from "./choice-output.ts";
import type { ChoiceText } from "./parsed-text.ts";
import { MockPrompts, type PromptSource, ThreadedPrompts } from "./prompt-source.ts";
import { PromptTokens } from "./prompt-tokens.ts";
import { randomSeed, samplingOf, seedOfChoice, stopOf } from "./sampling.ts";
import { type Places, SequenceShares } from "./sequence-shares.ts";
import type { TextClient } from "./text-client.ts";

/** The way from a request's tokens to its client. */
export interface Answering {
  readonly send: Send;
  /** Resolves when the client has left. */
  readonly left: Promise<void>;
}

/** vLLM's and OpenAI's default for a text completion; a chat may fill the context. */
const DEFAULT_COMPLETION_TOKENS = 16;

const MAX_SHOWN_KEYS = 32;

/** Longest prompt that is cut, where the context has room for fewer. */
const MAX_CUT_TOKENS = 131_072;

export interface TextGeneratorOptions extends AnswerKeys {
  /** As a Processor's key `model`. */
  readonly model: string;
  readonly context: Pick<ServiceContext, "sideThread" | "clock">;
  readonly log: Logger;
  /** A file with another chat template than the model's. */
  readonly chatTemplate?: string | undefined;
  /** CPU time that a chat's template may take. */
  readonly renderTimeoutMs: number;
  /** True if messages may bring in special tokens. */
  readonly allowSpecialTokens: boolean;
  /** True if `max_tokens` is lowered to the context's room. Default: for the built-in model. */
  readonly clampMaxTokens?: boolean | undefined;
  /** Places of sequences that tenants share. */
  readonly numShared: number;
}

interface TextGeneratorParts {
  readonly prompts: PromptSource;
  readonly text: TextStreams;
  /** A mocked model has none. */
  readonly answers?: AnswerFormats;
  /** A mocked model has none. */
  readonly card?: ModelCard;
  readonly eosTokenIds: readonly number[];
  readonly numShared: number;
  readonly clampsMaxTokens: boolean;
}

export class TextGenerator {
  /** Tokens that prompt and output may have together; told when it is known. */
  maxModelLen = 0;

  readonly #prompts: PromptSource;
  readonly #text: TextStreams;
  readonly #answers: AnswerFormats | undefined;
  readonly #card: ModelCard | undefined;
  readonly #eosTokenIds: readonly number[];
  readonly #shares: SequenceShares;
  readonly #clampsMaxTokens: boolean;
  /** Prompts of which only the tokens are asked for. */
  readonly tokens: PromptTokens;

  private constructor(parts: TextGeneratorParts) {
    const { prompts, text, answers, card, eosTokenIds, numShared, clampsMaxTokens } = parts;
    this.#clampsMaxTokens = clampsMaxTokens;
    this.tokens = new PromptTokens({
      ...{ prompts, spelling: text, maxModelLen: () => this.maxModelLen },
      chatPrompt: (chat, maxTokens) =>
        this.#chatPrompt(chat, { maxTokens, left: new Promise(() => {}) }),
    });
    this.#shares = new SequenceShares(numShared);
    this.#prompts = prompts;
    this.#text = text;
    this.#answers = answers;
    this.#card = card;
    this.#eosTokenIds = eosTokenIds;
  }

  static async open({
    model,
    chatTemplate,
    allowSpecialTokens,
    numShared,
    clampMaxTokens: clampsMaxTokens = model === BUILT_IN_MODEL,
    holdToolCalls = model === BUILT_IN_MODEL,
    ...options
  }: TextGeneratorOptions): Promise<TextGenerator> {
    if (model === MOCK_MODEL) {
      const { MockTokenizer } = await import("../../tokenizer/mock-tokenizer.ts");
      const text = new MockTokenizer();
      return new TextGenerator({
        ...{ prompts: new MockPrompts(text), text, eosTokenIds: [], numShared, clampsMaxTokens },
      });
    }
    const { openTokenizer } = await import("../../tokenizer/open-tokenizer.ts");
    const { TokenText } = await import("../../tokenizer/token-text.ts");
    const { specialTexts } = await import("../../tokenizer/tokenizer-files.ts");
    const card = await openModelConfig(model);
    reportUnusedKeys(card, options.log);
    const files = await withTemplate(await openTokenizer(card.path), chatTemplate);
    const file = files.config.place;
    for (const warning of files.warnings) options.log.warn(warning, { file });
    if (files.chatTemplate === undefined) {
      options.log.warn("the model has no chat template: messages are joined by newlines", { file });
    }
    const specials = allowSpecialTokens ? [] : specialTexts(files, card.config.eosTokenIds);
    const prompts = new ThreadedPrompts({ ...options, model: card.path, files, specials });
    const opened = prompts.open();
    opened.catch(() => undefined); // it is awaited below, unless the next line throws
    const text = new TokenText(files);
    await opened;
    const eosTokenIds = union(card.config.eosTokenIds, text.eosTokenId);
    const answers = AnswerFormats.of({ ...options, holdToolCalls }, files.chatTemplate, {
      log: options.log,
      text: (markers) => text.spelling(markers),
    });
    const parts = { prompts, text, answers, card, eosTokenIds, numShared, clampsMaxTokens };
    return new TextGenerator(parts);
  }

  chat(
    request: ChatCompletionRequest,
    { send, left }: Answering,
  ): AsyncIterableIterator<TextOutput> {
    return this.#withPlaces(request, 1, async (places) => {
      const maxTokens = this.maxModelLen;
      const prompts = [await this.#chatPrompt(request, { maxTokens, left })];
      const badWords = await this.#badWords(request, left);
      const answers = request.useRawPrompt ? undefined : this.#answers;
      const openText = answers?.open(request);
      const grammarOf = (tokenIds: Int32Array) =>
        answers ? answers.grammarOf(request, tokenIds) : bare(contentGrammar(request, undefined));
      const rest = { openText, badWords, grammarOf };
      return this.#generate(request, { prompts, maxTokens, send, places, ...rest });
    });
  }

  complete(
    request: CompletionRequest,
    { send, left }: Answering,
  ): AsyncIterableIterator<TextOutput> {
    return this.#withPlaces(request, request.prompts.length, async (places) => {
      const prompts = await this.#encode(request, { tenant: request.tenant, left });
      const badWords = await this.#badWords(request, left);
      const maxTokens = DEFAULT_COMPLETION_TOKENS;
      const { echo = false } = request;
      const grammarOf = () => bare(request.form);
      const rest = { badWords, echo, grammarOf };
      return this.#generate(request, { prompts, maxTokens, send, places, ...rest });
    });
  }

  /** Each as it is at the start of a text, and behind a blank. */
  async #badWords({ badWords = [], tenant }: GenerationRequest, left: Promise<void>) {
    if (badWords.length === 0) return undefined;
    const options = {
      maxTokens: this.maxModelLen,
      client: { tenant, left },
      form: "as-is",
    } as const;
    return badWordsOf(badWords, await this.#prompts.texts(wordTexts(badWords), options));
  }

  async #chatPrompt(
    request: ChatCompletionRequest,
    { maxTokens, left }: { readonly maxTokens: number; readonly left: Promise<void> },
  ): Promise<Int32Array> {
    const { messages, tools, templateVariables: variables, useRawPrompt, tenant } = request;
    const options = {
      maxTokens: this.#mostTokens(request, maxTokens),
      client: { tenant, left },
      ...(request.addSpecialTokens && { form: "opened" as const }),
    };
    if (!useRawPrompt) {
      const conversation = { messages, tools, variables, end: endOf(request) };
      return this.#truncated(request, await this.#prompts.chat(conversation, options));
    }
    const text = messages.map(({ content }) => content).join("\n");
    const [tokenIds = new Int32Array()] = await this.#prompts.texts([text], options);
    return this.#truncated(request, tokenIds);
  }

  /** Takes the places of all its sequences before any work is done for it. Each sequence releases its own. */
  #withPlaces(
    { tenant, n }: GenerationRequest,
    numPrompts: number,
    open: (places: Places) => Promise<AsyncIterableIterator<TextOutput>>,
  ): AsyncIterableIterator<TextOutput> {
    let places: Places | undefined;
    return deferredStream(
      async () => {
        places = this.#shares.take(tenant, numPrompts * n);
        try {
          return await open(places);
        } catch (error) {
          places.releaseAll();
          throw error;
        }
      },
      () => places?.releaseAll(),
    );
  }

  /** Token ids are taken as they are. */
  async #encode(request: CompletionRequest, client: TextClient): Promise<readonly Int32Array[]> {
    const { prompts, addSpecialTokens = true } = request;
    const texts = prompts.filter((prompt) => typeof prompt === "string");
    const options = {
      maxTokens: this.#mostTokens(request, this.maxModelLen),
      client,
      form: addSpecialTokens ? ("opened" as const) : ("as-is" as const),
    };
    const encoded = texts.length === 0 ? [] : [...(await this.#prompts.texts(texts, options))];
    return prompts.map((prompt) => {
      const tokenIds = typeof prompt === "string" ? encoded.shift() : prompt;
      return this.#truncated(request, tokenIds ?? new Int32Array());
    });
  }

  /** Tokens that a prompt may have before it is cut. */
  #mostTokens({ truncatePromptTokens }: GenerationRequest, maxTokens: number): number {
    return truncatePromptTokens === undefined ? maxTokens : Math.max(maxTokens, MAX_CUT_TOKENS);
  }

  #truncated(request: GenerationRequest, tokenIds: Int32Array): Int32Array {
    const { truncatePromptTokens: asked, truncationSide = "left", maxTokens = 1 } = request;
    if (asked === undefined) return tokenIds;
    const length = asked < 0 ? Math.max(1, this.maxModelLen - maxTokens) : asked;
    if (tokenIds.length <= length) return tokenIds;
    return truncationSide === "left" ? tokenIds.slice(-length) : tokenIds.slice(0, length);
  }

  /** Choice `c` of prompt `p` has the index `p * n + c`. Its seed depends on `c` alone: a batch changes no text. */
  #generate(
    request: GenerationRequest,
    { prompts, maxTokens, badWords, grammarOf, ...rest }: Prompts,
  ): AsyncIterableIterator<TextOutput> {
    const sequences = prompts.flatMap((tokenIds) => {
      const first = request.seed ?? randomSeed();
      const grammar = grammarOf(tokenIds);
      return Array.from({ length: request.n }, (_, choice) =>
        this.#sequence(request, {
          ...{ tokenIds, maxTokens, badWords, grammar, seed: seedOfChoice(first, choice) },
          isEchoed: rest.echo ?? false,
        }),
      );
    });
    const choices = sequences.map((first, index) => {
      const sequence =
        index === 0
          ? { ...first, numSequences: sequences.length }
          : { ...first, isSibling: true as const };
      return choiceOutputs(request, { sequence, index, text: this.#text, ...rest });
    });
    const [only] = choices;
    return only && choices.length === 1 ? only : mergeStreams(choices);
  }

  #sequence(
    request: GenerationRequest,
    { tokenIds, maxTokens, seed, badWords, grammar, isEchoed }: Prompt,
  ): PreprocessedRequest {
    const room = Math.max(1, this.maxModelLen - tokenIds.length);
    const stop = stopOf(request, {
      eosTokenIds: this.#eosTokenIds,
      maxTokens: Math.min(maxTokens, room),
      ...(this.#clampsMaxTokens && { room }),
    });
    this.#checkLength(tokenIds.length, stop.maxTokens);
    const sampling = samplingOf(request, this.#card?.generationDefaults ?? {}, seed);
    const cacheSalt = cacheSaltOf({ owner: request.cacheOwner, salt: request.cacheSalt });
    const { logprobs, promptLogprobs = isEchoed ? logprobs : undefined } = request;
    return {
      ...{ tenant: request.tenant, tokenIds, stop },
      ...(cacheSalt !== undefined && { cacheSalt }),
      ...(request.priority !== undefined && { priority: request.priority }),
      sampling: badWords === undefined ? sampling : { ...sampling, badWords },
      ...(logprobs !== undefined && { logprobs }),
      ...(promptLogprobs !== undefined && { promptLogprobs }),
      ...(grammar && {
        grammar: { ...grammar, endTokenIds: request.ignoreEos ? [] : this.#eosTokenIds },
      }),
      ...("pooling" in request && { pooling: "last" as const }),
    };
  }

  /** A worker checks what it can take itself; the limit that is configured here may be lower. */
  #checkLength(promptTokens: number, maxTokens: number): void {
    const { maxModelLen } = this;
    if (promptTokens + maxTokens > maxModelLen) {
      throw new ContextLengthExceededError({ promptTokens, maxTokens, maxModelLen });
    }
  }
}

function endOf(request: ChatCompletionRequest): "begun" | "closed" | "continued" {
  if (request.continueFinalMessage) return "continued";
  return request.addGenerationPrompt === false ? "closed" : "begun";
}

function reportUnusedKeys({ unusedKeys }: ModelCard, log: Logger): void {
  if (unusedKeys.length === 0) return;
  const keys = unusedKeys.slice(0, MAX_SHOWN_KEYS).join(", ");
  const more = Math.max(0, unusedKeys.length - MAX_SHOWN_KEYS) || undefined;
  log.warn("the model's files have keys that nothing here uses", { keys, more });
}

/** A form of a text that has neither thoughts nor calls. */
function bare(source: GrammarSource | undefined): Form | undefined {
  return source && { source, markers: [] };
}

type Form = Pick<OutputGrammar, "source" | "markers">;

/** The tokenizer may name an end of its own, as vLLM has it too. */
function union(ids: readonly number[], id: number | undefined): readonly number[] {
  return id === undefined || ids.includes(id) ? ids : [...ids, id];
}

interface Prompts {
  readonly prompts: readonly Int32Array[];
  /** Tokens of the output, where the request does not say. */
  readonly maxTokens: number;
  readonly send: Send;
  readonly places: Places;
  /** As token ids. */
  readonly badWords: readonly (readonly number[])[] | undefined;
  /** The form of the output behind a prompt. */
  readonly grammarOf: (tokenIds: Int32Array) => Form | undefined;
  /** Each text begins with its prompt. */
  readonly echo?: boolean;
  /** For chats whose answers are more than content. */
  readonly openText?: ((options: TextStreamOptions) => ChoiceText) | undefined;
}

interface Prompt {
  readonly tokenIds: Int32Array;
  readonly maxTokens: number;
  readonly seed: bigint;
  readonly badWords: readonly (readonly number[])[] | undefined;
  readonly grammar: Form | undefined;
  readonly isEchoed: boolean;
}
