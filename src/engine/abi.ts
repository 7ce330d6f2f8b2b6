// The C ABI of native/include/dynamo_engine.h, mirrored: numbers, struct layouts and functions.
// test/engine/abi.test.ts compares the layouts with those that a C compiler sees.

import { dlopen, FFIType, type Pointer, toArrayBuffer } from "bun:ffi";

import { DynamoError } from "../base/error.ts";
import type { DType } from "../model/dtype.ts";
import { BATCH_ARRAYS } from "./model-runner.ts";
import { ROW_FIELDS } from "./step-rows.ts";
import { layout, pointersTo } from "./struct-layout.ts";

export const ABI_VERSION = 12;
export const WAIT_FOREVER = 0xffffffff;
export const THREADS_ANY = 0;

export const Status = {
  OK: 0,
  INVALID_ARGUMENT: 1,
  MODEL_NOT_LOADABLE: 2,
  OUT_OF_MEMORY: 3,
  TIMEOUT: 4,
  DEVICE_LOST: 5,
  NO_DEVICE: 6,
} as const;

/** Kind of the device that computes. */
export const DeviceKind = { CPU: 0, CUDA: 1 } as const;

export const DTYPES = {
  F32: 0,
  F16: 1,
  BF16: 2,
  Q8_0: 3,
  Q4_0: 4,
  Q4_K: 5,
  Q5_K: 6,
  Q6_K: 7,
  GPTQ: 8,
  GPTQ_V2: 9,
  AWQ: 10,
  Q4_1: 11,
  Q5_0: 12,
  Q5_1: 13,
  Q2_K: 14,
  Q3_K: 15,
  IQ4_NL: 16,
  IQ4_XS: 17,
  MXFP4: 18,
  MXFP4_PLANES: 19,
  E8M0: 20,
} as const satisfies Readonly<Record<DType | PartDType, number>>;

/** Types of what several tensors make. */
type PartDType = "GPTQ" | "GPTQ_V2" | "AWQ" | "MXFP4_PLANES" | "E8M0";

/** Which of the tensors that make one matrix. */
export const Part = { WHOLE: 0, ZEROS: 1, SCALES: 2 } as const;

export const Quantization = { NONE: 0, Q8: 8, Q4: 4 } as const;

/** Bits. */
export const Load = { MAP: 1, IMAGE_ONLY: 2 } as const;

export const Isa = {
  ANY: 0,
  PORTABLE: 1,
  AVX2: 2,
  AVX512: 3,
  NEON: 4,
  NEON_BF16: 5,
  NEON_V8: 6,
} as const;

/** Source of a model's weights. */
export const WeightsSource = { PACKED: 0, CACHED: 1 } as const;

/** Reason for the number of compute threads. */
export const ThreadsBy = { CONFIGURATION: 0, CPUS: 1, AFFINITY: 2, CONTROL_GROUP: 3 } as const;

/** How the pool holds K and V. */
export const KvDType = { F32: 0, BF16: 1, INT8: 2 } as const;

export const Role = {
  EMBEDDING: 0,
  FINAL_NORM: 1,
  HEAD: 2,
  ATTENTION_NORM: 3,
  Q: 4,
  K: 5,
  V: 6,
  O: 7,
  MLP_NORM: 8,
  GATE: 9,
  UP: 10,
  DOWN: 11,
  Q_BIAS: 12,
  K_BIAS: 13,
  V_BIAS: 14,
  Q_NORM: 15,
  K_NORM: 16,
  POST_ATTENTION_NORM: 17,
  POST_MLP_NORM: 18,
  ROUTER: 19,
  ROUTER_BIAS: 20,
  O_BIAS: 21,
  SINKS: 22,
  EXPERT_GATE: 23,
  EXPERT_UP: 24,
  EXPERT_DOWN: 25,
  EXPERT_GATE_BIAS: 26,
  EXPERT_UP_BIAS: 27,
  EXPERT_DOWN_BIAS: 28,
} as const;

