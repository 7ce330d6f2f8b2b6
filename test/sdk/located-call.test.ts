import { describe, expect, test } from "bun:test";

import type { Cancellable } from "../../src/actor/running-call.ts";
import { errorCode } from "../../src/base/error.ts";
import { FailedCall } from "../../src/sdk/client-call.ts";
import { LocatedCall } from "../../src/sdk/located-call.ts";

/** A call to an actor that is found when the test says so. */
function callOf() {
  const located = Promise.withResolvers<number>();
  const adopted = new Set<Cancellable>();
  const opened: number[] = [];
  const actor = {
    adopt(work: Cancellable) {
      adopted.add(work);
      return () => void adopted.delete(work);
    },
  };
  const call = new LocatedCall(actor, located.promise, (target) => {
    opened.push(target);
    return new FailedCall(new RangeError("it answers"));
  });
  return { call, located, adopted, opened };
}

describe("a call whose actor is yet to be found", () => {
  test("begins when it is, and has that call's answer", async () => {
    const { call, located, adopted, opened } = callOf();
    const answer = call.settle();
    expect(adopted.size).toBe(1);
    located.resolve(7);
    await expect(answer).rejects.toThrow("it answers");
    expect(opened).toEqual([7]);
    expect(adopted.size).toBe(0);
  });

  test("fails as the search does, for every kind of reader", async () => {
    const { call, located } = callOf();
    located.reject(new RangeError("it is nowhere"));
    await expect(call.settle()).rejects.toThrow("it is nowhere");
    await expect(call.next()).rejects.toThrow("it is nowhere");
    await expect(call.kind()).rejects.toThrow("it is nowhere");
  });

  test("that its reader leaves before never begins", async () => {
    const { call, located, opened } = callOf();
    expect(await call.return()).toEqual({ done: true, value: undefined });
    located.resolve(7);
    await located.promise;
    expect(opened).toEqual([]);
  });

  test("within a call that is cancelled before never begins, and wakes its reader", async () => {
    const { call, located, adopted, opened } = callOf();
    const reading = call.next().catch(errorCode);
    for (const work of adopted) work.cancel();
    expect(await reading).toBe("cancelled");
    located.resolve(7);
    await located.promise;
    expect(opened).toEqual([]);
  });
});
