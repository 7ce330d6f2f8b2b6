// Clients that hang up: queued, in the middle of a prompt, between tokens, or without ever reading.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { hangLimit } from "../time-limits.ts";
import { type Server, startServer } from "./server.ts";

const NUM_CLIENTS = 1000;
const AT_ONCE = 50;

describe("1,000 clients that leave at random moments", () => {
  let server: Server;
  const random = seeded(7);

  beforeAll(async () => {
    server = await startServer({
      args: [
        ...["graphs.agg:Frontend", "-f", "configs/mock.yaml"],
        "--VllmWorker.speedup-ratio=20",
        "--VllmWorker.max-num-seqs=16", // of 50 at once most are queued
        "--VllmWorker.num-gpu-blocks-override=512",
      ],
      env: { DYNAMO_VERIFY: "1" },
    });
  });
  afterAll(() => server?.stop());

  test(
    "leave no block, no call and no stream behind",
    async () => {
      const before = await usage(server);
      let left = NUM_CLIENTS;
      const client = async () => {
        while (left-- > 0) await visit(server, random);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, client));
      await untilEqual(() => usage(server), before);
      // And the server still serves.
      const request = { model: "mock", prompt: "still there?", max_tokens: 4 };
      expect((await server.complete(request)).usage.completion_tokens).toBe(4);
    },
    hangLimit(120_000),
  );
});

test("a client that leaves during a prefill of seconds frees its blocks within one chunk", async () => {
  // The mocked engine takes about 25 ms for each chunk of 64 tokens: some 6 s for this prompt.
  const server = await startServer({
    args: [
      ...["graphs.agg:Frontend", "-f", "configs/mock.yaml"],
      "--VllmWorker.ServiceArgs.workers=1",
      "--VllmWorker.max-num-batched-tokens=64",
    ],
  });
  try {
    const before = await usage(server);
    const controller = new AbortController();
    const request = { model: "mock", prompt: "x".repeat(15_000), max_tokens: 4 };
    server.post("/v1/completions", request, controller.signal).catch(() => undefined);
    while ((await server.metric("dynamo_kv_blocks_used")) === 0) await Bun.sleep(5);
    const stepsBefore = await server.metric("dynamo_engine_steps_total");
    controller.abort();
    await untilEqual(() => usage(server), before);
    const steps = (await server.metric("dynamo_engine_steps_total")) - stepsBefore;
    console.log(`  free after ${steps} steps at most, scrapes included`);
    expect(await server.metric("vllm:prompt_tokens_total")).toBe(0);
  } finally {
    await server.stop();
  }
});

/** One client: sends a request by hand, may read a little, and is gone. */
async function visit(server: Server, random: () => number): Promise<void> {
  const { hostname, port } = new URL(server.url);
  const body = JSON.stringify({
    model: "mock",
    prompt: "y".repeat(1 + Math.floor(random() * 3000)),
    max_tokens: 1 + Math.floor(random() * 400),
    stream: random() < 0.7,
    n: random() < 0.1 ? 3 : 1,
  });
  const head = `POST /v1/completions HTTP/1.1\r\nHost: ${hostname}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  const socket = connect(Number(port), hostname);
  socket.on("error", () => undefined); // a reset is as good as an end here
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.write(head + body);
  if (random() < 0.3)
    socket.pause(); // a slow reader: takes nothing
  else socket.resume();
  await Bun.sleep(random() * 60);
  leave(socket, random);
}

function leave(socket: Socket, random: () => number): void {
  if (random() < 0.5) socket.destroy();
  else socket.resetAndDestroy();
}

/** Holdings of a request, summed over all services. */
async function usage(server: Server) {
  return {
    blocks: await server.metric("dynamo_kv_blocks_used"),
    running: await server.metric("vllm:num_requests_running"),
    waiting: await server.metric("vllm:num_requests_waiting"),
    mailbox: await server.metric("dynamo_runtime_mailbox_depth"),
    streams: await server.metric("dynamo_runtime_open_streams"),
    inflight: await server.metric("dynamo_frontend_inflight_requests"),
  };
}

async function untilEqual<T>(poll: () => Promise<T>, wanted: T): Promise<void> {
  let last: T | undefined;
  for (let attempt = 0; attempt < hangLimit(4000); attempt++) {
    last = await poll();
    if (Bun.deepEquals(last, wanted)) return;
    await Bun.sleep(10);
  }
  expect(last).toEqual(wanted);
}

/** Park and Miller's generator, for runs that repeat. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 0x7fff_ffff;
    return state / 0x7fff_ffff;
  };
}
