// Who gets a request: a cost for each candidate, and the choice of the cheapest. Pure functions; what they
// need to know is in the candidates, and randomness is handed in.
//
//   kv            time until the first token, by each worker's measured speed: tokens to compute and queued ones
//   kv-blocks     Dynamo's cost: overlap-score-weight * prefill blocks + decode blocks
//   kv-load       share of the worker's KV blocks in use, as it says itself
//   least-loaded  prompt tokens that are queued; blind to who holds what
//   random        all alike
//   round-robin   one after the other

import { assert, unreachable } from "../base/assert.ts";
import type { WorkerLoad } from "./active-load.ts";

export type RoutingPolicy =
  | "kv"
  | "kv-blocks"
  | "kv-load"
  | "least-loaded"
  | "random"
  | "round-robin";

/** A worker, and what the request would mean to it. */
export interface Candidate<W> {
  readonly worker: W;
  /** Leading blocks of the prompt that it holds. */
  readonly overlapBlocks: number;
  /** Tokens of the prompt that it would compute. */
  readonly newTokens: number;
  /** Blocks that the request would add to its active ones. */
  readonly newBlocks: number;
  readonly load: WorkerLoad;
  /** Tokens of the prompts before this one that it has yet to compute. */
  readonly queuedTokens: number;
  /** What it takes for a token of a prompt. */
  readonly msPerToken: number;
  /** Share of its KV blocks in use, by its last metrics; 0 before the first. */
  readonly cacheUsage: number;
}

export interface SelectorOptions {
  /** Price of a block to prefill, in blocks that are decoded (`kv-blocks`); a factor to ours of new tokens (`kv`). */
  readonly overlapScoreWeight: number;
  /** 0 takes the cheapest; the higher, the more evenly all are taken. */
  readonly temperature: number;
  readonly blockSize: number;
  /** In [0, 1). */
  readonly random: () => number;
}

/** What `policy` says that each candidate costs, in its own unit. `turn` counts the requests (`round-robin`). */
export function costsOf<W>(
  policy: RoutingPolicy,
  candidates: readonly Candidate<W>[],
  options: Pick<SelectorOptions, "overlapScoreWeight" | "blockSize">,
  turn: number,
): number[] {
  const { overlapScoreWeight, blockSize } = options;
  switch (policy) {
    case "kv":
      return candidates.map((candidate) => costInMs(candidate, overlapScoreWeight));
    case "kv-blocks":
      // lib/llm/src/kv_router/scheduler.rs: the queued tokens count as prefill blocks, too.
      return candidates.map(
        ({ newTokens, newBlocks, load }) =>
          (overlapScoreWeight * (newTokens + load.prefillTokens)) / blockSize +
          (newBlocks + load.activeBlocks),
      );
    case "kv-load":
      return candidates.map((c) => c.cacheUsage);
    case "least-loaded":
      return candidates.map((c) => c.load.prefillTokens);
    case "random":
      return candidates.map(() => 0);
    case "round-robin": {
      const { length } = candidates;
      return candidates.map((_, i) => (i + length - (turn % length)) % length);
    }
    default:
      return unreachable(policy);
  }
}

/**
 * What a token to compute again counts for beside one that is queued. Waiting is felt once, by this request.
 * Computing what another worker holds is felt by all that come behind it, and its blocks push others out of
 * a cache. On Mooncake's conversations 1 reuses 0.22 of the tokens, 4 0.25, 8 hardly more and less evenly.
 */
const RECOMPUTE_PRICE = 4;
/** Tokens that an active block counts for: little, but decoding slows prompts down, and it settles ties. */
const ACTIVE_BLOCK_PRICE = 0.1;

/** Predicted time until the first token, with what the choice costs those who come later. */
function costInMs<W>(candidate: Candidate<W>, overlapScoreWeight: number): number {
  const { newTokens, queuedTokens, load, msPerToken } = candidate;
  const newCost = RECOMPUTE_PRICE * overlapScoreWeight * newTokens;
  return msPerToken * (newCost + queuedTokens + ACTIVE_BLOCK_PRICE * load.activeBlocks);
}

/** The index of the choice by these costs: with temperature 0 one of the cheapest, at random. */
export function chooseByCost(
  costs: readonly number[],
  { temperature, random }: Pick<SelectorOptions, "temperature" | "random">,
): number {
  assert(costs.length > 0, "a worker is chosen from none");
  const least = Math.min(...costs);
  const spread = Math.max(...costs) - least;
  const isFlat = spread === 0;
  // Dynamo's softmax: of costs that are divided by their spread and negated, over the temperature.
  const weights = costs.map((cost) => {
    if (isFlat || cost === least) return 1;
    return temperature === 0 ? 0 : Math.exp(-(cost - least) / spread / temperature);
  });
  const sum = weights.reduce((total, weight) => total + weight, 0);
  let left = random() * sum;
  for (const [i, weight] of weights.entries()) {
    left -= weight;
    if (left < 0) return i;
  }
  return weights.findLastIndex((weight) => weight > 0); // Rounding has left a crumb.
}
