// Ctrl-C: what is in flight, what is left behind, and how fast.

import { describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { executable, type Server, startServer } from "./server.ts";

const mock = ["graphs.agg:Frontend", "-f", "configs/mock.yaml"];

describe("Ctrl-C", () => {
  test("under load ends all streams with an error event, whole answers with what they have, and the process with 0", async () => {
    const folder = mkdtempSync(join(tmpdir(), "e2e-shutdown-"));
    const sharedMemory = readdirSync("/dev/shm");
    const server = await startServer({ args: mock, env: { TMPDIR: folder } });
    const streams = Array.from({ length: 20 }, () => streamed(server, 16_000));
    const whole = Array.from({ length: 4 }, () =>
      server.post("/v1/completions", { model: "mock", prompt: "go on", max_tokens: 16_000 }),
    );
    await untilStreaming(server, 24);
    const begun = performance.now();
    server.signal("SIGINT");
    expect(await server.exited).toBe(0);
    console.log(`  ended after ${(performance.now() - begun).toFixed(0)} ms`);
    for (const { finishReason, done, text } of await Promise.all(streams)) {
      expect(finishReason).toBeUndefined();
      expect(done).toBe(false);
      const last = text.trimEnd().split("\n\n").at(-1) ?? "";
      expect(JSON.parse(last.slice("data: ".length)).error.code).toBe("server_shutdown");
    }
    for (const response of await Promise.all(whole)) {
      const { choices } = (await response.json()) as { choices: { text: string }[] };
      expect(choices[0]?.text).not.toBe("");
      expect(choices).toMatchObject([{ finish_reason: "length", stop_reason: "server_shutdown" }]);
    }
    expect(readdirSync(folder)).toEqual([]);
    expect(readdirSync("/dev/shm")).toEqual(sharedMemory);
    rmSync(folder, { recursive: true });
  });

  test("lets a short answer in flight end as it would", async () => {
    const server = await startServer({ args: [...mock, "--VllmWorker.speedup-ratio=10"] });
    const stream = streamed(server, 30);
    await untilStreaming(server, 1);
    server.signal("SIGTERM");
    expect(await stream).toMatchObject({ finishReason: "length", done: true });
    expect(await server.exited).toBe(0);
  });

  test("twice ends at once", async () => {
    const server = await startServer({ args: mock });
    const stream = streamed(server, 16_000).catch(() => undefined);
    await untilStreaming(server, 1);
    server.signal("SIGINT");
    await Bun.sleep(200);
    const begun = performance.now();
    server.signal("SIGINT");
    expect(await server.exited).not.toBe(0);
    expect(performance.now() - begun).toBeLessThan(2000); // a drain would take longer
    await stream;
  });

  test("while idle ends with 0 and frees the port", async () => {
    const server = await startServer({ args: mock });
    expect(await server.stop()).toBe(0);
    expect(fetch(`${server.url}/live`)).rejects.toThrow();
  });
});

test("an idle graph with 8 workers stops without a kill, on a busy machine too", async () => {
  const args = [...mock, "--VllmWorker.ServiceArgs.workers=8"];
  const busy = [1, 2].map(() => Bun.spawn([process.execPath, "-e", "for (;;) void 0"]));
  try {
    const server = await startServer({ args });
    expect(await server.stop()).toBe(0);
    expect(server.stderr()).not.toContain("killed");
    expect(server.stderr()).toContain("stopped");
    expect(server.stderr()).not.toContain("hangs"); // a busy machine is no fault of an actor
  } finally {
    for (const loop of busy) loop.kill("SIGKILL");
  }
});

describe("SIGTERM while a model loads", () => {
  for (const computes of [false, true]) {
    test(`ends with 0 and says so, long before --drain-timeout (${computes ? "its thread is busy" : "it waits"})`, async () => {
      const graph = `${join(import.meta.dir, "fixtures/slow-start.ts")}:Door`;
      const args = [
        graph,
        `--Model.computes=${computes}`,
        "--drain-timeout",
        "3600",
        "--port",
        "0",
      ];
      const child = Bun.spawn([executable, "serve", ...args], {
        stdio: ["ignore", "ignore", "pipe"],
      });
      let stderr = "";
      let isTold = false;
      for await (const bytes of child.stderr) {
        stderr += Buffer.from(bytes).toString();
        if (isTold || !stderr.includes("loading")) continue;
        isTold = true;
        child.kill("SIGTERM");
      }
      expect(await child.exited).toBe(0);
      expect(stderr).toContain("stopping before all services are ready");
      expect(stderr).not.toContain("not everything has ended in time");
    });
  }
});

async function streamed(server: Server, maxTokens: number) {
  const request = { model: "mock", prompt: "go on", max_tokens: maxTokens, stream: true };
  const response = await server.post("/v1/completions", request);
  const text = await response.text();
  const reasons = [...text.matchAll(/"finish_reason":"(\w+)"/g)].map((match) => match[1]);
  return { finishReason: reasons.at(-1), done: text.endsWith("data: [DONE]\n\n"), text };
}

async function untilStreaming(server: Server, count: number): Promise<void> {
  while ((await server.metric("vllm:num_requests_running")) < count) await Bun.sleep(10);
  while ((await server.metric("dynamo_frontend_queued_requests")) > 0) await Bun.sleep(10);
}