/** Norms of the residual stream in a layer. */
export const Norms = { BEFORE: 0, AROUND: 1, BEHIND: 2 } as const;

/** Norms of q and k. */
export const QkNorm = { NONE: 0, HEADS: 1, ROWS: 2 } as const;

/** Activation of the MLP's gate. */
export const Activation = { SILU: 0, GELU_TANH: 1, CLAMPED: 2 } as const;

export const RopeLayout = { HALVES: 0, INTERLEAVED: 1 } as const;

/** An address in native memory, or an opaque handle. */
export type Address = number;

// --- structs -----------------------------------------------------------------------------------

export const TENSOR = layout({
  role: "u16",
  dtype: "u16",
  layer: "u16",
  expert: "u16",
  fd: "i32",
  rank: "u16",
  part: "u16",
  rows: "u64", // shape[0]
  columns: "u64", // shape[1]
  offset: "u64",
  num_bytes: "u64",
  row_stride: "u64",
});

export const MODEL_CONFIG = layout({
  key: "u64",
  local_layers: "bits512",
  rms_norm_eps: "f64",
  rope_magnitude: "f64",
  local_rope_magnitude: "f64",
  embedding_scale: "f64",
  attention_scale: "f64",
  attention_softcap: "f64",
  logit_softcap: "f64",
  vocab_size: "u32",
  hidden_size: "u32",
  intermediate_size: "u32",
  num_layers: "u32",
  num_heads: "u32",
  num_kv_heads: "u32",
  head_size: "u32",
  tie_word_embeddings: "u32",
  attention_bias: "u32",
  qk_norm: "u32",
  rope_layout: "u32",
  sliding_window: "u32",
  local_window: "u32",
  norms: "u32",
  norm_offset: "u32",
  activation: "u32",
  quantization: "u32",
  load: "u32",
  num_experts: "u32",
  num_experts_per_token: "u32",
  expert_size: "u32",
  norm_top_k: "u32",
  expert_bias: "u32",
  attention_sinks: "u32",
});

export const DEVICE_CONFIG = layout({
  num_threads: "u32",
  isa: "u32",
});

export const DEVICE_FACTS = layout({
  memory_bytes: "u64",
  kind: "u32",
  ordinal: "u32",
  isa: "u32",
  num_threads: "u32",
  pack_version: "u32",
  threads_by: "u32",
  free_bytes: "u64",
  capability: "u32",
  driver_version: "u32",
  shares_memory: "u32",
  reserved: "u32",
  name: "text64",
});

export const MODEL_PROGRESS = layout({
  num_bytes: "u64",
  num_bytes_done: "u64",
  image: "pointer",
  source: "u32",
  opener: "u32",
});

export const KV_POOL_CONFIG = layout({
  key: "u64",
  num_blocks: "u32",
  block_size: "u32",
  kv_dtype: "u32",
  reserved: "u32",
});

export const ENGINE_CONFIG = layout({
  max_num_seqs: "u32",
  max_num_rows: "u32",
  max_num_batched_tokens: "u32",
  max_model_len: "u32",
});

export const MODEL_SIZES = layout({ weights: "u64", image: "u64" });

export const ENGINE_SIZES = layout({
  kv_block: "u64",
  kv_pool: "u64",
  batch: "u64",
  activations: "u64",
  attention: "u64",
  logits: "u64",
  sampling: "u64",
  workspace: "u64",
});

/** Without the words behind its fields. */
export const ROW = layout(ROW_FIELDS);

export const BATCH = layout(pointersTo(BATCH_ARRAYS));

/** Native memory as an ArrayBuffer, without a copy. It dies with its owner, not with this view. */
export function mapMemory(address: Address, numBytes: number): ArrayBuffer {
  return toArrayBuffer(address as Pointer, 0, numBytes); // bun:ffi brands its numbers
}

// --- functions ---------------------------------------------------------------------------------

const { u32, i32, ptr, cstring } = FFIType;

