// The compiled executable where a machine gives little: a root that cannot be written, no home, a clock that is set
// while it serves, and not much memory.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { tinyShape } from "../model/model-shapes.ts";
import { writeRandomDirectory } from "../model/random-directory.ts";
import { hangLimit } from "../time-limits.ts";
import { executable, startServer } from "./server.ts";

const folder = mkdtempSync(join(tmpdir(), "e2e-box-"));
afterAll(() => rmSync(folder, { recursive: true }));

const READ_ONLY = ["unshare", "-m", "sh", "-c", 'mount -o remount,ro,bind / && exec "$@"', "sh"];
const canMount = Bun.spawnSync([...READ_ONLY, "true"]).success;

describe.skipIf(!canMount)("on a root that is read-only (needs the right to mount)", () => {
  const model = join(folder, "m70");
  beforeAll(() =>
    writeRandomDirectory(model, {
      dtype: "BF16",
      // 70 MB, enough to be worth a cache.
      shape: tinyShape({ vocabSize: 32000, hiddenSize: 1024, headSize: 256, isTied: true }),
    }),
  );

  const serve = (env: Readonly<Record<string, string>>) =>
    startServer({
      args: ["graphs.agg:Frontend", "--model", model],
      command: [...READ_ONLY, "env", "-u", "HOME", "-u", "XDG_CACHE_HOME", executable],
      env,
    });

  test("without a home it serves, and says once what it cannot keep, and why", async () => {
    const server = await serve({});
    const body = { model: "m70", prompt: [1, 2, 3], max_tokens: 3, ignore_eos: true };
    expect((await server.complete(body)).usage.completion_tokens).toBe(3);
    expect(await server.stop()).toBe(0);
    expect(server.stderr().match(/WARN/g)).toHaveLength(1);
    expect(server.stderr()).toContain("neither XDG_CACHE_HOME nor HOME is set");
  });

  test("a cache that cannot be written is one warning", async () => {
    const server = await startServer({
      args: ["graphs.agg:Frontend", "--model", model],
      command: [...READ_ONLY, executable],
      env: { XDG_CACHE_HOME: join(folder, "cache") },
    });
    for (let n = 0; n < hangLimit(5000) && !server.stderr().includes("WARN"); n++)
      await Bun.sleep(10);
    expect(await server.stop()).toBe(0);
    expect(server.stderr().match(/WARN/g)).toHaveLength(1);
    expect(server.stderr()).toContain("packed weights are not cached: cannot write them");
  });
});

const compiler = Bun.which("cc");

test.skipIf(compiler === null)(
  "a clock that jumps from 1970 to today while it serves ends, delays and restarts nothing (needs cc)",
  async () => {
    const library = join(folder, "clock.so");
    const source = join(import.meta.dir, "fixtures/clock.c");
    const flags = ["-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"];
    expect(Bun.spawnSync(["cc", ...flags]).exitCode).toBe(0);
    const jump = join(folder, "jump");
    const server = await startServer({
      args: [
        ...["graphs.agg_router:Frontend", "--model", "built-in"],
        "--VllmWorker.ServiceArgs.heartbeat-timeout-ms=3000",
      ],
      env: { LD_PRELOAD: library, CLOCK_JUMP: jump, XDG_CACHE_HOME: folder },
    });
    const body = { model: "dynamo", prompt: "What is a lane?", max_tokens: 200, ignore_eos: true };
    const year = async () => {
      const answer = await server.post("/v1/completions", { ...body, max_tokens: 2 });
      const { created } = (await answer.json()) as { created: number };
      return new Date(1000 * created).getUTCFullYear();
    };
    expect(await year()).toBeLessThan(1990);
    const running = server.complete(body);
    writeFileSync(jump, "");
    expect((await running).usage.completion_tokens).toBe(200);
    expect(await year()).toBeGreaterThan(2020);
    rmSync(jump);
    expect((await server.complete(body)).usage.completion_tokens).toBe(200);
    expect(await server.metric("dynamo_runtime_restarts_total")).toBe(0);
    expect(await server.stop()).toBe(0);
    expect(server.stderr()).not.toContain("ERROR");
  },
);

test("at rest with the built-in model it has at most 75 MB of its own; the rest is file pages", async () => {
  const server = await startServer({ args: ["graphs.agg:Frontend", "--model", "built-in"] });
  await server.complete({ model: "dynamo", prompt: "What is a lane?", max_tokens: 20 });
  const megabytes = (field: string) => {
    const memory = readFileSync(`/proc/${server.pid}/smaps_rollup`, "utf8");
    return (1024 * Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(memory)?.[1])) / 1e6;
  };
  // 64 to 66 MB were measured; 60 are the goal. The memory of the start and of the answer is given back little by little.
  for (let attempt = 0; attempt < hangLimit(1000) && megabytes("Anonymous") > 66; attempt++) {
    await Bun.sleep(50);
  }
  const own = megabytes("Anonymous");
  console.log(`  ${own.toFixed(0)} MB of its own, ${(megabytes("Rss") - own).toFixed(0)} of files`);
  expect(own).toBeGreaterThan(0);
  expect(own).toBeLessThanOrEqual(75);
  expect(await server.stop()).toBe(0);
});
