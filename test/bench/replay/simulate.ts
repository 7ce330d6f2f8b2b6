// A replay in virtual time: real schedulers and block managers, one pair for each worker, whose steps
// take what the mocked engine says; the router that the Router service has; and no clock but the next
// event. Nothing waits and nothing is random but by the seed, so a run is repeatable to the last digit.
//
//     arrival --route--> waiting --step--> first token --step--> ... --> end
//
// Steps take chunks of prompts up to the token budget, as in Dynamo's mocker. The engine's own pacer
// keeps a step short for those who decode beside a prompt; with 26 ms for each step that prefills, that
// halves what a worker can prefill.

import { assert } from "../../../src/base/assert.ts";
import { withoutOverloaded } from "../../../src/components/router/imbalance.ts";
import { BlockManager } from "../../../src/engine/block-manager.ts";
import { MOCK_DEFAULTS, mockStepMs, prefillMs } from "../../../src/engine/mock-runner.ts";
import { Scheduler } from "../../../src/engine/scheduler.ts";
import type { Pacer, SchedulerOutput } from "../../../src/engine/scheduler-types.ts";
import { Sequence } from "../../../src/engine/sequence.ts";
import { createStepBatch } from "../../../src/engine/step-batch.ts";
import type { Booking } from "../../../src/kv/active-load.ts";
import { extendChain } from "../../../src/kv/block-hash.ts";
import { KvRouter, type RoutingRule } from "../../../src/kv/kv-router.ts";
import type { StoredBlock } from "../../../src/protocol/kv-event.ts";
import { GREEDY } from "../../engine/requests.ts";
import { seededRandom } from "../../seeded-random.ts";
import { type TraceRequest, tokenIdsOf } from "./trace.ts";

export interface ReplayOptions {
  readonly numWorkers: number;
  /** How many times faster than recorded requests arrive. */
  readonly speed: number;
  readonly rule: RoutingRule;
  readonly seed: number;
  readonly timing: Timing;
}

/**
 * `mocker`: Dynamo's mocker, which takes the time of each chunk of a prompt by itself, so that one of 100,000 tokens costs
 * less for being cut, and a decode in every step.
 *
 * `prefill`: the same formula over what is new of a whole prompt, however it is cut, and nothing decoded. It is what a
 * router can do about: where to compute which prompt, without KV blocks that are scarce because answers are slow.
 */
export const TIMINGS = ["mocker", "prefill"] as const;
export type Timing = (typeof TIMINGS)[number];

export interface Replay {
  /** One for each request, in the order of their arrival. */
  readonly requests: readonly ReplayedRequest[];
  readonly workers: readonly ReplayedWorker[];
  /** From the first arrival to the last token. */
  readonly totalMs: number;
}

export interface ReplayedRequest {
  readonly arrivedAt: number;
  readonly firstTokenAt: number;
  readonly endedAt: number;
  readonly numPromptTokens: number;
  readonly numCachedTokens: number;
}

export interface ReplayedWorker {
  readonly numRequests: number;
  /** Prompt tokens that were sent to it, and those that it computed. */
  readonly promptTokens: number;
  readonly computedTokens: number;
  readonly busyMs: number;
  readonly numPreemptions: number;
}

export function simulate(trace: readonly TraceRequest[], options: ReplayOptions): Replay {
  return new Simulation(trace, options).run();
}

const LIMITS = {
  ...MOCK_DEFAULTS,
  firstBlock: 0,
  maxModelLen: MOCK_DEFAULTS.numBlocks * MOCK_DEFAULTS.blockSize,
  vocabSize: 2 ** 31 - 1,
};
/** No hash id: what is generated is no part of a later prompt. */
const GENERATED_TOKEN_ID = 2 ** 31 - 1;
const RESULTS = createStepBatch({
  ...LIMITS,
  ...{ maxNumBatchedTokens: 1, maxModelLen: 1, vocabSize: 1 },
});
RESULTS.sampledIds.fill(GENERATED_TOKEN_ID);

/** The default of `Router.imbalance-limit`. */
const IMBALANCE_LIMIT = 8;

const BUDGET_ALONE: Pacer = {
  maxPrefillTokens: () => LIMITS.maxNumBatchedTokens,
  observe: () => {},
  decodeMs: undefined,
};

