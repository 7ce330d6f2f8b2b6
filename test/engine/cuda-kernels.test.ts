// Budgets of the CUDA kernels, by what ptxas counted for each architecture, and by the PTX that ships.

import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const folder = join(import.meta.dir, "../../native/build/cuda");
const isBuilt = existsSync(join(folder, "gemm.fatbin"));

interface Budget {
  /** Most registers of a thread. */
  readonly registers: number;
  /** Most bytes of shared memory of a block. */
  readonly shared?: number;
  readonly threads: number;
  /** Least warps that a processor of 65,536 registers holds at once. */
  readonly warps: number;
  /** `mma.sync` in the PTX, at least. */
  readonly mma?: number;
  /** Loads of 16 bytes in the PTX, at least. */
  readonly wide?: number;
}

const BUDGETS: Readonly<Record<string, Budget>> = {
  dyn_attend_32: { registers: 176, threads: 32, warps: 11, mma: 32, wide: 16 },
  dyn_attend_64: { registers: 208, threads: 32, warps: 9, mma: 64, wide: 32 },
  dyn_attend_128: { registers: 255, threads: 32, warps: 8, mma: 128, wide: 64 },
  dyn_embed: { registers: 32, threads: 256, warps: 64 },
  dyn_gemm_few_8: { registers: 64, shared: 10_240, threads: 256, warps: 32, mma: 4, wide: 5 },
  dyn_gemm_few_16: { registers: 72, shared: 20_480, threads: 256, warps: 24, mma: 8, wide: 6 },
  dyn_gemm_few_32: { registers: 104, shared: 40_960, threads: 256, warps: 16, mma: 16, wide: 8 },
  dyn_gemm_many: { registers: 224, threads: 128, warps: 8, mma: 32, wide: 12 },
  dyn_heads: { registers: 56, shared: 512, threads: 32, warps: 32 },
  dyn_merge_spans_32: { registers: 40, threads: 32, warps: 32 },
  dyn_merge_spans_64: { registers: 40, threads: 32, warps: 32 },
  dyn_merge_spans_128: { registers: 40, threads: 32, warps: 32 },
  dyn_rms_norm: { registers: 32, shared: 32, threads: 256, warps: 64 },
  dyn_sample: { registers: 80, shared: 8_448, threads: 256, warps: 24 },
  dyn_swiglu: { registers: 32, threads: 256, warps: 64 },
};

interface Counted {
  readonly kernel: string;
  readonly architecture: string;
  readonly stack: number;
  readonly spills: number;
  readonly registers: number;
  readonly shared: number;
}

const COUNT =
  /entry function '(\w+)' for '(sm_\d+)'[\s\S]*?(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads\n.*?Used (\d+) registers([^\n]*)/g;

function counted(): readonly Counted[] {
  const logs = readdirSync(folder).filter((name) => /\.sm_\d+\.txt$/.test(name));
  return logs.flatMap((name) =>
    [...readFileSync(join(folder, name), "utf8").matchAll(COUNT)].map(
      ([, kernel = "", architecture = "", stack, stores, loads, registers, rest]) => ({
        ...{ kernel, architecture, stack: Number(stack), registers: Number(registers) },
        spills: Number(stores) + Number(loads),
        shared: Number(/(\d+) bytes smem/.exec(rest ?? "")?.[1] ?? 0),
      }),
    ),
  );
}

/** Registers are given to a warp in units of 256, and a block's warps come together. */
function warpsAtOnce({ registers, threads }: Pick<Budget, "registers" | "threads">): number {
  const ofWarp = Math.ceil((registers * 32) / 256) * 256;
  const ofBlock = threads / 32;
  return Math.min(64, Math.floor(65_536 / ofWarp / ofBlock) * ofBlock, 32 * ofBlock);
}

describe.skipIf(!isBuilt)("kernels (needs nvcc, and `npm run build`)", () => {
  test("each has a budget, and each budget a kernel, on every architecture", () => {
    const kernels = counted();
    expect([...new Set(kernels.map(({ kernel }) => kernel))].toSorted()).toEqual(
      Object.keys(BUDGETS).toSorted(),
    );
    const architectures = new Set(kernels.map(({ architecture }) => architecture));
    expect([...architectures]).toEqual(expect.arrayContaining(["sm_80", "sm_87", "sm_90"]));
    expect(kernels.length).toBe(architectures.size * Object.keys(BUDGETS).length);
  });

  test("nothing is spilled, and all are within their registers and shared memory", () => {
    for (const { kernel, architecture, stack, spills, registers, shared } of counted()) {
      const budget = BUDGETS[kernel];
      const where = `${kernel} on ${architecture}`;
      expect([where, stack, spills]).toEqual([where, 0, 0]);
      expect(registers, where).toBeLessThanOrEqual(budget?.registers ?? 0);
      expect(shared, where).toBeLessThanOrEqual(budget?.shared ?? 0);
      expect(
        warpsAtOnce({ registers, threads: budget?.threads ?? 0 }),
        where,
      ).toBeGreaterThanOrEqual(budget?.warps ?? 0);
    }
  });

  test("the PTX has the products and the wide loads that it is written for", () => {
    const files = readdirSync(folder).filter((name) => name.endsWith(".ptx"));
    const entries = files.flatMap((name) =>
      readFileSync(join(folder, name), "utf8").split(".visible .entry ").slice(1),
    );
    expect(entries.length).toBe(Object.keys(BUDGETS).length);
    for (const entry of entries) {
      const kernel = /^\w+/.exec(entry)?.[0] ?? "";
      const { mma = 0, wide = 0 } = BUDGETS[kernel] ?? {};
      expect(entry.match(/\bmma\.sync\b/g)?.length ?? 0, kernel).toBeGreaterThanOrEqual(mma);
      const loads = entry.match(/\bld\.global(\.nc)?(\.L\w+::\w+)*\.v4\b/g)?.length ?? 0;
      expect(loads, kernel).toBeGreaterThanOrEqual(wide);
      expect(entry, kernel).not.toContain(".local");
    }
  });
});