const FUNCTIONS = {
  dyn_abi_version: { args: [], returns: u32 },
  dyn_last_error: { args: [], returns: cstring },
  dyn_device_open: { args: [u32, u32, u32, ptr, ptr], returns: i32 },
  dyn_device_describe: { args: [ptr, ptr], returns: i32 },
  dyn_device_close: { args: [ptr], returns: i32 },
  dyn_model_open: { args: [ptr, u32, ptr, ptr, ptr, u32, i32, ptr], returns: i32 },
  dyn_model_wait: { args: [ptr, u32, ptr], returns: i32 },
  dyn_model_close: { args: [ptr], returns: i32 },
  dyn_model_measure: { args: [ptr, ptr, ptr, u32, ptr], returns: i32 },
  dyn_kv_pool_open: { args: [ptr, u32, ptr, ptr], returns: i32 },
  dyn_kv_pool_close: { args: [ptr], returns: i32 },
  dyn_kv_pool_discard: { args: [ptr, u32, u32], returns: i32 },
  dyn_engine_open: { args: [ptr, u32, ptr, ptr], returns: i32 },
  dyn_engine_measure: { args: [ptr, ptr, ptr, u32, ptr, ptr, ptr], returns: i32 },
  dyn_engine_use_graphs: { args: [ptr, u32], returns: i32 },
  dyn_engine_close: { args: [ptr], returns: i32 },
  dyn_engine_batch: { args: [ptr, ptr], returns: i32 },
  dyn_engine_submit: { args: [ptr, u32, u32, u32], returns: i32 },
  dyn_engine_wait: { args: [ptr, u32], returns: i32 },
  dyn_owner_progress: { args: [u32, ptr], returns: i32 },
  dyn_owner_release: { args: [u32], returns: i32 },
} as const;

/** The functions of the header. Handles are addresses; each call returns a `Status`. */
export interface NativeLibrary {
  lastError(): string;
  deviceOpen(
    kind: number,
    ordinal: number,
    owner: number,
    config: Uint8Array,
    out: BigUint64Array,
  ): number;
  deviceDescribe(device: Address, out: Uint8Array): number;
  deviceClose(device: Address): number;
  modelOpen(
    device: Address,
    owner: number,
    config: Uint8Array,
    ropeFrequencies: Float64Array,
    tensors: Uint8Array,
    numTensors: number,
    cacheFd: number,
    out: BigUint64Array,
  ): number;
  modelWait(model: Address, timeoutUs: number, out: Uint8Array): number;
  modelClose(model: Address): number;
  modelMeasure(
    device: Address,
    config: Uint8Array,
    tensors: Uint8Array,
    numTensors: number,
    out: Uint8Array,
  ): number;
  kvPoolOpen(model: Address, owner: number, config: Uint8Array, out: BigUint64Array): number;
  kvPoolClose(pool: Address): number;
  kvPoolDiscard(pool: Address, firstBlock: number, numBlocks: number): number;
  engineOpen(pool: Address, owner: number, config: Uint8Array, out: BigUint64Array): number;
  engineMeasure(
    device: Address,
    model: Uint8Array,
    tensors: Uint8Array,
    numTensors: number,
    pool: Uint8Array,
    engine: Uint8Array,
    out: Uint8Array,
  ): number;
  engineUseGraphs(engine: Address, areUsed: number): number;
  engineClose(engine: Address): number;
  engineBatch(engine: Address, out: Uint8Array): number;
  engineSubmit(engine: Address, numSeqs: number, numTokens: number, numRows: number): number;
  engineWait(engine: Address, timeoutUs: number): number;
  ownerProgress(owner: number, out: BigUint64Array): number;
  ownerRelease(owner: number): number;
}

