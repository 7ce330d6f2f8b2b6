// Share of decoding that is left beside another program on one of the cores: an integer loop of equal nice, pinned
// to the first CPU, comes and goes. Target: at least 60 % of the speed without it. Half of one core of two is 25 % of the
// machine.
//
//     npm run bench -- hog [--model qwen3-0.6b] [--type Q8_0] [--threads N] [--rounds 5] [--session own|same]
//
// In a session of its own the loop shares CPU time with all of ours as one party with another where the kernel groups
// by session (sched_autogroup), and thread by thread otherwise.

import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";

import type { BenchEngine } from "./engine/bench-engine.ts";
import { BENCH_TYPES, benchModel, shapeOf } from "./engine/bench-model.ts";
import { openOurs } from "./engine/our-engine.ts";
import { median } from "./median.ts";

const TARGET = 0.6;
const BATCHES = [1, 8];
const NUM_STEPS = 60;

export async function run(args: readonly string[] = []): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      model: { type: "string", default: "qwen3-0.6b" },
      type: { type: "string", default: "Q8_0" },
      threads: { type: "string", default: `${availableParallelism()}` },
      rounds: { type: "string", default: "5" },
      session: { type: "string", default: "same" },
    },
  });
  const type = BENCH_TYPES.find((known) => known === values.type) ?? "Q8_0";
  const engine = await openOurs(benchModel(shapeOf(values.model), type), Number(values.threads));
  try {
    await engine.decode(1, NUM_STEPS); // warm-up
    console.log(
      `${values.model} ${type}, ${values.threads} threads, a loop in the ${values.session} session`,
    );
    console.log("batch   alone tok/s   beside the loop   share");
    for (const batch of BATCHES) {
      const rounds: Round[] = [];
      for (let round = 0; round < Number(values.rounds); round++) {
        rounds.push(await measure(engine, batch, values.session));
      }
      const share = median(rounds.map(({ alone, beside }) => beside / alone));
      console.log(
        [
          String(batch).padStart(5),
          median(rounds.map(({ alone }) => alone))
            .toFixed(1)
            .padStart(14),
          median(rounds.map(({ beside }) => beside))
            .toFixed(1)
            .padStart(18),
          `${(100 * share).toFixed(0)} %${share < TARGET ? " !" : ""}`.padStart(8),
        ].join(""),
      );
    }
  } finally {
    await engine.close();
  }
}

interface Round {
  readonly alone: number;
  readonly beside: number;
}

async function measure(engine: BenchEngine, batch: number, session: string): Promise<Round> {
  const alone = await engine.decode(batch, NUM_STEPS);
  const loop = ["taskset", "-c", "0", "sh", "-c", "while :; do :; done"];
  const hog = Bun.spawn(session === "own" ? ["setsid", ...loop] : loop, {
    stdio: ["ignore", "ignore", "ignore"],
  });
  try {
    await Bun.sleep(100); // until it runs
    return { alone, beside: await engine.decode(batch, NUM_STEPS) };
  } finally {
    hog.kill("SIGKILL");
    await hog.exited;
  }
}

if (import.meta.main) await run(process.argv.slice(2));
