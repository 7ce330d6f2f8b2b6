// How long a frontend waits for a model, and when it does not.

import { expect, test } from "bun:test";

import type { PublishedModel } from "../../src/components/published-model.ts";
import { ServedModels } from "../../src/components/served-models.ts";
import type { MirrorUpdate } from "../../src/sdk/index.ts";
import { ManualClock } from "../manual-clock.ts";

const KEY = "models/test.Processor:1";
const MODEL: PublishedModel = {
  ...{ name: "m", aliases: [], created: 1, maxModelLen: 512 },
  waitForWorkerMs: 2000,
};

/** A client that does not leave. */
const STAYS = new AbortController().signal;
const REVISIONS = { createRevision: 1, modRevision: 1, version: 1, lease: undefined };
const withdrawn: MirrorUpdate = {
  type: "changes",
  events: [{ type: "delete", key: KEY, modRevision: 2 }],
};
const published: MirrorUpdate = {
  type: "changes",
  events: [
    {
      type: "put",
      keyValue: { key: KEY, value: JSON.stringify(MODEL), ...REVISIONS },
    },
  ],
};

function settled(promise: Promise<void>): { isSettled: boolean } {
  const state = { isSettled: false };
  void promise.then(() => {
    state.isSettled = true;
  });
  return state;
}

test("a model that was never served is not waited for", async () => {
  const models = new ServedModels(new ManualClock());
  await models.whenServed(STAYS);
  expect(models.current).toBeUndefined();
});

test("a model that was withdrawn is waited for until it is back", async () => {
  const clock = new ManualClock();
  const models = new ServedModels(clock);
  models.update(published);
  models.update(withdrawn);
  const waiting = settled(models.whenServed(STAYS));
  await clock.advance(1999);
  expect(waiting.isSettled).toBe(false);
  models.update(published);
  await clock.turn();
  expect(waiting.isSettled).toBe(true);
  expect(models.current).toEqual(MODEL);
  expect(clock.numTimers).toBe(0);
});

test("it is waited for no longer than it said", async () => {
  const clock = new ManualClock();
  const models = new ServedModels(clock);
  models.update(published);
  models.update(withdrawn);
  const waiting = settled(models.whenServed(STAYS));
  await clock.advance(2000);
  expect(waiting.isSettled).toBe(true);
});

test("more than 1024 requests do not wait", async () => {
  const models = new ServedModels(new ManualClock());
  models.update(published);
  models.update(withdrawn);
  const waiting = Array.from({ length: 1024 }, () => settled(models.whenServed(STAYS)));
  await models.whenServed(STAYS);
  expect(waiting.some(({ isSettled }) => isSettled)).toBe(false);
});

test("a client that leaves makes room for another to wait", async () => {
  const clock = new ManualClock();
  const models = new ServedModels(clock);
  models.update(published);
  models.update(withdrawn);
  const client = new AbortController();
  const left = settled(models.whenServed(client.signal));
  for (let i = 0; i < 1023; i++) void models.whenServed(STAYS);
  client.abort();
  await clock.turn();
  expect(left.isSettled).toBe(true);
  const next = settled(models.whenServed(STAYS));
  await clock.turn();
  expect(next.isSettled).toBe(false);
});
