// Runs in a thread of its own: one conversation after another.

import { toWireError } from "../base/error.ts";
import { type ChatRenderer, ChatTemplate, JoinedMessages } from "./chat-template.ts";
import type { PromptText } from "./special-texts.ts";
import type { RenderInit, RenderRequest, TextAnswer } from "./text-thread.ts";

type Post = (message: TextAnswer<PromptText>) => void;

/** Gives the handler of its messages, which never throws, and may take for ever. */
export async function renderService(init: RenderInit, post: Post) {
  const renderer = await open(init, post).catch((error: unknown) => {
    post({ type: "failed", error: toWireError(error) });
    return undefined;
  });
  if (renderer !== undefined) post({ type: "ready" });
  return (message: unknown) => {
    const { id, conversation, limits } = message as RenderRequest; // text-thread.ts
    if (renderer === undefined) return;
    try {
      post({ type: "answer", id, value: renderer.render(conversation, limits) });
    } catch (error) {
      post({ type: "refusal", id, error: toWireError(error) });
    }
  };
}

async function open({ template, specials }: RenderInit, post: Post): Promise<ChatRenderer> {
  if (template === undefined) return new JoinedMessages(specials);
  post({ type: "parsing" });
  return ChatTemplate.parse(template, specials);
}
