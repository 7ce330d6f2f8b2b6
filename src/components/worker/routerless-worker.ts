// VllmWorkerRouterLess: a worker that serves chats itself, as Dynamo v0.1.0's. No processor and no router: the
// frontend sends a request to any worker, and text comes back.
//
//   Frontend --request--> VllmWorkerRouterLess (tokenizer and engine on one thread)
//   Frontend <==text===== VllmWorkerRouterLess

import { type CheckScope, configured } from "dynamo";
import * as v from "valibot";

import type { ChatCompletionRequest, CompletionRequest } from "../../protocol/chat.ts";
import type { TextOutput, TokenOutput } from "../../protocol/llm.ts";
import type { DetokenizeRequest, TokenizedPrompt, TokenizeRequest } from "../../protocol/tokens.ts";
import { ChatBackend } from "../chat-backend.ts";
import { leavable } from "../dispatch/leavable.ts";
import {
  allowSpecialTokensInContent,
  answerFields,
  clampMaxTokens,
  renderTimeoutMs,
  servedModelName,
  waitForWorkerMs,
} from "../fields.ts";
import type { Send } from "../processor/choice-output.ts";
import { SHARED_PLACES } from "../processor/sequence-shares.ts";
import { type Answering, TextGenerator } from "../processor/text-generator.ts";
import { ModelPublisher } from "../published-model.ts";
import { VllmWorkerConfig } from "./config.ts";
import { VllmWorker } from "./worker.ts";

export const RouterLessConfig = v.strictObject({
  ...VllmWorkerConfig.entries,
  clampMaxTokens,
  renderTimeoutMs,
  allowSpecialTokensInContent,
  ...answerFields,
  servedModelName,
  waitForWorkerMs,
});

export class VllmWorkerRouterLess extends VllmWorker implements ChatBackend {
  override config = configured(RouterLessConfig);

  static override readonly implements = [ChatBackend];

  #text!: TextGenerator;

  static override async check(config: v.InferOutput<typeof RouterLessConfig>, scope: CheckScope) {
    const { checkText } = await import("./check-model.ts");
    return [...(await checkText(config, scope)), ...(await super.check(config, scope))];
  }

  override async start(): Promise<void> {
    await super.start();
    const { model, renderTimeoutMs, allowSpecialTokensInContent, clampMaxTokens } = this.config;
    const { chatTemplate, toolCallParser, reasoningParser, holdToolCalls } = this.config;
    this.#text = await TextGenerator.open({
      ...{ model, chatTemplate, toolCallParser, reasoningParser, holdToolCalls },
      context: this.context,
      log: this.log,
      renderTimeoutMs,
      allowSpecialTokens: allowSpecialTokensInContent,
      clampMaxTokens,
      numShared: SHARED_PLACES,
    });
    this.#text.maxModelLen = this.limits().maxModelLen;
    await new ModelPublisher(this.context, this.config).publish(this.#text.maxModelLen);
  }

  "chat/completions"(request: ChatCompletionRequest): AsyncIterable<TextOutput> {
    return this.#answer((answering) => this.#text.chat(request, answering));
  }

  completions(request: CompletionRequest): AsyncIterable<TextOutput> {
    return this.#answer((answering) => this.#text.complete(request, answering));
  }

  /** The tokens of a prompt, which is not run. */
  tokenize(request: TokenizeRequest): Promise<TokenizedPrompt> {
    return this.#text.tokens.tokenize(request);
  }

  detokenize(request: DetokenizeRequest): string {
    return this.#text.tokens.detokenize(request);
  }

  ping(): void {}

  /** Leaving the answer ends its sequences at once, also while they wait for their turn. */
  #answer(
    open: (answering: Answering) => AsyncIterableIterator<TextOutput>,
  ): AsyncIterable<TextOutput> {
    const sequences = new Set<AsyncIterator<TokenOutput>>();
    const send: Send = (request) => {
      const sequence = this.generate(request)[Symbol.asyncIterator]();
      sequences.add(sequence);
      return { [Symbol.asyncIterator]: () => sequence };
    };
    return leavable((left) => {
      const text = open({ send, left });
      const answer: AsyncIterator<TextOutput> = {
        next: () => text.next(),
        async return() {
          for (const sequence of sequences) await sequence.return?.();
          await text.return?.();
          return { done: true, value: undefined };
        },
      };
      return answer;
    });
  }
}
