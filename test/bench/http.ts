// Cost of the HTTP door: requests and events a second over a backend that answers at once.
//
//   bun test/bench/http.ts
//
// The load comes from another thread over loopback; the server's thread is the one that is busy all the
// time, so its time is the elapsed time. "stepwise" streams get one token a turn of the event loop, as
// from an engine's steps: each event is a write to a socket, which "bare" measures without the app.
// In "bursts" sixteen tokens come at a time.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { createApp } from "../../src/api/app.ts";
import { systemClock } from "../../src/base/clock.ts";
import { createLogger } from "../../src/base/log.ts";
import type { OpenAIBackend } from "../../src/door/backend.ts";
import { listen } from "../../src/http/listen.ts";
import type { TextOutput } from "../../src/protocol/llm.ts";
import { FakeBackend } from "../api/fake-backend.ts";
import type { Load } from "./http.worker.ts";

const ROUNDS = 5;
const NUM_REQUESTS = 10_000;
const NUM_STREAMS = 256;
const NUM_TOKENS = 256;

export async function run(): Promise<void> {
  const app = createApp(backend, { clock: systemClock, log: createLogger("bench", "warn") });
  const server = listen(app, { host: "127.0.0.1", port: 0, clock: systemClock });
  const bare = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: bareStream });
  const worker = new Worker(new URL("./http.worker.ts", import.meta.url));
  const unary = { ending: "}", numAnswers: NUM_REQUESTS, numEvents: 1 };
  const stream = { ending: "0\r\n\r\n", numAnswers: NUM_STREAMS, numEvents: NUM_TOKENS };
  const { port } = server;
  const cases = {
    health: { ...unary, port, request: get("/health") },
    chat: { ...unary, port, request: post(CHAT, { max_tokens: 1 }) },
    bare: { ...stream, port: bare.port ?? 0, request: get("/") },
    stepwise: { ...stream, port, request: post(CHAT, { stream: true, top_k: 1 }) },
    bursts: { ...stream, port, request: post(CHAT, { stream: true, top_k: 16 }) },
  };
  const micros = new Map<string, number[]>(); // a request or an event, by case
  for (let round = -1; round < ROUNDS; round++) {
    for (const [name, { numEvents, ...load }] of Object.entries(cases)) {
      worker.postMessage({ ...load, numConnections: NUM_CONNECTIONS } satisfies Load);
      const [ms] = await once(worker, "message");
      if (round < 0) continue; // warm-up
      const each = (ms * 1000) / load.numAnswers / numEvents;
      micros.set(name, [...(micros.get(name) ?? []), each]);
    }
  }
  await worker.terminate();
  await Promise.all([server.stop(1000), bare.stop(true)]);
  const median = (name: keyof typeof cases) =>
    micros.get(name)?.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? Number.NaN;
  console.log(
    JSON.stringify({
      healthRequestsPerSecond: Math.round(1e6 / median("health")),
      chatRequestsPerSecond: Math.round(1e6 / median("chat")),
      sseEventsPerSecond: Math.round(1e6 / median("stepwise")),
      sseBurstEventsPerSecond: Math.round(1e6 / median("bursts")),
      bareEventsPerSecond: Math.round(1e6 / median("bare")),
      appMicrosPerToken: Number((median("stepwise") - median("bare")).toFixed(2)),
      burstMicrosPerToken: Number(median("bursts").toFixed(2)),
    }),
  );
}

const NUM_CONNECTIONS = 64;
const CHAT = "/v1/chat/completions";

/** One write of an event's size a turn, and nothing else. */
function bareStream(): Response {
  const event = `data: ${"x".repeat(200)}\n\n`;
  const body = new ReadableStream({
    type: "direct",
    async pull(controller: ReadableStreamDirectController) {
      for (let count = 0; count < NUM_TOKENS; count++) {
        await systemClock.turn();
        await controller.write(event);
      }
      controller.end();
    },
  });
  return new Response(body);
}

/** Answers at once; `top_k` tokens a turn. */
const answering: Partial<OpenAIBackend> = {
  models: () => [{ id: "m", created: 0, maxModelLen: 4096 }],
  chat: ({ maxTokens, topK }) => tokens(maxTokens ?? NUM_TOKENS, topK ?? 1),
};
const backend: OpenAIBackend = Object.assign(new FakeBackend(), answering);

function tokens(numTokens: number, perTurn: number): AsyncIterableIterator<TextOutput> {
  let count = 0;
  const output = { index: 0, text: " token", numTokens: 1, numPromptTokens: 8, numCachedTokens: 0 };
  const iterator: AsyncIterableIterator<TextOutput> = {
    [Symbol.asyncIterator]: () => iterator,
    async next() {
      if (count === numTokens) return { done: true, value: undefined };
      if (count++ % perTurn === 0 && numTokens > 1) await systemClock.turn();
      const value: TextOutput =
        count === numTokens ? { ...output, finishReason: "length" } : output;
      return { done: false, value };
    },
    async return() {
      count = numTokens;
      return { done: true, value: undefined };
    },
  };
  return iterator;
}

function get(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
}

function post(path: string, extra: object): string {
  const messages = [{ role: "user", content: "Hello, who are you?" }];
  const text = JSON.stringify({ model: "m", messages, ...extra });
  return `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
}

if (import.meta.main) await run();
