import { afterEach, beforeEach, expect, test } from "bun:test";

import { DynamoError } from "../../src/base/error.ts";
import { collect, failure, Net } from "../actor/net.ts";
import type { TestTransport } from "./test-transport.ts";

export function callsSuite(transport: TestTransport): void {
  let net: Net;
  beforeEach(() => {
    net = new Net(transport);
  });
  afterEach(() => net.close());

  test("a value or a promise that an endpoint returns is the answer", async () => {
    const callee = net.add((endpoint, args) =>
      endpoint === "now" ? args.join() : Promise.resolve(args.join()),
    );
    const caller = net.caller();
    expect(await caller.call(callee.id, "now", [1, 2])).toBe("1,2");
    expect(await caller.call(callee.id, "later", [3])).toBe("3");
  });

  test("a generator that an endpoint returns is a stream, also from a promise", async () => {
    const callee = net.add((endpoint, [count]) =>
      endpoint === "now" ? numbers(Number(count)) : Promise.resolve(numbers(Number(count))),
    );
    const caller = net.caller();
    const expected = Array.from({ length: 100 }, (_, i) => i);
    expect(await collect(caller.call(callee.id, "now", [100]))).toEqual(expected);
    expect(await collect(caller.call(callee.id, "later", [100]))).toEqual(expected);
    expect(await collect(caller.call(callee.id, "now", [0]))).toEqual([]);
  });

  test("a call that an endpoint returns is its answer, value or stream", async () => {
    const last = net.add((endpoint) => (endpoint === "value" ? 42 : numbers(50)));
    const middle = net.add((endpoint) => middle.actor.call(last.id, endpoint, []));
    const caller = net.caller();
    expect(await caller.call(middle.id, "value", [])).toBe(42);
    expect(await collect(caller.call(middle.id, "stream", []))).toHaveLength(50);
  });

  test("plain data and typed arrays arrive as what they were", async () => {
    const callee = net.add((_, [value]) => value);
    const caller = net.caller();
    const values: unknown[] = [
      null,
      undefined,
      -1.5,
      2 ** 53,
      -12n,
      2n ** 80n,
      "häuser 🏠",
      "x".repeat(100),
      [1, [2, { a: 3 }]],
      new Map<unknown, unknown>([[1, { b: "c" }]]),
      new Set([1, 2]),
      new Date(1_700_000_000_123),
      new Int32Array([1, -2, 3]),
      new Uint8Array([1, 2, 3]),
      new Uint8Array(0),
      new Float64Array([1.5]),
      new BigInt64Array([5n]),
      new Uint16Array([1, 2, 3]).subarray(1),
      new Uint8Array([1, 2, 3]).buffer,
      { ids: new Int32Array([7]), more: [new Uint8Array([8]), new Int32Array([9])] },
    ];
    for (const value of values) {
      expect(await caller.call(callee.id, "echo", [value])).toEqual(value as never);
    }
  });

  test("payloads larger than a slot arrive whole, both ways", async () => {
    const callee = net.add((_, [value]) => value);
    const caller = net.caller();
    for (const size of [60_000, 65_000, 70_000, 300_000, 3_000_000]) {
      const ids = new Int32Array(size / 4).map((_, i) => i * 7);
      const text = "ä".repeat(size);
      const answer = await caller.call(callee.id, "echo", [{ ids, text }]);
      expect(answer).toEqual({ ids, text });
    }
  });

  test("a call and its answer that are too large fail with message_too_large, and the link lives on", async () => {
    const callee = net.add((endpoint) => {
      if (endpoint === "stream") return largeItems();
      return endpoint === "large" ? new Uint8Array(64 * 1024 * 1024) : "small";
    });
    const caller = net.caller();
    const huge = new Uint8Array(64 * 1024 * 1024);
    expect((await failure(caller.call(callee.id, "any", [huge]))).code).toBe("message_too_large");
    expect((await failure(caller.call(callee.id, "large", []))).code).toBe("message_too_large");
    const items = collect(caller.call(callee.id, "stream", []));
    expect((await failure(items)).code).toBe("message_too_large");
    expect(await caller.call(callee.id, "small", [])).toBe("small");
    expect(callee.actor.stats()).toMatchObject({ mailboxDepth: 0, openStreams: 0, errorsTotal: 2 });
  });

  test("calls begin in the order in which they were made, those before the link is open too", async () => {
    const begun: unknown[] = [];
    const callee = net.add((_, [index]) => void begun.push(index));
    const caller = net.caller();
    const calls = Array.from({ length: 500 }, (_, i) => caller.call(callee.id, "mark", [i]));
    await Promise.all(calls);
    expect(begun).toEqual(Array.from({ length: 500 }, (_, i) => i));
  });

  test("a call is copied when it is made, also while the link is being opened", async () => {
    const callee = net.add((_, [value]) => value);
    const argument = { count: 1 };
    const call = net.caller().call(callee.id, "echo", [argument]);
    argument.count = 2;
    expect(await call).toEqual({ count: 1 });
  });

  test("two actors that call each other first at the same time share one link", async () => {
    const one = net.add((_, [value]) => value);
    const two = net.add((_, [value]) => value);
    const calls = [one.actor.call(two.id, "echo", [1]), two.actor.call(one.id, "echo", [2])];
    expect(await Promise.all(calls)).toEqual([1, 2]);
    expect(one.actor.stats().openLinks).toBe(1);
    expect(two.actor.stats().openLinks).toBe(1);
  });

  test("an expected error arrives with its code, message, details and stack", async () => {
    const callee = net.add(() => {
      throw new TeapotError("short and stout", { handle: true });
    });
    const error = await failure(net.caller().call(callee.id, "brew", []));
    expect(error).toBeInstanceOf(DynamoError);
    expect(error).toMatchObject({ code: "teapot", message: "short and stout" });
    expect((error as DynamoError).details).toEqual({ handle: true });
    expect(error.stack).toContain("calls.suite.ts");
    expect(net.errors).toEqual([]);
  });

  test("any other throw arrives as internal, is logged with its stack and counted, and the actor lives on", async () => {
    const callee = net.add(async (endpoint) => {
      if (endpoint === "fail") throw new TypeError("oh");
      return "fine";
    });
    const caller = net.caller();
    expect(await failure(caller.call(callee.id, "fail", []))).toMatchObject({
      code: "internal",
      message: "oh",
    });
    expect(net.errors).toHaveLength(1);
    expect(net.errors[0]).toContain("calls.suite.ts");
    expect(await caller.call(callee.id, "other", [])).toBe("fine");
    expect(callee.actor.stats()).toMatchObject({ callsTotal: 2, errorsTotal: 1, mailboxDepth: 0 });
  });

  test("a stream that throws delivers its items first and then the error", async () => {
    const callee = net.add(async function* () {
      yield 1;
      yield 2;
      throw new TeapotError("empty");
    });
    const items: unknown[] = [];
    const reading = (async () => {
      for await (const item of net.caller().call(callee.id, "pour", [])) items.push(item);
    })();
    expect((await failure(reading)).code).toBe("teapot");
    expect(items).toEqual([1, 2]);
  });

  test("an error passes several actors with the code that it was thrown with", async () => {
    const last = net.add(() => {
      throw new TeapotError("no coffee");
    });
    const middle = net.add(async () => await middle.actor.call(last.id, "brew", []));
    const error = await failure(net.caller().call(middle.id, "brew", []));
    expect(error).toMatchObject({ code: "teapot", message: "no coffee" });
  });

  test("a full mailbox answers at once with mailbox_full, and takes calls again when one has ended", async () => {
    const gate = Promise.withResolvers<void>();
    const callee = net.add(() => gate.promise, { maxCalls: 2 });
    const caller = net.caller();
    const accepted = [caller.call(callee.id, "wait", []), caller.call(callee.id, "wait", [])];
    const open = Promise.all(accepted);
    expect((await failure(caller.call(callee.id, "wait", []))).code).toBe("mailbox_full");
    expect(callee.actor.stats().mailboxDepth).toBe(2);
    gate.resolve();
    await open;
    expect(await caller.call(callee.id, "wait", [])).toBeUndefined();
  });

  test("awaiting a stream fails with wrong_reply and cancels the stream", async () => {
    let ended = false;
    const callee = net.add(async function* () {
      try {
        for (;;) yield 1;
      } finally {
        ended = true;
      }
    });
    expect((await failure(net.caller().call(callee.id, "stream", []))).code).toBe("wrong_reply");
    await net.settle();
    expect(ended).toBe(true);
  });

  test("iterating a value fails with wrong_reply", async () => {
    const callee = net.add(() => 1);
    const error = await failure(collect(net.caller().call(callee.id, "value", [])));
    expect(error.code).toBe("wrong_reply");
  });

  test("an answer that was there before it is awaited is not lost", async () => {
    const callee = net.add((endpoint) => {
      if (endpoint === "fail") throw new TeapotError("late");
      return endpoint === "stream" ? numbers(3) : 7;
    });
    const caller = net.caller();
    const value = caller.call(callee.id, "value", []);
    const fail = caller.call(callee.id, "fail", []);
    const stream = caller.call(callee.id, "stream", []);
    await net.settle();
    expect(await value).toBe(7);
    expect((await failure(fail)).code).toBe("teapot");
    expect(await collect(stream)).toEqual([0, 1, 2]);
  });

  test("draining refuses new calls with actor_stopping and waits for the running ones", async () => {
    const gate = Promise.withResolvers<string>();
    const callee = net.add(() => gate.promise);
    const caller = net.caller();
    const running = caller.call(callee.id, "wait", []);
    const answer = running.then((value) => value);
    await net.settle();
    let drained = false;
    const draining = callee.actor.drain(1000).then(() => {
      drained = true;
    });
    expect((await failure(caller.call(callee.id, "wait", []))).code).toBe("actor_stopping");
    expect(drained).toBe(false);
    gate.resolve("done");
    await draining;
    expect(await answer).toBe("done");
    expect(net.clock.numTimers).toBe(0);
  });

  test("what still runs at the deadline of a drain is answered with actor_stopping and cancelled", async () => {
    let ended = false;
    const callee = net.add(async function* () {
      try {
        for (;;) yield 1;
      } finally {
        ended = true;
      }
    });
    const call = net.caller().call(callee.id, "stream", []);
    await call.next();
    const draining = callee.actor.drain(1000);
    await net.clock.advance(1000);
    await draining;
    expect((await failure(collect(call))).code).toBe("actor_stopping");
    expect(ended).toBe(true);
    expect(callee.actor.stats().mailboxDepth).toBe(0);
  });

  async function* numbers(count: number) {
    for (let i = 0; i < count; i++) yield i;
  }

  async function* largeItems() {
    yield 1;
    yield new Uint8Array(64 * 1024 * 1024);
  }

  class TeapotError extends DynamoError {
    override readonly code = "teapot";
  }
}
