// The tools of a chat. Under `auto` a schema is shown to the model as it came, and never judged.

import * as v from "valibot";

import { harmless, passedOver, schemasOf, unsupported, works } from "../door/field-policy.ts";
import { isFields, missing, parseFields } from "../door/parse-fields.ts";
import type { ChatCompletionRequest, ToolDefinition } from "../protocol/chat.ts";
import { anyObject, flag } from "./values.ts";

/** An agent with some servers of tools brings a few hundred. */
export const MAX_TOOLS = 1024;
const MAX_NAME_CHARS = 256;

const FUNCTION_FIELDS = {
  name: works(
    "both",
    v.pipe(
      v.string("must be a string"),
      v.minLength(1, "must not be empty"),
      v.maxLength(MAX_NAME_CHARS, `must have at most ${MAX_NAME_CHARS} characters`),
    ),
  ),
  description: works("both", v.nullish(v.string("must be a string"))),
  parameters: works("both", v.nullish(anyObject())),
  strict: works("openai", v.nullish(flag)),
  defer_loading: harmless("vllm"),
  cache_control: harmless("others"),
};

const TOOL_FIELDS = {
  type: works("both", v.string("must be a string")),
  function: works("both", v.object(schemasOf(FUNCTION_FIELDS), "must be an object")),
  defer_loading: harmless("vllm"),
  cache_control: harmless("others"),
};

const functionFields = v.object(schemasOf(FUNCTION_FIELDS), "must be an object");

export const tools = v.array(anyObject(), "must be a list of tools");
export const functions = v.array(anyObject(), "must be a list of functions");

/** A word, or an object that names a tool. */
export const toolChoice = v.union(
  [v.picklist(["none", "auto", "required"]), anyObject()],
  "must be none, auto, required or an object",
);

type ToolFields = Pick<ChatCompletionRequest, "tools" | "toolChoice" | "parallelToolCalls">;

export interface GivenTools {
  readonly tools?: readonly object[] | undefined;
  readonly tool_choice?: unknown;
  readonly parallel_tool_calls?: boolean | undefined;
  readonly functions?: readonly object[] | undefined;
  readonly function_call?: unknown;
}

/** `style`: how calls are told; `ignored`: kinds of tools that are passed over, and fields of tools. */
export interface ReadTools extends ToolFields {
  readonly style: "tool_calls" | "function_call";
  readonly ignored: readonly string[];
}

/** Throws for choices and schemas that are to be forced upon the model: `required`, one name, `strict`. */
export function readTools(given: GivenTools): ReadTools {
  const ignored = new Set<string>();
  const isLegacy = given.tools === undefined && given.functions !== undefined;
  const list = isLegacy
    ? functionsOf(given.functions ?? [], "functions", ignored)
    : toolsOf(given.tools ?? [], ignored);
  return {
    tools: list,
    toolChoice: isLegacy
      ? choiceOf(given.function_call, "function_call")
      : choiceOf(given.tool_choice, "tool_choice"),
    parallelToolCalls: !isLegacy && (given.parallel_tool_calls ?? true),
    style: isLegacy ? "function_call" : "tool_calls",
    ignored: [...ignored],
  };
}

function choiceOf(choice: unknown, param: string): "auto" | "none" {
  if (choice === undefined || choice === "auto") return "auto";
  if (choice === "none") return "none";
  const reason = 'this server cannot force a call yet; send "auto" or "none".';
  throw unsupported(param, reason);
}

/** Kinds other than functions are their provider's, or have no form that is known here. */
function toolsOf(given: readonly object[], ignored: Set<string>): readonly ToolDefinition[] {
  return given.flatMap((tool, index) => {
    if (!isFields(tool)) return [];
    const at = `tools[${index}].`;
    const { type, function: inner } = tool;
    if (type === undefined && inner === undefined) throw missing(`${at}type`);
    if (type !== undefined && type !== "function") {
      parseFields(TOOL_FIELDS.type.schema, type, `${at}type`);
      ignored.add(`tools[].${type}`);
      return [];
    }
    for (const name of passedOver(tool, TOOL_FIELDS, at))
      ignored.add(`tools[].${name.slice(at.length)}`);
    if (inner === undefined) throw missing(`${at}function`);
    return [definitionOf(inner, `${at}function`, ignored)];
  });
}

function functionsOf(given: readonly object[], param: string, ignored: Set<string>) {
  return given.map((one, index) => definitionOf(one, `${param}[${index}]`, ignored));
}

function definitionOf(given: unknown, at: string, ignored: Set<string>): ToolDefinition {
  const { name, description, parameters, strict } = parseFields(functionFields, given, at);
  if (strict) {
    const reason = "this server cannot hold calls to a schema yet; leave it out.";
    throw unsupported(`${at}.strict`, reason);
  }
  if (isFields(given)) {
    for (const field of passedOver(given, FUNCTION_FIELDS))
      ignored.add(`${at.replace(/\[\d+\]/, "[]")}.${field}`);
  }
  return { name, description: description ?? undefined, parameters: parameters ?? undefined };
}
