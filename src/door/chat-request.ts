// Values of a chat for what an API's request does not say, or cannot.

import type { ChatCompletionRequest } from "../protocol/chat.ts";

type Given = "tenant" | "model" | "messages";

/** A chat of one choice. `undefined` in `fields` is as absent. */
export function chatRequest(
  fields: Pick<ChatCompletionRequest, Given> & Partial<ChatCompletionRequest>,
): ChatCompletionRequest {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return { ...DEFAULTS, ...(Object.fromEntries(given) as typeof fields) };
}

const DEFAULTS = {
  n: 1,
  stream: false,
  includeUsage: true,
  seed: undefined,
  maxTokens: undefined,
  minTokens: 0,
  ignoreEos: false,
  backendInstanceId: undefined,
  annotations: [],
  stop: [],
  useRawPrompt: false,
  tools: [],
  toolChoice: "auto",
  parallelToolCalls: true,
  templateVariables: {},
} as const;
