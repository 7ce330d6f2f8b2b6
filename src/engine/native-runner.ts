// The model runner over the native library (native/include/dynamo_engine.h). One worker has one;
// the weights, the KV pool and the compute threads behind it are shared by all of the process.

import { assert } from "../base/assert.ts";
import type { ModelConfig } from "../model/model-files.ts";
import {
  type Address,
  BATCH,
  loadLibrary,
  mapMemory,
  type NativeLibrary,
  Status,
  WAIT_FOREVER,
} from "./abi.ts";
import type { KvCacheDType } from "./kv-cache-dtype.ts";
import { type LoadOptions, loadModel, openDevice } from "./load-model.ts";
import type { BlockRun, ModelRunner, RunnerLimits, StepBatch, StepShape } from "./model-runner.ts";
import { engineConfig, poolConfig } from "./native-configs.ts";
import { check, Handles } from "./native-handles.ts";
import { layOutBatch } from "./step-batch.ts";
import { decode } from "./struct-layout.ts";

export interface NativeRunnerOptions extends LoadOptions {
  /** Path that `publishNativeLibrary` returned in the main thread. */
  readonly library: string;
  /** Tags all that is opened, for `releaseOwner`. A u32. */
  readonly owner: number;
  readonly limits: Omit<RunnerLimits, "vocabSize" | "hiddenSize">;
  /** Runners of one model share a pool if they name it alike and agree on its size and type. */
  readonly poolName: string;
  /** Blocks of that pool. */
  readonly totalBlocks: number;
  /** True if a GPU is to launch each kernel by itself, and to replay no captured steps. Default: false. */
  readonly eager?: boolean;
  /** How the pool holds K and V; see kv-cache-dtype.ts. */
  readonly kvCacheDType: KvCacheDType;
}

/** Opens the model, or joins those who have. */
export async function openNativeRunner(options: NativeRunnerOptions): Promise<ModelRunner> {
  const { limits, totalBlocks } = options;
  assert(
    limits.firstBlock >= 0 && limits.firstBlock + limits.numBlocks <= totalBlocks,
    `blocks [${limits.firstBlock}, +${limits.numBlocks}) lie in a pool of ${totalBlocks}`,
  );
  const handles = new Handles(loadLibrary(options.library), options.owner);
  try {
    return new NativeRunner(handles, await openEngine(handles, options), {
      ...limits,
      vocabSize: options.model.config.vocabSize,
      // A GPU's step pools no rows yet: requests for that are refused.
      ...(isCpu(options) && { hiddenSize: options.model.config.hiddenSize }),
      ...windowOf(options.model.config),
    });
  } catch (error) {
    handles.close();
    throw error;
  }
}

function isCpu({ device }: NativeRunnerOptions): boolean {
  return device === undefined || device.kind === "cpu";
}

/** The window of a model all of whose layers have it: blocks hold K and V of all layers, so all must have left one. */
function windowOf({ slidingWindow, local }: ModelConfig): Pick<RunnerLimits, "slidingWindow"> {
  return slidingWindow === undefined || local !== undefined ? {} : { slidingWindow };
}

/**
 * Frees what a worker left behind whose thread has ended, however it ended. Waits for the step that
 * was running, at most.
 */
export function releaseOwner(library: string, owner: number): void {
  const native = loadLibrary(library);
  check(native, native.ownerRelease(owner), `release of owner ${owner}`);
}

/**
 * Reads, from any thread, a number that changes for as long as steps of the worker `owner` go on; undefined where none
 * is under way.
 */
export function progressReader(library: string): (owner: number) => number | undefined {
  const out = new BigUint64Array(1);
  let native: NativeLibrary | undefined; // each load makes its calls anew
  return (owner) => {
    native ??= loadLibrary(library);
    check(native, native.ownerProgress(owner, out), `progress of owner ${owner}`);
    return out[0] === 0n ? undefined : Number(out[0]);
  };
}

class NativeRunner implements ModelRunner {
  readonly limits: RunnerLimits;
  readonly batch: StepBatch;
  readonly #handles: Handles;
  readonly #engine: Address;
  readonly #pool: Address;
  readonly #buffers: ArrayBuffer[] = [];

  constructor(handles: Handles, { engine, pool }: Opened, limits: RunnerLimits) {
    this.#handles = handles;
    this.#engine = engine;
    this.#pool = pool;
    this.limits = limits;
    const pointers = new Uint8Array(BATCH.size);
    check(handles.native, handles.native.engineBatch(engine, pointers), "batch");
    const addresses = decode(BATCH, pointers);
    this.batch = layOutBatch(limits, (name, numBytes) => {
      if (numBytes === 0) return new ArrayBuffer(0);
      const buffer = mapMemory(addresses[name], numBytes);
      this.#buffers.push(buffer);
      return buffer;
    });
  }

  // per step: < 1 us, besides the library's check of the batch
  submit(shape: StepShape): void {
    const { native } = this.#handles;
    const { numSeqs, numTokens, numRows } = shape;
    const status = native.engineSubmit(this.#engine, numSeqs, numTokens, numRows);
    if (status !== Status.OK) check(native, status, "step");
  }

  async wait(): Promise<void> {
    const { native } = this.#handles;
    const status = native.engineWait(this.#engine, WAIT_FOREVER);
    if (status !== Status.OK) check(native, status, "step");
  }

  discard(runs: readonly BlockRun[]): void {
    const { native } = this.#handles;
    for (const { firstBlock, numBlocks } of runs) {
      check(native, native.kvPoolDiscard(this.#pool, firstBlock, numBlocks), "discard of blocks");
    }
  }

  /** The batch's arrays are empty afterwards, so that no reader sees memory that is gone. */
  close(): void {
    for (const buffer of this.#buffers.splice(0)) buffer.transfer(0);
    this.#handles.close();
  }
}

// --- opening -----------------------------------------------------------------------------------

interface Opened {
  readonly engine: Address;
  readonly pool: Address;
}

async function openEngine(handles: Handles, options: NativeRunnerOptions): Promise<Opened> {
  const { native, owner } = handles;
  const { limits, totalBlocks } = options;
  const device = openDevice(handles, options);
  const [weights, key] = await loadModel(handles, device, options);
  const { blockSize } = limits;
  const { kvCacheDType } = options;
  const pool = poolConfig({
    key: Bun.hash.xxHash3(`${key} ${options.poolName} ${totalBlocks} ${blockSize} ${kvCacheDType}`),
    numBlocks: totalBlocks,
    blockSize,
    kvCacheDType,
  });
  const blocks = handles.open(
    "KV pool",
    (out) => native.kvPoolOpen(weights, owner, pool, out),
    native.kvPoolClose,
  );
  const engine = engineConfig(limits);
  const opened = handles.open(
    "engine",
    (out) => native.engineOpen(blocks, owner, engine, out),
    native.engineClose,
  );
  check(native, native.engineUseGraphs(opened, options.eager ? 0 : 1), "engine");
  return { engine: opened, pool: blocks };
}
