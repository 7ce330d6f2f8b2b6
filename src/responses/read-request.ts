// From the body of POST /v1/responses to a chat.

import { invalidRequest } from "../door/api-error.ts";
import { chatRequest } from "../door/chat-request.ts";
import { Fields, newNotes, Place } from "../door/fields.ts";
import { thinkingVariables } from "../door/thinking.ts";
import type { ChatCompletionRequest } from "../protocol/chat.ts";
import { Conversation } from "./conversation.ts";
import { MAX_ITEMS } from "./limits.ts";
import type { StoredResponse } from "./response-store.ts";
import { readSettings, type Settings } from "./settings.ts";
import { StoredItems } from "./stored-items.ts";

export interface ReadRequest {
  readonly request: ChatCompletionRequest;
  readonly settings: Settings;
  /** Its own items, as they are stored. */
  readonly input: readonly object[];
  /** JSON texts of lists: the items before them. */
  readonly earlier: readonly string[];
  readonly ignored: readonly string[];
}

export interface Reading {
  readonly tenant: number;
  /** A stored response of this client. */
  readonly find: (id: string) => StoredResponse | undefined;
}

export function readRequest(raw: unknown, { tenant, find }: Reading): ReadRequest {
  const body = Fields.ofBody(raw);
  const model = body.string("model") ?? ""; // the only one, where one is served
  const settings = readSettings(body);
  const earlier = itemsBefore(settings.previousId, find);
  const items = new StoredItems(find);
  const conversation = new Conversation((id) => items.place(id));
  for (const text of earlier) addStored(conversation, text);
  const input = body.at("input");
  if (!input && settings.previousId === undefined) body.required("input");
  if (input) addInput(conversation, input);
  conversation.end();
  const stream = body.flag("stream") ?? false;
  body.fields("stream_options")?.pass("include_obfuscation");
  body.pass("strict");
  body.close();
  const { instructions, tools } = settings;
  const told = { role: "system", content: instructions ?? "", name: undefined } as const;
  const messages = [...(instructions === undefined ? [] : [told]), ...conversation.messages];
  if (messages.length === 0) throw body.required("input").wrong("must have at least one item");
  const request = chatRequest({
    ...{ tenant, model, messages, stream },
    temperature: settings.temperature,
    topP: settings.topP,
    maxTokens: settings.maxOutputTokens,
    tools: tools.definitions,
    toolChoice: tools.choice,
    parallelToolCalls: settings.parallelToolCalls,
    templateVariables: thinkingVariables(settings),
    ...(settings.form && { form: settings.form }),
    ...(settings.promptCacheKey !== undefined && { sessionId: settings.promptCacheKey }),
  });
  const own = ownItems(input?.value, (id) => items.found(id));
  return { request, settings, earlier, input: own, ignored: body.ignored() };
}

function addInput(conversation: Conversation, input: Place): void {
  if (input.isString) conversation.addUserText(input.string());
  else
    for (const item of input.list(MAX_ITEMS, "must be a string or a list of items"))
      conversation.add(item);
}

/** Adds stored items, which were checked when they came. */
function addStored(conversation: Conversation, text: string): void {
  const place = new Place(JSON.parse(text), "previous_response_id", newNotes());
  for (const item of place.list(Infinity)) conversation.add(item);
}

function itemsBefore(id: string | undefined, find: Reading["find"]): readonly string[] {
  if (id === undefined) return [];
  const previous = find(id);
  if (previous) return previous.items;
  throw invalidRequest(
    "previous_response_not_found",
    `'previous_response_id': there is no stored response '${id.slice(0, 100)}'. It was never stored, has been deleted or evicted, was too large to keep, or is another key's; send the whole conversation as 'input'.`,
    "previous_response_id",
  );
}

function ownItems(input: unknown, found: (id: string) => object | undefined): readonly object[] {
  const content = (text: unknown) => [{ type: "input_text", text }];
  if (typeof input === "string")
    return [{ type: "message", role: "user", status: "completed", content: content(input) }];
  const items: readonly Record<string, unknown>[] = Array.isArray(input) ? input : [];
  return items.map((item) => {
    if (item["type"] === "item_reference") return found(String(item["id"])) ?? item;
    if (item["type"] !== undefined && item["type"] !== "message") return item;
    const parts = typeof item["content"] === "string" ? content(item["content"]) : item["content"];
    const isOutput = item["role"] === "assistant" && typeof item["content"] === "string";
    const said = isOutput
      ? [{ type: "output_text", text: item["content"], annotations: [] }]
      : parts;
    return { type: "message", status: "completed", ...item, content: said };
  });
}
