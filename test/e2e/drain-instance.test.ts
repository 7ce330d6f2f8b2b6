// One instance is taken out of service while the others go on.

import { expect, test } from "bun:test";

import { hangLimit } from "../time-limits.ts";
import { type Server, startServer } from "./server.ts";

function start(drainSeconds: number, ...args: string[]): Promise<Server> {
  const graph = [
    "graphs.agg:Frontend",
    "-f",
    "configs/mock.yaml",
    "--Processor.router=round-robin",
  ];
  return startServer({ args: [...graph, "--drain-timeout", String(drainSeconds), ...args] });
}

async function streamed(server: Server, maxTokens: number) {
  const request = { model: "mock", prompt: "go on", seed: 7, max_tokens: maxTokens, stream: true };
  const text = await (await server.post("/v1/completions", request)).text();
  const events = text.split("\n\n").filter((event) => event.startsWith("data: {"));
  const pieces = events.map(
    (event) => JSON.parse(event.slice("data: ".length)).choices[0]?.text ?? "",
  );
  return { isDone: text.endsWith("data: [DONE]\n\n"), text: pieces.join("") };
}

async function drain(server: Server, instance: string) {
  const response = await fetch(`${server.url}/drain/${instance}`, { method: "POST" });
  return { status: response.status, body: (await response.json()) as { readonly state?: string } };
}

async function untilDrained(server: Server, instance: string): Promise<void> {
  while ((await drain(server, instance)).body.state !== "drained") await Bun.sleep(20);
}

/** Each stream has its first token. */
async function untilStreaming(server: Server, numStreams: number): Promise<void> {
  while ((await server.metric("vllm:time_to_first_token_seconds_count")) < numStreams)
    await Bun.sleep(10);
}

test(
  "its streams end as they would within the drain, and new ones go elsewhere",
  async () => {
    const server = await start(60);
    const streams = Array.from({ length: 8 }, () => streamed(server, 60));
    await untilStreaming(server, 8);
    expect(await drain(server, "VllmWorker:1")).toMatchObject({
      status: 202,
      body: { instance: "VllmWorker:1", state: "draining", drain_timeout_s: 60 },
    });
    const late = await Promise.all([1, 2, 3, 4].map(() => streamed(server, 5)));
    const [first, ...others] = await Promise.all(streams);
    for (const one of others) expect(one).toEqual({ isDone: true, text: first?.text ?? "" });
    expect(late.every(({ isDone }) => isDone)).toBe(true);
    await untilDrained(server, "VllmWorker:1");
    expect((await drain(server, "VllmWorker:1")).status).toBe(200);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    expect(await server.metric("dynamo_runtime_restarts_total")).toBe(0);
    expect(server.stderr()).toContain("VllmWorker:1 is drained and not started again");
    expect(await server.stop()).toBe(0);
  },
  hangLimit(60_000),
);

test(
  "what outlives the drain migrates, and no client notices",
  async () => {
    const server = await start(1);
    const streams = Array.from({ length: 8 }, () => streamed(server, 150));
    await untilStreaming(server, 8);
    await drain(server, "VllmWorker:2");
    const [first, ...others] = await Promise.all(streams);
    expect(first?.isDone).toBe(true);
    for (const one of others) expect(one).toEqual({ isDone: true, text: first?.text ?? "" });
    await untilDrained(server, "VllmWorker:2");
    const ongoing = { migration_type: "ongoing_request" };
    expect(await server.metric("dynamo_frontend_model_migration_total", ongoing)).toBeGreaterThan(
      0,
    );
    expect(await server.stop()).toBe(0);
  },
  hangLimit(60_000),
);

test(
  "without the last worker the model is not listed, and a name that is none is told",
  async () => {
    const server = await start(1, "--VllmWorker.ServiceArgs.workers=1");
    const unknown = await drain(server, "VllmWorker:2");
    expect(unknown.status).toBe(404);
    expect(JSON.stringify(unknown.body)).toContain("VllmWorker:1, Processor:1, Frontend:1");
    await drain(server, "VllmWorker:1");
    await untilDrained(server, "VllmWorker:1");
    while ((await fetch(`${server.url}/health`)).status !== 503) await Bun.sleep(20);
    expect(await server.stop()).toBe(0);
  },
  hangLimit(60_000),
);
