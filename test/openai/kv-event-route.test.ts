// KV events from outside, in Dynamo's own form.

import { expect, test } from "bun:test";

import { DynamoError } from "../../src/base/error.ts";
import { harness } from "./harness.ts";

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
      event(2, `"cleared"`),
      event(2, `{"stored":{"parent_hash":null,"blocks":${blocks(first, first)}}}`),
      event(
        3,
        `{"stored":{"parent_hash":${first},"blocks":${blocks(second, "16777012769546811212")}}}`,
      ),
      event(4, `{"removed":{"block_hashes":[${second},${first}]}}`),
    ].join(""),
  );
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
  const connection = { isLocal: false, hold() {}, release() {} };
  expect((await app.fetch(request(), connection)).status).toBe(403);
});
