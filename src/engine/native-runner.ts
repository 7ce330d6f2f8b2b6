// The model runner over the native library (native/include/dynamo_engine.h). One worker has one;
// the weights, the KV pool and the compute threads behind it are shared by all of the process.

import { assert } from "../base/assert.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { DynamoError } from "../base/error.ts";
import type { ModelFiles } from "../model/model-files.ts";
import {
  type Address,
  BATCH,
  DEVICE_FACTS,
  decode,
  ENGINE_CONFIG,
  encode,
  Isa,
  KV_POOL_CONFIG,
  KvDType,
  loadLibrary,
  MODEL_PROGRESS,
  mapMemory,
  type NativeLibrary,
  Status,
  THREADS_ANY,
  ThreadsBy,
  WAIT_FOREVER,
  WeightsSource,
} from "./abi.ts";
import { hugePageBytes } from "./huge-pages.ts";
import type { KvCacheDType } from "./kv-cache-dtype.ts";
import type { ModelRunner, RunnerLimits, StepBatch, StepShape } from "./model-runner.ts";
import {
  ModelNotLoadableError,
  type ModelTable,
  type OnlineQuantization,
  withModelTable,
} from "./native-model.ts";
import { layOutBatch } from "./step-batch.ts";
import { cacheName, type ImageSource, type WeightCache } from "./weight-cache.ts";

export interface NativeRunnerOptions {
  readonly model: ModelFiles;
  readonly quantization?: OnlineQuantization;
  /** What `publishNativeLibrary` returned in the main thread. */
  readonly library: string;
  /** Tags all that is opened, for `releaseOwner`. A u32. */
  readonly owner: number;
  readonly limits: Omit<RunnerLimits, "vocabSize">;
  /** Runners of one model share a pool if they name it alike and agree on its size and type. */
  readonly poolName: string;
  /** Blocks of that pool. */
  readonly totalBlocks: number;
  /** How the pool holds K and V; see kv-cache-dtype.ts. */
  readonly kvCacheDType: KvCacheDType;
  /** Compute threads of the process, the same for every worker; undefined is one per CPU. */
  readonly threads: number | undefined;
  /** Where packed weights are kept from one start to the next, and who minds what is written there afterwards. */
  readonly cache?: WeightCache;
  readonly follow?: (work: Promise<void>) => void;
  /** Called while the weights are loaded. */
  readonly onProgress?: (numBytesDone: number, numBytes: number) => void;
  readonly onLoaded?: (facts: LoadedFacts) => void;
  readonly clock?: Clock;
}

