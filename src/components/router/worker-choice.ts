// Which worker a processor sends a sequence to: chosen here, at random or in turn, or by a Router.

import { type Client, isUnavailable, NoWorkersError } from "dynamo";

import { assert } from "../../base/assert.ts";
import type { Clock } from "../../base/clock.ts";
import type { PreprocessedRequest, TokenOutput } from "../../protocol/llm.ts";
import type { Choice } from "../dispatch/dispatch.ts";
import type { VllmWorker } from "../worker/worker.ts";
import type { Router } from "./router.ts";
import type { RouteQuery } from "./routing.ts";
import { NoSuchInstanceError, type Route } from "./routing.ts";

/** Throws `NoWorkersError` where none is left, and `NoSuchInstanceError` where the one that is wanted is not live. */
export interface WorkerSelector {
  choose(query: RouteQuery, request: PreprocessedRequest): Promise<Choice<TokenOutput>>;
}

/** At random or in turn, among the live workers. */
export class DirectSelector implements WorkerSelector {
  readonly #workers: Client<VllmWorker>;
  readonly #service: string;
  #turn = 0;

  /** `service`: of the workers, for messages. */
  constructor(workers: Client<VllmWorker>, service: string) {
    this.#workers = workers;
    this.#service = service;
  }

  async choose(query: RouteQuery, request: PreprocessedRequest): Promise<Choice<TokenOutput>> {
    const { mode, instance: wanted, avoid } = query;
    const live = this.#workers.instances.filter((one) => !avoid.includes(one));
    if (wanted !== undefined && live.length > 0 && !live.includes(wanted)) {
      throw new NoSuchInstanceError(wanted, live);
    }
    const index =
      mode === "round-robin" ? this.#turn++ % live.length : Math.floor(Math.random() * live.length);
    const instance = wanted ?? live[index];
    if (instance === undefined || live.length === 0) throw new NoWorkersError(this.#service);
    return {
      instance,
      begin: () => this.#workers.at(instance).generate(request),
      firstToken() {},
      ping: () => this.#workers.at(instance).limits(),
      release() {},
    };
  }
}

/** How long a request waits for a router that has ended and starts again. */
const ROUTER_MS = 3000;
/** Routers that may end while they are asked for one request. */
const MAX_ROUTERS = 3;

/** As a Router says; its lease is kept as long as the choice. */
export class RoutedSelector implements WorkerSelector {
  readonly #router: Client<Router>;
  readonly #clock: Clock;

  constructor(router: Client<Router>, clock: Clock) {
    this.#router = router;
    this.#clock = clock;
  }

  async choose(query: RouteQuery, request: PreprocessedRequest): Promise<Choice<TokenOutput>> {
    const { lease, route } = await this.#ask(query);
    const { instance, worker } = route;
    return {
      instance,
      begin: () => worker.generate(request),
      // A router that ends forgets its bookings, and the request goes on without it.
      firstToken: () => void lease.next().catch(() => undefined),
      ping: () => worker.limits(),
      release: () => void lease.return?.(),
    };
  }

  async #ask(query: RouteQuery) {
    for (let numAsked = 1; ; numAsked++) {
      if (this.#router.instances.length === 0) {
        await Promise.race([this.#router.waitForInstances(), this.#clock.sleep(ROUTER_MS)]);
      }
      const lease = this.#router.route(query);
      try {
        const first: IteratorResult<Route> = await lease.next();
        assert(!first.done, "a router's answer has a route");
        return { lease, route: first.value };
      } catch (error) {
        if (numAsked === MAX_ROUTERS || !isUnavailable(error)) throw error;
      }
    }
  }
}
