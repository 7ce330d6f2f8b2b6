import { describe, expect, test } from "bun:test";

import { systemClock } from "../../src/base/clock.ts";
import { listen } from "../../src/http/listen.ts";
import { COMPLETION, eventsOf, harness } from "../api/harness.ts";
import { postText, rawClient, until } from "../api/raw-client.ts";
import { ManualClock } from "../manual-clock.ts";

const HOST = "127.0.0.1";
const STREAM = postText("completions", { ...COMPLETION, stream: true });

/** The events in the body of a raw chunked answer. */
function eventsIn(raw: string): unknown[] {
  const [, ...body] = raw.split("\r\n\r\n");
  return eventsOf(body.join("\r\n\r\n").replace(/(\r\n)?[0-9a-f]+\r\n|\r\n/g, ""));
}

describe("stopping", () => {
  test("lets streams in flight end, and tells new clients that it ends", async () => {
    const { app, opened } = harness();
    const server = listen(app, { host: HOST, port: 0, clock: systemClock });
    const client = await rawClient(server.port, STREAM);
    const stream = await opened();
    stream.push({ text: "one" });
    await until(() => client.text().includes("one"), "the first piece");
    const stopped = server.stop(5000);
    const { status } = await fetch(`${server.url}live`);
    expect(status).toBe(200);
    expect((await fetch(`${server.url}health`)).status).toBe(503);
    const refused = await fetch(`${server.url}v1/models`);
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ error: { code: "server_shutdown" } });
    stream.push({ text: "two", finishReason: "stop" });
    stream.end();
    await stopped;
    await client.closed;
    await expect(fetch(`${server.url}live`)).rejects.toThrow();
    expect(eventsIn(client.text()).slice(-2)).toMatchObject([
      { choices: [{ finish_reason: "stop" }] },
      "[DONE]",
    ]);
  });

  test("after the grace, streams end with the error server_shutdown and their work is cancelled", async () => {
    const { app, opened } = harness();
    const clock = new ManualClock();
    const server = listen(app, { host: HOST, port: 0, clock });
    const client = await rawClient(server.port, STREAM);
    const stream = await opened();
    stream.push({ text: "one" });
    await until(() => client.text().includes("one"), "the first piece");
    const stopped = server.stop(1000);
    await clock.advance(999);
    expect(stream.hasLeft).toBe(false);
    await clock.advance(1);
    await stream.left;
    await stopped;
    await client.closed;
    expect(eventsIn(client.text()).slice(-2)).toMatchObject([
      { choices: [{ text: "one" }] },
      { error: { code: "server_shutdown" } },
    ]);
  });

  test("a client that reads nothing does not hold the server up", async () => {
    const { app, opened } = harness();
    const server = listen(app, { host: HOST, port: 0, clock: systemClock });
    const client = await rawClient(server.port, STREAM);
    client.pause();
    const stream = await opened();
    const text = "x".repeat(65_536);
    for (let i = 0; i < 200; i++) stream.push({ text });
    await Bun.sleep(50);
    await server.stop(0);
    await stream.left;
    client.resume();
    await client.closed;
  });

  test("closes connections that are kept open for nothing", async () => {
    const { app } = harness();
    const server = listen(app, { host: HOST, port: 0, clock: systemClock });
    const client = await rawClient(server.port, "GET /live HTTP/1.1\r\nHost: test\r\n\r\n");
    await until(() => client.text().includes("live"), "the answer");
    await server.stop(5000);
    await client.closed;
  });
});

describe("listening", () => {
  test("on a port that is taken fails with the place and a cure", () => {
    const { app } = harness();
    const clock = systemClock;
    const holder = Bun.serve({ hostname: HOST, port: 0, fetch: () => new Response() });
    const port = holder.port ?? 0;
    expect(() => listen(app, { host: HOST, port, clock })).toThrow(
      `${HOST}:${port} is taken by another program; choose another port (--port ${port + 1}; 0 is any free one), or end what holds it`,
    );
    return holder.stop(true);
  });
});

test("a request that names no host, as load balancers check health, is answered", async () => {
  const server = listen(harness().app, { host: HOST, port: 0, clock: systemClock });
  const client = await rawClient(server.port, "GET /live?from=balancer HTTP/1.0\r\n\r\n");
  await client.closed;
  expect(client.text()).toStartWith("HTTP/1.1 200 ");
  await server.stop(0);
});
