// Router: picks the worker that has the least left to do for a prompt.
//
//   Processor --block hashes--> Router            (1) which worker?
//   Processor <--a reference--- Router
//   Processor <==tokens==> VllmWorker             (2) straight to it; no token passes the router
//   Router <--KV events, load-- VllmWorker (all)  (0) who holds which prefix, who is how busy
//
// The answer is a lease: the caller keeps it open while its request lives, asks for the next item when it has the
// first token, and leaves it at the end, for whatever reason. That is what books the load and releases it.

import {
  configured,
  depends,
  type InstanceId,
  isUnavailable,
  NoWorkersError,
  Service,
} from "dynamo";

import { assert } from "../../base/assert.ts";
import { KvRouter, type Routing, type RoutingRule } from "../../kv/kv-router.ts";
import type { ForwardPassMetrics } from "../../protocol/metrics.ts";
import { workersOf } from "../graph-paths.ts";
import { VllmWorker } from "../worker/worker.ts";
import { RouterConfig, validateRouter } from "./config.ts";
import { explainRouting } from "./explain-routing.ts";
import { withoutOverloaded } from "./imbalance.ts";
import { type RouterMetrics, registerRouterMetrics } from "./metrics.ts";
import { NoSuchInstanceError, type Route, type RouteQuery, WorkersBusyError } from "./routing.ts";
import { policyOf } from "./routing-modes.ts";
import { type FeedReceiver, WorkerFeeds } from "./worker-feeds.ts";

export class Router extends Service {
  config = configured(RouterConfig);
  worker = depends(VllmWorker);

  static override readonly leases = ["route"];
  static override readonly live = [
    "router",
    "overlapScoreWeight",
    "routerTemperature",
    "busyThreshold",
    "imbalanceLimit",
    "explainRouting",
  ];
  static override readonly validate = validateRouter;

  #brain: KvRouter<InstanceId> | undefined;
  #metrics!: RouterMetrics;
  readonly #loads = new Map<InstanceId, ForwardPassMetrics>();

  override async start(): Promise<void> {
    const { clock } = this.context;
    const blockSize = await this.#askBlockSize();
    this.#brain = new KvRouter({ blockSize, clock, random: Math.random });
    this.#metrics = registerRouterMetrics(await this.context.metrics(), {
      loads: this.#loads,
      booked: (worker) => this.#router.loadOf(worker),
    });
    const feeds = new WorkerFeeds({
      workers: this.worker,
      receiver: this.#receiver(this.#router),
      clock,
      follow: (task) => this.follow(task),
    });
    await this.worker.waitForInstances(this.config.minWorkers);
    feeds.setLive(this.worker.instances);
    this.follow(this.worker.watchInstances(), (live) => feeds.setLive(live));
  }

  /** The first item when a worker is chosen, the second when the caller has its first token. */
  async *route(query: RouteQuery): AsyncGenerator<Route> {
    const { worker, overlapBlocks, booking } = this.#choose(query);
    const route = { instance: worker, worker: this.worker.at(worker).ref, overlapBlocks };
    try {
      yield route;
      booking.prefillDone();
      yield route;
    } finally {
      booking.release(); // finished, cancelled, or its caller or its worker has died
    }
  }

  /** The live workers now, and after each change. */
  workers(): AsyncIterable<readonly InstanceId[]> {
    return this.worker.watchInstances();
  }

  limits() {
    return this.worker.limits();
  }

  /** In one synchronous run, so that no other request sees the same state. */
  #choose(query: RouteQuery): Routing<InstanceId> {
    const { router, overlapScoreWeight, routerTemperature, explainRouting: isTold } = this.config;
    const mode = query.mode ?? router;
    const rule: RoutingRule = {
      ...policyOf(mode),
      overlapScoreWeight,
      temperature: routerTemperature,
    };
    const routing = this.#router.route(query, this.#candidates(query), rule);
    this.#metrics.routed(mode, query.chain.length, routing);
    if (isTold) this.log.info("routed", explainRouting(query, mode, routing));
    return routing;
  }

  #candidates({ instance, avoid, hasBegun }: RouteQuery): readonly InstanceId[] {
    const live = this.worker.instances.filter((one) => !avoid.includes(one));
    if (live.length === 0) throw new NoWorkersError(this.#workers);
    if (instance !== undefined) {
      if (!live.includes(instance)) throw new NoSuchInstanceError(instance, live);
      return [instance];
    }
    const { busyThreshold = 1, imbalanceLimit } = this.config;
    const free = live.filter((one) => this.#usage(one) <= busyThreshold);
    if (free.length === 0 && !hasBegun) throw new WorkersBusyError(live.length, busyThreshold);
    const numRequests = (one: InstanceId) => this.#router.loadOf(one).numRequests;
    return withoutOverloaded(free.length > 0 ? free : live, numRequests, imbalanceLimit);
  }

  /** Share of a worker's KV blocks in use: as it says, or as was given to it since. */
  #usage(worker: InstanceId): number {
    const stats = this.#loads.get(worker)?.kvStats;
    if (stats === undefined) return 0;
    const { activeBlocks } = this.#router.loadOf(worker);
    return Math.min(1, Math.max(stats.kvActiveBlocks, activeBlocks) / stats.kvTotalBlocks);
  }

  #receiver(brain: KvRouter<InstanceId>): FeedReceiver {
    return {
      report(worker, report) {
        if (report.type === "events") {
          return report.events.some((event) => brain.apply(worker, event) === "gap")
            ? "gap"
            : "applied";
        }
        brain.applySnapshot(worker, report.snapshot);
        return "applied";
      },
      metrics: (worker, metrics) => {
        this.#loads.set(worker, metrics);
        brain.observe(worker, metrics);
      },
      gone: (worker) => {
        this.#loads.delete(worker);
        brain.removeWorker(worker);
      },
    };
  }

  /** Their service. */
  get #workers(): string {
    return workersOf(this.context.graph, this.context.service) ?? "worker";
  }

  get #router(): KvRouter<InstanceId> {
    assert(this.#brain, "a router routes when it has started");
    return this.#brain;
  }

  async #askBlockSize(): Promise<number> {
    for (;;) {
      await this.worker.waitForInstances();
      try {
        return (await this.worker.limits()).blockSize;
      } catch (error) {
        if (!isUnavailable(error)) throw error; // Another may come in its place.
      }
    }
  }
}