class Simulation {
  readonly #trace: readonly TraceRequest[];
  readonly #options: ReplayOptions;
  readonly #router: KvRouter<number>;
  readonly #workers: SimulatedWorker[];
  readonly #workerIds: readonly number[];
  readonly #replayed: ReplayedRequest[] = [];
  #now = 0;
  #numArrived = 0;

  constructor(trace: readonly TraceRequest[], options: ReplayOptions) {
    this.#trace = trace;
    this.#options = options;
    const clock = { now: () => this.#now };
    const random = seededRandom(options.seed);
    this.#router = new KvRouter({ blockSize: LIMITS.blockSize, clock, random });
    this.#workerIds = Array.from({ length: options.numWorkers }, (_, i) => i);
    this.#workers = this.#workerIds.map(
      (id) => new SimulatedWorker(id, this.#router, this.#replayed, options.timing),
    );
  }

  run(): Replay {
    for (;;) {
      const arrival = this.#nextArrival();
      const worker = this.#nextToEnd();
      if (arrival === undefined && worker === undefined) break;
      if (worker === undefined || (arrival !== undefined && arrival < worker.stepEndsAt)) {
        this.#now = arrival as number;
        this.#arrive();
      } else {
        this.#now = worker.stepEndsAt;
        worker.endStep(this.#now);
        worker.startStep(this.#now);
      }
    }
    this.#router.checkIntegrity();
    for (const id of this.#workerIds) {
      this.#workers[id]?.checkIntegrity();
      assert(this.#router.loadOf(id).numRequests === 0, "a booking is left behind");
    }
    const workers = this.#workers.map((worker) => worker.result());
    return { requests: this.#replayed, workers, totalMs: this.#now };
  }

  #nextArrival(): number | undefined {
    const request = this.#trace[this.#numArrived];
    return request === undefined ? undefined : request.arrivesAt / this.#options.speed;
  }

  #nextToEnd(): SimulatedWorker | undefined {
    let next: SimulatedWorker | undefined;
    for (const worker of this.#workers) {
      if (worker.stepEndsAt < (next?.stepEndsAt ?? Number.POSITIVE_INFINITY)) next = worker;
    }
    return next;
  }

  /** As the Router service has them; what a processor chooses by itself knows no load. */
  #candidates(): readonly number[] {
    const { policy } = this.#options.rule;
    if (policy === "random" || policy === "round-robin") return this.#workerIds;
    const numRequests = (id: number) => this.#router.loadOf(id).numRequests;
    return withoutOverloaded(this.#workerIds, numRequests, IMBALANCE_LIMIT);
  }

  #arrive(): void {
    const index = this.#numArrived++;
    const request = this.#trace[index] as TraceRequest;
    const tokenIds = tokenIdsOf(request);
    const chain: StoredBlock[] = [];
    extendChain(chain, tokenIds, { blockSize: LIMITS.blockSize });
    const prompt = { chain, numTokens: tokenIds.length };
    const routing = this.#router.route(prompt, this.#candidates(), this.#options.rule);
    const maxTokens = this.#options.timing === "prefill" ? 1 : Math.max(1, request.numOutputTokens);
    const sequence = new Sequence(
      {
        tenant: 1,
        tokenIds,
        sampling: GREEDY,
        stop: { maxTokens, minTokens: 0, stopTokenIds: [] },
      },
      this.#now,
    );
    sequence.table.chain.push(...chain); // Not to be hashed again.
    this.#workers[routing.worker]?.add({ index, sequence, booking: routing.booking }, this.#now);
  }
}

interface RunningRequest {
  readonly index: number;
  readonly sequence: Sequence;
  readonly booking: Booking;
  firstTokenAt?: number;
}

class SimulatedWorker {
  /** Infinity while there is nothing to do. */
  stepEndsAt = Number.POSITIVE_INFINITY;

  readonly #id: number;
  readonly #router: KvRouter<number>;
  readonly #replayed: ReplayedRequest[];
  readonly #timing: Timing;
  readonly #blocks: BlockManager;
  readonly #scheduler: Scheduler;
  readonly #running = new Map<Sequence, RunningRequest>();
  #output: SchedulerOutput | undefined;
  #stepMs = 0;
  #result = { numRequests: 0, promptTokens: 0, computedTokens: 0, busyMs: 0 };

  constructor(id: number, router: KvRouter<number>, replayed: ReplayedRequest[], timing: Timing) {
    this.#id = id;
    this.#router = router;
    this.#replayed = replayed;
    this.#blocks = new BlockManager({
      ...LIMITS,
      enablePrefixCaching: true,
      onKvEvent: (event) => assert(router.apply(id, event) === "applied", "an event is lost"),
    });
    this.#timing = timing;
    this.#scheduler = new Scheduler(LIMITS, this.#blocks, { pacer: BUDGET_ALONE });
  }

