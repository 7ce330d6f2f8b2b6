// Clients that ask for far more than their share, and clients that never read, beside one that asks for a token.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hangLimit } from "../time-limits.ts";
import { type Server, startServer } from "./server.ts";

const NUM_HONEST = 6;

let sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
});

describe.each([
  ["the built-in model", "dynamo", ["-f", "configs/built-in.yaml"]],
  ["the mocked engine", "mock", ["-f", "configs/mock.yaml", "--VllmWorker.max-num-seqs=64"]],
] as const)("on %s", (name, model, args) => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer({
      args: ["graphs.agg:Frontend", ...args, "--VllmWorker.ServiceArgs.workers=1"],
      env: { DYNAMO_VERIFY: "1" },
    });
  });
  afterAll(() => server?.stop());

  test(
    "two clients with 128 streams that never read hold up no other",
    async () => {
      const hogs = [1, 2].map(() => open(server, { ...hog(model), n: 128, stream: true }));
      for (const one of hogs) one.socket.pause();
      await beside(server, model, `2 x 128 unread streams, ${name}`);
      expect(hogs.map(({ hasEnded }) => hasEnded())).toEqual([false, false]);
      await leave(server);
    },
    hangLimit(60_000),
  );

  test(
    "one client with a unary request of 2 x 128 choices holds up no other",
    async () => {
      const prompt = ["Once upon a time", "There was a dog"];
      const one = open(server, { ...hog(model), prompt, n: 128 });
      await beside(server, model, `2 x 128 choices, ${name}`);
      expect(one.hasEnded()).toBe(false);
      await leave(server);
    },
    hangLimit(60_000),
  );

  test(
    "64 clients with 4 streams each hold up no other",
    async () => {
      const hogs = Array.from({ length: 64 }, () =>
        open(server, { ...hog(model), n: 4, stream: true }),
      );
      await beside(server, model, `64 x 4 streams, ${name}`);
      expect(hogs.some(({ hasEnded }) => hasEnded())).toBe(false);
      await leave(server);
    },
    hangLimit(60_000),
  );
});

describe.each([
  [
    "the mocked engine",
    "mock",
    ["graphs.agg:Frontend", "-f", "configs/mock.yaml", "--VllmWorker.ServiceArgs.workers=1"],
  ],
  [
    "the built-in model behind a router",
    "dynamo",
    [
      ...["graphs.agg_router:Frontend", "-f", "configs/built-in-router.yaml"],
      ...["--VllmWorker.ServiceArgs.workers=1", "--Router.min-workers=1"],
    ],
  ],
  [
    "a worker that serves chats itself",
    "dynamo",
    [
      ...["graphs.routerless:Frontend", "-f", "configs/routerless.yaml"],
      "--VllmWorkerRouterLess.ServiceArgs.workers=1",
    ],
  ],
] as const)("1,024 choices of a few clients, on %s", (name, model, args) => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer({ args, env: { DYNAMO_VERIFY: "1" } });
  });
  afterAll(() => server?.stop());

  test(
    "as 8 x 128 streams that are not read, leave room for the others",
    async () => {
      const hogs = Array.from({ length: 8 }, () =>
        open(server, { ...hog(model), n: 128, stream: true }),
      );
      for (const one of hogs) one.socket.pause();
      await crowded(server);
      await beside(server, model, `8 x 128 unread streams, ${name}`);
      await leave(server);
    },
    hangLimit(60_000),
  );

  test(
    "as 4 unary requests of 2 x 128, leave room for the others",
    async () => {
      const prompt = ["Once upon a time", "There was a dog"];
      const hogs = Array.from({ length: 4 }, () => open(server, { ...hog(model), prompt, n: 128 }));
      await crowded(server);
      await beside(server, model, `4 x 256 choices, ${name}`);
      expect(hogs.map(({ hasEnded }) => hasEnded())).not.toContain(true);
      await leave(server);
    },
    hangLimit(60_000),
  );
});

describe("24 requests of 256 choices with one API key", () => {
  const folder = mkdtempSync(join(tmpdir(), "e2e-fairness-"));
  const [greedy, honest] = ["greedy-key-0123456789", "honest-key-0123456789"] as const;
  let server: Server;
  beforeAll(async () => {
    const file = join(folder, "keys");
    writeFileSync(file, `greedy ${greedy}\nhonest ${honest} admin\n`, { mode: 0o600 });
    server = await startServer({
      args: [
        ...["graphs.agg_router:Frontend", "-f", "configs/mock-router.yaml"],
        ...["--VllmWorker.ServiceArgs.workers=1", "--Router.min-workers=1"],
        ...["--api-key-file", file],
      ],
      env: { DYNAMO_VERIFY: "1" },
    });
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true });
  });

  test(
    "leave room for another key, and are refused beyond a third of the places",
    async () => {
      const body = { ...hog("mock"), prompt: ["Once upon a time", "There was a dog"], n: 128 };
      const hogs = Array.from({ length: 24 }, () => open(server, body, greedy));
      const refused = () => hogs.filter(({ hasEnded }) => hasEnded());
      await until(async () => refused().length === 19);
      const status = refused().map(({ text }) => text().slice(0, 12));
      expect(new Set(status)).toEqual(new Set(["HTTP/1.1 429"]));
      const [one] = refused();
      expect(one?.text().toLowerCase()).toContain("\r\nretry-after: 1\r\n");
      expect(one?.text()).toContain('"code":"too_many_sequences"');
      await expectServed(server, "mock", "24 x 256 of another key", honest);
    },
    hangLimit(60_000),
  );
});

