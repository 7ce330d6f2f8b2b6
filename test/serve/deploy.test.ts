// Real threads: graphs on disk, run as `dynamo serve` runs them.

import { afterEach, describe, expect, test } from "bun:test";

import { systemClock } from "../../src/base/clock.ts";
import { createLogger } from "../../src/base/log.ts";
import type { Graph } from "../../src/sdk/graph.ts";
import { installSdkModules } from "../../src/sdk-modules.ts";
import { type Deployment, deploy } from "../../src/serve/deploy.ts";
import { WorkerHost } from "../../src/transport/thread/host.ts";
import { actorEntry } from "../../src/worker-entries.ts";
import { ofOneProcess, type PlanOptions, planOf } from "../sdk/deploy-in-process.ts";

installSdkModules();

const HELLO_WORLD = new URL("../../graphs/hello_world.ts", import.meta.url).pathname;
const FRAGILE = new URL("./graphs/fragile.ts", import.meta.url).pathname;
const MORTAL = new URL("./graphs/mortal.ts", import.meta.url).pathname;

const clock = systemClock;
let deployment: Deployment | undefined;
let logLines: string[] = [];

afterEach(async () => {
  await deployment?.stop();
  deployment = undefined;
});

async function run(path: string, options: PlanOptions = {}) {
  const { default: graph }: { default: Graph } = await import(path);
  logLines = [];
  const log = createLogger("main", "debug", (line) => logLines.push(line));
  const host = new WorkerHost({ env: {}, clock, entry: actorEntry });
  const plan = { ...planOf(graph, options), source: { type: "file", path } as const };
  deployment = deploy(plan, { host, clock, log, logLevel: "error", ...ofOneProcess(clock) });
  await deployment.ready;
  return deployment;
}

async function runHelloWorld() {
  const port = freePort();
  const config = { Frontend: { port }, Middle: { message: "mid" }, Backend: { message: "back" } };
  await run(HELLO_WORLD, { config });
  return (body: string) => fetch(`http://localhost:${port}/generate`, { method: "POST", body });
}

async function runFragile(options: PlanOptions = {}) {
  const { registry } = await run(FRAGILE, options);
  const url = await registry.get("door");
  return { registry, door: (path: string) => fetch(`${url?.value}${path}`) };
}

describe("hello_world", () => {
  test("answers through three threads", async () => {
    const post = await runHelloWorld();
    const response = await post('{"text": "hello world"}');
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(
      "Frontend: Middle: Backend: hello\nFrontend: Middle: Backend: world-mid-back\n",
    );
    expect((await post("{")).status).toBe(400);
  });

  test("stop leaves no port and no thread", async () => {
    const post = await runHelloWorld();
    const numThreads = await countThreads();
    await deployment?.stop();
    expect(await deployment?.ended).toBeUndefined();
    await expect(post("{}")).rejects.toThrow();
    expect(logLines.filter((line) => line.includes("killed"))).toEqual([]);
    // Each actor is a thread; the runtime keeps others for itself.
    await until(async () => (await countThreads()) <= numThreads - 3);
  });
});

describe("workers", () => {
  test("that die come back under a new id, and lose no call of the others", async () => {
    const { registry, door } = await runFragile({ workers: { Fragile: 2 } });
    const before = (await registry.range("instances/test/Fragile/slow:")).keyValues;
    expect(before).toHaveLength(2);

    const others = Array.from({ length: 20 }, () => door("/slow?worker=2"));
    const died = clock.now();
    expect(await (await door("/die?worker=1")).json()).toMatchObject({
      code: "actor_down",
    });

    await until(async () => {
      const { keyValues } = await registry.range("instances/test/Fragile/slow:");
      return (
        keyValues.length === 2 &&
        keyValues.some(({ key }) => before.every((old) => old.key !== key))
      );
    });
    const backMs = clock.now() - died;
    process.stderr.write(`  back after ${backMs.toFixed(1)} ms\n`);
    for (const answer of await Promise.all(others)) expect(await answer.text()).toBe("2");
    expect(await (await door("/slow?worker=2")).text()).toBe("1");
    expect(logLines.join("")).toContain("followed work failed");
  });

  test("that die are not known to be dead before what they held is released", async () => {
    const { cleanup }: typeof import("./graphs/mortal.ts") = await import(MORTAL);
    const hasBegun = Promise.withResolvers<void>();
    const mayEnd = Promise.withResolvers<void>();
    cleanup.release = () => {
      hasBegun.resolve();
      return mayEnd.promise;
    };
    const { registry } = await run(MORTAL);
    const heard = async () => {
      const { keyValues } = await registry.range("heard/");
      const byAge = keyValues.toSorted((a, b) => a.createRevision - b.createRevision);
      return byAge.map(({ key }) => key.slice("heard/".length));
    };
    await hasBegun.promise;
    for (let turn = 0; turn < 10; turn++) await clock.turn();
    await registry.put("word", "it is not released yet"); // Comes after all that was said before.
    await until(async () => (await heard()).includes("the test"));
    mayEnd.resolve();
    await until(async () => (await heard()).length === 5);
    const [first, ...others] = await heard();
    expect(first).toBe("the test");
    expect(others.toSorted()).toEqual(["a call", "its lease", "its work", "the list of instances"]);
  });

  test("an endpoint that throws answers its caller and ends nothing", async () => {
    const { registry, door } = await runFragile();
    const before = await registry.range("instances/");
    const answer = await door("/refuse?worker=1");
    expect(await answer.json()).toEqual({ code: "internal", message: "not today" });
    expect(await registry.range("instances/")).toEqual(before);
  });

  test("what is in flight at a stop is answered before its threads end", async () => {
    const { door, registry } = await runFragile({ workers: { Fragile: 2 } });
    const inFlight = Array.from({ length: 10 }, () => door("/slow?worker=1"));
    await until(async () => (await registry.get("slow"))?.value === "10");
    await deployment?.stop();
    for (const answer of await Promise.all(inFlight)) expect(await answer.text()).toBe("1");
  });
});

function freePort(): number {
  const server = Bun.serve({ port: 0, fetch: () => new Response() });
  const { port = 0 } = server;
  void server.stop(true);
  return port;
}

/** Threads of this process. */
async function countThreads(): Promise<number> {
  const status = await Bun.file("/proc/self/status").text();
  return Number(/^Threads:\s*(\d+)/m.exec(status)?.[1]);
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await clock.sleep(1);
}