  add(request: RunningRequest, now: number): void {
    this.#running.set(request.sequence, request);
    this.#scheduler.add(request.sequence);
    this.#result.numRequests += 1;
    this.#result.promptTokens += request.sequence.numPromptTokens;
    if (this.#output === undefined) this.startStep(now);
  }

  startStep(now: number): void {
    if (this.#scheduler.numUnfinished === 0) return;
    this.#output = this.#scheduler.schedule(now);
    this.#stepMs =
      this.#timing === "prefill"
        ? newPrefillMs(this.#output)
        : mockStepMs(chunksOf(this.#output), this.#blocks.numUsedBlocks / LIMITS.numBlocks);
    this.stepEndsAt = now + this.#stepMs;
  }

  endStep(now: number): void {
    assert(this.#output !== undefined, "a step ends that did not start");
    this.#result.busyMs += this.#stepMs;
    for (const { numScheduledTokens } of this.#output.sequences) {
      if (numScheduledTokens > 1) this.#result.computedTokens += numScheduledTokens;
    }
    const advanced = this.#scheduler.update(this.#output, RESULTS, this.#stepMs);
    this.#output = undefined;
    this.stepEndsAt = Number.POSITIVE_INFINITY;
    for (const sequence of advanced) this.#advance(sequence, now);
    this.#observe();
  }

  result(): ReplayedWorker {
    return { ...this.#result, numPreemptions: this.#scheduler.stats().numPreemptions };
  }

  checkIntegrity(): void {
    this.#scheduler.checkIntegrity();
  }

  #advance(sequence: Sequence, now: number): void {
    const request = this.#running.get(sequence);
    assert(request !== undefined, "a sequence runs that was not routed");
    if (request.firstTokenAt === undefined) {
      request.firstTokenAt = now;
      request.booking.prefillDone();
    }
    if (sequence.status !== "finished") return;
    request.booking.release();
    this.#running.delete(sequence);
    const { arrivedAt, numPromptTokens, numCachedTokens } = sequence;
    const { index, firstTokenAt } = request;
    this.#replayed[index] = {
      arrivedAt,
      firstTokenAt,
      endedAt: now,
      numPromptTokens,
      numCachedTokens,
    };
  }

  #observe(): void {
    const { numUsedBlocks, numBlocks } = this.#blocks;
    const { numQueriedTokens, numHitTokens, numWaiting } = this.#scheduler.stats();
    this.#router.observe(this.#id, {
      workerStats: {
        requestActiveSlots: this.#scheduler.running.length,
        requestTotalSlots: LIMITS.maxNumSeqs,
        numRequestsWaiting: numWaiting,
      },
      kvStats: {
        kvActiveBlocks: numUsedBlocks,
        kvTotalBlocks: numBlocks,
        cacheUsage: numUsedBlocks / numBlocks,
        prefixCacheHitRate: numQueriedTokens === 0 ? 0 : numHitTokens / numQueriedTokens,
      },
    });
  }
}

/** Tokens of each prompt in the step. */
function chunksOf({ sequences }: SchedulerOutput): readonly number[] {
  return sequences.map((one) => one.numScheduledTokens).filter((numTokens) => numTokens > 1);
}

/** Time that the step adds to its prompts, each without what the cache had of it. */
function newPrefillMs({ sequences }: SchedulerOutput): number {
  return sequences.reduce((sum, { numScheduledTokens, numComputedTokens, numCachedTokens }) => {
    const numBefore = numComputedTokens - numCachedTokens;
    const doneMs = numBefore <= 0 ? 0 : prefillMs(numBefore);
    return sum + prefillMs(numBefore + numScheduledTokens) - doneMs;
  }, 0);
}
