// Settings that outlive the process, and the file that they are in.

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { hangLimit } from "../time-limits.ts";
import { runDynamo, type Server, startServer } from "./server.ts";

const scratch = mkdtempSync(join(tmpdir(), "dynamo-state-"));
afterAll(() => rmSync(scratch, { recursive: true }));
const file = join(scratch, "state");
const graph = ["agg", "-f", "configs/mock.yaml"];

const start = (...args: string[]) => startServer({ args: [...graph, "--state", file, ...args] });

async function set(server: Server, path: string, value: unknown): Promise<number> {
  const body = JSON.stringify(value);
  return (await fetch(`${server.url}/config/${path}`, { method: "PUT", body })).status;
}

async function settings(server: Server): Promise<Record<string, unknown>> {
  const { data } = (await (await fetch(`${server.url}/config`)).json()) as {
    readonly data: readonly {
      readonly service: string;
      readonly key: string;
      readonly value: unknown;
    }[];
  };
  return Object.fromEntries(data.map(({ service, key, value }) => [`${service}.${key}`, value]));
}

test(
  "settings are there after kill -9, but for those that the next start does not have",
  async () => {
    const first = await start();
    expect(await set(first, "Processor/migration-limit", 7)).toBe(200);
    expect(await set(first, "Processor/router", "random")).toBe(200);
    expect(await set(first, "VllmWorker/max-prefill-queue-size", 5)).toBe(200);
    const second = await runDynamo(["serve", ...graph, "--port", "0", "--state", file]);
    expect(second.code).toBe(2);
    expect(second.stderr).toContain(`cannot keep settings in ${file}: another process has it`);
    first.signal("SIGKILL");
    await first.exited;
    const next = await start();
    expect(await settings(next)).toMatchObject({
      "Processor.migration-limit": 7,
      "Processor.router": "random",
      "VllmWorker.max-prefill-queue-size": 5,
    });
    expect(next.stderr()).toContain("Processor.migration-limit is as it was set before");
    expect(
      (await next.complete({ model: "mock", prompt: "hi", max_tokens: 2 })).usage.completion_tokens,
    ).toBe(2);
    expect(await next.stop()).toBe(0);
  },
  hangLimit(60_000),
);

test(
  "--durability is disk or process, and of a file",
  async () => {
    for (const [args, message] of [
      [
        ["--state", join(scratch, "other"), "--durability", "none"],
        "--durability takes disk or process",
      ],
      [["--durability", "process"], "--durability is for --state FILE"],
      [
        ["--state", "/nowhere/state"],
        "cannot keep settings in /nowhere/state: its folder is not there",
      ],
    ] as const) {
      const { code, stderr } = await runDynamo(["serve", ...graph, "--port", "0", ...args]);
      expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
    }
  },
  hangLimit(30_000),
);
