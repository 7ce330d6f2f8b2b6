// graphs/chat.ts: a graph with a service of your own between Frontend and Processor.
//
//   ./dynamo serve graphs.chat:Frontend -f configs/chat.yaml

import { configured, depends } from "dynamo";
import {
  ChatBackend,
  type ChatCompletionRequest,
  type CompletionRequest,
  chatRequest,
  Frontend,
  Processor,
  VllmWorker,
} from "dynamo/components";
import * as v from "valibot";

const PersonaConfig = v.strictObject({
  persona: v.optional(v.string(), "You are brief and friendly."),
});

/** Puts its persona before each conversation. */
export class Persona extends ChatBackend {
  config = configured(PersonaConfig);
  next = depends(ChatBackend);

  "chat/completions"(request: ChatCompletionRequest, requestId?: string) {
    const persona = { role: "system", content: this.config.persona } as const;
    const messages = [persona, ...request.messages];
    return this.next["chat/completions"](chatRequest({ ...request, messages }), requestId);
  }

  completions(request: CompletionRequest, requestId?: string) {
    return this.next.completions(request, requestId);
  }
}

export default Frontend.link(Persona).link(Processor).link(VllmWorker);
