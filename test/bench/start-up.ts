// From exec to the first answer of the built-in model, and what it weighs when idle. Each run is a fresh process.

import { readFileSync } from "node:fs";

import { executable, freePort, root } from "../e2e/server.ts";
import { median } from "./median.ts";

const RUNS = 15;

export async function run(): Promise<void> {
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

if (import.meta.main) await run();
