// From the body of POST /api/generate to a chat: of a system text, if there is one, and the prompt.

import { chatRequest } from "../door/chat-request.ts";
import type { Fields } from "../door/fields.ts";
import type { ChatMessage } from "../protocol/chat.ts";
import { readFormat, readOptions, readThink } from "./options.ts";
import { nameOf, type Reading, type ReadRequest, refuseImages } from "./read-chat.ts";

export function readGenerate(body: Fields, { tenant, modelOf }: Reading): ReadRequest {
  const isRaw = body.flag("raw") ?? false;
  const system = body.string("system") ?? "";
  const prompt = body.string("prompt") ?? "";
  body.refuse("suffix", "");
  body.refuse("template", "");
  refuseImages(body);
  body.ignore("context");
  const said: ChatMessage = { role: "user", content: prompt, name: undefined };
  const told: ChatMessage = { role: "system", content: system, name: undefined };
  const request = chatRequest({
    ...{ tenant, model: modelOf(nameOf(body)) },
    messages: prompt === "" ? [] : system === "" || isRaw ? [said] : [told, said],
    useRawPrompt: isRaw,
    stream: body.flag("stream") ?? true,
    ...readOptions(body),
    ...readThink(body),
    ...readFormat(body),
  });
  body.pass("strict");
  body.close();
  return { request, ignored: body.ignored() };
}
