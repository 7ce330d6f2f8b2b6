// What workers and prefill workers say to each other of KV blocks. Types only.

import type { Service } from "dynamo";

import type { KvCacheDType } from "../../engine/kv-cache-dtype.ts";
import type { OnlineQuantization } from "../../engine/native-model.ts";
import type { PrefillJob } from "../../engine/remote-prefill.ts";

/** The KV blocks that the workers of a service share, and all that it takes to write into them. */
export interface KvPool {
  /** Unique in the process. */
  readonly name: string;
  readonly engine: "native" | "mocker";
  readonly model: string;
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

/** A prompt and where in which pool its K and V are to be. */
export interface PrefillWork extends PrefillJob {
  readonly pool: KvPool;
}

/** Of a worker's prompt, in the prefill queue. */
export interface PrefillTicket {
  /** The instance of the worker. */
  readonly worker: number;
  /** Unique in that instance. */
  readonly job: number;
}

/** A worker, as its prefill workers see it. */
export interface PrefillLender extends Service {
  /** What it lends for a job, until the lease ends. */
  leasePrefill(job: number, borrower: number): AsyncIterable<PrefillWork>;
}
