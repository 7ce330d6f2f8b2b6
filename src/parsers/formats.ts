// The formats by the names that vLLM gives them, and how a chat template tells which one its model writes.

import { harmonyCalls, harmonyThoughts } from "./harmony.ts";
import { hermes } from "./hermes.ts";
import { llama3Json } from "./llama3-json.ts";
import { mistral } from "./mistral.ts";
import { pythonic } from "./pythonic.ts";
import { qwen3Coder } from "./qwen3-coder.ts";
import { deepseekR1, qwen3, type ReasoningFormat } from "./reasoning.ts";
import type { ToolFormat } from "./tool-parser.ts";

export const TOOL_FORMATS = {
  hermes,
  qwen3_coder: qwen3Coder,
  llama3_json: llama3Json,
  mistral,
  pythonic,
  openai: harmonyCalls,
} as const satisfies Readonly<Record<string, ToolFormat>>;

export const REASONING_FORMATS = {
  deepseek_r1: deepseekR1,
  qwen3,
  openai_gptoss: harmonyThoughts,
} as const satisfies Readonly<Record<string, ReasoningFormat>>;

export type ToolFormatName = keyof typeof TOOL_FORMATS;
export type ReasoningFormatName = keyof typeof REASONING_FORMATS;

/** Signs in a template that shows its model calls. The first that fits. */
const TOOL_SIGNS: readonly (readonly [RegExp, ToolFormatName])[] = [
  [/<\|channel\|>commentary/, "openai"],
  [/<function=/, "qwen3_coder"],
  [/<tool_call>/, "hermes"],
  [/\[TOOL_CALLS\]/, "mistral"],
  [/\[func_name1\(/, "pythonic"],
  [/<\|python_tag\|>|"name": function name, "parameters"/, "llama3_json"],
];

/** Undefined: the template writes no calls, or in a format that is not known here. */
export function toolFormatOf(template: string): ToolFormatName | undefined {
  return TOOL_SIGNS.find(([sign]) => sign.test(template))?.[1];
}

/** Undefined: the template knows no thoughts. */
export function reasoningFormatOf(template: string): ReasoningFormatName | undefined {
  if (template.includes("<|channel|>analysis")) return "openai_gptoss";
  if (!template.includes("</think>")) return undefined;
  return template.includes("<｜Assistant｜>") ? "deepseek_r1" : "qwen3";
}

/** True if a template shows tools to its model. */
export function showsTools(template: string): boolean {
  return /\btools\b/.test(template);
}
