// Clients that are slow, and bodies that are too large. Time is moved by hand.

import { describe, expect, test } from "bun:test";
import { COMPLETION } from "../api/harness.ts";
import { until } from "../api/raw-client.ts";
import { ManualClock } from "../manual-clock.ts";
import { hangLimit } from "../time-limits.ts";
import { openDoor } from "./door.ts";
import { getBytes, postBytes, talk } from "./talk.ts";

/** A turn of the loop for the kernel to hand over what was sent. */
const settle = () => Bun.sleep(5);

function slowDoor(app: Parameters<typeof openDoor>[0] = {}) {
  const clock = new ManualClock();
  return { ...openDoor(app, { clock }), clock };
}

describe("time", () => {
  test(
    "a steady upload of 45 s, and of 5 minutes, is served",
    async () => {
      for (const seconds of [45, 300]) {
        const clock = new ManualClock();
        const door = openDoor({}, { clock });
        const body = JSON.stringify({ ...COMPLETION, model: "other", user: "x".repeat(seconds) });
        const bytes = postBytes("/v1/completions", body);
        const client = await talk(door.port, bytes.slice(0, -seconds));
        for (const byte of bytes.slice(-seconds)) {
          await settle();
          await clock.advance(1000);
          client.send(byte);
        }
        expect((await client.answered())[0]?.status).toBe(404);
        client.close();
      }
    },
    hangLimit(60_000),
  );

  test("a body that stops arriving is 408 after 30 s", async () => {
    const { clock, port } = slowDoor();
    const client = await talk(port, postBytes("/v1/completions", "{}").slice(0, -1));
    await settle();
    await clock.advance(29_000);
    expect(client.text).toBe("");
    await clock.advance(3000);
    expect((await client.answered())[0]?.status).toBe(408);
    await client.ended();
    client.close();
  });

  test("a body that arrives for ever is 408 after 10 minutes", async () => {
    const { clock, port } = slowDoor();
    const client = await talk(port, postBytes("/v1/completions", "x".repeat(1000)).slice(0, -900));
    for (let i = 0; i < 31 && client.text === ""; i++) {
      client.send("x");
      await settle();
      await clock.advance(20_000);
    }
    expect((await client.answered())[0]?.status).toBe(408);
    client.close();
  });

  test("a head that does not get whole is 408 after 15 s, however it trickles", async () => {
    const { clock, port } = slowDoor();
    const client = await talk(port, "GET /live HTTP/1.1\r\n");
    for (let i = 0; i < 16; i++) {
      client.send("X: y\r\n");
      await settle();
      await clock.advance(1000);
    }
    expect((await client.answered())[0]?.status).toBe(408);
    await client.ended();
    client.close();
  });

  test("a connection that says nothing is closed after 30 s, before and after a request", async () => {
    for (const first of ["", getBytes("/live")]) {
      const { clock, port } = slowDoor();
      const client = await talk(port, first);
      if (first !== "") await client.answered();
      await settle();
      await clock.advance(29_000);
      await settle();
      expect(client.isEnded).toBe(false);
      await clock.advance(3000);
      await client.ended();
      client.close();
    }
  });

  test("a process that was stopped for long has not waited for its clients", async () => {
    const { clock, port } = slowDoor();
    const idle = await talk(port, getBytes("/live"));
    await idle.answered();
    const body = postBytes("/v1/completions", "{}");
    const sending = await talk(port, body.slice(0, -1));
    await settle();
    clock.jump(3_600_000);
    await clock.advance(1000);
    idle.send(getBytes("/live"));
    sending.send(body.slice(-1));
    expect(await idle.answered(2)).toHaveLength(2);
    expect((await sending.answered())[0]?.status).toBe(400);
    idle.close();
    sending.close();
  });

  test("an answer that takes minutes is waited for", async () => {
    const { clock, port, opened } = slowDoor();
    const client = await talk(port, postBytes("/v1/completions", JSON.stringify(COMPLETION)));
    const stream = await opened();
    await clock.advance(600_000);
    stream.push({ text: "at last", finishReason: "stop" });
    stream.end();
    expect((await client.answered())[0]?.body).toContain("at last");
    client.close();
  });

  test("a client that does not take its whole answer is cut after 30 s", async () => {
    const { clock, port, opened } = slowDoor();
    const client = await talk(port);
    client.socket.pause();
    client.send(postBytes("/v1/completions", JSON.stringify(COMPLETION)));
    const stream = await opened();
    stream.push({ text: "x".repeat(16 * 2 ** 20), finishReason: "stop" });
    stream.end();
    await Bun.sleep(50);
    await clock.advance(32_000);
    client.socket.resume();
    await until(() => client.isClosed, "the cut");
    expect(client.text.length).toBeLessThan(16 * 2 ** 20);
  });
});

describe("a body above the limit", () => {
  const LIMIT = { maxBodyBytes: 100_000 };
  const SIZE = 8 * 2 ** 20;

  const heads = {
    "of a stated length": `Content-Length: ${SIZE}\r\n\r\n`,
    chunked: `Transfer-Encoding: chunked\r\n\r\n${SIZE.toString(16)}\r\n`,
  };
  for (const [kind, head] of Object.entries(heads)) {
    test(`${kind} is 413 for a client that writes all before it reads`, async () => {
      const { port } = openDoor(LIMIT);
      const client = await talk(port);
      client.socket.pause();
      client.send(`POST /v1/completions HTTP/1.1\r\nHost: a\r\n${head}`);
      for (let sent = 0; sent < SIZE; sent += 2 ** 20) {
        client.send(Buffer.alloc(2 ** 20));
        await until(() => client.socket.writableLength === 0, "the server to read on");
      }
      client.socket.resume();
      const [answer] = await client.answered();
      expect(answer?.status).toBe(413);
      expect(JSON.parse(answer?.body ?? "")).toMatchObject({
        error: { code: "request_too_large" },
      });
      await client.ended();
      client.close();
      expect(client.error).toBeUndefined();
    });
  }

  test("is read on for 30 s, then cut", async () => {
    const { port, clock } = slowDoor(LIMIT);
    const client = await talk(port, `POST /v1/completions HTTP/1.1\r\nHost: a\r\n${heads.chunked}`);
    client.send(Buffer.alloc(200_000));
    await client.answered();
    for (let i = 0; i < 40 && !client.isClosed; i++) {
      client.send(Buffer.alloc(1000));
      await settle();
      await clock.advance(1000);
    }
    await until(() => client.isClosed, "the cut");
  });
});
