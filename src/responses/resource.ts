// The object that a response is, with every key that OpenAI's clients and the openresponses schema ask for.

import type { AnswerHead } from "../door/generation-route.ts";
import type { Usage } from "../door/tally.ts";
import type { Settings } from "./settings.ts";

export type Status = "in_progress" | "completed" | "incomplete" | "failed" | "cancelled";

export interface ResponseState {
  readonly status: Status;
  readonly output: readonly object[];
  readonly usage?: Usage | undefined;
  readonly error?: { readonly code: string; readonly message: string };
  /** Why it is not complete. */
  readonly reason?: string | undefined;
  /** Seconds since the Unix epoch. */
  readonly completedAt?: number;
}

export function resource(head: AnswerHead, settings: Settings, state: ResponseState): object {
  const { status, output, usage, error, reason, completedAt } = state;
  return {
    id: head.id,
    object: "response",
    created_at: head.created,
    completed_at: status === "completed" ? (completedAt ?? null) : null,
    status,
    background: false,
    error: error ?? null,
    incomplete_details: reason === undefined ? null : { reason },
    model: head.model,
    output,
    usage: usage === undefined ? null : usageOf(usage),
    ...repeated(settings),
  };
}

/** Settings that the request named, or those taken where it named none. */
function repeated(settings: Settings): object {
  const { tools, effort = null, summary = null, verbosity = "medium" } = settings;
  return {
    instructions: settings.instructions ?? null,
    previous_response_id: settings.previousId ?? null,
    max_output_tokens: settings.maxOutputTokens ?? null,
    max_tool_calls: null,
    metadata: settings.metadata,
    parallel_tool_calls: settings.parallelToolCalls,
    temperature: settings.temperature ?? 1,
    top_p: settings.topP ?? 1,
    top_logprobs: 0,
    presence_penalty: 0,
    frequency_penalty: 0,
    reasoning: { effort, summary },
    safety_identifier: settings.safetyIdentifier ?? null,
    prompt_cache_key: settings.promptCacheKey ?? null,
    service_tier: "default",
    store: settings.store,
    text: { format: settings.format, verbosity },
    tool_choice: tools.echoChoice,
    tools: tools.echo,
    truncation: "disabled",
  };
}

function usageOf(usage: Usage): object {
  return {
    input_tokens: usage.prompt_tokens,
    input_tokens_details: { cached_tokens: usage.prompt_tokens_details.cached_tokens },
    output_tokens: usage.completion_tokens,
    output_tokens_details: { reasoning_tokens: usage.completion_tokens_details.reasoning_tokens },
    total_tokens: usage.total_tokens,
  };
}
