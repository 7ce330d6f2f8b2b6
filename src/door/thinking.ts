// A client's wishes for thoughts, as variables of the model's chat template.

interface Thinking {
  readonly isOn?: boolean | undefined;
  readonly effort?: string | undefined;
}

/**
 * `enable_thinking` is what Qwen's templates ask for, `thinking` DeepSeek's and Granite's, `reasoning_effort` gpt-oss's.
 * An effort alone says that the model thinks, but for `none`. Without a word, the template decides.
 */
export function thinkingVariables({ effort, isOn }: Thinking): Readonly<Record<string, unknown>> {
  const on = isOn ?? (effort === undefined ? undefined : effort !== "none");
  return {
    ...(effort !== undefined && { reasoning_effort: effort }),
    ...(on !== undefined && { enable_thinking: on, thinking: on }),
  };
}
