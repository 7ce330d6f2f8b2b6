// Who gets a request: a cost for each candidate, and the choice of the cheapest. Pure functions; what they
// need to know is in the candidates, and randomness is handed in.
//
//   kv            time until the first token, as measured: to compute what the worker does not hold, and what is queued
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
  /** Time that it takes to compute those tokens. */
  readonly newMs: number;
  /** Time until it has computed the prompts before. */
  readonly queuedMs: number;
  /** Time that it takes to compute a block. */
  readonly blockMs: number;
  /** Share of the last minutes in which it had prompts to compute. */
  readonly busyShare: number;
  /** Share of its KV blocks in use, by its last metrics; 0 before the first. */
  readonly cacheUsage: number;
}

export interface SelectorOptions {
  /** Price of a block to prefill, in blocks that are decoded (`kv-blocks`); a factor to that of time to compute (`kv`). */
  readonly overlapScoreWeight: number;
  /** 0 takes the cheapest; the higher, the more evenly all are taken. */
  readonly temperature: number;
  readonly blockSize: number;
  /** In [0, 1). */
  readonly random: () => number;
}

/** Cost of each candidate by `policy`, in its own unit. `turn` counts the requests (`round-robin`). */
export function costsOf<W>(
  policy: RoutingPolicy,
  candidates: readonly Candidate<W>[],
  options: Pick<SelectorOptions, "overlapScoreWeight" | "blockSize">,
  turn: number,
): number[] {
  const { overlapScoreWeight, blockSize } = options;
  switch (policy) {
    case "kv":
      return costsInMs(candidates, overlapScoreWeight);
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

/** Even where workers do nothing but compute prompts, time to compute counts for no more than so much of a queue. */
const MAX_COMPUTE_PRICE = 20;
/** Share of the time to compute it that an active block counts for: little, but decoding slows prompts down, and it settles ties. */
const ACTIVE_BLOCK_PRICE = 1 / 512;

/**
 * Predicted time until the first token, with what the choice costs those who come later. Waiting is felt once, by this
 * request. To compute what another worker holds is felt by all that come behind until the worker has nothing to do: at
 * workers that are busy a share u of the time, by 1 / (1 - u) in sum.
 */
function costsInMs<W>(candidates: readonly Candidate<W>[], overlapScoreWeight: number): number[] {
  const idleShare = 1 - meanOf(candidates.map(({ busyShare }) => busyShare));
  const price = overlapScoreWeight * Math.min(MAX_COMPUTE_PRICE, 1 / idleShare);
  return candidates.map(
    ({ newMs, queuedMs, blockMs, load }) =>
      price * newMs + queuedMs + ACTIVE_BLOCK_PRICE * blockMs * load.activeBlocks,
  );
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** A session stays at its worker for a cost that is this much above the least. */
const SESSION_MARGIN = 0.1;

/** The index of the session's own worker, unless its cost says otherwise; undefined leaves the choice to the costs. */
export function stayingWith<W>(
  worker: W,
  candidates: readonly Candidate<W>[],
  costs: readonly number[],
): number | undefined {
  const index = candidates.findIndex((candidate) => candidate.worker === worker);
  const cost = costs[index];
  if (cost === undefined) return undefined;
  return cost <= (1 + SESSION_MARGIN) * Math.min(...costs) ? index : undefined;
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
