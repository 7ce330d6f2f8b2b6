// Messages of Anthropic's to those of a chat. A user's message may have results of tools: each becomes a turn of the
// tool, before the rest of the message.

import type { Fields, Place } from "../door/fields.ts";
import type { ChatMessage, ToolCall } from "../protocol/chat.ts";
import { blocksOf, textBlock, textOf } from "./blocks.ts";

const MAX_MESSAGES = 10_000;

export function readMessages(body: Fields): readonly ChatMessage[] {
  const list = body.required("messages").list(MAX_MESSAGES, "must be a list of messages");
  const conversation = new Conversation();
  const system = body.at("system");
  if (system) conversation.system(system);
  for (const message of list) conversation.add(message.fields());
  const last = list.at(-1);
  if (!last)
    throw body.required("messages").wrong("must have at least one message", "invalid_value");
  if (last.fields().string("role") === "assistant")
    throw last.unsupported("end with a user's message: this server begins each answer itself");
  return conversation.messages;
}

class Conversation {
  readonly messages: ChatMessage[] = [];
  /** By call: which tool it called. */
  readonly #toolOf = new Map<string, string>();

  system(content: Place): void {
    const text = withoutBilling(content);
    if (text !== "") this.messages.push({ role: "system", content: text, name: undefined });
  }

  add(message: Fields): void {
    message.required("role");
    const role = message.oneOf("role", ["user", "assistant", "system"]);
    const content = message.required("content");
    if (role === "system") this.system(content);
    else if (role === "assistant") this.#assistant(content);
    else this.#user(content);
    message.close();
  }

  #user(content: Place): void {
    const texts = content.isString ? [content.string()] : [];
    const blocks = content.isString ? [] : blocksOf(content);
    for (const block of blocks) {
      const type = block.required("type");
      if (type.value === "tool_result") this.#result(block);
      else texts.push(textBlock(block, type));
    }
    if (texts.length === 0) return;
    this.messages.push({ role: "user", content: texts.join("\n"), name: undefined });
  }

  #result(block: Fields): void {
    const toolCallId = block.required("tool_use_id").string();
    const content = block.at("content");
    const text = content ? textOf(content) : "";
    const hasFailed = block.flag("is_error") ?? false;
    block.pass("cache_control");
    block.close();
    this.messages.push({
      role: "tool",
      content: hasFailed && !/^\W*error/i.test(text) ? `Error: ${text}` : text,
      name: this.#toolOf.get(toolCallId),
      toolCallId,
    });
  }

  #assistant(content: Place): void {
    const texts = content.isString ? [content.string()] : [];
    const thoughts: string[] = [];
    const toolCalls: ToolCall[] = [];
    for (const block of content.isString ? [] : blocksOf(content)) {
      const type = block.required("type");
      switch (type.string()) {
        case "thinking":
          thoughts.push(block.required("thinking").string());
          block.pass("signature", "cache_control");
          block.close();
          break;
        case "tool_use":
          toolCalls.push(this.#call(block));
          break;
        case "text":
          texts.push(textBlock(block, type));
          break;
        default:
          block.passOver(type.string()); // as redacted_thinking, server_tool_use
      }
    }
    const reasoning = thoughts.join("\n");
    this.messages.push({
      role: "assistant",
      content: texts.join("\n"),
      name: undefined,
      ...(reasoning !== "" && { reasoning }),
      ...(toolCalls.length > 0 && { toolCalls }),
    });
  }

  #call(block: Fields): ToolCall {
    const id = block.required("id").string();
    const name = block.required("name").string();
    const input = block.required("input").object();
    block.pass("cache_control", "caller");
    block.close();
    this.#toolOf.set(id, name);
    return { id, name, arguments: JSON.stringify(input) };
  }
}

/**
 * Claude Code begins its system prompt with a line whose end is another one in every conversation. It tells the model
 * nothing, and no conversation would find the other's prompt in the prefix cache.
 */
const BILLING = "x-anthropic-billing-header:";
const BILLING_LINE = new RegExp(`^${BILLING}.*(\\n|$)`, "gm");

function withoutBilling(content: Place): string {
  // The search is for one word: a system prompt may have 40,000 characters.
  const without = (text: string) =>
    text.includes(BILLING) ? text.replace(BILLING_LINE, "") : text;
  if (content.isString) return without(content.string());
  const texts = blocksOf(content).map((block) => textBlock(block, block.required("type")));
  return texts
    .map(without)
    .filter((text) => text !== "")
    .join("\n");
}
