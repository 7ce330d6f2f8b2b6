// A conversation of items, as the Responses API has them, to the messages of a chat.
//
//   reasoning, message, function_call, function_call   one turn of the assistant
//   function_call_output                               a turn of the tool
//
// Items that only OpenAI can do something with, as `web_search_call`, are passed over, and the answer names them.

import { type ApiError, invalidRequest } from "../door/api-error.ts";
import type { Fields, Place } from "../door/fields.ts";
import { jsonObjectText } from "../door/tool-arguments.ts";
import type { ChatMessage, ToolCall } from "../protocol/chat.ts";
import { customArguments } from "./custom-input.ts";
import { MAX_ITEMS } from "./limits.ts";
import { thoughtsOf } from "./thoughts.ts";

/** Finds an item of a stored response. */
export type FindItem = (id: Place) => Place | undefined;

export class Conversation {
  readonly messages: ChatMessage[] = [];
  readonly #findItem: FindItem;
  #turn: Turn | undefined;
  /** By call: which tool it called. */
  readonly #toolOf = new Map<string, string>();

  constructor(findItem: FindItem) {
    this.#findItem = findItem;
  }

  addUserText(content: string): void {
    this.#say({ role: "user", content, name: undefined });
  }

  add(item: Place): void {
    const fields = item.fields();
    const type = fields.string("type") ?? "message";
    fields.pass("id", "status", "internal_chat_message_metadata_passthrough");
    switch (type) {
      case "message":
        this.#message(fields);
        break;
      case "reasoning":
        this.#think(thoughtsOf(fields));
        break;
      case "function_call":
        this.#call(fields, jsonObjectText(fields.string("arguments") ?? ""));
        break;
      case "custom_tool_call":
        this.#call(fields, customArguments(fields.string("input") ?? ""));
        break;
      case "function_call_output":
      case "custom_tool_call_output":
        this.#result(fields);
        break;
      case "item_reference":
        this.#refer(fields.required("id"));
        break;
      default:
        item.ignore(type.slice(0, 64));
        return;
    }
    fields.close();
  }

  /** Ends the last turn. */
  end(): void {
    if (this.#turn) this.messages.push(messageOf(this.#turn));
    this.#turn = undefined;
  }

  #message(fields: Fields): void {
    fields.required("role");
    const role = fields.oneOf("role", ["user", "assistant", "system", "developer"]) ?? "user";
    fields.pass("phase");
    const content = textOf(fields.required("content"));
    if (role === "assistant") this.#answer(content);
    else this.#say({ role, content, name: undefined });
  }

  #answer(text: string): void {
    this.#openTurn((open) => open.text === undefined && open.calls.length === 0).text = text;
  }

  #think(reasoning: string): void {
    if (reasoning === "") return;
    const turn = this.#openTurn((open) => open.text === undefined && open.calls.length === 0);
    turn.reasoning += reasoning;
  }

  #call(fields: Fields, args: string): void {
    const id = fields.required("call_id").string();
    const name = fields.required("name").string();
    fields.pass("namespace", "caller");
    this.#toolOf.set(id, name);
    this.#openTurn(() => true).calls.push({ id, name, arguments: args });
  }

  #result(fields: Fields): void {
    const toolCallId = fields.required("call_id").string();
    const content = textOf(fields.required("output"));
    fields.pass("name", "caller");
    this.#say({ role: "tool", content, name: this.#toolOf.get(toolCallId), toolCallId });
  }

  #refer(id: Place): void {
    const item = this.#findItem(id);
    if (!item) throw itemNotFound(id);
    this.add(item);
  }

  #say(message: ChatMessage): void {
    this.end();
    this.messages.push(message);
  }

  /** The assistant's turn, another one where the open one is past what is to come. */
  #openTurn(takes: (turn: Turn) => boolean): Turn {
    if (this.#turn && !takes(this.#turn)) this.end();
    this.#turn ??= { reasoning: "", text: undefined, calls: [] };
    return this.#turn;
  }
}

/** An assistant's turn that grows. */
interface Turn {
  reasoning: string;
  text: string | undefined;
  readonly calls: ToolCall[];
}

function messageOf({ reasoning, text = "", calls }: Turn): ChatMessage {
  return {
    role: "assistant",
    content: text,
    name: undefined,
    ...(reasoning !== "" && { reasoning }),
    ...(calls.length > 0 && { toolCalls: calls }),
  };
}

/** Text of a string, or of a list of text parts. */
function textOf(content: Place): string {
  if (content.isString) return content.string();
  const parts = content.list(MAX_ITEMS, "must be a string or a list of text parts");
  return parts.map((part) => partText(part.fields())).join("\n");
}

function partText(part: Fields): string {
  const type = part.required("type");
  part.pass("annotations", "logprobs", "prompt_cache_breakpoint");
  const text = () => {
    const key = type.value === "refusal" ? "refusal" : "text";
    const value = part.required(key).string();
    part.close();
    return value;
  };
  switch (type.string()) {
    case "input_text":
    case "output_text":
    case "text":
    case "refusal":
      return text();
    default:
      throw type.wrong("must be input_text, output_text or refusal: this server reads text alone");
  }
}

function itemNotFound({ value, path }: Place): ApiError {
  const id = String(value).slice(0, 100);
  return invalidRequest(
    "item_not_found",
    `'${path}': there is no stored item '${id}'; send the item itself.`,
    path,
  );
}
