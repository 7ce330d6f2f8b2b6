import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";

import { spawnSideThread } from "../../../src/worker-entries.ts";
import { hangLimit } from "../../time-limits.ts";

const RENDER = { work: "render", template: undefined, specials: [] };

/** Threads of this process that run JavaScript. */
function numWorkers(): number {
  return readdirSync("/proc/self/task").filter((id) => nameOf(id) === "Worker").length;
}

function nameOf(id: string): string | undefined {
  try {
    return readFileSync(`/proc/self/task/${id}/comm`, "utf8").trim();
  } catch (error) {
    if (error instanceof Error && "code" in error) return undefined; // it has ended meanwhile
    throw error;
  }
}

/** Workers of earlier tests may end meanwhile: conditions allow fewer. */
async function until(condition: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 400 && !condition(); attempt++) await Bun.sleep(25);
  expect(condition()).toBe(true);
}

test(
  "a side thread ends with the thread that has it, in the middle of a loop too",
  async () => {
    const before = numWorkers();
    const parent = new Worker(new URL("./side-thread.worker.ts", import.meta.url));
    await new Promise((resolve) => parent.on("message", resolve));
    expect(numWorkers()).toBe(before + 2);
    await parent.terminate();
    await until(() => numWorkers() <= before);
  },
  hangLimit(60_000),
);

test(
  "one that is terminated while it loads ends as well, and tells nothing",
  async () => {
    const before = numWorkers();
    const thread = spawnSideThread("text", RENDER);
    const told: unknown[] = [];
    thread.onMessage((message) => told.push(message));
    thread.onExit((why) => told.push(why));
    thread.terminate();
    await until(() => numWorkers() <= before);
    expect(told).toEqual([]);
  },
  hangLimit(60_000),
);

test(
  "one that dies says why",
  async () => {
    const thread = spawnSideThread("text", undefined); // it cannot work on nothing
    const why = await new Promise((resolve) => thread.onExit(resolve));
    expect(String(why)).toContain("work");
  },
  hangLimit(60_000),
);

test(
  "CPU time of a side thread grows while it works, and does not while it waits",
  async () => {
    const text = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}";
    const template = { place: "t", text, bosToken: undefined, eosToken: undefined };
    const thread = spawnSideThread("text", { work: "render", template, specials: [] });
    expect(thread.cpuMs()).toBeUndefined();
    await new Promise<void>((resolve) =>
      thread.onMessage((message) => {
        if ((message as { type: string }).type === "ready") resolve();
      }),
    );
    const idle = thread.cpuMs() ?? Number.NaN;
    expect(idle).toBeGreaterThan(0);
    const conversation = { messages: [], tools: [], variables: {} };
    thread.post({ id: 1, conversation, limits: { maxTokens: 1, maxTokenBytes: 1 } });
    await until(() => (thread.cpuMs() ?? 0) > idle + 50);
    thread.terminate();
  },
  hangLimit(60_000),
);

test(
  "threads that parse or encode leave CPUs to those that others wait for",
  async () => {
    const before = new Set(readdirSync("/proc/self/task"));
    const thread = spawnSideThread("json", undefined);
    const answer = new Promise((resolve) => thread.onMessage(resolve));
    thread.post(new TextEncoder().encode("[1]"));
    expect(await answer).toEqual({ type: "parsed", value: [1], raw: [] });
    const fresh = readdirSync("/proc/self/task").filter((id) => !before.has(id));
    const nice = fresh.filter((id) => nameOf(id) === "Worker").map(niceOf);
    expect(nice).toContain(Math.min(19, niceOf(String(process.pid)) + 5));
    thread.terminate();
  },
  hangLimit(60_000),
);

/** Field 19 of proc(5)'s stat; the second, a name, is in brackets. */
function niceOf(id: string): number {
  const stat = readFileSync(`/proc/self/task/${id}/stat`, "utf8");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]);
}
