// Counts and ids of a prompt's tokens, for clients that ask for tokens and for no answer.

import { DynamoError } from "../../base/error.ts";
import type { ChatCompletionRequest } from "../../protocol/chat.ts";
import type { DetokenizeRequest, TokenizedPrompt, TokenizeRequest } from "../../protocol/tokens.ts";
import type { PromptSource } from "./prompt-source.ts";

/** A small context does not keep a client from counting the tokens of a long text. */
const MIN_TOKENS = 131_072;

/** How the vocabulary writes tokens. */
export interface Spelling {
  /** The text of token ids, without special tokens. */
  decode(tokenIds: ArrayLike<number>): string;
  spellingOf(tokenId: number): string;
  /** The text of token ids, special tokens included. */
  spell(tokenIds: ArrayLike<number>): string;
}

export interface PromptTokensOptions {
  readonly prompts: PromptSource;
  readonly spelling: Spelling;
  readonly maxModelLen: () => number;
  readonly chatPrompt: (chat: ChatCompletionRequest, maxTokens: number) => Promise<Int32Array>;
}

export class PromptTokens {
  readonly #options: PromptTokensOptions;

  constructor(options: PromptTokensOptions) {
    this.#options = options;
  }

  /** Rejects as a chat or a completion of that prompt, but with a limit of 131,072 tokens where the context is smaller. */
  async tokenize(request: TokenizeRequest): Promise<TokenizedPrompt> {
    const { spelling, maxModelLen } = this.#options;
    const tokenIds = await this.#encode(request);
    const answer = { tokenIds, maxModelLen: maxModelLen() };
    switch (request.wants) {
      case "ids":
        return answer;
      case "spellings":
        return { ...answer, spellings: Array.from(tokenIds, (id) => spelling.spellingOf(id)) };
      case "text":
        return { ...answer, text: spelling.spell(tokenIds) };
    }
  }

  detokenize({ tokenIds }: DetokenizeRequest): string {
    const most = this.#maxTokens;
    if (tokenIds.length > most) throw new TooManyTokensError(tokenIds.length, most);
    return this.#options.spelling.spell(tokenIds);
  }

  async #encode({ prompt, tenant }: TokenizeRequest): Promise<Int32Array> {
    const maxTokens = this.#maxTokens;
    if (prompt.type === "chat") return this.#options.chatPrompt(prompt.chat, maxTokens);
    const client = { tenant, left: new Promise<void>(() => {}) };
    const options = { maxTokens, client, form: prompt.form };
    const [tokenIds = new Int32Array()] = await this.#options.prompts.texts([prompt.text], options);
    return tokenIds;
  }

  get #maxTokens(): number {
    return Math.max(MIN_TOKENS, this.#options.maxModelLen());
  }
}

class TooManyTokensError extends DynamoError {
  override readonly code = "invalid_request";

  constructor(numTokens: number, most: number) {
    super(`'tokens' must have at most ${most} ids; got ${numTokens}.`, { param: "tokens" });
  }
}
