import { afterEach, beforeEach, expect, test } from "bun:test";

import { actorEnding } from "../../src/actor/error.ts";
import { collect, failure, Net } from "../actor/net.ts";
import type { TestTransport } from "./test-transport.ts";

export function deathsSuite(transport: TestTransport): void {
  let net: Net;
  beforeEach(() => {
    net = new Net(transport);
  });
  afterEach(() => net.close());

  test("a call of an actor that never was fails with actor_down", async () => {
    const caller = net.caller();
    expect((await failure(caller.call(999, "any", []))).code).toBe("actor_down");
    expect((await failure(collect(caller.call(999, "any", [])))).code).toBe("actor_down");
  });

  test("a callee that dies during a call fails it with actor_down and the reason", async () => {
    const callee = net.add(() => new Promise(() => {}));
    const call = net.caller().call(callee.id, "wait", []);
    const answer = failure(call);
    await net.settle();
    callee.die("it failed: segments on strike");
    const error = await answer;
    expect(error.code).toBe("actor_down");
    expect(error.message).toContain("segments on strike");
  });

  test("actor_down says how the callee ended, also behind an actor that passed the error on", async () => {
    for (const ended of ["failed", "hung", "ordered"] as const) {
      const callee = net.add(() => new Promise(() => {}));
      const between = net.add(() => between.actor.call(callee.id, "wait", []));
      const answers = [callee.id, between.id].map((id) =>
        failure(net.caller().call(id, "wait", [])),
      );
      await net.settle();
      callee.die("test", ended);
      for (const answer of answers) expect(actorEnding(await answer)).toBe(ended);
    }
    const unreached = await failure(net.caller().call(999, "any", []));
    expect(unreached.code).toBe("actor_down");
    expect(actorEnding(unreached)).toBeUndefined();
  });

  test("a callee that dies during a stream delivers what it had sent and then fails with actor_down", async () => {
    const callee = net.add(async function* () {
      for (let i = 0; i < 10; i++) yield i;
      await new Promise(() => {});
    });
    const call = net.caller().call(callee.id, "items", []);
    const items = [(await call.next()).value];
    await net.settle();
    callee.die("test");
    const reading = (async () => {
      for await (const item of call) items.push(item);
    })();
    expect((await failure(reading)).code).toBe("actor_down");
    expect(items).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("a call that was under way to an actor that dies before it read it fails with actor_down", async () => {
    const callee = net.add(() => "fine");
    const caller = net.caller();
    await caller.call(callee.id, "open", []);
    const call = caller.call(callee.id, "late", []);
    callee.die("test");
    expect((await failure(call)).code).toBe("actor_down");
    expect((await failure(caller.call(callee.id, "later", []))).code).toBe("actor_down");
    expect(caller.stats().openLinks).toBe(0);
  });

  test("calls of an actor that dies are cancelled at its callees", async () => {
    let ended = false;
    const c = net.add(async function* () {
      try {
        for (;;) yield 1;
      } finally {
        ended = true;
      }
    });
    const b = net.add(() => undefined);
    await b.actor.call(c.id, "items", []).next();
    b.die("test");
    await net.settle();
    expect(ended).toBe(true);
    expect(c.actor.stats()).toMatchObject({ mailboxDepth: 0, openLinks: 0 });
  });

  test("a death in the middle of a chain fails upward and cancels downward", async () => {
    const log: string[] = [];
    const c = net.add(async function* () {
      try {
        for (;;) yield 1;
      } finally {
        log.push("c cancelled");
      }
    });
    const b = net.add(async function* () {
      for await (const item of b.actor.call(c.id, "items", [])) yield item;
    });
    const a = net.add(async function* () {
      try {
        for await (const item of a.actor.call(b.id, "items", [])) yield item;
      } catch (error) {
        log.push(`a got ${(error as { code?: string }).code}`);
        throw error;
      }
    });
    const call = net.caller().call(a.id, "items", []);
    await call.next();
    await net.settle();
    b.die("test");
    expect((await failure(collect(call))).code).toBe("actor_down");
    await net.settle();
    expect(log.toSorted()).toEqual(["a got actor_down", "c cancelled"]);
  });

  test("a monitor tells the reason when its target is down, and at once if it already is", async () => {
    const target = net.add(() => undefined);
    const watcher = net.caller();
    const reason = watcher.monitor(target.id);
    let told = false;
    void reason.then(() => {
      told = true;
    });
    await net.settle();
    expect(told).toBe(false);
    target.die("it stopped");
    expect(await reason).toBe("it stopped");
    expect(await watcher.monitor(target.id)).toContain("not running");
    expect(await net.switchboard.monitor(target.id)).toContain("not running");
  });

  test("an actor that closes fails its own calls and those who call it", async () => {
    const callee = net.add(() => new Promise(() => {}));
    const caller = net.add(() => undefined);
    const call = caller.actor.call(callee.id, "wait", []);
    const answer = failure(call);
    await net.settle();
    caller.die("test");
    expect((await answer).code).toBe("actor_down");
    expect((await failure(caller.actor.call(callee.id, "again", []))).code).toBe("actor_down");
  });
}
