// Chooses where each request goes, and remembers what that leaves: the brain of the Router service and of
// the trace replay, which both only carry messages to it.
//
//     events, snapshots --> indexer --overlaps--+
//     bookings ----------> active load ---------+--> candidates --policy--> choice --> booking
//     metrics ----------------------------------+
//
// Everything is decided in one synchronous run, so no other request sees the same state.

import { verifying } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import type { KvEvent, KvSnapshot, StoredBlock } from "../protocol/kv-event.ts";
import type { ForwardPassMetrics } from "../protocol/metrics.ts";
import { ActiveLoad, type Booking, type WorkerLoad } from "./active-load.ts";
import { ApproxIndexer } from "./approx-indexer.ts";
import { KvIndexer } from "./kv-indexer.ts";
import { Sessions } from "./sessions.ts";
import {
  type Candidate,
  chooseByCost,
  costsOf,
  type RoutingPolicy,
  stayingWith,
} from "./worker-selector.ts";

/** Source of overlaps: what workers tell, or what they were sent of late. */
export type OverlapSource = "events" | "recent requests";

export interface KvRouterOptions {
  /** Tokens per KV block, as the workers have it: else no prefix ever matches. */
  readonly blockSize: number;
  readonly clock: Pick<Clock, "now">;
  /** In [0, 1). */
  readonly random: () => number;
}

/** May differ from request to request: all of it can be changed while serving. */
export interface RoutingRule {
  readonly policy: RoutingPolicy;
  readonly overlapSource: OverlapSource;
  readonly overlapScoreWeight: number;
  readonly temperature: number;
}

export interface RoutedPrompt {
  readonly numTokens: number;
  /** Its full blocks, by `extendChain`. */
  readonly chain: readonly StoredBlock[];
  /** The conversation that it belongs to, as its client names it. */
  readonly session?: string | undefined;
}

export interface Routing<W> {
  readonly worker: W;
  /** Leading blocks of the prompt that the worker holds. */
  readonly overlapBlocks: number;
  /** To be told of the first token and of the end. */
  readonly booking: Booking;
  /** All that were weighed, in the caller's order, with their costs in the policy's own unit. */
  readonly considered: readonly (Candidate<W> & { readonly cost: number })[];
}

export class KvRouter<W> {
  readonly #blockSize: number;
  readonly #random: () => number;
  readonly #indexer = new KvIndexer<W>();
  readonly #recent: ApproxIndexer<W>;
  readonly #load: ActiveLoad<W>;
  readonly #cacheUsage = new Map<W, number>();
  readonly #sessions = new Sessions<W>();
  #turn = 0;

  constructor({ blockSize, clock, random }: KvRouterOptions) {
    this.#blockSize = blockSize;
    this.#random = random;
    this.#recent = new ApproxIndexer(clock);
    this.#load = new ActiveLoad(clock);
  }

  /** "gap" as long as a snapshot of the worker is wanted. */
  apply(worker: W, event: KvEvent): "applied" | "gap" {
    return this.#indexer.apply(worker, event);
  }

  applySnapshot(worker: W, snapshot: KvSnapshot): void {
    this.#indexer.applySnapshot(worker, snapshot);
  }

  observe(worker: W, { kvStats }: ForwardPassMetrics): void {
    this.#cacheUsage.set(worker, kvStats.cacheUsage);
  }

  /** The worker is gone, and all that is known of it. */
  removeWorker(worker: W): void {
    this.#indexer.removeWorker(worker);
    this.#recent.removeWorker(worker);
    this.#load.removeWorker(worker);
    this.#cacheUsage.delete(worker);
  }

  loadOf(worker: W): WorkerLoad {
    return this.#load.of(worker);
  }

  /** Chooses among `workers`, of which there is at least one, and books the request there. */
  route(prompt: RoutedPrompt, workers: readonly W[], rule: RoutingRule): Routing<W> {
    const candidates = this.#candidates(prompt, workers, rule.overlapSource);
    const options = { overlapScoreWeight: rule.overlapScoreWeight, blockSize: this.#blockSize };
    const costs = costsOf(rule.policy, candidates, options, this.#turn++);
    const index = this.#choose(prompt, candidates, costs, rule);
    const considered = candidates.map((candidate, i) => ({
      ...candidate,
      cost: costs[i] as number,
    }));
    const { worker, overlapBlocks, newTokens } = candidates[index] as Candidate<W>;
    if (prompt.session !== undefined) this.#sessions.served(prompt.session, worker);
    if (rule.overlapSource === "recent requests") this.#recent.routed(worker, prompt.chain);
    const numBlocks = Math.ceil(prompt.numTokens / this.#blockSize);
    const load = { chain: prompt.chain, numBlocks, prefillTokens: newTokens };
    const booking = this.#load.book(worker, load);
    if (verifying) this.checkIntegrity();
    return { worker, overlapBlocks, booking, considered };
  }

  #choose(
    { session }: RoutedPrompt,
    candidates: readonly Candidate<W>[],
    costs: readonly number[],
    { temperature }: RoutingRule,
  ): number {
    const own = session === undefined ? undefined : this.#sessions.workerOf(session);
    const staying = own === undefined ? undefined : stayingWith(own, candidates, costs);
    return staying ?? chooseByCost(costs, { temperature, random: this.#random });
  }

  checkIntegrity(): void {
    this.#indexer.checkIntegrity();
    this.#recent.checkIntegrity();
    this.#load.checkIntegrity();
  }

  #candidates(
    { chain, numTokens }: RoutedPrompt,
    workers: readonly W[],
    overlapSource: OverlapSource,
  ): Candidate<W>[] {
    const indexer = overlapSource === "events" ? this.#indexer : this.#recent;
    const overlaps = indexer.overlaps(chain);
    const numBlocks = Math.ceil(numTokens / this.#blockSize);
    const blockMs = this.#load.prefillMs(this.#blockSize);
    return workers.map((worker) => {
      const overlapBlocks = overlaps.get(worker) ?? 0;
      // The last token is always computed: what it predicts is in no cache.
      const newTokens = Math.max(1, numTokens - overlapBlocks * this.#blockSize);
      return {
        worker,
        overlapBlocks,
        newTokens,
        newBlocks: this.#load.newBlocks(worker, chain, numBlocks),
        load: this.#load.of(worker),
        newMs: this.#load.prefillMs(newTokens),
        queuedMs: this.#load.queuedMs(worker),
        blockMs,
        busyShare: this.#load.busyShare(worker),
        cacheUsage: this.#cacheUsage.get(worker) ?? 0,
      };
    });
  }
}
