// The KV blocks of a service, as those see them who write into them. Types only.

import type { Device } from "../device.ts";
import type { KvCacheDType } from "../kv-cache-dtype.ts";
import type { OnlineQuantization } from "../native-model.ts";
import type { EngineKind } from "./engine-keys.ts";

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
