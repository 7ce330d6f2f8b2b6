// Limits of all clients together: bytes of bodies that are on their way, and connections.

import { describe, expect, test } from "bun:test";

import { COMPLETION } from "../api/harness.ts";
import { until } from "../api/raw-client.ts";
import { openDoor } from "./door.ts";
import { getBytes, postBytes, type Talk, talk } from "./talk.ts";

const bodyOf = (numBytes: number) =>
  JSON.stringify({ ...COMPLETION, model: "other", user: "x".repeat(numBytes) });

const codeOf = (client: Talk) => JSON.parse(client.answers[0]?.body ?? "{}").error?.code;

describe("bodies on their way", () => {
  const limits = { maxBodiesBytes: 1_000_000, freeBodyBytes: 10_000 };

  /** A client that has sent all of a body but its last byte. */
  async function almost(port: number, numBytes: number) {
    const bytes = postBytes("/v1/completions", bodyOf(numBytes));
    const client = await talk(port, bytes.slice(0, -1));
    return { client, finish: () => client.send(bytes.slice(-1)) };
  }

  test("beyond the budget are 503, small ones are not, and what ends makes room", async () => {
    const { port } = openDoor({}, { limits });
    const first = await almost(port, 600_000);
    const second = await almost(port, 600_000);
    await until(() => first.client.answers.length + second.client.answers.length > 0, "a 503");
    const [refused, kept] = codeOf(first.client) ? [first, second] : [second, first];
    expect(refused.client.answers[0]?.status).toBe(503);
    expect(codeOf(refused.client)).toBe("overloaded");
    expect(refused.client.answers[0]?.headers.get("retry-after")).toBe("1");
    await refused.client.ended();

    const small = await talk(port, postBytes("/v1/completions", bodyOf(9000)));
    expect((await small.answered())[0]?.status).toBe(404);
    kept.finish();
    expect((await kept.client.answered())[0]?.status).toBe(404);
    for (let i = 0; i < 5; i++) {
      const again = await talk(port, postBytes("/v1/completions", bodyOf(900_000)));
      expect((await again.answered())[0]?.status).toBe(404);
      again.close();
    }
    for (const { client } of [refused, kept]) client.close();
    small.close();
  });

  test("give their bytes back when their clients leave, are late or send too much", async () => {
    const { port } = openDoor({ maxBodyBytes: 800_000 }, { limits });
    for (let i = 0; i < 5; i++) (await almost(port, 700_000)).client.close();
    const large = await talk(
      port,
      `POST /v1/completions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    large.send(`${(850_000).toString(16)}\r\n${"x".repeat(850_000)}\r\n0\r\n\r\n`);
    const [answer] = await large.answered();
    expect([413, 503]).toContain(answer?.status ?? 0); // those who left may not be known to be gone
    large.close();
    const status = async () => {
      const client = await talk(port, postBytes("/v1/completions", bodyOf(700_000)));
      const [last] = await client.answered();
      client.close();
      return last?.status;
    };
    let last = await status();
    for (let i = 0; i < 100 && last === 503; i++) last = await status();
    expect(last).toBe(404);
  });
});

describe("connections beyond the limit", () => {
  const limits = { maxConnections: 3, spareConnections: 2 };

  async function fill(port: number, count: number): Promise<Talk[]> {
    const clients: Talk[] = [];
    for (let i = 0; i < count; i++) {
      const client = await talk(port, getBytes("/live"));
      await client.answered();
      clients.push(client);
    }
    return clients;
  }

  test("get one answer: 503 to a client of the API, the usual one to an operator", async () => {
    const { port } = openDoor({}, { limits });
    const clients = await fill(port, 3);
    for (const path of ["/live", "/health", "/metrics", "/config"]) {
      const spare = await talk(port, getBytes(path));
      expect((await spare.answered())[0]?.status).toBe(200);
      await spare.ended();
      spare.close();
    }
    for (const bytes of [getBytes("/v1/models"), postBytes("/v1/completions", bodyOf(10))]) {
      const spare = await talk(port, bytes);
      const [answer] = await spare.answered();
      expect(answer?.status).toBe(503);
      expect(codeOf(spare)).toBe("overloaded");
      expect(answer?.headers.get("connection")).toBe("close");
      await spare.ended();
      spare.close();
    }
    clients.pop()?.close();
    const status = async () => {
      const client = await talk(port, getBytes("/v1/models"));
      const [answer] = await client.answered();
      client.close();
      return answer?.status;
    };
    let last = await status();
    for (let i = 0; i < 100 && last !== 200; i++) last = await status();
    expect(last).toBe(200);
    for (const client of clients) client.close();
  });

  test("are cut where the spare places are taken, too", async () => {
    const { port } = openDoor({}, { limits });
    const usual = await fill(port, 3);
    const spare = [await talk(port, "G"), await talk(port, "G")];
    const cut = await talk(port, getBytes("/live"));
    await until(() => cut.isClosed, "the cut");
    expect(cut.text).toBe("");
    for (const client of [...usual, ...spare]) expect(client.isClosed).toBe(false);
    for (const client of [...usual, ...spare, cut]) client.close();
  });
});
