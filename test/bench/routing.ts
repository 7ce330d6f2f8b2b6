// Requests of a trace over mocked workers in virtual time, once for each policy: what a router is worth.
//
//     npm run bench -- routing --trace FILE [--speed 1,1.3] [--policies kv,random] [--workers 8]
//                              [--requests N] [--seed 1] [--overlap-score-weight 1] [--temperature 0]
//                              [--prefill-time chunks|prompts]

import { parseArgs } from "node:util";

import type { RoutingPolicy } from "../../src/kv/worker-selector.ts";
import { HEADING, idealHitRate, rowOf } from "./replay/report.ts";
import { type PrefillTime, simulate } from "./replay/simulate.ts";
import { readTrace, TraceError } from "./replay/trace.ts";

const POLICIES: readonly RoutingPolicy[] = [
  "kv",
  "kv-blocks",
  "least-loaded",
  "round-robin",
  "random",
  "kv-load",
];

const OPTIONS = {
  trace: { type: "string" },
  speed: { type: "string", default: "1,1.3,1.6,1.9" },
  policies: { type: "string", default: POLICIES.slice(0, 5).join(",") },
  workers: { type: "string", default: "8" },
  requests: { type: "string", default: "Infinity" },
  seed: { type: "string", default: "1" },
  "overlap-score-weight": { type: "string", default: "1" },
  temperature: { type: "string", default: "0" },
  "prefill-time": { type: "string", default: "chunks" },
} as const;

export async function run(args: readonly string[]): Promise<void> {
  try {
    await replayAll(settingsOf(args));
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof TraceError)) throw error;
    console.error(error.message);
    process.exitCode = 2;
  }
}

async function replayAll(settings: Settings): Promise<void> {
  if (settings.trace === undefined) {
    console.log("no trace: --trace FILE, a Mooncake .jsonl or an Azure .csv");
    return;
  }
  const { numWorkers, seed, prefillTime } = settings;
  const trace = await readTrace(settings.trace, settings.numRequests);
  const ideal = idealHitRate(trace, 64);
  console.log(
    `${trace.length} requests over ${numWorkers} mocked workers, times in s, seed ${seed}; ` +
      `a shared cache without limit would hit ${ideal.toFixed(3)}`,
  );
  console.log(HEADING);
  for (const speed of settings.speeds) {
    for (const policy of settings.policies) {
      const { overlapScoreWeight, temperature } = settings;
      const rule = { policy, overlapSource: "events", overlapScoreWeight, temperature } as const;
      const replay = simulate(trace, { numWorkers, speed, rule, seed, prefillTime });
      console.log(rowOf(speed, policy, replay));
    }
  }
}

interface Settings {
  readonly trace: string | undefined;
  readonly speeds: readonly number[];
  readonly policies: readonly RoutingPolicy[];
  readonly numWorkers: number;
  readonly numRequests: number;
  readonly seed: number;
  readonly overlapScoreWeight: number;
  readonly temperature: number;
  readonly prefillTime: PrefillTime;
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
  const prefillTime = values["prefill-time"];
  if (prefillTime !== "chunks" && prefillTime !== "prompts") {
    throw new UsageError("prefill-time", `${prefillTime}; it is chunks or prompts`);
  }
  return {
    trace: values.trace,
    speeds: values.speed.split(",").map((text) => {
      const speed = Number(text);
      if (!(speed > 0 && speed < Number.POSITIVE_INFINITY)) throw new UsageError("speed", text);
      return speed;
    }),
    policies: values.policies.split(",").map((name) => {
      const policy = POLICIES.find((one) => one === name);
      if (policy === undefined) {
        throw new UsageError("policies", `${name}; there are ${POLICIES.join(", ")}`);
      }
      return policy;
    }),
    numWorkers: number("workers", isCount),
    numRequests: number("requests", (value) => isCount(value) || value === Infinity),
    seed: number("seed", Number.isInteger),
    overlapScoreWeight: number("overlap-score-weight", isAmount),
    temperature: number("temperature", isAmount),
    prefillTime,
  };
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
