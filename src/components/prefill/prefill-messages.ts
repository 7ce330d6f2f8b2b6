// Messages of workers and prefill workers about KV blocks. Types only.

import type { Service } from "dynamo";

import type { KvPool, PoolPart } from "../../engine/open/kv-pool.ts";
import type { PrefillRequest } from "../../engine/remote-prefill.ts";

/** The instance that has a part now. */
export interface PoolOwner extends PoolPart {
  readonly worker: number;
}

/** Subject of a prefill lease: a prompt, and where in which pool its K and V are to be. */
export interface LeasedPrefill extends PrefillRequest {
  readonly pool: KvPool;
}

/** Item of the prefill queue: the name of a worker's prefill request. */
export interface PrefillRequestId {
  /** The instance of the worker. */
  readonly worker: number;
  /** Unique in that instance. */
  readonly request: number;
}

/** A worker, as its prefill workers see it. */
export interface PrefillRequester extends Service {
  /** A prefill lease: the prefill worker may write into the request's blocks until it leaves the loop. */
  leasePrefill(request: number, prefillWorker: number): AsyncIterable<LeasedPrefill>;
}
