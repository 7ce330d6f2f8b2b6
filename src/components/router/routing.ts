// Questions to a router, and its answers.

import { DynamoError, type InstanceId, type Ref } from "dynamo";

import type { StoredBlock } from "../../protocol/kv-event.ts";
import type { VllmWorker } from "../worker/worker.ts";
import type { RouterMode } from "./routing-modes.ts";

/** Address to send a request to, valid while the stream it came in is open. */
export interface Route {
  readonly instance: InstanceId;
  readonly worker: Ref<VllmWorker>;
  /** Leading blocks of the prompt that the worker already holds. */
  readonly overlapBlocks: number;
}

/** All workers have more of their KV blocks in use than `busy-threshold` says. Clients get 503. */
export class WorkersBusyError extends DynamoError {
  override readonly code = "workers_busy";

  constructor(numWorkers: number, busyThreshold: number) {
    super(
      `all ${numWorkers} live workers have more than ${busyThreshold} of their KV blocks in use; ` +
        "try again later, serve with more workers, or raise Router.busy-threshold",
      { num_workers: numWorkers, busy_threshold: busyThreshold },
    );
  }
}

/** A request asks for a worker that is not live. */
export class NoSuchInstanceError extends DynamoError {
  override readonly code = "invalid_request";

  constructor(instance: InstanceId, live: readonly InstanceId[]) {
    super(
      `'nvext.backend_instance_id' is ${instance}, and the live workers are: ${live.join(", ")}.`,
      { param: "nvext.backend_instance_id" },
    );
  }
}

/** One sequence to route. Its tokens stay where they are. */
export interface RouteQuery {
  readonly requestId: string;
  readonly numTokens: number;
  /** The full blocks of its prompt, and of the output that it comes with. */
  readonly chain: readonly StoredBlock[];
  /** The conversation that it belongs to, as its client names it. */
  readonly session?: string | undefined;
  /** Another worker has begun it: it is not refused for want of room. */
  readonly hasBegun?: boolean;
  /** Default: the router's own. */
  readonly mode: RouterMode | undefined;
  /** This one and no other. */
  readonly instance: InstanceId | undefined;
  /** Workers that have failed this request. */
  readonly avoid: readonly InstanceId[];
}
