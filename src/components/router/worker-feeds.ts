// Reports of live workers, one followed task for each:
//
//   VllmWorker --kvEvents, metrics--> WorkerFeeds --> receiver
//
// A gap in a worker's events is healed by listening anew, which begins with a snapshot. The end of a worker is
// no failure: the list of the live ones says it, too.

import { type Client, type InstanceId, isUnavailable } from "dynamo";

import type { Clock } from "../../base/clock.ts";
import type { KvReport } from "../../protocol/kv-event.ts";
import type { ForwardPassMetrics } from "../../protocol/metrics.ts";
import type { VllmWorker } from "../worker/worker.ts";

export interface FeedReceiver {
  /** "gap": what the worker holds is to be told anew. */
  report(worker: InstanceId, report: KvReport): "applied" | "gap";
  metrics(worker: InstanceId, metrics: ForwardPassMetrics): void;
  gone(worker: InstanceId): void;
}

/** Between two looks at a busy worker's load. Dynamo polls every 100 ms. */
const METRICS_MS = 50;

export class WorkerFeeds {
  readonly #workers: Client<VllmWorker>;
  readonly #receiver: FeedReceiver;
  readonly #clock: Clock;
  readonly #follow: (task: Promise<void>) => void;
  readonly #open = new Map<InstanceId, Feed>();

  constructor(options: {
    readonly workers: Client<VllmWorker>;
    readonly receiver: FeedReceiver;
    readonly clock: Clock;
    readonly follow: (task: Promise<void>) => void;
  }) {
    this.#workers = options.workers;
    this.#receiver = options.receiver;
    this.#clock = options.clock;
    this.#follow = options.follow;
  }

  /** Listens to these workers and to no others. */
  setLive(live: readonly InstanceId[]): void {
    for (const [worker, feed] of this.#open) {
      if (live.includes(worker)) continue;
      this.#open.delete(worker);
      feed.isOpen = false;
      for (const stream of feed.streams) void stream.return?.();
      this.#receiver.gone(worker);
    }
    for (const worker of live) {
      if (this.#open.has(worker)) continue;
      const feed: Feed = { isOpen: true, streams: new Set() };
      this.#open.set(worker, feed);
      this.#follow(this.#untilGone(this.#readEvents(worker, feed)));
      this.#follow(this.#untilGone(this.#readMetrics(worker, feed)));
    }
  }

  async #untilGone(reading: Promise<void>): Promise<void> {
    try {
      await reading;
    } catch (error) {
      if (!isUnavailable(error)) throw error;
    }
  }

  async #readEvents(worker: InstanceId, feed: Feed): Promise<void> {
    let outcome: "applied" | "gap" = "gap";
    while (outcome === "gap" && feed.isOpen) {
      outcome = "applied";
      for await (const report of within(feed, this.#workers.at(worker).kvEvents())) {
        if (!feed.isOpen) return;
        outcome = this.#receiver.report(worker, report);
        if (outcome === "gap") break;
      }
    }
  }

  async #readMetrics(worker: InstanceId, feed: Feed): Promise<void> {
    for await (const metrics of within(feed, this.#workers.at(worker).metrics())) {
      if (!feed.isOpen) return;
      this.#receiver.metrics(worker, metrics);
      await this.#clock.sleep(METRICS_MS);
    }
  }
}

interface Feed {
  isOpen: boolean;
  /** To be left when the worker is gone. */
  readonly streams: Set<AsyncIterator<unknown>>;
}

async function* within<T>(feed: Feed, stream: AsyncIterableIterator<T>): AsyncGenerator<T> {
  feed.streams.add(stream);
  try {
    yield* stream;
  } finally {
    feed.streams.delete(stream);
  }
}
