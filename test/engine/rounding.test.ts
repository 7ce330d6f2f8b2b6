// Greedy ids of whole models are those of a reference that rounds where the engine does, in every stored format. The
// whole sweep: `npm run bench -- rounding`.

import { describe, expect, test } from "bun:test";

import { isBuilt, presentIsas } from "./native-build.ts";
import { type Cell, FORMATS } from "./rounding-cells.ts";
import { runCell, type SweepOptions, summaryOf } from "./rounding-sweep.ts";

const FEW = { numPrompts: 2, numTokens: 16 } as const;

/** A log-probability is an F32; a level of one activation is worth thousands of times as much. */
const MAX_NOISE = 2e-5;

/** Their product of pairs of BF16 has an arithmetic of its own, so an activation may pass to its next level. */
const HAVE_OWN_BITS: ReadonlySet<string> = new Set(["AVX512", "NEON_BF16"]);

async function expectEqual(cell: Cell, options: SweepOptions): Promise<void> {
  const results = await runCell(cell, options);
  const { numWrong, numEqual, noise } = summaryOf(results);
  const parted = results.filter(({ partsAt }) => partsAt !== undefined);
  for (const { partsAt, gap } of parted) {
    console.log(
      `${JSON.stringify(cell)}: near tie at token ${partsAt}, gap ${gap}, noise ${noise}`,
    );
  }
  expect(numWrong).toBe(0);
  expect(numEqual + parted.length).toBe(options.numPrompts);
  expect(noise).toBeLessThan(HAVE_OWN_BITS.has(options.isa) ? 0.02 : MAX_NOISE);
}

const isas = isBuilt ? presentIsas() : [];

describe.skipIf(!isBuilt)("ids equal the rounding reference's (needs `npm run build`)", () => {
  const [best = "PORTABLE", ...others] = isas;

  for (const format of FORMATS) {
    test(`in ${format}, widths 32, 96 and 256`, async () => {
      for (const width of [32, 96, 256] as const) {
        const shape = width === 96 ? 1 : 0;
        await expectEqual({ format, width, shape }, { isa: best, pool: "float32", ...FEW });
      }
    });
  }

  // Rows of 576 are no whole blocks of 256: llama-quantize gives them other types.
  // test/engine/stored-formats.test.ts has all mixtures.
  for (const preset of ["Q2_K", "IQ4_XS", "Q4_K_M"] as const) {
    test(`in the mixture ${preset}, widths 576 and 1024`, async () => {
      for (const width of [576, 1024] as const) {
        const cell = { format: { preset }, width, shape: 0 } as const;
        const few = { numPrompts: 1, numTokens: 4 };
        await expectEqual(cell, { isa: best, pool: "float32", ...few });
      }
    }, 60_000);
  }

  for (const isa of isas) {
    test(`with experts, on ${isa}`, async () => {
      for (const format of ["F32", "BF16", "Q8_0", "MXFP4", "q8"] as const) {
        const cell = { format, width: 32, shape: 1, hasExperts: true } as const;
        await expectEqual(cell, { isa, pool: "float32", ...FEW });
      }
    }, 60_000);
  }

  for (const pool of ["bfloat16", "int8"] as const) {
    test(`beside K and V in ${pool}`, async () => {
      for (const isa of isas) {
        await expectEqual({ format: "Q8_0", width: 64, shape: 0 }, { isa, pool, ...FEW });
      }
    });
  }

  for (const isa of others) {
    test(`on ${isa}, in every format`, async () => {
      for (const format of FORMATS) {
        await expectEqual({ format, width: 32, shape: 1 }, { isa, pool: "float32", ...FEW });
      }
    }, 60_000);
  }
});
