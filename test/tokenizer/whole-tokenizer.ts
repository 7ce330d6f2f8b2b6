// Both halves of a tokenizer and its template on one thread, as tests want it.

import type { ToolDefinition } from "../../src/protocol/chat.ts";
import {
  type ChatRenderer,
  ChatTemplate,
  JoinedMessages,
  type RenderLimits,
} from "../../src/tokenizer/chat-template.ts";
import type { Conversation, Turn } from "../../src/tokenizer/conversation.ts";
import { openTokenizer } from "../../src/tokenizer/open-tokenizer.ts";
import { PromptEncoder } from "../../src/tokenizer/prompt-encoder.ts";
import type { TextStream, TextStreamOptions } from "../../src/tokenizer/text-stream.ts";
import { TokenText } from "../../src/tokenizer/token-text.ts";
import { specialTexts, type TokenizerFiles } from "../../src/tokenizer/tokenizer-files.ts";

export interface EncodeOptions {
  readonly maxTokens: number;
  /** Lets messages bring in special tokens; false unless given. */
  readonly allowSpecial?: boolean;
  readonly tools?: readonly ToolDefinition[];
  readonly end?: Conversation["end"];
}

type Renderers = readonly [closed: ChatRenderer, open: ChatRenderer];

export class Tokenizer {
  readonly vocabSize: number;
  readonly bosTokenId: number | undefined;
  readonly eosTokenId: number | undefined;
  readonly #files: TokenizerFiles;
  readonly #text: TokenText;
  readonly #encoder: PromptEncoder;
  /** For messages that bring in no special tokens, and for those that do. */
  readonly #closed: ChatRenderer;
  readonly #open: ChatRenderer;

  private constructor(files: TokenizerFiles, encoder: PromptEncoder, renderers: Renderers) {
    this.#files = files;
    this.#text = new TokenText(files);
    this.#encoder = encoder;
    [this.#closed, this.#open] = renderers;
    this.vocabSize = this.#text.vocabSize;
    this.bosTokenId = this.#text.bosTokenId;
    this.eosTokenId = this.#text.eosTokenId;
  }

  static async load(model: string): Promise<Tokenizer> {
    const files = await openTokenizer(model);
    const encoder = await PromptEncoder.create(files);
    const { chatTemplate, bosToken, eosToken } = files;
    const specials = specialTexts(files);
    const open = (hidden: readonly string[]) =>
      chatTemplate === undefined
        ? new JoinedMessages(hidden)
        : ChatTemplate.parse({ ...chatTemplate, bosToken, eosToken }, hidden);
    return new Tokenizer(files, encoder, [await open(specials), await open([])]);
  }

  encode(text: string, { maxTokens }: EncodeOptions): Int32Array {
    return this.#encoder.encodeNow(text, { maxTokens, form: "opened" });
  }

  encodeChat(messages: readonly Turn[], options: EncodeOptions): Int32Array {
    const { maxTokens, allowSpecial = false, tools = [], end = "begun" } = options;
    const limits: RenderLimits = { maxTokens, maxTokenBytes: this.#files.vocabulary.maxTokenBytes };
    const { text, literals } = (allowSpecial ? this.#open : this.#closed).render(
      { messages, tools, end },
      limits,
    );
    const form = this.#files.chatTemplate === undefined ? "opened" : "as-is";
    return this.#encoder.encodeNow(text, { maxTokens, form, literals });
  }

  decode(tokenIds: ArrayLike<number>): string {
    return this.#text.decode(tokenIds);
  }

  textStream(options: TextStreamOptions): TextStream {
    return this.#text.textStream(options);
  }
}
