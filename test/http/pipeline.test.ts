// Several requests on one connection, sent before the first has its answer, and clients that close their half.

import { describe, expect, test } from "bun:test";

import { COMPLETION } from "../api/harness.ts";
import { until } from "../api/raw-client.ts";
import { openDoor } from "./door.ts";
import { getBytes, postBytes, type Talk, talk } from "./talk.ts";

const post = (body: object = {}) =>
  postBytes("/v1/completions", JSON.stringify({ ...COMPLETION, ...body }));
const whole = (text: string) => ({ text, finishReason: "stop" }) as const;
const bodies = (client: Talk) => client.answers.map(({ body }) => body);

describe("requests sent together", () => {
  test("are answered in their order, the second not before the first is done", async () => {
    const door = openDoor();
    const client = await talk(door.port, post() + post({ prompt: "second" }) + getBytes("/live"));
    const first = await door.opened();
    await Bun.sleep(20);
    expect(door.streams).toHaveLength(1);
    first.push(whole("one"));
    first.end();
    const second = await door.opened(2);
    second.push(whole("two"));
    second.end();
    await client.answered(3);
    expect(bodies(client)).toEqual([
      expect.stringContaining('"text":"one"'),
      expect.stringContaining('"text":"two"'),
      expect.stringContaining("live"),
    ]);
    client.close();
  });

  test("while the first streams, wait for its end", async () => {
    const door = openDoor();
    const client = await talk(door.port, post({ stream: true }));
    const first = await door.opened();
    first.push({ text: "one" });
    await until(() => client.text.includes('"one"'), "the first piece");
    client.send(post()).send(getBytes("/live"));
    first.push(whole("two"));
    first.end();
    const second = await door.opened(2);
    second.push(whole("three"));
    second.end();
    await client.answered(3);
    expect(bodies(client)).toEqual([
      expect.stringMatching(/"one".*"two".*\[DONE\]/s),
      expect.stringContaining('"three"'),
      expect.stringContaining("live"),
    ]);
    client.close();
  });

  test("of which a later one is malformed: those before it are answered, then the 400", async () => {
    const door = openDoor();
    const client = await talk(door.port, `${post()}GET  /nonsense\r\n\r\n`);
    const first = await door.opened();
    first.push(whole("one"));
    first.end();
    await client.ended();
    expect(client.answers.map(({ status }) => status)).toEqual([200, 400]);
    client.close();
  });

  test("without end are read no further than a bound", async () => {
    const door = openDoor();
    const client = await talk(door.port, post());
    const first = await door.opened();
    const flood = getBytes("/live", `X: ${"x".repeat(900)}\r\n`).repeat(1000);
    for (let i = 0; i < 16; i++) client.send(flood);
    // The kernel's buffers fill up, and then the client's: the server has stopped to read.
    await Bun.sleep(100);
    expect(client.socket.writableLength).toBeGreaterThan(4 * 2 ** 20);
    first.push(whole("one"));
    first.end();
    expect((await client.answered(100))[99]?.status).toBe(200);
    client.close();
  });

  test("by one client do not keep others waiting", async () => {
    const door = openDoor();
    const flooding = await talk(door.port, getBytes("/live").repeat(20_000));
    const other = await talk(door.port, getBytes("/live"));
    await other.answered();
    expect(flooding.answers.length).toBeLessThan(20_000);
    flooding.close();
    other.close();
  });

  test("after a Connection: close are not looked at", async () => {
    const door = openDoor();
    const last = getBytes("/live", "Connection: close\r\n");
    const client = await talk(door.port, last + getBytes("/live"));
    await client.ended();
    expect(client.answers).toHaveLength(1);
    client.close();
  });
});

describe("a client that closes its half", () => {
  test("gets a whole answer, and all that it asked for before", async () => {
    const door = openDoor();
    const client = await talk(door.port, post() + getBytes("/live"));
    client.socket.end();
    const first = await door.opened();
    await Bun.sleep(20);
    expect(first.hasLeft).toBe(false);
    first.push(whole("one"));
    first.end();
    await client.ended();
    expect(bodies(client)).toEqual([
      expect.stringContaining('"one"'),
      expect.stringContaining("live"),
    ]);
  });

  test("gets a stream to its end, through probes", async () => {
    const door = openDoor({}, { limits: { probeMs: 1 } });
    const client = await talk(door.port, post({ stream: true }));
    client.socket.end();
    const stream = await door.opened();
    await until(() => client.text.includes("100 Continue"), "a probe before the answer");
    stream.push({ text: "one" });
    await until(() => client.text.includes("\n:\n\n"), "a heartbeat in the stream");
    stream.push(whole("two"));
    stream.end();
    await client.ended();
    const [answer] = client.answers.filter(({ status }) => status === 200);
    expect(answer?.body).toMatch(/"one".*"two".*\[DONE\]/s);
  });

  test("in HTTP/1.0 is not probed, and answered", async () => {
    const door = openDoor({}, { limits: { probeMs: 1 } });
    const client = await talk(door.port, post().replace("HTTP/1.1", "HTTP/1.0"));
    client.socket.end();
    const stream = await door.opened();
    await Bun.sleep(20);
    stream.push(whole("one"));
    stream.end();
    await client.ended();
    expect(client.text).toStartWith("HTTP/1.1 200 ");
  });

  for (const stream of [false, true]) {
    test(`and then all of it is found out, and its request cancelled (stream: ${stream})`, async () => {
      const door = openDoor({}, { limits: { probeMs: 1 } });
      const client = await talk(door.port, post({ stream }));
      const opened = await door.opened();
      client.socket.destroy(); // a FIN and no more, as there is nothing unread
      await opened.left;
    });

    test(`and then resets is gone at once (stream: ${stream})`, async () => {
      const door = openDoor({}, { limits: { probeMs: 600_000 } });
      const client = await talk(door.port, post({ stream }));
      const opened = await door.opened();
      client.socket.end();
      await Bun.sleep(10);
      client.socket.resetAndDestroy();
      await opened.left;
    });
  }

  test("in the middle of a stream that says nothing is found out", async () => {
    const door = openDoor({}, { limits: { probeMs: 1 } });
    const client = await talk(door.port, post({ stream: true }));
    const stream = await door.opened();
    stream.push({ text: "one" });
    await until(() => client.text.includes('"one"'), "the first piece");
    client.socket.destroy();
    await stream.left;
  });

  test("in the middle of a request gets a 400", async () => {
    const door = openDoor();
    const cut = [
      post().slice(0, 40),
      post().slice(0, -3),
      post().replace(/Content-Length.*/, "Transfer-Encoding: chunked\r\n\r\n5\r\nhel"),
    ];
    for (const bytes of cut) {
      const client = await talk(door.port, bytes);
      client.socket.end();
      await client.ended();
      expect(client.answers.map(({ status }) => status)).toEqual([400]);
    }
  });

  test("without a request is closed without an answer", async () => {
    const door = openDoor();
    for (const bytes of ["", "\r\n"]) {
      const client = await talk(door.port, bytes);
      client.socket.end();
      await client.ended();
      expect(client.text).toBe("");
    }
  });
});
