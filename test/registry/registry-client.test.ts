// The registry as an actor sees it, over a control port.

import { describe, expect, test } from "bun:test";

import { ControlPort } from "../../src/actor/control-port.ts";
import { EmbeddedRegistry } from "../../src/registry/embedded-registry.ts";
import { instanceKey, instanceValue } from "../../src/registry/instance-key.ts";
import type { Mirror } from "../../src/registry/mirror.ts";
import type { WatchEvent } from "../../src/registry/registry.ts";
import { RegistryClient } from "../../src/registry/registry-client.ts";
import { serveRegistry } from "../../src/registry/registry-server.ts";
import { InstanceList } from "../../src/sdk/instance-list.ts";
import { channelPair } from "../actor/in-process-host.ts";
import { ManualClock } from "../manual-clock.ts";
import { take } from "./registry.suite.ts";

async function connect(limits: { readonly maxHistory?: number } = {}) {
  const registry = new EmbeddedRegistry({ clock: new ManualClock(), limits });
  const lease = await registry.grant({ id: 7 });
  const [outside, inside] = channelPair();
  const control = new ControlPort(outside);
  const server = serveRegistry({ control, registry, lease: Promise.resolve(lease) });
  return { registry, lease, server, client: new RegistryClient(new ControlPort(inside)) };
}

test("puts are under the actor's lease", async () => {
  const { registry, lease, client } = await connect();
  const revision = await client.put("a", "1");
  expect(await client.get("a")).toEqual({
    key: "a",
    value: "1",
    createRevision: revision,
    modRevision: revision,
    version: 1,
    lease,
  });
  await registry.revoke(lease);
  expect(await client.range("")).toEqual({ revision: revision + 1, keyValues: [] });
  await expect(client.put("a", "2")).rejects.toMatchObject({ code: "lease_expired" });
});

describe("a watch", () => {
  test("sees what the actor itself does after opening it", async () => {
    const { client } = await connect();
    const watch = client.watch("a");
    await client.put("a", "1");
    await client.delete("a");
    watch.requestProgress();
    const responses = await take(watch, 3);
    expect(responses.map(({ events }) => events.map(({ type }) => type))).toEqual([
      ["put"],
      ["delete"],
      [],
    ]);
  });

  test("ends when it is left, also while it waits", async () => {
    const { client } = await connect();
    const watch = client.watch("");
    const next = watch.next();
    await watch.return();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(await watch.next()).toEqual({ done: true, value: undefined });
  });

  test("fails by code when its reader has fallen behind, and is then over", async () => {
    const { client } = await connect({ maxHistory: 2 });
    const watch = client.watch("");
    for (const value of ["1", "2", "3", "4"]) await client.put("a", value);
    await expect(watch.next()).rejects.toMatchObject({ code: "compacted" });
    expect(await watch.next()).toMatchObject({ done: true });
  });

  test("ends with the actor", async () => {
    const { client, server } = await connect();
    const next = client.watch("").next();
    await client.get("a"); // so that the watch is open
    server.close();
    expect(await next).toMatchObject({ done: true });
  });
});

describe("a mirror", () => {
  const keyOf = (event: WatchEvent) => (event.type === "put" ? event.keyValue.key : event.key);
  const seen = async (mirror: Mirror) => {
    const { done, value } = await mirror.next();
    if (done) return "end";
    return [value.type, ...value.events.map((event) => `${event.type} ${keyOf(event)}`)];
  };

  test("begins with all that there is, and again with all where its reader has fallen behind", async () => {
    const { client } = await connect({ maxHistory: 2 });
    await client.put("a/1", "");
    await client.put("b", "");
    const mirror = client.mirror("a/");
    expect(await seen(mirror)).toEqual(["base", "put a/1"]);
    const next = seen(mirror);
    await client.put("a/2", "");
    expect(await next).toEqual(["changes", "put a/2"]);
    await client.delete("a/1");
    for (const key of ["a/3", "a/4", "a/5"]) await client.put(key, "");
    expect(await seen(mirror)).toEqual(["base", "put a/2", "put a/3", "put a/4", "put a/5"]);
    await client.delete("a/2");
    expect(await seen(mirror)).toEqual(["changes", "delete a/2"]);
  });

  test("ends when it is left, while it waits and while it reads", async () => {
    const { client } = await connect();
    const waiting = client.mirror("");
    await seen(waiting);
    const reading = client.mirror("");
    const ends = Promise.all([seen(waiting), seen(reading)]);
    await Promise.all([waiting.return(), reading.return()]);
    expect(await ends).toEqual(["end", "end"]);
    await client.put("a", "");
    expect(await seen(waiting)).toBe("end");
    expect(await seen(reading)).toBe("end");
  });
});

test("a list of instances that has fallen behind reads itself anew", async () => {
  const { registry, client } = await connect({ maxHistory: 2 });
  const place = { namespace: "ns", component: "Worker", endpoint: "generate" };
  const key = (instanceId: number) => instanceKey({ ...place, instanceId });
  const put = (instanceId: number) => {
    const value = instanceValue({ ...place, instanceId }, { thread: instanceId + 100 });
    return registry.put(key(instanceId), value);
  };
  await put(1);
  const list = new InstanceList(client, { name: "Worker", namespace: "ns" });
  await list.open();
  expect(list.live).toEqual([1]);

  for (const id of [31, 2, 3]) await put(id);
  await registry.delete(key(1));
  const running = list.run();
  expect(await list.waitFor(3)).toEqual([31, 2, 3]);
  expect([1, 31].map((id) => list.actorOf(id))).toEqual([undefined, 131]);

  list.avoid(3);
  expect(list.live).toEqual([31, 2]);
  const changed = Promise.withResolvers<void>();
  list.onChange(changed.resolve);
  await registry.delete(key(2));
  await changed.promise;
  expect(list.live).toEqual([31, 3]); // the registry said something new
  list.close();
  await running;
});