export interface LoadedFacts {
  /** The instruction set, as `Isa` names it. */
  readonly isa: string;
  readonly numThreads: number;
  /** What set their number, as `ThreadsBy` names it. */
  readonly threadsBy: string;
  /** Whether the packed weights were read as they are. */
  readonly isCached: boolean;
  readonly imageBytes: number;
  /** How much of that lies in huge pages; undefined if the system does not tell. */
  readonly hugePageBytes: number | undefined;
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
    });
  } catch (error) {
    handles.close();
    throw error;
  }
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
  readonly #buffers: ArrayBuffer[] = [];

  constructor(handles: Handles, engine: Address, limits: RunnerLimits) {
    this.#handles = handles;
    this.#engine = engine;
    this.limits = limits;
    const pointers = new Uint8Array(BATCH.size);
    check(handles.native, handles.native.engineBatch(engine, pointers), "batch");
    const addresses = decode(BATCH, pointers);
    this.batch = layOutBatch(limits, (name, numBytes) => {
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

  /** The batch's arrays are empty afterwards, so that nobody reads memory that is gone. */
  close(): void {
    for (const buffer of this.#buffers.splice(0)) buffer.transfer(0);
    this.#handles.close();
  }
}

// --- opening -----------------------------------------------------------------------------------

/** What one runner has open, to be closed in reverse. */
class Handles {
  readonly native: NativeLibrary;
  readonly owner: number;
  isClosed = false;
  readonly #out = new BigUint64Array(1);
  readonly #closers: (() => number)[] = [];

  constructor(native: NativeLibrary, owner: number) {
    this.native = native;
    this.owner = owner;
  }

  open(
    what: string,
    opener: (out: BigUint64Array) => number,
    closer: (handle: Address) => number,
  ): Address {
    check(this.native, opener(this.#out), what);
    const handle = Number(this.#out[0]);
    this.#closers.push(() => closer(handle));
    return handle;
  }

  close(): void {
    this.isClosed = true;
    for (const closer of this.#closers.splice(0).reverse()) check(this.native, closer(), "close");
  }
}

async function openEngine(handles: Handles, options: NativeRunnerOptions): Promise<Address> {
  const { native, owner } = handles;
  const { limits, totalBlocks } = options;
  const device = handles.open(
    "device",
    (out) => native.deviceOpen(owner, options.threads ?? THREADS_ANY, Isa.ANY, out),
    native.deviceClose,
  );
  const [weights, key] = await openModel(handles, device, options);
  const pool = encode(KV_POOL_CONFIG, {
    key: Bun.hash.xxHash3(
      `${key} ${options.poolName} ${totalBlocks} ${limits.blockSize} ${options.kvCacheDType}`,
    ),
    num_blocks: totalBlocks,
    block_size: limits.blockSize,
    kv_dtype: KV_DTYPES[options.kvCacheDType],
    reserved: 0,
  });
  const blocks = handles.open(
    "KV pool",
    (out) => native.kvPoolOpen(weights, owner, pool, out),
    native.kvPoolClose,
  );
  const engine = encode(ENGINE_CONFIG, {
    max_num_seqs: limits.maxNumSeqs,
    max_num_rows: limits.maxNumRows ?? limits.maxNumSeqs,
    max_num_batched_tokens: limits.maxNumBatchedTokens,
    max_model_len: limits.maxModelLen,
  });
  return handles.open(
    "engine",
    (out) => native.engineOpen(blocks, owner, engine, out),
    native.engineClose,
  );
}

const KV_DTYPES = { float32: KvDType.F32, bfloat16: KvDType.BF16, int8: KvDType.INT8 } as const;

/** The model's handle, loaded, and the key that says which model it is. */
async function openModel(
  handles: Handles,
  device: Address,
  options: NativeRunnerOptions,
): Promise<[Address, bigint]> {
  const { model, cache, quantization } = options;
  const { native, owner } = handles;
  const facts = new Uint8Array(DEVICE_FACTS.size);
  check(native, native.deviceDescribe(device, facts), "device");
  const { isa, pack_version: packVersion, ...threads } = decode(DEVICE_FACTS, facts);
  const open = (table: ModelTable, cacheFd: number | undefined) =>
    handles.open(
      `model ${model.path}`,
      (out) => {
        const { config, ropeFrequencies, tensors, numTensors } = table;
        const { modelOpen } = native;
        const fd = cacheFd ?? NO_FILE;
        return modelOpen(device, owner, config, ropeFrequencies, tensors, numTensors, fd, out);
      },
      native.modelClose,
    );
  const [weights, key, name] = withModelTable(model, quantization, (table) => {
    const name = cacheName(model.path, [table.key, isa, packVersion]);
    const handle = cache ? cache.withFile(name, (fd) => open(table, fd)) : open(table, undefined);
    return [handle, table.key, name];
  });
  const progress = await untilLoaded(handles, weights, options);
  const isCached = progress.source === WeightsSource.CACHED;
  options.onLoaded?.({
    isa: nameIn(Isa, isa),
    numThreads: threads.num_threads,
    threadsBy: nameIn(ThreadsBy, threads.threads_by),
    isCached,
    imageBytes: progress.num_bytes,
    hugePageBytes: hugePageBytes(progress.image),
  });
  if (cache && progress.opener === owner) {
    const work = isCached ? cache.touch(name) : cache.save(name, imageOf(handles, progress));
    options.follow?.(work);
  }
  return [weights, key];
}

const NO_FILE = -1;
/** Between two looks at what else the thread has to do. */
const LOAD_SLICE_US = 50_000;

async function untilLoaded(
  { native }: Handles,
  weights: Address,
  { model, clock = systemClock, onProgress }: NativeRunnerOptions,
): Promise<Record<keyof typeof MODEL_PROGRESS.types, number>> {
  const bytes = new Uint8Array(MODEL_PROGRESS.size);
  for (;;) {
    const status = native.modelWait(weights, LOAD_SLICE_US, bytes);
    const progress = decode(MODEL_PROGRESS, bytes);
    if (status !== Status.TIMEOUT) {
      check(native, status, `model ${model.path}`);
      return progress;
    }
    onProgress?.(progress.num_bytes_done, progress.num_bytes);
    await clock.turn();
  }
}

/** The packed weights, for as long as the runner is open. */
function imageOf(
  handles: Handles,
  { image, num_bytes: numBytes }: Record<"image" | "num_bytes", number>,
): ImageSource {
  return {
    numBytes,
    read: (offset, length) => new Uint8Array(mapMemory(image + offset, length)),
    isGone: () => handles.isClosed,
  };
}

function nameIn(numbers: Record<string, number>, wanted: number): string {
  const name = Object.entries(numbers).find(([, number]) => number === wanted)?.[0] ?? "unknown";
  return name.toLowerCase().replaceAll("_", "-");
}

// --- errors ------------------------------------------------------------------------------------

function check(native: NativeLibrary, status: number, what: string): void {
  if (status === Status.OK) return;
  const message = `${what}: ${native.lastError()}`;
  if (status === Status.MODEL_NOT_LOADABLE) throw new ModelNotLoadableError(message);
  if (status === Status.OUT_OF_MEMORY) throw new OutOfMemoryError(message);
  throw new InvalidArgumentError(message);
}

/** The system has no room for what the limits ask for. Lower them. */
export class OutOfMemoryError extends DynamoError {
  override readonly code = "out_of_memory";
}

/** A rule of dynamo_engine.h was broken: a setting that cannot be, or a bug in the scheduler. */
export class InvalidArgumentError extends DynamoError {
  override readonly code = "invalid_argument";
}
