// How long a frontend waits for a model, and when it does not.

import { expect, test } from "bun:test";
import { ServedModels } from "../../../src/components/frontend/served-models.ts";
import type { PublishedModel } from "../../../src/components/published-model.ts";
import type { MirrorUpdate } from "../../../src/sdk/index.ts";
import { ManualClock } from "../../manual-clock.ts";

const KEY = "models/test.Processor:1";
const MODEL: PublishedModel = {
  ...{ service: "Processor", name: "m", aliases: [], created: 1, maxModelLen: 512 },
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

function modelsOf(clock: ManualClock): ServedModels {
  const services = ["Processor", "Other"];
  return new ServedModels({ clock, services, publishers: services });
}

/** Update of another service, beside the first. */
function publishedBy(service: string, model: Partial<PublishedModel>): MirrorUpdate {
  const value = JSON.stringify({ ...MODEL, service, ...model });
  const keyValue = { key: `models/test.${service}:2`, value, ...REVISIONS };
  return { type: "changes", events: [{ type: "put", keyValue }] };
}

test("each name is its own service's, and one that two have is the first one's", () => {
  const models = modelsOf(new ManualClock());
  models.update(publishedBy("Other", { name: "o", aliases: ["dynamo"] }));
  models.update(publishedBy("Processor", { aliases: ["dynamo"] }));
  expect([...models.served].map(([name, { service }]) => [name, service])).toEqual([
    ["m", "Processor"],
    ["dynamo", "Processor"],
    ["o", "Other"],
  ]);
});

test("a frontend's list of names takes the place of the published one, and aliases stay", () => {
  const models = new ServedModels({
    ...{ clock: new ManualClock(), services: ["Processor"], publishers: ["Processor"] },
    name: ["own", "other"],
  });
  models.update(publishedBy("Processor", { aliases: ["dynamo"] }));
  expect([...models.served.keys()]).toEqual(["own", "other", "dynamo"]);
});

test("the first name that is served is told once, whatever is served later", async () => {
  const models = modelsOf(new ManualClock());
  models.update(publishedBy("Other", { name: "o" }));
  models.update(published);
  expect(await models.first).toBe("o");
  const named = new ServedModels({
    ...{
      clock: new ManualClock(),
      services: ["Processor"],
      publishers: ["Processor"],
      name: "mine",
    },
  });
  named.update(published);
  expect(await named.first).toBe("mine");
});

test("it starts until each that will publish a model has done so once", () => {
  const models = modelsOf(new ManualClock());
  models.update(published);
  expect(models.isStarting).toBe(true);
  models.update(publishedBy("Other", { name: "o" }));
  expect(models.isStarting).toBe(false);
  models.update(withdrawn);
  expect(models.isStarting).toBe(false);
});

test("a model of a service that the frontend does not reach is none of its own", () => {
  const models = modelsOf(new ManualClock());
  models.update(publishedBy("Foreign", { name: "f" }));
  expect(models.served.size).toBe(0);
});

test("a model that was withdrawn is waited for while another is served, and an unknown name is not", async () => {
  const clock = new ManualClock();
  const models = modelsOf(clock);
  models.update(published);
  models.update(publishedBy("Other", { name: "o" }));
  models.update(withdrawn);
  await models.whenServed("o", STAYS);
  await models.whenServed("unknown", STAYS);
  const waiting = settled(models.whenServed("m", STAYS));
  await clock.turn();
  expect(waiting.isSettled).toBe(false);
  models.update(published);
  await clock.turn();
  expect(waiting.isSettled).toBe(true);
});

test("a model that was never served is not waited for", async () => {
  const models = modelsOf(new ManualClock());
  await models.whenServed("m", STAYS);
  expect(models.served.size).toBe(0);
});

test("a model that was withdrawn is waited for until it is back", async () => {
  const clock = new ManualClock();
  const models = modelsOf(clock);
  models.update(published);
  models.update(withdrawn);
  const waiting = settled(models.whenServed("m", STAYS));
  await clock.advance(1999);
  expect(waiting.isSettled).toBe(false);
  models.update(published);
  await clock.turn();
  expect(waiting.isSettled).toBe(true);
  expect(models.served.get("m")).toEqual(MODEL);
  expect(clock.numTimers).toBe(0);
});

test("it is waited for no longer than it said", async () => {
  const clock = new ManualClock();
  const models = modelsOf(clock);
  models.update(published);
  models.update(withdrawn);
  const waiting = settled(models.whenServed("m", STAYS));
  await clock.advance(2000);
  expect(waiting.isSettled).toBe(true);
});

test("more than 1024 requests do not wait", async () => {
  const models = modelsOf(new ManualClock());
  models.update(published);
  models.update(withdrawn);
  const waiting = Array.from({ length: 1024 }, () => settled(models.whenServed("m", STAYS)));
  await models.whenServed("m", STAYS);
  expect(waiting.some(({ isSettled }) => isSettled)).toBe(false);
});

test("a client that leaves makes room for another to wait", async () => {
  const clock = new ManualClock();
  const models = modelsOf(clock);
  models.update(published);
  models.update(withdrawn);
  const client = new AbortController();
  const left = settled(models.whenServed("m", client.signal));
  for (let i = 0; i < 1023; i++) void models.whenServed("m", STAYS);
  client.abort();
  await clock.turn();
  expect(left.isSettled).toBe(true);
  const next = settled(models.whenServed("m", STAYS));
  await clock.turn();
  expect(next.isSettled).toBe(false);
});
