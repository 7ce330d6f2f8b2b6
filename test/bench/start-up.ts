// From exec to the first answer of the built-in model, and what it weighs when idle. Each run is a fresh process.
//
//     npm run bench -- start [--model qwen3-0.6b]
//
// With --model: to a worker that can be called and to a listed model, of a GGUF file in Q8_0 whose packed weights are
// cached, at 1 and at 64 slots.

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

import { executable, freePort, root } from "../e2e/server.ts";
import { benchModel, shapeOf } from "./engine/bench-model.ts";
import { median } from "./median.ts";

const RUNS = 15;
const MODEL_RUNS = 5;

export async function run(args: readonly string[] = []): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: { model: { type: "string" } } });
  if (values.model === undefined) await startBuiltIn();
  else await startModel(benchModel(shapeOf(values.model), "Q8_0").path);
}

async function startModel(path: string): Promise<void> {
  await timeEngine(path, 1); // packs
  console.log(
    "ms            weights, engine ready (its log)   exec to engine ready   to a listed model",
  );
  for (const slots of [1, 64]) {
    const starts: EngineStart[] = [];
    for (let index = 0; index < MODEL_RUNS; index++) starts.push(await timeEngine(path, slots));
    const column = (pick: (start: EngineStart) => number, width: number) =>
      median(starts.map(pick)).toFixed(0).padStart(width);
    console.log(
      [
        `${slots} slots`.padEnd(10),
        column(({ weightsMs }) => weightsMs, 11),
        column(({ engineMs }) => engineMs, 14),
        column(({ workerMs }) => workerMs, 33),
        column(({ listedMs }) => listedMs, 20),
      ].join(""),
    );
  }
}

interface EngineStart {
  /** As the log lines say. */
  readonly weightsMs: number;
  readonly engineMs: number;
  /** From exec, as seen from outside. */
  readonly workerMs: number;
  readonly listedMs: number;
}

async function timeEngine(path: string, slots: number): Promise<EngineStart> {
  const port = await freePort();
  const begun = performance.now();
  const limits = ["--VllmWorker.max-model-len=4096", `--VllmWorker.max-num-seqs=${slots}`];
  const child = Bun.spawn(
    [executable, "serve", "graphs.agg:Frontend", "--model", path, "--port", `${port}`, ...limits],
    { cwd: root, stdio: ["ignore", "ignore", "pipe"] },
  );
  let text = "";
  const decoder = new TextDecoder();
  const log = child.stderr.getReader();
  const untilLogged = async (what: string): Promise<number> => {
    while (!text.includes(what)) {
      const { done, value } = await log.read();
      if (done) throw new Error(`the server ended: ${text}`);
      text += decoder.decode(value, { stream: true });
    }
    return performance.now() - begun;
  };
  try {
    const workerMs = await untilLogged("VllmWorker:1 started");
    const listedMs = await untilLogged("  ready  ");
    const msOf = (line: string) => Number(new RegExp(`${line}.* ms=(\\d+)`).exec(text)?.[1]);
    const times = { weightsMs: msOf("weights loaded"), engineMs: msOf("model ready") };
    return { ...times, workerMs, listedMs };
  } finally {
    child.kill("SIGINT");
    await child.exited;
  }
}

async function startBuiltIn(): Promise<void> {
  const versions: number[] = [];
  for (let index = 0; index < RUNS; index++) versions.push(await timeVersion());
  const starts: Start[] = [];
  for (let index = 0; index < RUNS; index++) starts.push(await timeStart());
  const rows: readonly (readonly [string, readonly number[], string])[] = [
    ["--version", versions, "20 ms"],
    ["exec to /live", starts.map((start) => start.liveMs), "50 ms"],
    ["exec to a listed model", starts.map((start) => start.readyMs), "150 ms"],
    ["exec to the first answer", starts.map((start) => start.answerMs), "700 ms"],
    ["idle, resident MB", starts.map((start) => start.idleMB), "90 MB"],
  ];
  console.log(`${"".padEnd(28)}   median      min   budget`);
  for (const [name, values, budget] of rows) {
    const least = Math.min(...values).toFixed(1);
    console.log(
      `${name.padEnd(28)} ${median(values).toFixed(1).padStart(8)} ${least.padStart(8)}   ${budget}`,
    );
  }
}

async function timeVersion(): Promise<number> {
  const begun = performance.now();
  await Bun.spawn([executable, "--version"], { stdio: ["ignore", "ignore", "ignore"] }).exited;
  return performance.now() - begun;
}

interface Start {
  readonly liveMs: number;
  readonly readyMs: number;
  readonly answerMs: number;
  readonly idleMB: number;
}

async function timeStart(): Promise<Start> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const begun = performance.now();
  const args = ["serve", "graphs.agg:Frontend", "--port", String(port)];
  const child = Bun.spawn([executable, ...args], {
    cwd: root,
    stdio: ["ignore", "ignore", "ignore"],
  });
  const liveMs = await until(begun, async () => (await fetch(`${url}/live`)).ok);
  const readyMs = await until(begun, async () => (await fetch(`${url}/health`)).ok);
  await Bun.sleep(300);
  const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
  const idleMB = (Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024) / 1e6;
  const asked = performance.now();
  await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "dynamo", prompt: "Once", max_tokens: 1 }),
  });
  const answerMs = readyMs + performance.now() - asked;
  child.kill("SIGINT");
  await child.exited;
  return { liveMs, readyMs, answerMs, idleMB };
}

async function until(begun: number, poll: () => Promise<boolean>): Promise<number> {
  while (!(await poll().catch(() => false))) await Bun.sleep(1);
  return performance.now() - begun;
}

if (import.meta.main) await run(process.argv.slice(2));
