import { afterEach, beforeEach, expect, test } from "bun:test";

import type { Call } from "../../src/actor/call.ts";
import { failure, Net, type TestActor } from "../actor/net.ts";
import type { TestTransport } from "./test-transport.ts";

export function cancelsSuite(transport: TestTransport): void {
  let net: Net;
  beforeEach(() => {
    net = new Net(transport);
  });
  afterEach(() => net.close());

  /** A -> B -> C. Says which `finally` have run, in which order. */
  class Chain {
    readonly ended: string[] = [];
    readonly c: TestActor;
    readonly b: TestActor;
    readonly a: TestActor;

    constructor(last: (chain: Chain) => unknown) {
      this.c = net.add(() => last(this));
      this.b = this.#relay("b", () => this.c);
      this.a = this.#relay("a", () => this.b);
    }

    /** A generator that passes on what the next actor yields. */
    #relay(name: string, next: () => TestActor): TestActor {
      const { ended } = this;
      const relay = net.add(async function* () {
        try {
          for await (const item of relay.actor.call(next().id, "items", [])) yield item;
        } finally {
          ended.push(name);
        }
      });
      return relay;
    }

    call(): Call {
      return net.caller().call(this.a.id, "items", []);
    }

    expectIdle(): void {
      for (const { actor } of [this.a, this.b, this.c]) {
        expect(actor.stats()).toMatchObject({ mailboxDepth: 0, openStreams: 0, errorsTotal: 0 });
      }
    }
  }

  test("leaving the loop runs every finally through three hops while the last waits for its own source", async () => {
    const chain = new Chain(({ ended }) => waitingIterator(1, () => ended.push("c")));
    for await (const _ of chain.call()) {
      await net.settle(); // every hop waits in next() again
      break;
    }
    await net.settle();
    expect(chain.ended.toSorted()).toEqual(["a", "b", "c"]);
    chain.expectIdle();
  });

  test("a request that has got nothing yet is cancelled as promptly", async () => {
    const chain = new Chain(({ ended }) => waitingIterator(0, () => ended.push("c")));
    const call = chain.call();
    const reading = failure(call.next());
    await net.settle();
    call.cancel();
    expect((await reading).code).toBe("cancelled");
    await net.settle();
    expect(chain.ended.toSorted()).toEqual(["a", "b", "c"]);
    chain.expectIdle();
  });

  test("a request that is cancelled before its link is open never begins, or ends at once", async () => {
    const chain = new Chain(({ ended }) => waitingIterator(0, () => ended.push("c")));
    const call = chain.call();
    call.cancel();
    expect((await failure(call.next())).code).toBe("cancelled");
    await net.settle(60);
    chain.expectIdle();
  });

  test("a reader that has stalled cancels producers that are stopped by its window", async () => {
    const chain = new Chain(async function* ({ ended }) {
      try {
        for (;;) yield 1;
      } finally {
        ended.push("c");
      }
    });
    const call = chain.call();
    await call.next();
    await net.settle(60); // all windows are full
    await call.return?.();
    await net.settle();
    expect(chain.ended.toSorted()).toEqual(["a", "b", "c"]);
    chain.expectIdle();
  });

  test("cancelling a call that awaits a value wakes those who wait on its way", async () => {
    const ended: string[] = [];
    const c = net.add(() => waitingIterator(0, () => ended.push("c")));
    const b = net.add(async () => {
      try {
        for await (const _ of b.actor.call(c.id, "items", [])) expect.unreachable();
      } finally {
        ended.push("b");
      }
    });
    const call = net.caller().call(b.id, "value", []);
    const answer = failure(call);
    await net.settle();
    call.cancel();
    expect((await answer).code).toBe("cancelled");
    await net.settle();
    expect(ended.toSorted()).toEqual(["b", "c"]);
    expect(b.actor.stats()).toMatchObject({ mailboxDepth: 0, errorsTotal: 0 });
    expect(c.actor.stats().mailboxDepth).toBe(0);
  });

  test("a generator that waits in several calls at once is woken from all of them", async () => {
    let cancelled = 0;
    const c = net.add(() => waitingIterator(0, () => cancelled++));
    const b = net.add(async function* () {
      const calls = [1, 2, 3].map(() => b.actor.call(c.id, "items", []));
      await Promise.all(calls.map((call) => call.next()));
      yield 1;
    });
    const call = net.caller().call(b.id, "items", []);
    void failure(call.next());
    await net.settle();
    call.cancel();
    await net.settle();
    expect(cancelled).toBe(3);
    expect(b.actor.stats().mailboxDepth).toBe(0);
  });

  test("a cancel reaches only the calls of its own request", async () => {
    const c = net.add((_, [name]) => waitingIterator(1, () => ended.push(String(name))));
    const ended: string[] = [];
    const b = net.add(async function* (_, [name]) {
      for await (const item of b.actor.call(c.id, "items", [name])) yield item;
    });
    const caller = net.caller();
    const calls = ["x", "y"].map((name) => caller.call(b.id, "items", [name]));
    for (const call of calls) await call.next();
    calls[0]?.cancel();
    await net.settle();
    expect(ended).toEqual(["x"]);
    expect(c.actor.stats().openStreams).toBe(1);
    calls[1]?.cancel();
  });

  test("cleanup in a finally may still call, and is waited for before the call has ended", async () => {
    const log: unknown[] = [];
    const c = net.add((endpoint, args) =>
      endpoint === "release"
        ? void log.push(args[0])
        : waitingIterator(0, () => log.push("stopped")),
    );
    const b = net.add(async function* () {
      try {
        for await (const item of b.actor.call(c.id, "items", [])) yield item;
      } finally {
        await b.actor.call(c.id, "release", ["lock"]);
        log.push("released");
      }
    });
    const call = net.caller().call(b.id, "items", []);
    void failure(call.next());
    await net.settle();
    call.cancel();
    await net.settle();
    expect(log).toEqual(["stopped", "lock", "released"]);
    expect(b.actor.stats().mailboxDepth).toBe(0);
  });

  test("work that was detached from a call outlives its cancel", async () => {
    const gate = Promise.withResolvers<string>();
    const c = net.add((endpoint) => (endpoint === "slow" ? gate.promise : waitingIterator(0)));
    let kept: Promise<unknown> | undefined;
    const b = net.add(async function* () {
      kept = b.actor.detach(() => b.actor.call(c.id, "slow", []).then((value) => value));
      for await (const item of b.actor.call(c.id, "items", [])) yield item;
    });
    const call = net.caller().call(b.id, "items", []);
    void failure(call.next());
    await net.settle();
    call.cancel();
    await net.settle();
    gate.resolve("done");
    expect(await kept).toBe("done");
  });

  test("return() of a hand-written iterator is called at once, while its next() is pending", async () => {
    let returned = false;
    const callee = net.add(() => waitingIterator(0, () => (returned = true)));
    const call = net.caller().call(callee.id, "items", []);
    const reading = call.next();
    await net.settle();
    await call.return?.();
    expect(await reading).toEqual({ done: true, value: undefined });
    await net.settle();
    expect(returned).toBe(true);
    expect(callee.actor.stats()).toMatchObject({ mailboxDepth: 0, openStreams: 0 });
  });

  test("what a finally throws during a cancel is logged and ends nothing", async () => {
    const callee = net.add(async function* () {
      try {
        yield 1;
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: that is the case
        throw new Error("in cleanup");
      }
    });
    const call = net.caller().call(callee.id, "items", []);
    await call.next();
    await call.return?.();
    await net.settle();
    expect(net.errors.join()).toContain("in cleanup");
    expect(callee.actor.stats().mailboxDepth).toBe(0);
  });

  /** Yields `count` items and then waits for ever, until return() is called. */
  function waitingIterator(count: number, onReturn: () => void = () => {}) {
    let given = 0;
    const pending: ((result: IteratorResult<number>) => void)[] = [];
    const iterator: AsyncIterableIterator<number> = {
      next() {
        if (given < count) return Promise.resolve({ done: false, value: given++ });
        return new Promise((resolve) => pending.push(resolve));
      },
      return() {
        onReturn();
        for (const resolve of pending) resolve({ done: true, value: undefined });
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }
}