/** Loads the library at `path`. All threads of the process that load it share one instance. */
export function loadLibrary(path: string): NativeLibrary {
  const { symbols: c } = open(path);
  const version = c.dyn_abi_version();
  if (version !== ABI_VERSION) {
    throw new NativeLibraryError(
      `${path} has ABI version ${version}, this program needs ${ABI_VERSION}: build both from one commit`,
    );
  }
  const p = (address: Address) => address as Pointer; // bun:ffi brands its numbers
  return {
    lastError: () => String(c.dyn_last_error()),
    deviceOpen: c.dyn_device_open,
    deviceDescribe: (device, out) => c.dyn_device_describe(p(device), out),
    deviceClose: (device) => c.dyn_device_close(p(device)),
    modelOpen: (device, owner, config, ropeFrequencies, tensors, numTensors, cacheFd, out) =>
      c.dyn_model_open(
        p(device),
        owner,
        config,
        ropeFrequencies,
        tensors,
        numTensors,
        cacheFd,
        out,
      ),
    modelWait: (model, timeoutUs, out) => c.dyn_model_wait(p(model), timeoutUs, out),
    modelClose: (model) => c.dyn_model_close(p(model)),
    modelMeasure: (device, config, tensors, numTensors, out) =>
      c.dyn_model_measure(p(device), config, tensors, numTensors, out),
    kvPoolOpen: (model, owner, config, out) => c.dyn_kv_pool_open(p(model), owner, config, out),
    kvPoolClose: (pool) => c.dyn_kv_pool_close(p(pool)),
    kvPoolDiscard: (pool, first, count) => c.dyn_kv_pool_discard(p(pool), first, count),
    engineOpen: (pool, owner, config, out) => c.dyn_engine_open(p(pool), owner, config, out),
    engineMeasure: (device, model, tensors, numTensors, pool, engine, out) =>
      c.dyn_engine_measure(p(device), model, tensors, numTensors, pool, engine, out),
    engineUseGraphs: (engine, areUsed) => c.dyn_engine_use_graphs(p(engine), areUsed),
    engineClose: (engine) => c.dyn_engine_close(p(engine)),
    engineBatch: (engine, out) => c.dyn_engine_batch(p(engine), out),
    engineSubmit: (engine, numSeqs, numTokens, numRows) =>
      c.dyn_engine_submit(p(engine), numSeqs, numTokens, numRows),
    engineWait: (engine, timeoutUs) => c.dyn_engine_wait(p(engine), timeoutUs),
    ownerProgress: c.dyn_owner_progress,
    ownerRelease: c.dyn_owner_release,
  };
}

function open(path: string) {
  try {
    return dlopen(path, FUNCTIONS);
  } catch (error) {
    throw libraryError(error);
  }
}

/** Error that `dlopen` throws, in words, with what to do. */
export function libraryError(error: unknown): NativeLibraryError {
  const reason = error instanceof Error ? error.message : String(error);
  const [, words] = FAILURES.find(([pattern]) => pattern.test(reason)) ?? [];
  return new NativeLibraryError(
    `the engine's library cannot be loaded: ${words ?? `${reason}. Build or copy the executable again`}`,
  );
}

const FAILURES: readonly (readonly [RegExp, string])[] = [
  [
    /requires the JIT/,
    "this process may make no machine code, for want of address space (ulimit -v) or since a sandbox forbids it. Raise the limit " +
      "(ulimit -v unlimited; in systemd LimitAS=infinity), allow memory that is written and executed (in systemd " +
      "MemoryDenyWriteExecute=no), or serve the engine that only takes time: -f configs/mock.yaml",
  ],
  [
    /GLIBC(XX)?_[\d.]+/,
    "this system's C library is older than glibc 2.28; update the system, or run dynamo in a container of a newer one",
  ],
  [
    /[Cc]annot allocate memory|failed to map|cannot create .*(?:memory|segment)/,
    "there is no memory or address space left for it. Raise the limits (ulimit -v unlimited), or end what fills the memory",
  ],
  [
    /[Oo]peration not permitted|[Pp]ermission denied/,
    "the system forbids to run code from a file in memory. Allow memfd_create and executable mappings in the sandbox",
  ],
];

/** The engine's library is missing, damaged, or from another version. */
export class NativeLibraryError extends DynamoError {
  override readonly code = "native_library";
}
