// Greedy text in each stored format, width and number of heads beside two references (docs/numerics.md):
//
//     npm run bench -- rounding [--isa AVX2] [--pool float32] [--widths 32,64] [--formats Q4_0,q4] [--shapes 1]
//
// By default all of them, 4 prompts of 32 tokens each, on the instruction set that this CPU has best: some minutes.
// A cell fails where the engine's ids are not the rounding reference's, unless that one's two likeliest logits are
// closer than twice the noise that was measured in the cell.

import { parseArgs } from "node:util";
import { bestIsa } from "../engine/native-build.ts";
import { type Cell, FORMATS, WIDTHS } from "../engine/rounding-cells.ts";
import {
  type PromptResult,
  runCell,
  type SweepOptions,
  summaryOf,
} from "../engine/rounding-sweep.ts";
import type { IsaName } from "../reference/rounding/facts.ts";

const OPTIONS = {
  isa: { type: "string" },
  pool: { type: "string", default: "float32" },
  widths: { type: "string", default: WIDTHS.join() },
  formats: { type: "string", default: FORMATS.join() },
  shapes: { type: "string", default: "2" },
} as const;

export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const isa = (values.isa ?? bestIsa()) as IsaName;
  const pool = values.pool as SweepOptions["pool"];
  console.log(`${isa}, K and V in ${pool}, 4 prompts of 32 tokens`);
  console.log(
    "format  width shape  ids equal   noise   beside double: parted, first at, logit error",
  );
  const all: PromptResult[] = [];
  for (const cell of cellsOf(values)) {
    const results = await runCell(cell, { isa, pool, numPrompts: 4, numTokens: 32 });
    all.push(...results);
    console.log(rowOf(cell, results));
  }
  const { numWrong, numEqual, noise } = summaryOf(all);
  console.log(
    `${numEqual} of ${all.length} texts equal, ${all.length - numEqual - numWrong} parted in`,
  );
  console.log(`a near tie, ${numWrong} wrong; largest noise ${noise.toExponential(1)}`);
  if (numWrong > 0) process.exitCode = 1;
}

interface Chosen {
  readonly widths: string;
  readonly formats: string;
  readonly shapes: string;
}

function cellsOf({ widths, formats, shapes }: Chosen): Cell[] {
  const chosen = <T>(all: readonly T[], names: string) =>
    all.filter((one) => names.split(",").includes(`${one}`));
  return chosen(WIDTHS, widths).flatMap((width) =>
    ([0, 1] as const)
      .slice(0, Number(shapes))
      .flatMap((shape) => chosen(FORMATS, formats).map((format) => ({ format, width, shape }))),
  );
}

function rowOf({ format, width, shape }: Cell, results: readonly PromptResult[]): string {
  const { numEqual, noise, numParted, firstParted, logitError } = summaryOf(results);
  const ties = results
    .filter(({ gap }) => gap !== undefined)
    .map(({ partsAt, gap }) => `  parts at token ${partsAt}, gap ${gap?.toExponential(1)}`);
  return [
    `${(typeof format === "string" ? format : format.preset).padEnd(6)} ${`${width}`.padStart(6)} ${`${shape}`.padStart(5)}`,
    `${numEqual} of ${results.length}`.padStart(11),
    noise.toExponential(1).padStart(9),
    `${numParted} of ${results.length}`.padStart(10),
    `${firstParted ?? "-"}`.padStart(5),
    logitError.toExponential(1).padStart(9),
    ...ties,
  ].join(" ");
}
