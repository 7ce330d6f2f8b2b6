// Actors that hang, fail for ever, or are stopped together with the whole process, on the compiled executable.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { hangLimit } from "../time-limits.ts";
import { type Server, startServer } from "./server.ts";

const graph = `${join(import.meta.dir, "fixtures/hanging.ts")}:Door`;
const LIMIT_MS = 800;

function start(...args: readonly string[]): Promise<Server> {
  return startServer({ args: [graph, ...args], readyWhen: "healthy" });
}

describe("an actor that hangs", () => {
  let server: Server;
  beforeAll(async () => {
    server = await start(
      "--Worker.ServiceArgs.workers=2",
      `--Worker.ServiceArgs.heartbeat-timeout-ms=${LIMIT_MS}`,
      `--Native.ServiceArgs.heartbeat-timeout-ms=${LIMIT_MS}`,
      `--Door.ServiceArgs.heartbeat_timeout_ms=${LIMIT_MS}`,
    );
  });
  afterAll(() => server?.stop());

  test("is named, killed and replaced; its callers are told, and others notice nothing", async () => {
    const [victim, other] = await instances(server);
    const stream = fetch(`${server.url}/items?count=30&worker=${other}`);
    const begun = performance.now();
    const response = await fetch(`${server.url}/spin?worker=${victim}`);
    expect(await response.json()).toEqual({ code: "actor_down", ended: "hung" });
    const after = await until(async () => {
      const now = await instances(server);
      return now.length === 2 && !now.includes(victim ?? 0) ? now : undefined;
    });
    console.log(`  back ${(performance.now() - begun - LIMIT_MS).toFixed(0)} ms after the limit`);
    expect(after).toContain(other ?? 0);
    expect(await (await stream).text()).toBe(
      Array.from({ length: 30 }, (_, i) => `${i}\n`).join(""),
    );
    expect(server.stderr()).toMatch(/ERROR .*Worker:1 hangs and is killed.*lastEndpoint="?spin/);
    expect(await server.metric("dynamo_runtime_restarts_total", { service: "Worker" })).toBe(1);
  });

  test("in the middle of a stream ends the stream with its items and the reason", async () => {
    const [victim] = await instances(server);
    const response = await fetch(`${server.url}/items-then-spin?worker=${victim}`);
    expect(await response.text()).toBe("0\n1\n2\n3\n4\nhung\n");
  });

  test("may compute for less than the limit", async () => {
    const before = await until(async () => {
      const now = await instances(server);
      return now.length === 2 ? now : undefined;
    });
    const [id] = before;
    // One after the other at once, so that the thread hardly comes to see a ping.
    for (let n = 0; n < 4; n++) {
      const response = await fetch(`${server.url}/compute?ms=${LIMIT_MS * 0.5}&worker=${id}`);
      expect(await response.json()).toMatchObject({ instanceId: id });
    }
    expect(await instances(server)).toEqual(before);
  });

  test("may work for longer where it cannot answer, as long as its work goes on", async () => {
    const response = await fetch(`${server.url}/native?ms=${LIMIT_MS * 2}`);
    expect(await response.json()).toBe(1);
    expect(server.stderr()).not.toContain("Native:1 hangs");
  });

  test("is the entry too: its port answers again", async () => {
    const hanging = fetch(`${server.url}/spin-here`, { method: "POST", keepalive: false });
    await hanging.catch(() => "cut"); // or an empty answer that Bun makes up
    await until(async () => ((await health(server).catch(() => 0)) === 200 ? true : undefined));
    expect(server.stderr()).toContain("Door:1 hangs and is killed");
    expect(await server.stop()).toBe(0);
  });
});

test("no actor is blamed for a machine that is busy", async () => {
  const busy = [1, 2].map(() => Bun.spawn([process.execPath, "-e", "for (;;) void 0"]));
  try {
    const server = await start(
      "--Worker.ServiceArgs.workers=8",
      "--Worker.ServiceArgs.heartbeat-timeout-ms=2000",
      "--Door.ServiceArgs.heartbeat-timeout-ms=2000",
    );
    const before = await instances(server);
    const streams = before.map((id) => fetch(`${server.url}/items?count=60&worker=${id}`));
    for (const id of before) {
      expect((await fetch(`${server.url}/compute?ms=300&worker=${id}`)).status).toBe(200);
    }
    for (const stream of streams) {
      expect((await (await stream).text()).split("\n")).toHaveLength(61);
    }
    expect(await instances(server)).toEqual(before);
    expect(server.stderr()).not.toContain("hangs");
    expect(await server.stop()).toBe(0);
    expect(server.stderr()).not.toContain("was killed");
  } finally {
    for (const loop of busy) loop.kill("SIGKILL");
  }
});

test("/health says 503 while the only worker is gone for a hang, and all is well when it is back", async () => {
  const server = await startServer({
    args: [
      `${join(import.meta.dir, "fixtures/hanging-workers.ts")}:Frontend`,
      ...["-f", "configs/mock.yaml", "--VllmWorker.ServiceArgs.workers=1"],
      `--VllmWorker.ServiceArgs.heartbeat-timeout-ms=${LIMIT_MS}`,
    ],
  });
  const body = { model: "mock", max_tokens: 4 };
  const hanging = server.post("/v1/completions", { ...body, prompt: "x".repeat(666) });
  await until(async () => ((await health(server)) === 503 ? true : undefined));
  expect((await hanging).status).toBeGreaterThanOrEqual(500);
  await until(async () => ((await health(server)) === 200 ? true : undefined));
  expect((await server.complete({ ...body, prompt: "hello" })).usage.completion_tokens).toBe(4);
  expect(server.stderr()).toMatch(/VllmWorker:1 hangs and is killed.*lastEndpoint="?generate/);
  expect(await server.stop()).toBe(0);
});

test("a worker inside a native step is not blamed for steps longer than the limit", async () => {
  const server = await startServer({
    args: [
      ...["graphs.agg:Frontend", "--VllmWorker.max-num-batched-tokens=16384"],
      "--VllmWorker.ServiceArgs.heartbeat-timeout-ms=800",
    ],
  });
  const answers = Array.from({ length: 14 }, (_, i) =>
    server.complete({ model: "dynamo", prompt: `${i} ${"a tale ".repeat(320)}`, max_tokens: 2 }),
  );
  for (const answer of await Promise.all(answers)) {
    expect(answer.usage.prompt_tokens).toBeGreaterThan(500);
  }
  expect(await server.metric("dynamo_runtime_restarts_total")).toBe(0);
  expect(await server.stop()).toBe(0);
});

test("an instance that fails for ever is parked and comes back; nothing ends the deployment", async () => {
  const server = await start("--Worker.ServiceArgs.max-restarts=2");
  const crashed: number[] = [];
  for (let crash = 0; crash < 5; crash++) {
    const [id] = await until(async () => {
      const now = await instances(server);
      return now.length === 1 ? now : undefined;
    });
    crashed.push(id ?? 0);
    await fetch(`${server.url}/crash?worker=${id}`);
    await until(async () => ((await instances(server)).includes(id ?? 0) ? undefined : true));
  }
  expect(await server.metric("dynamo_runtime_parked_instances", { service: "Worker" })).toBe(1);
  await until(async () => ((await health(server)) === 200 ? true : undefined));
  expect(await server.metric("dynamo_runtime_parked_instances", { service: "Worker" })).toBe(0);
  expect(await server.metric("dynamo_runtime_restarts_total", { service: "Worker" })).toBe(5);
  expect(server.stderr().match(/Worker:1 is parked/g)).toHaveLength(1);
  expect(server.stderr()).toContain("raise Worker.ServiceArgs.max-restarts");
  for (const id of crashed) expect(server.stderr()).toContain(`Worker:1 (id=${id}) failed: `);
  expect(server.stderr().match(/Worker:1 runs again, after it was parked/g)).toHaveLength(3);
  expect(await server.stop()).toBe(0);
});

test("a process that is stopped for several timeouts and continued has lost no actor and no stream", async () => {
  const server = await start(
    `--Worker.ServiceArgs.heartbeat-timeout-ms=${LIMIT_MS}`,
    `--Door.ServiceArgs.heartbeat-timeout-ms=${LIMIT_MS}`,
  );
  const before = await instances(server);
  const stream = fetch(`${server.url}/items?count=20`).then((response) => response.text());
  const waiting = fetch(`${server.url}/compute?ms=200`);
  await Bun.sleep(100);
  for (let n = 0; n < 2; n++) {
    server.signal("SIGSTOP");
    await Bun.sleep(2 * LIMIT_MS);
    server.signal("SIGCONT");
    await Bun.sleep(100);
  }
  expect((await stream).split("\n")).toHaveLength(21);
  expect((await waiting).status).toBe(200);
  expect(await instances(server)).toEqual(before);
  expect(server.stderr()).not.toContain("hangs");
  expect(await server.stop()).toBe(0);
});

async function instances(server: Server): Promise<readonly number[]> {
  return (await (await fetch(`${server.url}/instances`)).json()) as number[]; // what the fixture answers there
}

async function health(server: Server): Promise<number> {
  return (await fetch(`${server.url}/health`)).status;
}

async function until<T>(poll: () => Promise<T | undefined>): Promise<T> {
  for (let attempt = 0; attempt < hangLimit(5000); attempt++) {
    const value = await poll();
    if (value !== undefined) return value;
    await Bun.sleep(5);
  }
  throw new Error("what was waited for did not happen in time");
}
