// The tools of a chat. A schema is shown to the model as it came; only that of a strict tool is judged.

import * as v from "valibot";

import { invalidRequest } from "../door/api-error.ts";
import { harmless, passedOver, schemasOf, works } from "../door/field-policy.ts";
import { isFields, missing, parseFields } from "../door/parse-fields.ts";
import { strictSchema, toolsFor } from "../door/tool-schema.ts";
import type { ChatCompletionRequest, ToolChoice, ToolDefinition } from "../protocol/chat.ts";
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

const namedFunction = v.object({ name: v.string("must be a string") }, "must be an object");

const allowedTools = v.object(
  {
    mode: v.picklist(["auto", "required"], "must be auto or required"),
    tools: v.array(
      v.object(
        { name: v.nullish(v.string("must be a string")), function: v.nullish(namedFunction) },
        "must be an object",
      ),
      "must be a list of tools",
    ),
  },
  "must be an object",
);

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

/** Throws for choices of tools that are not there. */
export function readTools(given: GivenTools): ReadTools {
  const ignored = new Set<string>();
  const isLegacy = given.tools === undefined && given.functions !== undefined;
  const all = isLegacy
    ? functionsOf(given.functions ?? [], "functions", ignored)
    : toolsOf(given.tools ?? [], ignored);
  const param = isLegacy ? "function_call" : "tool_choice";
  const { toolChoice, allowed } = choiceOf(given[param], param);
  const list = allowed ? all.filter(({ name }) => allowed.has(name)) : all;
  checkChoice(toolChoice, list, param);
  return {
    tools: toolsFor(toolChoice, list),
    toolChoice,
    parallelToolCalls: !isLegacy && (given.parallel_tool_calls ?? true),
    style: isLegacy ? "function_call" : "tool_calls",
    ignored: [...ignored],
  };
}

interface Choice {
  readonly toolChoice: ToolChoice;
  /** Names of the tools that are shown; all of them if it is absent. */
  readonly allowed?: ReadonlySet<string>;
}

function choiceOf(choice: unknown, param: string): Choice {
  if (choice === undefined || choice === "auto") return { toolChoice: "auto" };
  if (choice === "none" || choice === "required") return { toolChoice: choice };
  const { type = "function", ...given } = isFields(choice) ? choice : {};
  if (type === "allowed_tools") return allowedOf(given["allowed_tools"], `${param}.allowed_tools`);
  if (type !== "function") {
    const message = `'${param}.type' must be "function" or "allowed_tools".`;
    throw invalidRequest("invalid_value", message, `${param}.type`);
  }
  const at = param === "tool_choice" ? `${param}.function` : param;
  const { name } = parseFields(
    namedFunction,
    param === "tool_choice" ? given["function"] : given,
    at,
  );
  return { toolChoice: { name } };
}

function allowedOf(given: unknown, at: string): Choice {
  const { mode, tools: list } = parseFields(allowedTools, given, at);
  return {
    toolChoice: mode,
    allowed: new Set(list.flatMap((tool) => tool.function?.name ?? tool.name ?? [])),
  };
}

/** A call can be forced only of a tool that is there. */
function checkChoice(choice: ToolChoice, tools: readonly ToolDefinition[], param: string): void {
  if (choice === "auto" || choice === "none") return;
  const isThere =
    choice === "required" ? tools.length > 0 : tools.some(({ name }) => name === choice.name);
  if (isThere) return;
  const message =
    choice === "required"
      ? `'${param}' asks for a call, and there is no tool to call; send 'tools'.`
      : `'${param}' names a tool that is not in 'tools'.`;
  throw invalidRequest("invalid_value", message, param);
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
  if (isFields(given)) {
    for (const field of passedOver(given, FUNCTION_FIELDS))
      ignored.add(`${at.replace(/\[\d+\]/, "[]")}.${field}`);
  }
  return {
    ...{ name, description: description ?? undefined, parameters: parameters ?? undefined },
    ...(strict && strictSchema(parameters, `${at}.parameters`)),
  };
}