describe("32 streams that are not read", () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer({
      args: [
        ...["graphs.agg:Frontend", "-f", "configs/mock.yaml"],
        ...["--VllmWorker.ServiceArgs.workers=1", "--VllmWorker.speedup-ratio=60"],
      ],
      env: { DYNAMO_VERIFY: "1" },
    });
  });
  afterAll(() => server?.stop());

  test(
    "stall without blocks, and give the whole text when they are read",
    async () => {
      const body = { ...hog("mock"), n: 32, stream: true, max_tokens: 1600, seed: 5 };
      const client = open(server, body);
      client.socket.pause();
      const stalled = () => server.metric("dynamo_num_requests_stalled");
      await until(async () => (await stalled()) === 32);
      expect(await server.metric("vllm:num_requests_running")).toBe(0);
      expect(await server.metric("dynamo_kv_blocks_used")).toBe(0);
      expect(await server.metric("vllm:num_requests_waiting")).toBe(0);
      const unary = await server.complete({ ...body, stream: false });
      client.socket.resume();
      await until(async () => client.hasEnded());
      const texts = textsOf(client.text());
      expect(texts).toEqual(unary.choices.map(({ text }) => text));
      expect(texts).toHaveLength(32);
      expect(await stalled()).toBe(0);
    },
    hangLimit(60_000),
  );
});

function hog(model: string) {
  return { model, prompt: "Once upon a time", max_tokens: 400, ignore_eos: true };
}

/** One-token requests, one after the other, each on a connection of its own. Their times are printed, not judged. */
async function beside(server: Server, model: string, what: string): Promise<void> {
  await until(async () => (await server.metric("vllm:num_requests_running")) > 0);
  await expectServed(server, model, what);
}

/** Until the worker has most of 1,024 sequences; those that are not read end when 512 have stalled. */
async function crowded(server: Server): Promise<void> {
  const names = ["vllm:num_requests_running", "vllm:num_requests_waiting"] as const;
  const number = (name: string) => server.metric(name);
  await until(async () => {
    const [running = 0, waiting = 0] = await Promise.all(names.map(number));
    return running + waiting + (await number("dynamo_num_requests_stalled")) > 500;
  });
}

async function expectServed(
  server: Server,
  model: string,
  what: string,
  key?: string,
): Promise<void> {
  const times: number[] = [];
  for (let i = 0; i < NUM_HONEST; i++) {
    const begun = performance.now();
    const client = open(server, { model, prompt: "Hello", max_tokens: 1 }, key);
    await until(async () => client.hasEnded());
    expect(client.text()).toStartWith("HTTP/1.1 200 ");
    times.push(Math.round(performance.now() - begun));
  }
  console.log(`  a token beside ${what}: ${times.join(", ")} ms`);
}

async function leave(server: Server): Promise<void> {
  for (const socket of sockets) socket.destroy();
  await until(async () => (await server.metric("dynamo_kv_blocks_used")) === 0);
}

interface Client {
  readonly socket: Socket;
  readonly text: () => string;
  /** The answer is whole. */
  readonly hasEnded: () => boolean;
}

/** Posts a completion on a connection of its own, which closes with the answer. */
function open(server: Server, body: object, key?: string): Client {
  const authorization = key === undefined ? "" : `Authorization: Bearer ${key}\r\n`;
  const text = JSON.stringify(body);
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  sockets.push(socket);
  const parts: string[] = [];
  let hasEnded = false;
  socket.setEncoding("utf8");
  socket.on("data", (part: string) => parts.push(part));
  socket.on("close", () => {
    hasEnded = true;
  });
  socket.on("error", () => undefined);
  socket.write(
    `POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${authorization}Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
  return { socket, text: () => parts.join(""), hasEnded: () => hasEnded };
}

/** Texts of each choice, in the order of their indices. */
function textsOf(answer: string): string[] {
  const texts: string[] = [];
  for (const [, json] of answer.matchAll(/^data: (\{.*\})$/gm)) {
    const { choices } = JSON.parse(json ?? "") as {
      choices: { index: number; text: string }[];
    };
    for (const { index, text } of choices) texts[index] = (texts[index] ?? "") + text;
  }
  return texts;
}

async function until(poll: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 2000; i++) {
    if (await poll()) return;
    await Bun.sleep(20);
  }
  throw new Error("never happened");
}
