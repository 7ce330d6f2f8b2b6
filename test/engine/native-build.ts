// Path of the native build, for tests that need it and skip, by name, where it is not there.

import { existsSync } from "node:fs";
import { join } from "node:path";

import {
  DEVICE_CONFIG,
  DeviceKind,
  Isa,
  loadLibrary,
  type NativeLibrary,
} from "../../src/engine/abi.ts";
import { encode } from "../../src/engine/struct-layout.ts";

export const builtLibrary = join(import.meta.dir, "../../native/build/libdynamo_engine.so");
export const isBuilt = existsSync(builtLibrary);

type IsaName = Exclude<keyof typeof Isa, "ANY">;

const BEST_FIRST: readonly IsaName[] = [
  ...(["AVX512", "AVX2", "NEON_BF16", "NEON", "NEON_V8", "PORTABLE"] as const),
];

/** The instruction sets that the library has kernels for and this CPU has, the best first. */
export function presentIsas(): readonly IsaName[] {
  const native = loadLibrary(builtLibrary);
  const device = new BigUint64Array(1);
  return BEST_FIRST.filter((name) => {
    if (openCpu(native, { owner: 0, numThreads: 1, isa: Isa[name] }, device) !== 0) return false;
    native.deviceClose(Number(device[0]));
    return true;
  });
}

export function bestIsa(): IsaName {
  return presentIsas()[0] ?? "PORTABLE";
}

interface CpuOptions {
  readonly owner: number;
  readonly numThreads: number;
  readonly isa: number;
}

/** Opens the CPU; returns a `Status`. */
export function openCpu(native: NativeLibrary, options: CpuOptions, out: BigUint64Array): number {
  const { owner, numThreads, isa } = options;
  const config = encode(DEVICE_CONFIG, { num_threads: numThreads, isa });
  return native.deviceOpen(DeviceKind.CPU, 0, owner, config, out);
}
