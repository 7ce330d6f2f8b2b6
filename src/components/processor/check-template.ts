// Renders a model's chat template once, on a thread of its own that can be ended: a template may never come to an end.

import type { CheckScope } from "dynamo";

import type { TemplateInit } from "../../tokenizer/chat-template.ts";
import type { PromptText } from "../../tokenizer/special-texts.ts";
import type { RenderInit, RenderRequest, TextAnswer } from "../../tokenizer/text-thread.ts";

/** With the thread's start. A template that takes longer is left to the server, which refuses its chats in time. */
const PATIENCE_MS = 3000;
const MAX_TOKENS = 100_000;

/** Fault of the template: it is no Jinja, or fails on one message of a user. `undefined` if there is none. */
export async function templateFault(
  template: TemplateInit,
  { sideThread, clock }: Pick<CheckScope, "sideThread" | "clock">,
): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const init: RenderInit = { work: "render", template, specials: [] };
  const thread = sideThread("text", init);
  const timer = clock.after(PATIENCE_MS, () => resolve(undefined));
  thread.onExit(() => resolve(undefined));
  thread.onMessage((message) => {
    const answer = message as TextAnswer<PromptText>; // text-thread.ts
    if (answer.type === "ready") thread.post(HELLO);
    else if (answer.type === "failed" || answer.type === "refusal") resolve(faultOf(answer.error));
    else if (answer.type === "answer") resolve(undefined);
  });
  try {
    return await promise;
  } finally {
    timer.cancel();
    thread.terminate();
  }
}

/** Conversation that every template is made for. */
const HELLO: RenderRequest = {
  id: 1,
  conversation: { messages: [{ role: "user", content: "Hello" }] },
  limits: { maxTokens: MAX_TOKENS, maxTokenBytes: 1024 },
};

/** An overflow depends on the thread's stack: the server finds out, and refuses chats. */
function faultOf({ code, message }: { readonly code: string; readonly message: string }) {
  return code === "template_error" ? undefined : message;
}
