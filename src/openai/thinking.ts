// A client's wishes for thoughts, as variables of the model's chat template.

import { invalidRequest } from "../door/api-error.ts";

export const EFFORTS = ["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const;

export interface GivenThinking {
  readonly chat_template_kwargs?: Readonly<Record<string, unknown>> | undefined;
  readonly enable_thinking?: boolean | undefined;
  readonly reasoning_effort?: (typeof EFFORTS)[number] | undefined;
}

/** Variables that the server sets itself. */
const OWN: ReadonlySet<string> = new Set([
  ...["messages", "tools", "documents", "add_generation_prompt", "continue_final_message"],
  ...["bos_token", "eos_token", "chat_template", "tokenize", "raise_exception", "strftime_now"],
]);

/**
 * `enable_thinking` is what Qwen's templates ask for, `thinking` DeepSeek's and Granite's, `reasoning_effort` gpt-oss's.
 * The closer word wins: `chat_template_kwargs`, then `enable_thinking`, then `reasoning_effort`.
 */
export function templateVariables(given: GivenThinking): Readonly<Record<string, unknown>> {
  const { chat_template_kwargs: variables = {}, reasoning_effort: effort } = given;
  for (const name of Object.keys(variables)) {
    if (!OWN.has(name)) continue;
    const param = `chat_template_kwargs.${name}`;
    throw invalidRequest("invalid_value", `'${param}' is set by the server; leave it out.`, param);
  }
  const isOn = given.enable_thinking ?? (effort === undefined ? undefined : effort !== "none");
  return {
    ...(effort !== undefined && { reasoning_effort: effort }),
    ...(isOn !== undefined && { enable_thinking: isOn, thinking: isOn }),
    ...variables,
  };
}
