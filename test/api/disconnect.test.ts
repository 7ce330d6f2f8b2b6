// Clients that leave, and clients that stay and do not read, on real sockets.

import { afterEach, describe, expect, test } from "bun:test";
import { createApp } from "../../src/api/app.ts";
import { systemClock } from "../../src/base/clock.ts";
import { createLogger } from "../../src/base/log.ts";
import { type HttpServer, listen } from "../../src/http/listen.ts";
import { FAKE_MODEL, FakeBackend } from "./fake-backend.ts";
import { COMPLETION, type Harness, harness } from "./harness.ts";
import type { ManualStream } from "./manual-stream.ts";
import { postText, rawClient, until } from "./raw-client.ts";

const servers: HttpServer[] = [];

function serve(options: Parameters<typeof harness>[0] = {}): Harness & { readonly port: number } {
  const parts = harness(options);
  const server = listen(parts.app, { host: "127.0.0.1", port: 0, clock: systemClock });
  servers.push(server);
  return { ...parts, port: server.port };
}

async function inflight({ app }: Harness): Promise<string | undefined> {
  const text = await (await app.fetch(new Request("http://test/metrics"))).text();
  return text.match(/^dynamo_frontend_inflight_requests\{model="m"\} (\d+)$/m)?.[1];
}

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop(0);
});

describe("a client that leaves", () => {
  for (const stream of [false, true]) {
    test(`while it waits for the first token cancels its request (stream: ${stream})`, async () => {
      const server = serve();
      const client = await rawClient(
        server.port,
        postText("completions", { ...COMPLETION, stream }),
      );
      const backend = await server.opened();
      expect(backend.hasLeft).toBe(false);
      client.end();
      await backend.left;
      expect(await inflight(server)).toBe("0");
    });

    test(`in the middle of its answer cancels its request (stream: ${stream})`, async () => {
      const server = serve();
      const client = await rawClient(
        server.port,
        postText("completions", { ...COMPLETION, stream }),
      );
      const backend = await server.opened();
      backend.push();
      await until(() => backend.numPulled === 2, "the second pull");
      client.end();
      await backend.left;
      expect(await inflight(server)).toBe("0");
    });
  }

  test("is not waited for, even if the backend never settles what it was asked", async () => {
    let hasLeft = false;
    const iterator: AsyncIterableIterator<never> = {
      [Symbol.asyncIterator]: () => iterator,
      next: () => new Promise(() => {}),
      return: () => {
        hasLeft = true;
        return new Promise(() => {});
      },
    };
    const server = serve({ complete: () => iterator });
    const client = await rawClient(server.port, postText("completions", COMPLETION));
    await Bun.sleep(20);
    client.end();
    await until(() => hasLeft, "the cancel");
    expect(await inflight(server)).toBe("0");
  });

  test("before its body is whole never reaches the backend", async () => {
    const server = serve();
    const client = await rawClient(
      server.port,
      "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
    );
    await Bun.sleep(20);
    client.end();
    await Bun.sleep(20);
    expect(server.streams).toEqual([]);
    // Its failure is no failure of ours.
    expect(server.lines.filter((line) => !line.includes(" INFO "))).toEqual([]);
  });

  test("at any moment, 300 times, leaves nothing behind", async () => {
    const backend = new FakeBackend();
    const app = createApp(backend, { clock: systemClock, log: createLogger("test", "error") });
    const server = listen(app, { host: "127.0.0.1", port: 0, clock: systemClock });
    servers.push(server);
    const body = { model: FAKE_MODEL, prompt: "hi", max_tokens: 500, ignore_eos: true };
    const leave = async (number: number) => {
      const request = postText("completions", { ...body, stream: number % 3 > 0 });
      const client = await rawClient(server.port, request);
      if (number % 5 === 0) client.pause();
      await Bun.sleep(Math.random() * 20);
      client.end();
    };
    await Promise.all(Array.from({ length: 300 }, (_, number) => leave(number)));
    await until(() => backend.numOpen === 0, "the end of every stream");
    const text = await (await fetch(`${server.url}metrics`)).text();
    expect(text).toContain(`inflight_requests{model="${FAKE_MODEL}"} 0`);
    expect(text).toContain(`queued_requests{model="${FAKE_MODEL}"} 0`);
  });

  test("counts as an error; a failing cancel is logged", async () => {
    const server = serve();
    const client = await rawClient(server.port, postText("completions", COMPLETION));
    const backend = await server.opened();
    backend.return = () => Promise.reject(new Error("stuck"));
    client.end();
    await until(() => server.lines.some((line) => line.includes("stuck")), "the warning");
    const text = await (await server.app.fetch(new Request("http://test/metrics"))).text();
    expect(text).toContain(`request_type="unary",status="error"} 1`);
  });
});

