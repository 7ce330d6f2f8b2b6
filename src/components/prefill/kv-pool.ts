// Messages of workers and prefill workers about KV blocks. Types only.

import type { Service } from "dynamo";

import type { Device } from "../../engine/device.ts";
import type { KvCacheDType } from "../../engine/kv-cache-dtype.ts";
import type { OnlineQuantization } from "../../engine/native-model.ts";
import type { PrefillRequest } from "../../engine/remote-prefill.ts";
import type { EngineKind } from "../worker/config.ts";

/** The KV blocks that the workers of a service share, and all that it takes to write into them. */
export interface KvPool {
  /** Unique in the process. */
  readonly name: string;
  readonly engine: EngineKind;
  readonly model: string;
  /** The device that has its blocks. Default: the CPU. */
  readonly device?: Device | undefined;
  readonly quantization: OnlineQuantization;
  readonly kvCacheDType: KvCacheDType;
  readonly totalBlocks: number;
  readonly blockSize: number;
  readonly maxModelLen: number;
  readonly vocabSize: number;
}

/** The blocks [firstBlock, firstBlock + numBlocks) of a pool: one worker's own. */
export interface PoolPart {
  readonly firstBlock: number;
  readonly numBlocks: number;
}

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
