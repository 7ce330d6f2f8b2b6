// From what a client asked for to what the engine needs: the model's defaults, then OpenAI's.

import type { GenerationRequest } from "../../protocol/chat.ts";
import type { SamplingOptions, StopConditions } from "../../protocol/llm.ts";
import { type GenerationDefaults, samplingValues } from "../../sampling/options.ts";

export function samplingOf(
  request: GenerationRequest,
  defaults: GenerationDefaults,
  seed: bigint,
): SamplingOptions {
  return { ...samplingValues(request, defaults), seed };
}

export function stopOf(
  request: GenerationRequest,
  model: {
    readonly eosTokenIds: readonly number[];
    /** Default for a request that does not say. */
    readonly maxTokens: number;
    /** No request gets more than this, but for its `minTokens`. */
    readonly room?: number;
  },
): StopConditions {
  const asked = request.maxTokens ?? model.maxTokens;
  const { room = Infinity } = model;
  const isLowered = request.maxTokens === undefined || asked > room;
  const maxTokens = Math.min(asked, room);
  return {
    maxTokens: isLowered ? Math.max(maxTokens, request.minTokens) : maxTokens,
    minTokens: request.minTokens,
    stopTokenIds: [
      ...new Set([
        ...(request.ignoreEos ? [] : model.eosTokenIds),
        ...(request.stopTokenIds ?? []),
      ]),
    ],
  };
}

/**
 * The seed of one choice of a prompt: the first keeps `seed`, so that it is what a request without `n` gets. The
 * others have a hash, so that they are no other seed's first choice, as `seed + choice` would be.
 */
export function seedOfChoice(seed: bigint, choice: number): bigint {
  return choice === 0 ? seed : Bun.hash.xxHash3(BigUint64Array.of(seed, BigInt(choice)));
}

/** For a prompt of a request that names no seed. */
export function randomSeed(): bigint {
  return BigInt(Math.floor(Math.random() * 2 ** 53));
}
