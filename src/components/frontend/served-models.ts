// A frontend's list of the models behind it: those that can be routed to now, and the time that a request may wait for
// one that was there and is not.

import type { MirrorUpdate } from "dynamo";

import type { Clock } from "../../base/clock.ts";
import { type ModelNames, namesIn, type PublishedModel } from "../published-model.ts";

/** Requests that wait for a model to come back; more are refused at once. */
const MAX_WAITING = 1024;

export interface ServedModelsOptions {
  readonly clock: Clock;
  /** Services behind the frontend. A name that several of them publish is that of the first. */
  readonly services: readonly string[];
  /** Those of them that will publish a model. */
  readonly publishers: readonly string[];
  /** Go before the name that is published. */
  readonly name?: ModelNames | undefined;
}

type ByName = ReadonlyMap<string, PublishedModel>;

export class ServedModels {
  readonly #options: ServedModelsOptions;
  readonly #published = new Map<string, PublishedModel>();
  readonly #last = new Map<string, PublishedModel>();
  #served: ByName = new Map();
  #known: ByName = new Map();
  #changed = Promise.withResolvers<void>();
  readonly #first = Promise.withResolvers<string>();
  #numWaiting = 0;

  constructor(options: ServedModelsOptions) {
    this.#options = options;
  }

  /** Each name that can be asked for now, and its model. */
  get served(): ByName {
    return this.#served;
  }

  /** The name of the first model that was ever served, once it is. */
  get first(): Promise<string> {
    return this.#first.promise;
  }

  /** The service that a request for this name goes to, also while it is not there. */
  serviceOf(name: string): string | undefined {
    return (this.#served.get(name) ?? this.#known.get(name))?.service;
  }

  /** True if a model is still to come for the first time. */
  get isStarting(): boolean {
    return this.#options.publishers.some((service) => !this.#last.has(service));
  }

  /** How long a request waits for what serves one of these services' models; 0 if none was ever served. */
  waitMs(services: readonly string[]): number {
    const last = services.map((service) => this.#last.get(service)?.waitForWorkerMs ?? 0);
    return Math.max(0, ...last);
  }

  update({ type, events }: MirrorUpdate): void {
    if (type === "base") this.#published.clear();
    for (const event of events) {
      if (event.type === "delete") this.#published.delete(event.key);
      else this.#published.set(event.keyValue.key, JSON.parse(event.keyValue.value));
    }
    const live = new Map<string, PublishedModel>();
    for (const model of this.#published.values()) {
      if (!live.has(model.service)) live.set(model.service, model);
      this.#last.set(model.service, model);
    }
    this.#served = this.#byName(live);
    this.#known = this.#byName(this.#last);
    const [name] = this.#served.keys();
    if (name !== undefined) this.#first.resolve(name);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Resolves once `name` is served, or it is not worth waiting any longer: its client has left (`signal`), too. */
  async whenServed(name: string, signal: AbortSignal): Promise<void> {
    const service = this.serviceOf(name);
    const waitMs = this.waitMs(service === undefined ? this.#options.services : [service]);
    if (this.#isDecided(name) || waitMs === 0 || this.#numWaiting === MAX_WAITING) return;
    if (signal.aborted) return;
    const over = Promise.withResolvers<"over">();
    const timer = this.#options.clock.after(waitMs, () => over.resolve("over"));
    signal.addEventListener("abort", () => over.resolve("over"), { once: true });
    this.#numWaiting++;
    let outcome: unknown;
    while (outcome !== "over" && !this.#isDecided(name)) {
      outcome = await Promise.race([this.#changed.promise, over.promise]);
    }
    this.#numWaiting--;
    timer.cancel();
  }

  /** It is served, or it is unknown and others are served. */
  #isDecided(name: string): boolean {
    return this.#served.has(name) || (!this.#known.has(name) && this.#served.size > 0);
  }

  #byName(models: ReadonlyMap<string, PublishedModel>): ByName {
    const { services, name: given } = this.#options;
    const named = new Map<string, PublishedModel>();
    for (const model of services.map((service) => models.get(service))) {
      if (model === undefined) continue;
      for (const name of [...namesIn(given ?? model.name), ...model.aliases]) {
        if (!named.has(name)) named.set(name, model);
      }
    }
    return named;
  }
}
