// From exec to the first answer, and what it weighs when idle. Each run is a fresh process of the executable.

import { readFileSync } from "node:fs";

import { executable, freePort, hasTinyStories, root, tinyStories } from "../e2e/server.ts";
import { median } from "./median.ts";

const RUNS = 15;
const MODEL = "tinystories-656k";

export async function run(): Promise<void> {
  const versions: number[] = [];
  for (let index = 0; index < RUNS; index++) versions.push(await timeVersion());
  const rows = [["--version", versions, "20 ms"]] as [string, number[], string][];
  if (hasTinyStories) {
    const starts: Start[] = [];
    for (let index = 0; index < RUNS; index++) starts.push(await timeStart());
    rows.push(["exec to /live", starts.map((start) => start.liveMs), "50 ms"]);
    rows.push(["exec to a listed model", starts.map((start) => start.readyMs), "350 ms"]);
    rows.push(["exec to the first answer", starts.map((start) => start.answerMs), "700 ms"]);
    rows.push(["idle, resident MiB", starts.map((start) => start.idleMiB), "90 MB"]);
  } else console.log("(only --version: ../shared/data has no model here)");
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
  readonly idleMiB: number;
}

async function timeStart(): Promise<Start> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const begun = performance.now();
  const args = ["serve", "graphs.agg:Frontend", "--model", tinyStories, "--port", String(port)];
  const child = Bun.spawn([executable, ...args], {
    cwd: root,
    stdio: ["ignore", "ignore", "ignore"],
  });
  const liveMs = await until(begun, async () => (await fetch(`${url}/live`)).ok);
  const readyMs = await until(begun, async () => (await fetch(`${url}/health`)).ok);
  await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: MODEL, prompt: "Once", max_tokens: 1 }),
  });
  const answerMs = performance.now() - begun;
  await Bun.sleep(300);
  const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
  const idleMiB = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
  child.kill("SIGINT");
  await child.exited;
  return { liveMs, readyMs, answerMs, idleMiB };
}

async function until(begun: number, poll: () => Promise<boolean>): Promise<number> {
  while (!(await poll().catch(() => false))) await Bun.sleep(1);
  return performance.now() - begun;
}

if (import.meta.main) await run();
