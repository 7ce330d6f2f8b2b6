// What a frontend knows of the models that can be routed to: those that are published now, and, while there are none,
// how long the last one may be waited for.

import type { MirrorUpdate } from "dynamo";

import type { Clock } from "../base/clock.ts";
import type { PublishedModel } from "./published-model.ts";

/** Requests that wait for a model to come back; more are refused at once. */
const MAX_WAITING = 1024;

export class ServedModels {
  readonly #clock: Clock;
  readonly #models = new Map<string, PublishedModel>();
  #last: PublishedModel | undefined;
  #served = Promise.withResolvers<void>();
  #numWaiting = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The model that requests go to, if it can be routed to. */
  get current(): PublishedModel | undefined {
    const [first] = this.#models.values();
    return first;
  }

  /** How long a request waits for what serves the model; 0 if it was never served. */
  get waitMs(): number {
    return (this.current ?? this.#last)?.waitForWorkerMs ?? 0;
  }

  update({ type, events }: MirrorUpdate): void {
    if (type === "base") this.#models.clear();
    for (const event of events) {
      if (event.type === "delete") this.#models.delete(event.key);
      else this.#models.set(event.keyValue.key, JSON.parse(event.keyValue.value));
    }
    if (this.current === undefined) return;
    this.#last = this.current;
    this.#served.resolve();
    this.#served = Promise.withResolvers();
  }

  /** Resolves once a model is served, or it is not worth waiting any longer: its client has left (`signal`), too. */
  async whenServed(signal: AbortSignal): Promise<void> {
    if (this.current !== undefined || this.waitMs === 0 || this.#numWaiting === MAX_WAITING) return;
    if (signal.aborted) return;
    const over = Promise.withResolvers<void>();
    const timer = this.#clock.after(this.waitMs, over.resolve);
    signal.addEventListener("abort", () => over.resolve(), { once: true });
    this.#numWaiting++;
    await Promise.race([this.#served.promise, over.promise]);
    this.#numWaiting--;
    timer.cancel();
  }
}
