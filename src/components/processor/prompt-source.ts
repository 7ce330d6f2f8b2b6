// Sources of token ids: a model's template and tokenizer on side threads, or the mocked model's table.

import type { ServiceContext } from "dynamo";

import type { Logger } from "../../base/log.ts";
import type { Conversation } from "../../tokenizer/conversation.ts";
import type { MockTokenizer } from "../../tokenizer/mock-tokenizer.ts";
import type { TokenizerFiles } from "../../tokenizer/tokenizer-files.ts";
import { EncodeThread } from "./encode-thread.ts";
import { RenderThreads } from "./render-threads.ts";
import type { TextClient } from "./text-client.ts";

export interface PromptSource {
  /** Rejects with `PromptTooLongError` and others that are meant for the client. */
  chat(conversation: Conversation, options: PromptSourceOptions): Promise<Int32Array>;
  texts(texts: readonly string[], options: PromptSourceOptions): Promise<readonly Int32Array[]>;
}

export interface PromptSourceOptions {
  readonly maxTokens: number;
  readonly client: TextClient;
  /** `opened`: with the tokens that open a text. Default: `opened` for a text, and as its template wants for a chat. */
  readonly form?: "opened" | "as-is";
}

export interface ThreadedPromptsOptions {
  readonly context: Pick<ServiceContext, "sideThread" | "clock">;
  readonly log: Logger;
  /** The model's directory or file. */
  readonly model: string;
  readonly files: TokenizerFiles;
  readonly renderTimeoutMs: number;
  /** Texts of tokens that messages cannot bring in. */
  readonly specials: readonly string[];
}

export class ThreadedPrompts implements PromptSource {
  readonly #render: RenderThreads;
  readonly #encode: EncodeThread;
  readonly #maxTokenBytes: number;
  readonly #chatForm: "opened" | "as-is";

  constructor({ files, renderTimeoutMs, specials, ...options }: ThreadedPromptsOptions) {
    const { chatTemplate, bosToken, eosToken, vocabulary } = files;
    this.#encode = new EncodeThread(options);
    this.#render = new RenderThreads({
      ...options,
      timeoutMs: renderTimeoutMs,
      init: {
        work: "render",
        template: chatTemplate && { ...chatTemplate, bosToken, eosToken },
        specials,
      },
    });
    this.#maxTokenBytes = vocabulary.maxTokenBytes;
    // A template writes the opening token where the model wants one.
    this.#chatForm = chatTemplate === undefined ? "opened" : "as-is";
  }

  async open(): Promise<void> {
    await Promise.all([this.#encode.open(), this.#render.open()]);
  }

  async chat(
    conversation: Conversation,
    { maxTokens, client, form = this.#chatForm }: PromptSourceOptions,
  ): Promise<Int32Array> {
    const limits = { maxTokens, maxTokenBytes: this.#maxTokenBytes };
    const prompt = await this.#render.render(conversation, limits, client);
    const request = { prompts: [prompt], form, maxTokens };
    const [tokenIds = new Int32Array()] = await this.#encode.encode(request, client);
    return tokenIds;
  }

  texts(
    texts: readonly string[],
    { maxTokens, client, form = "opened" }: PromptSourceOptions,
  ): Promise<readonly Int32Array[]> {
    const prompts = texts.map((text) => ({ text, literals: [] }));
    return this.#encode.encode({ prompts, form, maxTokens }, client);
  }
}

/** One token a character: a table is quick enough for the thread that asks. */
export class MockPrompts implements PromptSource {
  readonly #tokenizer: MockTokenizer;

  constructor(tokenizer: MockTokenizer) {
    this.#tokenizer = tokenizer;
  }

  async chat({ messages }: Conversation, { maxTokens }: PromptSourceOptions): Promise<Int32Array> {
    return this.#tokenizer.encode(messages.map(({ content }) => content).join("\n"), maxTokens);
  }

  async texts(
    texts: readonly string[],
    { maxTokens }: PromptSourceOptions,
  ): Promise<readonly Int32Array[]> {
    return texts.map((text) => this.#tokenizer.encode(text, maxTokens));
  }
}
