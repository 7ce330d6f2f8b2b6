// From what a client asked for to what the engine needs: the model's defaults, then OpenAI's.

import type { GenerationDefaults } from "../model/model-files.ts";
import type { GenerationRequest } from "../openai/schema.ts";
import type { SamplingOptions, StopConditions } from "../protocol/llm.ts";

/** `choice` sets the seeds of a request's choices apart; the first has the seed that was asked for. */
export function samplingOf(
  request: GenerationRequest,
  defaults: GenerationDefaults,
  choice: { readonly index: number; readonly seed: number },
): SamplingOptions {
  return {
    temperature: request.temperature ?? defaults.temperature ?? 1,
    topP: request.topP ?? defaults.topP ?? 1,
    topK: request.topK ?? defaults.topK ?? 0,
    minP: request.minP ?? 0,
    seed: seedOf(choice),
    presencePenalty: request.presencePenalty,
    frequencyPenalty: request.frequencyPenalty,
    repetitionPenalty: request.repetitionPenalty ?? defaults.repetitionPenalty ?? 1,
  };
}

export function stopOf(
  request: GenerationRequest,
  model: { readonly eosTokenIds: readonly number[]; readonly maxTokens: number },
): StopConditions {
  return {
    maxTokens: request.maxTokens ?? Math.max(model.maxTokens, request.minTokens),
    minTokens: request.minTokens,
    stopTokenIds: request.ignoreEos ? [] : model.eosTokenIds,
  };
}

/** Wraps within the safe integers, so that no two choices of a request share a seed. */
function seedOf({ index, seed }: { readonly index: number; readonly seed: number }): number {
  const sum = seed + index;
  return Number.isSafeInteger(sum) ? sum : Number.MIN_SAFE_INTEGER + index;
}

/** For a request that names no seed. */
export function randomSeed(): number {
  return Math.floor(Math.random() * 2 ** 53);
}
