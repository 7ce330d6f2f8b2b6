import { afterEach, beforeEach, expect, test } from "bun:test";

import { Net } from "../actor/net.ts";
import type { TestTransport } from "./test-transport.ts";

export function streamsSuite(transport: TestTransport): void {
  let net: Net;
  beforeEach(() => {
    net = new Net(transport);
  });
  afterEach(() => net.close());

  test("a reader that stalls stops its producer at the window", async () => {
    let produced = 0;
    const callee = net.add(async function* () {
      for (;;) yield produced++;
    });
    const call = net.caller().call(callee.id, "count", []);
    await call.next();
    await net.settle(50);
    expect(produced).toBeLessThanOrEqual(33);
    for (let i = 1; i < 1000; i++) expect((await call.next()).value).toBe(i);
    await net.settle(50);
    expect(produced).toBeLessThanOrEqual(1000 + 33);
    await call.return?.();
  });

  test("the window of an endpoint is what it declares", async () => {
    let produced = 0;
    const callee = net.add(
      async function* () {
        for (;;) yield produced++;
      },
      { windowOf: () => 4 },
    );
    const call = net.caller().call(callee.id, "count", []);
    for (let i = 0; i < 100; i++) {
      expect((await call.next()).value).toBe(i);
      await net.settle(3);
      expect(produced).toBeLessThanOrEqual(i + 1 + 4);
    }
    await call.return?.();
  });

  test("a link full of large items pauses its streams, loses nothing and buffers no more than the windows", async () => {
    const item = "x".repeat(30_000);
    let produced = 0;
    const callee = net.add(async function* () {
      for (let i = 0; i < 100; i++) {
        produced++;
        yield { i, item };
      }
    });
    const caller = net.caller();
    const calls = Array.from({ length: 8 }, () => caller.call(callee.id, "large", []));
    await Promise.all(
      calls.map(async (call) => {
        let next = 0;
        for await (const value of call) expect((value as { i: number }).i).toBe(next++);
        expect(next).toBe(100);
      }),
    );
    expect(produced).toBe(800);
  });

  test("where a peer does not read, new calls are refused when so much waits for it", async () => {
    const producer = net.add(() => undefined);
    const deaf = net.add(() => undefined);
    await producer.actor.call(deaf.id, "open", []);
    // All in one turn, so the callee cannot read.
    const payload = "x".repeat(50_000);
    const calls = Array.from({ length: 100 }, () =>
      producer.actor.call(deaf.id, "store", [payload]),
    );
    const answers = await Promise.allSettled(calls);
    const refused = answers.filter((answer) => answer.status === "rejected");
    expect(refused.length).toBeGreaterThan(60);
    expect(refused.every(({ reason }) => reason.code === "mailbox_full")).toBe(true);
    expect(await producer.actor.call(deaf.id, "store", [payload])).toBeUndefined();
  });

  test("all items of one turn are in the peer's hands in one turn", async () => {
    const gate = Promise.withResolvers<void>();
    const callee = net.add(async function* (_, [index]) {
      yield "ready";
      await gate.promise;
      for (let depth = 0; depth < Number(index); depth++) await null; // some take more microtasks
      yield "step";
    });
    const caller = net.caller();
    const calls = Array.from({ length: 16 }, (_, i) => caller.call(callee.id, "generate", [i]));
    for (const call of calls) await call.next();
    let arrived = 0;
    let turns = 0;
    const perTurn: number[] = [];
    for (const call of calls) void call.next().then(() => arrived++);
    gate.resolve();
    while (arrived < 16 && turns++ < 50) {
      const before = arrived;
      await net.clock.turn();
      if (arrived > before) perTurn.push(arrived - before);
    }
    expect(perTurn).toEqual([16]);
    for (const call of calls) call.cancel();
  });

  test("a lease's generator is resumed when the reader's body has ended, not before", async () => {
    const events: string[] = [];
    const callee = net.add(
      async function* () {
        events.push("acquire");
        try {
          yield 1;
        } finally {
          events.push("release");
        }
      },
      { windowOf: () => 1 },
    );
    for await (const _ of net.caller().call(callee.id, "lease", [])) {
      events.push("begin");
      await net.settle(30);
      events.push("end");
    }
    await net.settle();
    expect(events).toEqual(["acquire", "begin", "end", "release"]);
  });

  test("a lease ends when the reader breaks, throws, or dies", async () => {
    let held = 0;
    const callee = net.add(
      async function* () {
        held++;
        try {
          yield 1;
        } finally {
          held--;
        }
      },
      { windowOf: () => 1 },
    );
    const caller = net.add(() => undefined);
    for await (const _ of caller.actor.call(callee.id, "lease", [])) {
      expect(held).toBe(1);
      break;
    }
    await net.settle();
    expect(held).toBe(0);

    const throwing = (async () => {
      for await (const _ of caller.actor.call(callee.id, "lease", [])) throw new Error("mine");
    })();
    await expect(throwing).rejects.toThrow("mine");
    await net.settle();
    expect(held).toBe(0);

    await caller.actor.call(callee.id, "lease", []).next();
    expect(held).toBe(1);
    caller.die("test");
    await net.settle();
    expect(held).toBe(0);
    expect(callee.actor.stats()).toMatchObject({ mailboxDepth: 0, openStreams: 0, openLinks: 0 });
  });

  test("a hand-written iterator is read with one next() at a time", async () => {
    let pending = 0;
    let maxPending = 0;
    let count = 0;
    const callee = net.add(() => ({
      [Symbol.asyncIterator]: () => ({
        async next() {
          maxPending = Math.max(maxPending, ++pending);
          await net.clock.turn();
          pending--;
          return { done: count === 20, value: count++ };
        },
      }),
    }));
    const items: unknown[] = [];
    for await (const item of net.caller().call(callee.id, "count", [])) items.push(item);
    expect(items).toHaveLength(20);
    expect(maxPending).toBe(1);
  });
}
