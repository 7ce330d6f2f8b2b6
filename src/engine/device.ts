// The device that computes: all CPUs of the machine, or one GPU.

import {
  type Address,
  DEVICE_CONFIG,
  DEVICE_FACTS,
  DeviceKind,
  Isa,
  loadLibrary,
  THREADS_ANY,
} from "./abi.ts";
import { check, Handles } from "./native-handles.ts";
import { decode, encode, textAt } from "./struct-layout.ts";

/** GPUs are counted as CUDA_VISIBLE_DEVICES leaves them. */
export type Device = { readonly kind: "cpu" } | { readonly kind: "cuda"; readonly ordinal: number };

export const CPU: Device = { kind: "cpu" };

/** Facts of a GPU, as they were when it was asked. */
export interface GpuFacts {
  readonly ordinal: number;
  readonly name: string;
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** Compute capability: `9.0`. */
  readonly capability: string;
  /** CUDA that the driver brings: `13.0`. */
  readonly driver: string;
  /** True if its memory is the machine's RAM. */
  readonly sharesMemory: boolean;
}

export interface OpenOptions {
  /** Compute threads of a CPU, or those that load a GPU's weights. */
  readonly threads?: number | undefined;
  /** Instruction set of a CPU, as `Isa` numbers it. */
  readonly isa?: number;
}

/**
 * Opens the device for the handles' owner.
 *
 * @throws {NoDeviceError} there is no GPU, no driver, or the build has no CUDA
 * @throws {InvalidArgumentError} another device than those that are there, or that it cannot be used, and why
 */
export function openDeviceOf(handles: Handles, device: Device, options: OpenOptions = {}): Address {
  const { native, owner } = handles;
  const { threads = THREADS_ANY, isa = Isa.ANY } = options;
  const config = encode(DEVICE_CONFIG, { num_threads: threads, isa });
  const [kind, ordinal] =
    device.kind === "cpu" ? [DeviceKind.CPU, 0] : [DeviceKind.CUDA, device.ordinal];
  return handles.open(
    device.kind === "cpu" ? "device" : `GPU ${ordinal}`,
    (out) => native.deviceOpen(kind, ordinal, owner, config, out),
    native.deviceClose,
  );
}

/**
 * Asks a GPU for its facts, and closes it again.
 *
 * @throws {NoDeviceError} and what else `openDeviceOf` throws
 */
export function gpuFacts(library: string, ordinal: number): GpuFacts {
  const handles = new Handles(loadLibrary(library), ASKING_OWNER);
  try {
    const device = openDeviceOf(handles, { kind: "cuda", ordinal });
    const bytes = new Uint8Array(DEVICE_FACTS.size);
    check(handles.native, handles.native.deviceDescribe(device, bytes), `GPU ${ordinal}`);
    const facts = decode(DEVICE_FACTS, bytes);
    return {
      ordinal,
      name: textAt(DEVICE_FACTS, bytes, "name"),
      totalBytes: facts.memory_bytes,
      freeBytes: facts.free_bytes,
      capability: `${Math.floor(facts.capability / 10)}.${facts.capability % 10}`,
      driver: `${Math.floor(facts.driver_version / 1000)}.${Math.floor((facts.driver_version % 1000) / 10)}`,
      sharesMemory: facts.shares_memory === 1,
    };
  } finally {
    handles.close();
  }
}

/** No worker has it. */
const ASKING_OWNER = 2 ** 32 - 3;
