// KV events from outside, in Dynamo's own form.

import { expect, test } from "bun:test";

import { DynamoError } from "../../src/base/error.ts";
import { harness } from "../api/harness.ts";
import { until } from "../api/raw-client.ts";
import { openDoor } from "../http/door.ts";
import { talk } from "../http/talk.ts";

const request = () => new Request("http://test/kv_events");

test("a snapshot is `cleared` and what is held; then come the events; hashes keep all their digits", async () => {
  const { app } = harness();
  const text = await (await app.fetch(request())).text();
  const event = (id: number, data: string) =>
    `data: {"worker_id":7,"event":{"event_id":${id},"data":${data}}}\n\n`;
  const first = "14643705804678351452";
  const second = "4945711292740353085";
  const blocks = (hash: string, tokens: string) =>
    `[{"block_hash":${hash},"tokens_hash":${tokens}}]`;
  expect(text).toBe(
    [
      event(0, `"cleared"`),
      event(1, `{"stored":{"parent_hash":null,"blocks":${blocks(first, first)}}}`),
      event(
        2,
        `{"stored":{"parent_hash":${first},"blocks":${blocks(second, "16777012769546811212")}}}`,
      ),
      event(3, `{"removed":{"block_hashes":[${second},${first}]}}`),
    ].join(""),
  );
});

test("no two events of a stream have one id, whatever its workers' own ids are", async () => {
  const stored = (hash: bigint) => ({
    type: "stored" as const,
    blocks: [{ blockHash: hash, tokensHash: hash }],
  });
  const snapshot = (nextEventId: number, ...hashes: bigint[]) => ({
    type: "snapshot" as const,
    snapshot: { nextEventId, stored: hashes.map(stored) },
  });
  const events = (...ids: number[]) => ({
    type: "events" as const,
    events: ids.map((eventId) => ({ eventId, data: stored(BigInt(eventId)) })),
  });
  const { app } = harness({
    async *kvEvents() {
      yield { instance: 1, value: snapshot(0) };
      yield { instance: 2, value: snapshot(3, 1n, 2n, 3n) };
      yield { instance: 1, value: events(0, 1, 2) };
      yield { instance: 2, value: events(3) };
      yield { instance: 1, value: snapshot(9, 4n, 5n) }; // it was too slow a reader
      yield { instance: 1, value: events(9, 10) };
      yield { instance: 3, value: snapshot(0) }; // a worker was restarted
    },
  });
  const idsOf = async () => {
    const text = await (await app.fetch(request())).text();
    return [...text.matchAll(/"event_id":(\d+)/g)].map(([, id]) => Number(id));
  };
  const ids = Array.from({ length: 15 }, (_, index) => index);
  expect(await Promise.all([idsOf(), idsOf()])).toEqual([ids, ids]);
});

test("without a worker the answer is 503, and from elsewhere 403", async () => {
  class NoWorkers extends DynamoError {
    override readonly code = "no_workers";
  }
  const { app } = harness({
    kvEvents: () => {
      throw new NoWorkers("none");
    },
  });
  expect((await app.fetch(request())).status).toBe(503);
  const connection = { number: 1, isSpare: false, peer: "192.0.2.1" };
  expect((await app.fetch(request(), connection)).status).toBe(403);
});

test("HEAD has the headers of the stream, and asks the workers for nothing", async () => {
  const door = openDoor({
    // biome-ignore lint/correctness/useYield: it must not be called at all
    async *kvEvents() {
      throw new Error("called");
    },
  });
  const client = await talk(door.port, "HEAD /kv_events HTTP/1.1\r\nHost: a\r\n\r\n");
  await until(() => client.text.includes("\r\n\r\n"), "the head");
  expect(client.text).toStartWith("HTTP/1.1 200 ");
  expect(client.text).toContain("content-type: text/event-stream\r\n");
  expect(client.text).not.toMatch(/content-length|transfer-encoding/);
  client.send("GET /live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); // nothing stands between the answers
  await client.ended();
  expect(client.text.split("\r\n\r\n").slice(1)[0]).toStartWith("HTTP/1.1 200 ");
  client.close();
});
