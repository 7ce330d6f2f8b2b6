// Requests of a trace over mocked workers in virtual time, once for each policy: what a router is worth. With --real the
// trace is scaled down, and the workers are real ones with a small model of random weights, on this machine's cores.
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";

import type { RoutingPolicy } from "../../src/kv/worker-selector.ts";
import { randomModel, replayReal, speedFor } from "./replay/real.ts";
import { HEADING, idealHitRate, rowOf } from "./replay/report.ts";
import { simulate, TIMINGS, type Timing } from "./replay/simulate.ts";
import { readTrace, TraceError, type TraceRequest } from "./replay/trace.ts";

const POLICIES: readonly RoutingPolicy[] = [
  "kv",
  "kv-blocks",
  "least-loaded",
  "round-robin",
  "random",
  "kv-load",
];

const USAGE = `
npm run bench -- routing --trace FILE [--speed 1,1.3,1.6,1.9] [--policies ${POLICIES.join(",")}]
                         [--workers 8] [--requests N] [--timing ${TIMINGS.join(",")}] [--seed 1]
                         [--overlap-score-weight 1] [--temperature 0]
npm run bench -- routing --trace FILE --real [--load 0.6] [--policies ...] [--workers 8] [--requests 1500]

FILE      a trace of Mooncake's (.jsonl) or Azure's (.csv)
timing    mocker: steps as Dynamo's mocker times them; prefill: its formula over whole prompts, and nothing decoded
load      share of the machine that all prompts would take if nothing were ever cached
`.trim();

const OPTIONS = {
  help: { type: "boolean", default: false },
  trace: { type: "string" },
  speed: { type: "string", default: "1,1.3,1.6,1.9" },
  policies: { type: "string", default: POLICIES.slice(0, 5).join(",") },
  workers: { type: "string", default: "8" },
  requests: { type: "string" },
  real: { type: "boolean", default: false },
  load: { type: "string", default: "0.6" },
  seed: { type: "string", default: "1" },
  "overlap-score-weight": { type: "string", default: "1" },
  temperature: { type: "string", default: "0" },
  timing: { type: "string", default: TIMINGS.join(",") },
} as const;

/** As many as take a minute for each policy on two cores. */
const REAL_REQUESTS = 1500;

export async function run(args: readonly string[]): Promise<void> {
  try {
    const settings = settingsOf(args);
    if (settings.isHelp || settings.trace === undefined) {
      console.log(USAGE);
      return;
    }
    const trace = await readTrace(settings.trace, settings.numRequests);
    await (settings.isReal ? replayAllReal : replayAll)(trace, settings);
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof TraceError)) throw error;
    console.error(error.message);
    process.exitCode = 2;
  }
}

async function replayAll(trace: readonly TraceRequest[], settings: Settings): Promise<void> {
  const { numWorkers, seed } = settings;
  const ideal = idealHitRate(trace, 64);
  console.log(
    `${trace.length} requests over ${numWorkers} mocked workers, times in s, seed ${seed}; ` +
      `a shared cache without limit would hit ${ideal.toFixed(3)}`,
  );
  for (const timing of settings.timings) {
    console.log(`\n${TIMING_TITLES[timing]}\n${HEADING}`);
    for (const speed of settings.speeds) {
      for (const policy of settings.policies) {
        const { overlapScoreWeight, temperature } = settings;
        const rule = { policy, overlapSource: "events", overlapScoreWeight, temperature } as const;
        const replay = simulate(trace, { numWorkers, speed, rule, seed, timing });
        console.log(rowOf(speed, policy, replay));
      }
    }
  }
}

async function replayAllReal(trace: readonly TraceRequest[], settings: Settings): Promise<void> {
  const { numWorkers, load } = settings;
  using model = randomModel();
  const speed = await speedFor(trace, load, model.directory);
  console.log(
    `${trace.length} requests, a token for 32, over ${numWorkers} workers on ${availableParallelism()} cores, times in s, ` +
      `load ${load}; a shared cache without limit would hit ${idealHitRate(trace, 512).toFixed(3)}\n${HEADING}`,
  );
  for (const policy of settings.policies) {
    const replay = await replayReal(trace, { policy, numWorkers, speed }, model.directory);
    console.log(rowOf(Number(speed.toPrecision(3)), policy, replay));
  }
}

const TIMING_TITLES: Readonly<Record<Timing, string>> = {
  mocker:
    "mocker: steps as Dynamo's mocker times them, with a decode in each and every chunk by itself",
  prefill: "prefill: its formula over whole prompts, and nothing decoded",
};

interface Settings {
  readonly isHelp: boolean;
  readonly trace: string | undefined;
  readonly speeds: readonly number[];
  readonly policies: readonly RoutingPolicy[];
  readonly numWorkers: number;
  readonly numRequests: number;
  readonly seed: number;
  readonly overlapScoreWeight: number;
  readonly temperature: number;
  readonly timings: readonly Timing[];
  readonly isReal: boolean;
  readonly load: number;
}

function settingsOf(args: readonly string[]): Settings {
  const values = parse(args);
  const number = (name: keyof typeof OPTIONS, isValid: (value: number) => boolean) => {
    const value = Number(values[name]);
    if (Number.isNaN(value) || !isValid(value)) throw new UsageError(name, values[name]);
    return value;
  };
  const isCount = (value: number) => Number.isInteger(value) && value >= 1;
  const isAmount = (value: number) => Number.isFinite(value) && value >= 0;
  return {
    isHelp: values.help,
    trace: values.trace,
    speeds: values.speed.split(",").map((text) => {
      const speed = Number(text);
      if (!(speed > 0 && speed < Number.POSITIVE_INFINITY)) throw new UsageError("speed", text);
      return speed;
    }),
    policies: listOf("policies", values.policies, POLICIES),
    timings: listOf("timing", values.timing, TIMINGS),
    numWorkers: number("workers", isCount),
    numRequests:
      values.requests === undefined
        ? values.real
          ? REAL_REQUESTS
          : Number.POSITIVE_INFINITY
        : number("requests", isCount),
    isReal: values.real,
    load: number("load", (value) => isAmount(value) && value > 0),
    seed: number("seed", Number.isInteger),
    overlapScoreWeight: number("overlap-score-weight", isAmount),
    temperature: number("temperature", isAmount),
  };
}

function listOf<T extends string>(option: string, text: string, known: readonly T[]): readonly T[] {
  return text.split(",").map((name) => {
    const found = known.find((one) => one === name);
    if (found === undefined) throw new UsageError(option, `${name}; there are ${known.join(", ")}`);
    return found;
  });
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values;
  } catch (error) {
    throw new UsageError("routing", error instanceof Error ? error.message : error);
  }
}

class UsageError extends Error {
  constructor(option: string, value: unknown) {
    super(`--${option}: ${value}`);
  }
}
