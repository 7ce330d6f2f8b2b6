// Where the native build is, for tests that need it and skip, by name, where it is not there.

import { existsSync } from "node:fs";
import { join } from "node:path";

import { Isa, loadLibrary } from "../../src/engine/abi.ts";

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
    if (native.deviceOpen(0, 1, Isa[name], device) !== 0) return false;
    native.deviceClose(Number(device[0]));
    return true;
  });
}

export function bestIsa(): IsaName {
  return presentIsas()[0] ?? "PORTABLE";
}
