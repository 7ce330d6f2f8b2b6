// Effects of one worker's failure on the others, on the compiled executable and a graph of files.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { hangLimit } from "../time-limits.ts";
import { type Server, startServer } from "./server.ts";

let server: Server;

beforeAll(async () => {
  const graph = join(import.meta.dir, "fixtures/fragile.ts");
  server = await startServer({
    args: [`${graph}:Door`, "--Worker.ServiceArgs.workers=2"],
    readyWhen: "listening",
  });
});
afterAll(() => server?.stop());

describe("an endpoint that throws", () => {
  test("answers its caller and ends nothing", async () => {
    const before = await instances();
    const response = await fetch(`${server.url}/fail`);
    expect(response.status).toBe(500);
    expect(await response.text()).toContain("this endpoint always throws");
    expect(await instances()).toEqual(before);
    expect(await server.metric("dynamo_runtime_restarts_total")).toBe(0);
  });
});

describe("a worker whose background work throws", () => {
  test("comes back as a new instance, and no request of the others is lost", async () => {
    const before = await instances();
    const [victim, other] = before;
    const slow = Array.from({ length: 8 }, () => get<unknown>(`/slow?worker=${other}`));
    expect(await get<unknown>(`/crash?worker=${victim}`)).toBe("crashing");
    const crashedAt = performance.now();
    const after = await until(async () => {
      const now = await instances();
      return now.length === 2 && !now.includes(victim ?? 0) ? now : undefined;
    });
    console.log(`  back after ${(performance.now() - crashedAt).toFixed(0)} ms`);
    expect(after).toContain(other ?? 0);
    for (const answer of await Promise.all(slow))
      expect(answer).toMatchObject({ instanceId: other });
    expect(await server.metric("dynamo_runtime_restarts_total", { service: "Worker" })).toBe(1);
    const fresh = after.find((id) => id !== other);
    expect(await get<unknown>(`/who?worker=${fresh}`)).toMatchObject({ numCalls: 1 });
  });

  test("fails the calls that it was working on, and those to its old id", async () => {
    const [victim] = await instances();
    const slow = fetch(`${server.url}/slow?worker=${victim}`);
    await Bun.sleep(50);
    await get<unknown>(`/crash?worker=${victim}`);
    const response = await slow;
    expect(response.status).toBe(500);
    await until(async () => ((await instances()).includes(victim ?? 0) ? undefined : true));
    expect((await fetch(`${server.url}/who?worker=${victim}`)).status).toBe(500);
  });
});

test("round robin splits calls evenly", async () => {
  await until(async () => ((await instances()).length === 2 ? true : undefined));
  const counts = new Map<number, number>();
  for (let call = 0; call < 20; call++) {
    const { workerId } = await get<{ workerId: number }>("/who");
    counts.set(workerId, (counts.get(workerId) ?? 0) + 1);
  }
  expect([...counts.values()]).toEqual([10, 10]);
});

async function get<T>(path: string): Promise<T> {
  const response = await fetch(server.url + path);
  expect(response.status).toBe(200);
  return (await response.json()) as T; // what fixtures/fragile.ts answers there
}

function instances(): Promise<readonly number[]> {
  return get("/instances");
}

async function until<T>(poll: () => Promise<T | undefined>): Promise<T> {
  for (let attempt = 0; attempt < hangLimit(5000); attempt++) {
    const value = await poll();
    if (value !== undefined) return value;
    await Bun.sleep(5);
  }
  throw new Error("what was waited for did not happen within 5 s");
}
