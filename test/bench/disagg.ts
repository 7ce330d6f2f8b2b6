// Cost and effect of disaggregated prefill on clients that read.
//
//     npm run bench -- disagg

import { measureHandOvers } from "./disagg/hand-over.ts";
import { measureRealCores } from "./disagg/real-cores.ts";
import { simulate } from "./disagg/simulate.ts";
import { quantile } from "./median.ts";

const ITL_BOUND = 1.3;
const HAND_OVER_BUDGET_MICROS = 100;
const ROUNDS = 200;

export async function run(): Promise<void> {
  await simulated();
  await onRealCores();
  await handOvers();
}

async function simulated(): Promise<void> {
  console.log(
    "16 streams beside prompts of 8,000 tokens, one every 1.25 s; mocked GPUs, 60 s of virtual time, ms",
  );
  const scenario = {
    ...{ numStreams: 16, promptTokens: 8000, promptEveryMs: 1250, durationMs: 60_000 },
  };
  const none = await simulate({ ...scenario, graph: "agg", promptEveryMs: undefined });
  printLatencies(none, undefined, "no prompts", none.itlMs);
  for (const graph of ["agg", "disagg"] as const) {
    const { itlMs, ttftMs } = await simulate({ ...scenario, graph });
    printLatencies({ itlMs, ttftMs }, ITL_BOUND, graph, none.itlMs);
  }
}

async function onRealCores(): Promise<void> {
  console.log(
    "\n4 streams beside prompts of 900 tokens, 4 a second; built-in model on this machine's cores, ms",
  );
  const none = await measureRealCores("agg", "none");
  printLatencies(none, undefined, "no prompts", none.itlMs);
  for (const graph of ["agg", "disagg"] as const) {
    printLatencies(await measureRealCores(graph, "some"), undefined, graph, none.itlMs);
  }
}

interface Latencies {
  readonly itlMs: readonly number[];
  readonly ttftMs: readonly number[];
}

function printLatencies(
  { itlMs, ttftMs }: Latencies,
  bound: number | undefined,
  name: string,
  without: readonly number[],
): void {
  const ratio = quantile(itlMs, 0.99) / quantile(without, 0.99);
  const verdict = bound === undefined ? "" : ` (${bound} is the bound of disagg)`;
  const columns = [
    name.padEnd(11),
    ...[0.5, 0.99, 1].map(
      (q) => `ITL p${100 * q}`.padEnd(9) + quantile(itlMs, q).toFixed(1).padStart(7),
    ),
    ...[0.5, 0.99].map((q) =>
      ttftMs.length === 0
        ? ""
        : `TTFT p${100 * q}`.padEnd(9) + quantile(ttftMs, q).toFixed(0).padStart(6),
    ),
    `p99 ${ratio.toFixed(2)} times that without${verdict}`,
  ];
  console.log(columns.filter((column) => column !== "").join("  "));
}

async function handOvers(): Promise<void> {
  console.log(
    `\nthe way of a prompt, both sides on one thread, medians of ${ROUNDS}, µs; budget of the hand-over ${HAND_OVER_BUDGET_MICROS}`,
  );
  console.log(
    "tokens   admitted to first step   last step to decode   p99   K and V written, of them copies",
  );
  for (const numTokens of [64, 1024, 16_384, 65_536]) {
    const { each, numWritten, numTokens: total } = await measureHandOvers(numTokens, ROUNDS);
    const warm = each.slice(ROUNDS / 10);
    const of = (q: number, key: "toPrefillMicros" | "handOverMicros") =>
      quantile(
        warm.map((one) => one[key]),
        q,
      ).toFixed(0);
    const columns = [
      `${numTokens}`.padStart(6),
      of(0.5, "toPrefillMicros").padStart(25),
      of(0.5, "handOverMicros").padStart(22),
      of(0.99, "handOverMicros").padStart(6),
      `${numWritten} tokens, ${numWritten - total}`.padStart(34),
    ];
    console.log(columns.join(""));
  }
}

if (import.meta.main) await run();
