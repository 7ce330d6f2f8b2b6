// SIGTERM under load: answers that run come to their own end, and clients that come meanwhile are told.

import { describe, expect, test } from "bun:test";

import { type Server, startServer } from "./server.ts";

const NUM_STREAMS = 64;

const GRAPHS = [
  { graph: "agg", args: [] },
  { graph: "agg_router", args: ["--VllmWorker.ServiceArgs.workers=2"] },
  {
    graph: "disagg",
    args: [
      ...["--PrefillWorker.engine=mocker", "--VllmWorker.remote-prefill=true"],
      "--VllmWorker.conditional-disagg=false",
    ],
  },
] as const;

function start(graph: string, drainSeconds: number, args: readonly string[]): Promise<Server> {
  const model = ["--model", "mock", "--VllmWorker.engine=mocker"];
  const drain = ["--drain-timeout", String(drainSeconds)];
  return startServer({ args: [`graphs.${graph}:Frontend`, ...model, ...drain, ...args] });
}

async function streamed(server: Server, maxTokens: number) {
  const request = { model: "mock", prompt: "go on", max_tokens: maxTokens, stream: true };
  const response = await server.post("/v1/completions", request);
  const text = await response.text();
  const reasons = [...text.matchAll(/"finish_reason":"(\w+)"/g)].map((match) => match[1]);
  return { reason: reasons.at(-1), isDone: text.endsWith("data: [DONE]\n\n"), text };
}

/** Each stream has its first token. */
async function untilStreaming(server: Server): Promise<void> {
  const numBegun = () => server.metric("vllm:time_to_first_token_seconds_count");
  while ((await numBegun()) < NUM_STREAMS) await Bun.sleep(10);
}

async function untilHealth(server: Server, status: number): Promise<void> {
  while ((await fetch(`${server.url}/health`)).status !== status) await Bun.sleep(2);
}

describe("SIGTERM under load", () => {
  for (const { graph, args } of GRAPHS) {
    test(`lets ${NUM_STREAMS} streams of ${graph} end as they would, and refuses new ones`, async () => {
      const server = await start(graph, 60, args);
      const streams = Array.from({ length: NUM_STREAMS }, () => streamed(server, 120));
      await untilStreaming(server);
      server.signal("SIGTERM");
      await untilHealth(server, 503);
      expect((await fetch(`${server.url}/live`)).status).toBe(200);
      const refused = await server.post("/v1/completions", { model: "mock", prompt: "late" });
      expect(refused.status).toBe(503);
      expect(refused.headers.get("retry-after")).toBe("1");
      expect(await refused.json()).toMatchObject({ error: { code: "server_shutdown" } });
      for (const { reason, isDone } of await Promise.all(streams)) {
        expect({ reason, isDone }).toEqual({ reason: "length", isDone: true });
      }
      expect(await server.exited).toBe(0);
      expect(server.stderr()).not.toContain("killed");
    });
  }

  test("says so in each stream that outlives --drain-timeout", async () => {
    const server = await start("agg", 1, []);
    const streams = Array.from({ length: NUM_STREAMS }, () => streamed(server, 16_000));
    await untilStreaming(server);
    const begun = performance.now();
    server.signal("SIGTERM");
    expect(await server.exited).toBe(0);
    console.log(`  ended after ${(performance.now() - begun).toFixed(0)} ms`);
    for (const { isDone, text } of await Promise.all(streams)) {
      const last = text.trimEnd().split("\n\n").at(-1) ?? "";
      expect(JSON.parse(last.slice("data: ".length)).error.code).toBe("server_shutdown");
      expect(isDone).toBe(false);
    }
  });
});

test("an endless stream of KV events holds no drain up", async () => {
  const server = await start("agg", 60, []);
  const events = await fetch(`${server.url}/kv_events`);
  expect(await server.stop()).toBe(0);
  await events.text();
});
