// The services behind a Frontend, or behind another of its kind: a Processor, a worker that serves chats itself, or a
// service of the user's that changes requests or answers on their way.

import { Service } from "dynamo";

import type { ChatCompletionRequest, CompletionRequest } from "../protocol/chat.ts";
import type { TextOutput } from "../protocol/llm.ts";

/**
 * Extend it for a service between Frontend and Processor. `Prepared` is as in `Service`.
 *
 * @example
 * export class Polite extends ChatBackend {
 *   next = depends(ChatBackend);
 *
 *   "chat/completions"(request: ChatCompletionRequest, requestId?: string) {
 *     const please = { role: "system", content: "Be polite.", name: undefined } as const;
 *     return this.next["chat/completions"](
 *       { ...request, messages: [please, ...request.messages] },
 *       requestId,
 *     );
 *   }
 *
 *   completions(request: CompletionRequest, requestId?: string) {
 *     return this.next.completions(request, requestId);
 *   }
 * }
 */
export abstract class ChatBackend<Prepared = unknown> extends Service<Prepared> {
  static override readonly isAbstract: boolean = true;

  /**
   * Answers a chat, piece by piece. Choices may be interleaved, by `index`; the last output of each has a `finishReason`.
   * A `DynamoError` that is thrown is the client's answer.
   */
  abstract "chat/completions"(
    request: ChatCompletionRequest,
    requestId?: string,
  ): AsyncIterable<TextOutput>;

  /** Continues prompts. Choice `c` of prompt `p` has the index `p * n + c`. */
  abstract completions(request: CompletionRequest, requestId?: string): AsyncIterable<TextOutput>;

  /** Answers once it has heard all that it was told before. */
  ping(): void {}
}