describe("a client that does not read", () => {
  const PIECE = "x".repeat(16 * 1024);

  /** Pushes pieces as fast as they are pulled, until the reader has not pulled for a while. */
  async function fillUp(backend: ManualStream): Promise<number> {
    let numPushed = 0;
    for (let pulledAt = performance.now(); performance.now() - pulledAt < 100; ) {
      await systemClock.turn();
      if (backend.numPulled === numPushed) continue;
      backend.push({ text: PIECE });
      numPushed++;
      pulledAt = performance.now();
    }
    return numPushed;
  }

  test("stops its producer, and is cut when it goes on for too long", async () => {
    const server = serve({ stallMs: 5000 }); // by the manual clock
    const client = await rawClient(
      server.port,
      postText("completions", { ...COMPLETION, stream: true }),
    );
    client.pause();
    const backend = await server.opened();
    const numPushed = await fillUp(backend);
    expect(backend.hasLeft).toBe(false);
    expect(numPushed * PIECE.length).toBeLessThan(16 * 2 ** 20); // what the kernel's two buffers took
    await server.clock.advance(4999);
    expect(backend.hasLeft).toBe(false);
    await server.clock.advance(1);
    await backend.left;
    expect(await inflight(server)).toBe("0");
    client.resume();
    await client.closed;
    expect(client.text()).not.toContain("[DONE]");
  });

  test("is not blamed for time in which this process was stopped", async () => {
    const server = serve({ stallMs: 5000 });
    const client = await rawClient(
      server.port,
      postText("completions", { ...COMPLETION, stream: true }),
    );
    client.pause();
    const backend = await server.opened();
    const numPushed = await fillUp(backend);
    server.clock.jump(40_000); // every timer falls due at once
    await server.clock.advance(0);
    expect(backend.hasLeft).toBe(false);
    client.resume();
    await until(() => backend.numPulled > numPushed, "the next pull");
    backend.push({ text: "the end", finishReason: "stop" });
    backend.end();
    await until(() => client.text().includes("[DONE]"), "the end");
  });

  test("goes on where it was when it reads again", async () => {
    const server = serve({ stallMs: 5000 });
    const client = await rawClient(
      server.port,
      postText("completions", { ...COMPLETION, stream: true }),
    );
    client.pause();
    const backend = await server.opened();
    const numPushed = await fillUp(backend);
    client.resume();
    await until(() => backend.numPulled > numPushed, "the next pull");
    expect(server.clock.numTimers).toBe(0);
    backend.push({ text: "the end", finishReason: "stop" });
    backend.end();
    await until(() => client.text().includes("[DONE]"), "the end");
    expect(client.text().match(new RegExp(PIECE, "g"))).toHaveLength(numPushed);
  });

  test("and leaves is noticed", async () => {
    const server = serve();
    const client = await rawClient(
      server.port,
      postText("completions", { ...COMPLETION, stream: true }),
    );
    client.pause();
    const backend = await server.opened();
    await fillUp(backend);
    client.end();
    await backend.left;
    expect(await inflight(server)).toBe("0");
  });

  test.skipIf(process.platform !== "linux")(
    "keeps little of its stream in this process",
    async () => {
      const server = serve();
      const client = await rawClient(
        server.port,
        postText("completions", { ...COMPLETION, stream: true }),
      );
      client.pause();
      const numPushed = await fillUp(await server.opened());
      // Every piece was taken; what is neither with the client nor in the kernel's two queues is here.
      const numElsewhere = client.text().length + (await queuedBytes(client.localPort));
      const numTaken = numPushed * (PIECE.length + 200); // with the JSON around it
      expect(numElsewhere).toBeGreaterThan(64 * 1024); // the client is indeed behind
      expect(numTaken - numElsewhere).toBeLessThan(256 * 1024);
      client.end();
    },
  );
});

/** Bytes in the kernel's send and receive queues of both ends of the connection from `port`. */
async function queuedBytes(port: number): Promise<number> {
  const hexPort = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = (await Bun.file("/proc/net/tcp").text()).trim().split("\n").slice(1);
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter(([, local, remote]) => local?.endsWith(hexPort) || remote?.endsWith(hexPort))
    .flatMap((columns) => columns[4]?.split(":") ?? [])
    .reduce((total, queue) => total + Number.parseInt(queue, 16), 0);
}

describe("writes", () => {
  test("pieces that are there at once leave as one", async () => {
    const server = serve();
    const client = await rawClient(
      server.port,
      postText("completions", { ...COMPLETION, stream: true }),
    );
    const backend = await server.opened();
    for (let i = 0; i < 50; i++) backend.push({ text: `${i};` });
    await until(() => client.text().includes('"49;"'), "the last piece");
    expect(client.numReads()).toBe(1);
    expect(client.text().match(/\r\n\r\n[0-9a-f]+\r\n/g)).toHaveLength(1); // one HTTP chunk
    client.end();
  });

  test("a body that grows without end gets its 413 while it is still being sent", async () => {
    const server = serve({ maxBodyBytes: 1000 });
    const head =
      "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    const client = await rawClient(server.port, `${head}800\r\n${"x".repeat(2048)}\r\n`);
    await until(() => client.text().includes("request_too_large"), "the answer");
    expect(client.text()).toStartWith("HTTP/1.1 413 ");
    client.end();
  });
});
